"""Customer value: the composite index of five parts and its tiers."""

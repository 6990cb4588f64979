"""Who is who: parsers of what sources write, comparisons, weights and clusters; on values, Arrow and arrays."""

"""The demo company's source systems, made by SQL from a seed, with the truth about them beside."""

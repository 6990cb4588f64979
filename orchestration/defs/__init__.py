"""Dagster wiring: read, call, write. The logic is elsewhere."""

"""Regulars: connectors, lake, conform, serving, dashboard and the Dagster wiring around them."""

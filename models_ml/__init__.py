"""Models: pure functions of the frames that they are given; no Dagster, no dbt, no I/O."""

"""Scores: features in, models of `models_ml/` called, runs remembered in the lake, tables for dbt."""

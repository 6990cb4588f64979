"""Data quality beyond single rows: measures in SQL, judged by Great Expectations, shown as asset checks."""

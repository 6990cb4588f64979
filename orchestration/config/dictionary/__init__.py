"""What KPIs and golden records are made of: `data/kpi`, `data/survivorship.yml`, and their SQL for dbt."""

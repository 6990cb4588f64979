"""The pages: what shows each, its title, icon and address."""

from __future__ import annotations

from orchestration.dashboard.views import (
    churn,
    customer,
    kpi_tree,
    lifecycle,
    models,
    overview,
    quality,
    review,
    value_churn,
)

PAGES = (
    (overview.page, "Overview", "dashboard", "overview"),
    (kpi_tree.page, "KPI tree", "account_tree", "kpi-tree"),
    (lifecycle.page, "Life cycle", "autorenew", "life-cycle"),
    (value_churn.page, "Value × churn", "grid_on", "value-churn"),
    (churn.page, "Churn warning", "warning", "churn"),
    (customer.page, "Customer", "person_search", "customer"),
    (review.page, "Review", "compare_arrows", "review"),
    (models.page, "Models", "model_training", "models"),
    (quality.page, "Data quality", "fact_check", "data-quality"),
)

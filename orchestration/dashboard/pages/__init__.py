"""The pages: what shows each, its title, icon and address."""

from __future__ import annotations

from orchestration.dashboard.pages.customers import churn, customer, lifecycle, value_churn
from orchestration.dashboard.pages.data import models, quality, review
from orchestration.dashboard.pages.sales import kpi_tree, overview

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

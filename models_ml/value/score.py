"""Customer value: the composite index of five parts and its tiers, a formula."""

from __future__ import annotations

from pydantic import Field, model_validator

from models_ml.common.declare import Block, Column, Score, SqlValue, Table


class Weights(Block):
    """Weights of the five parts of the value index; they need not add to one."""

    current: float = Field(default=0.30, ge=0)
    future: float = Field(default=0.30, ge=0)
    credit: float = Field(default=0.10, ge=0)
    loyalty: float = Field(default=0.15, ge=0)
    growth: float = Field(default=0.15, ge=0)

    @model_validator(mode="after")
    def check(self) -> Weights:
        """Something must weigh."""
        if not sum(self.model_dump().values()) > 0:
            raise ValueError("at least one weight above zero")
        return self


class Settings(Block):
    """The value index and its tiers."""

    weights: Weights = Weights()
    high_share: float = Field(default=0.2, gt=0, lt=1, description="share of customers in the high tier")
    low_share: float = Field(default=0.4, gt=0, lt=1, description="share of customers in the low tier")

    @model_validator(mode="after")
    def check(self) -> Settings:
        """Some customers are left for the middle."""
        if self.high_share + self.low_share >= 1:
            raise ValueError("high_share and low_share below one together")
        return self

    def sql(self) -> dict[str, SqlValue]:
        """Shares of the tiers."""
        return {"value_high_share": ("double", self.high_share), "value_low_share": ("double", self.low_share)}


SCORE = Score(
    name="value",
    title="Value index",
    description="One row per customer: the five parts of the value index, index and tier.",
    unit=("customer_key",),
    features=("feat_customer_value",),
    prediction="value_index",
    columns=(
        *(
            Column(f"{part}_score", "double", f"Percentile of the part {part} among the customers who have it")
            for part in ("current", "future", "credit", "loyalty", "growth")
        ),
        Column("value_index", "double", "Weighted mean of the parts, 0 to 100", is_required=True),
        Column("index_tier", "varchar", "high, middle or low", is_required=True),
        Column("missing_parts", "varchar", "Parts that no source tells, by name; empty where none is missing"),
        Column("is_tier_firm", "boolean", "Whether no shift of one weight changes the tier"),
        Column("expected_margin", "double", "Margin expected in the next 12 months, company currency"),
        Column("margin_if_staying", "double", "The same if the customer were sure to stay"),
    ),
    settings=Settings,
    formula="models_ml.value.model:compute",
    after=("churn",),
    tables=(
        Table(
            "value_sensitivity", "One row per part and factor: how many tiers change with that weight.",
            (
                Column("part", "varchar", "Part of the index"),
                Column("factor", "double", "What its weight is multiplied by"),
                Column("customers", "bigint", "Customers"),
                Column("kept_share", "double", "Share of them who keep their tier"),
                Column("moved_up", "bigint", "Customers who move up"),
                Column("moved_down", "bigint", "Customers who move down"),
            ),
        ),
    ),
    mart="customer_value",
)  # fmt: skip

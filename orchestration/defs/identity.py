"""The identity asset: which customer each source record belongs to."""

import dagster as dg

from orchestration.company import CompanyConfig
from orchestration.defs.resources import OWNERS, user_errors
from orchestration.identity import customer_references


def build(config: CompanyConfig) -> dg.Definitions:
    """Asset `identity/customer_link`."""
    entities = sorted({entity for entity, _ in customer_references(config)})

    @dg.asset(
        key=["identity", "customer_link"],
        group_name="identity",
        kinds={"duckdb", "python"},
        owners=OWNERS,
        deps=[dg.AssetKey(["input", entity]) for entity in entities],
        description="One row per source record and the customer that it belongs to; keys never change.",
        required_resource_keys={"session"},
    )
    def customer_link(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with user_errors():
            result = context.resources.session.get().identity()
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": result.records,
                "customers": result.customers,
                "new_records": result.new_records,
            }
        )

    return dg.Definitions(assets=[customer_link])

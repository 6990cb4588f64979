"""The identity assets: which customer each source record belongs to, and what stands around a customer."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import OWNERS, user_errors
from orchestration.identity import customer_references

TABLES = {
    "customer_link": "One row per source record and span of time, with its customer; keys never change.",
    "identity_event": "One row per move of records from one customer to another, with its time and reason.",
    "record_pair": "One row per pair of records that was weighed, with its weights and what came of it.",
    "review_pair": "One row per pair of records to decide on, with what asking gains.",
    "record_profile": "One row per source record: what the customer can be reached by.",
    "household_member": "One row per customer of a household.",
    "organisation_ancestor": "One row per organisation and ancestor.",
    "profile_match": "One row per bought profile that is one customer.",
    "profile_field": "One row per bought profile that is a customer, and field that it knows.",
    "identity_issue": "One row per kind of thing that was not applied or compared.",
}


def build(config: CompanyConfig) -> dg.Definitions:
    """Assets `identity/…`, made in one step."""
    entities = sorted({entity for entity, _ in customer_references(config)} | {"manual_match", "external_profile"})

    @dg.multi_asset(
        name="identity",
        specs=[
            dg.AssetSpec(
                ["identity", name],
                group_name="identity",
                kinds={"duckdb", "python"},
                owners=OWNERS,
                description=description,
                deps=[dg.AssetKey(["input", entity]) for entity in entities],
            )
            for name, description in TABLES.items()
        ],
        required_resource_keys={"session"},
    )
    def identity(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        with user_errors():
            result = context.resources.session.get().identity()
        for name in TABLES:
            metadata: dict[str, Any] = {"dagster/row_count": result.rows[name]}
            if name == "customer_link":
                metadata |= result.figures() | {"trained": ", ".join(result.trained) or "nothing"}
            if name == "record_pair":
                metadata["an example explained"] = dg.MetadataValue.md(result.example)
            yield dg.MaterializeResult(asset_key=["identity", name], metadata=metadata)

    return dg.Definitions(assets=[identity])

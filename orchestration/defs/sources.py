"""Assets of the lake: one per source table, loaded side by side by one step."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import OWNERS, freshness, user_errors
from orchestration.landing.lake import Lake, Manifest
from orchestration.landing.load import table_ids
from orchestration.platform.markup import literal

RETRY = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)


def lake_key(system: str, table: str) -> dg.AssetKey:
    """Asset key of a source table in the lake."""
    return dg.AssetKey(["lake", system, table])


def describe(manifest: Manifest | None) -> dict[str, Any]:
    """Metadata of a load."""
    if manifest is None:
        return {"unchanged": True}
    return {
        "dagster/row_count": manifest.rows_landed,
        "rows_read": manifest.rows_read,
        "rows_rejected": manifest.rows_rejected,
        "bytes": manifest.bytes,
        "seconds": manifest.seconds,
        "load_id": manifest.load_id,
        "drift": str(manifest.drift) or "none",
    }


def build(config: CompanyConfig) -> dg.Definitions:
    """Assets `lake/<system>/<table>`."""
    specs = [
        dg.AssetSpec(
            lake_key(system, table),
            group_name="lake",
            kinds={config.sources[system].connector.kind},
            owners=OWNERS,
            freshness_policy=freshness(config),
            description=f"Raw loads of {literal(table)} from {literal(config.sources[system].title or system)}, as "
            "received.",
        )
        for system, table in table_ids(config)
    ]

    @dg.multi_asset(name="load", specs=specs, can_subset=True, required_resource_keys={"session"}, retry_policy=RETRY)
    def load(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        wanted = [t for t in table_ids(config) if lake_key(*t) in context.selected_asset_keys]
        # The whole job leaves optional tables to the session; one that was picked by hand is meant.
        picked = None if len(wanted) == len(table_ids(config)) else wanted
        handle, found = context.resources.session, {}
        with user_errors():
            if picked is None and handle.look():
                lake = Lake(config.paths.lake)
                found = {table_id: None for table_id in wanted if lake.newest(*table_id)}
            else:
                found = handle.get().load(picked)
        for table_id in wanted:
            left_out = {"left_out": "optional: regulars refresh --include " + ".".join(table_id)}
            metadata = describe(found[table_id]) if table_id in found else left_out
            yield dg.MaterializeResult(asset_key=lake_key(*table_id), metadata=metadata)

    return dg.Definitions(assets=[load])

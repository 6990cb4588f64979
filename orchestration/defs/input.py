"""Assets of the input layer: one table per contract, and the books."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.conform.batch import Audit
from orchestration.defs.resources import OWNERS, PUBLISHED, user_errors
from orchestration.defs.sources import lake_key

BOOKS = {
    "load_audit": "The first set of books: per load, rows read = landed + rejected.",
    "quality_score": "Data quality by source, entity, column and day, from 0 to 1.",
    "quality_check": "The newest refresh's data-quality checks, with what was observed and expected.",
    "conform_audit": "The second set of books: candidates = accepted + unchanged + quarantined + filtered.",
}


def sources_of(config: CompanyConfig, entity: str) -> list[dg.AssetKey]:
    """Lake tables that may fill an entity: the map's table, or every table of the system for a query."""
    keys = []
    for system, source in config.sources.items():
        if entity in source.maps:
            named = source.maps[entity].source.strip()
            tables = [named] if named in source.tables else list(source.tables)
            keys += [lake_key(system, table) for table in tables]
    return keys


def describe(rows: int, audits: list[Audit]) -> dict[str, Any]:
    """Metadata of an input table: rows in all, and what this run did."""
    names = ("candidates", "accepted", "unchanged", "quarantined", "filtered", "flagged")
    return {"dagster/row_count": rows} | {name: sum(getattr(a, name) for a in audits) for name in names}


def build(config: CompanyConfig) -> dg.Definitions:
    """Assets `input/<entity>` and `audit/<book>`."""
    specs = [
        dg.AssetSpec(
            ["input", entity],
            group_name="input",
            kinds={"duckdb"},
            owners=OWNERS,
            deps=sources_of(config, entity),
            description=contract.description,
            skippable=True,
        )
        for entity, contract in config.contracts.items()
    ]
    every_table = [lake_key(system, table) for system, source in config.sources.items() for table in source.tables]
    specs += [
        dg.AssetSpec(
            ["audit", name],
            group_name="input",
            kinds={"duckdb"},
            owners=OWNERS,
            deps=every_table,
            description=text,
            skippable=True,
        )
        for name, text in BOOKS.items()
    ]

    @dg.multi_asset(name="conform", specs=specs, can_subset=True, required_resource_keys={"session"})
    def conform(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        handle = context.resources.session
        if handle.unchanged:
            # No output: Dagster skips every step that waits for one. The publication was looked at, as the loads were.
            context.log.info(f"nothing new since version {handle.unchanged}; nothing was written")
            looked_at = {"version": handle.unchanged, "unchanged": True}
            context.log_event(dg.AssetMaterialization(PUBLISHED, metadata=looked_at))
            return
        selected = {key.path[-1] for key in context.selected_asset_keys if key.path[0] == "input"}
        with user_errors():
            audits, counts = handle.get().conform(selected)
        for key in context.selected_asset_keys:
            name = key.path[-1]
            metadata = describe(counts[name], [a for a in audits if a.entity == name]) if name in selected else {}
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return dg.Definitions(assets=[conform])

"""Data quality as asset checks: one per mapped entity, which the models wait for."""

from collections.abc import Iterator

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import user_errors
from orchestration.platform.markup import literal
from orchestration.quality.run import Result

NAME = "data_quality"


def result_of(entity: str, results: list[Result]) -> dg.AssetCheckResult:
    """The results of an entity's checks as one asset check; an empty entity passes, saying so."""
    failed = [result for result in results if not result.passed]
    lines = [f"| {'ok' if r.passed else '**failed**'} | {r.check.dimension} | {literal(r)} |" for r in results]
    table = "\n".join(["| | dimension | check |", "|---|---|---|", *lines])
    stops = any(result.check.stops for result in failed)
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(["input", entity]),
        check_name=NAME,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
        metadata={
            "checks": len(results),
            "failed": len(failed),
            "results": dg.MetadataValue.md(table if results else "No rows yet: nothing to check."),
        },
    )


def build(config: CompanyConfig) -> dg.Definitions:
    """Asset checks `input/<entity>: data_quality`."""
    entities = sorted({entity for source in config.sources.values() for entity in source.maps})
    specs = [
        dg.AssetCheckSpec(
            NAME,
            asset=dg.AssetKey(["input", entity]),
            blocking=True,
            description="Great Expectations on completeness, validity, uniqueness, consistency, timeliness, accuracy.",
        )
        for entity in entities
    ]

    @dg.multi_asset_check(name="quality", specs=specs, required_resource_keys={"session"})
    def quality(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with user_errors():
            results = context.resources.session.get().quality()
        for entity in entities:
            yield result_of(entity, [result for result in results if result.check.entity == entity])

    return dg.Definitions(asset_checks=[quality])

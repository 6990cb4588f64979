"""The published version as an asset: what readers see."""

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import OWNERS, PUBLISHED, freshness, user_errors
from orchestration.platform.markup import literal
from orchestration.warehouse import dbt


def build(config: CompanyConfig) -> dg.Definitions:
    """Asset `published/current`."""

    @dg.asset(
        key=PUBLISHED,
        group_name="published",
        kinds={"duckdb"},
        owners=OWNERS,
        freshness_policy=freshness(config),
        deps=[dg.AssetKey(name.split(".")) for name in sorted(dbt.public_tables())],
        description=f"The version of {literal(config.company.title)} that every reader sees; moved in one step.",
        required_resource_keys={"session"},
    )
    def current(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
        with user_errors():
            version = context.resources.session.get().publish()
        database = config.paths.current_database
        return dg.MaterializeResult(
            metadata={
                "version": version,
                "path": dg.MetadataValue.path(str(database)),
                "bytes": database.stat().st_size,
            }
        )

    return dg.Definitions(assets=[current])

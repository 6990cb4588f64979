"""Jobs and the nightly schedule, which ships switched off: switch it on in the UI under Automation."""

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import PUBLISHED, REFRESH

RETRAIN, PUBLISH = "retrain", "publish"


def build(config: CompanyConfig) -> dg.Definitions:
    """Jobs `refresh`, `retrain` and `publish`, schedule `nightly_refresh`."""
    refresh = dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="The main job: load, conform, identity, dbt, scores, publish. The same as: regulars refresh; where "
        "nothing is new, every step after the load is skipped.",
    )
    retrain = dg.define_asset_job(
        RETRAIN,
        selection=dg.AssetSelection.all(),
        description="The main job, with every model trained again. The same as: regulars retrain.",
    )
    publish = dg.define_asset_job(
        PUBLISH,
        selection=dg.AssetSelection.assets(PUBLISHED),
        description="Publish what was built last. The same as: regulars publish.",
    )
    nightly = dg.ScheduleDefinition(
        name="nightly_refresh",
        job=refresh,
        cron_schedule="0 3 * * *",
        execution_timezone=config.company.timezone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Every night at three, local time.",
    )
    return dg.Definitions(jobs=[refresh, retrain, publish], schedules=[nightly])

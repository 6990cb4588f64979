"""Build the warehouse as of a past day, beside the published one, which stays as it is."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import duckdb

from orchestration.config.company import CompanyConfig
from orchestration.platform.errors import UsageError
from orchestration.privacy.masking import mask_published
from orchestration.run import clocks
from orchestration.run.refresh import Session
from orchestration.scoring.run import Step
from orchestration.serving.publish import check_space, checkpoint, verify
from orchestration.serving.seal import DATABASE
from orchestration.warehouse import dbt
from orchestration.warehouse.connections import remove_database


def check_past(config: CompanyConfig, as_of: dt.date, now: dt.datetime) -> None:
    """Whether a build as of the day is possible.

    Raises:
        UsageError: the day is not over yet, or nothing was loaded.
    """
    if as_of > config.business_day_before(now):
        raise UsageError(f"--as-of {as_of}: that business day is not over yet", "Give a day before today")
    if not config.paths.warehouse.exists():
        raise UsageError(f"nothing was loaded yet in {config.paths.root}", "Run: regulars refresh")


def build_past(session: Session, as_of: dt.date, known_at: dt.datetime | None = None) -> Path:
    """Build into `var/<company>/as_of/<date>/`; returns the database, which is like a published one.

    Args:
        session: an open session; nothing is loaded, what the input tables hold counts.
        as_of: last business day that counts.
        known_at: loads up to this time count; default: all.

    Raises:
        RegularsError: a model or a test failed, or the disk is full.
    """
    config = session.config
    paths = config.paths.as_of(as_of)
    for folder in (paths.root, paths.temp):
        folder.mkdir(parents=True, exist_ok=True)
    target = paths.root / DATABASE
    try:
        with session.stage("dbt") as figures:
            check_space(config.paths.warehouse, paths.root)
            with duckdb.connect(str(config.paths.warehouse)) as con:
                con.execute("checkpoint")
            shutil.copyfile(config.paths.warehouse, paths.warehouse)
            with duckdb.connect(str(paths.warehouse)) as con:
                con.execute("set TimeZone = 'UTC'")
                times = clocks.Clocks(as_of, known_at or session.now, session.run_id)
                clocks.write_settings(con, config, times)
            dbt.build(config, session.report_node, "warehouse", paths=paths)
            mask_published(config, paths, dbt.text_classes(), "core")
            with duckdb.connect(str(paths.warehouse)) as con:
                con.execute("set TimeZone = 'UTC'")
                Step(con, config, session.lake, paths, as_of, session.run_id, session.now, keep=False).run()
            dbt.build(config, session.report_node, "marts", paths=paths)
            mask_published(config, paths, dbt.text_classes(), "marts")
            session.as_of = as_of
            figures["as_of"] = str(as_of)
        with session.stage("publish") as figures:
            expected = checkpoint(paths.serve)
            verify(paths.serve, expected, dbt.public_tables())
            paths.serve.replace(target)
            figures["database"] = str(target)
    finally:
        remove_database(paths.warehouse)
        remove_database(paths.serve)
        for folder in (paths.temp, paths.dbt):
            shutil.rmtree(folder, ignore_errors=True)
    return target

"""Dagster's entry point: every module of defs/, for one company (`REGULARS_COMPANY`)."""

from __future__ import annotations

import importlib
import os
import pkgutil

import dagster as dg

from orchestration import defs as wiring
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.custody import harden
from orchestration.platform.environment import load_environment
from orchestration.warehouse import dbt


@dg.definitions
def defs() -> dg.Definitions:
    """Assets, checks, jobs and schedules of the company."""
    harden()
    load_environment()
    config = load_company(os.environ.get("REGULARS_COMPANY") or DEFAULT_COMPANY)
    dbt.ensure_manifest()
    modules = [importlib.import_module(f"{wiring.__name__}.{m.name}") for m in pkgutil.iter_modules(wiring.__path__)]
    own = dg.Definitions(executor=dg.in_process_executor)
    return dg.Definitions.merge(own, *(module.build(config) for module in modules))

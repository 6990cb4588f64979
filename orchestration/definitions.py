"""Dagster's entry point: loads defs/ for one company (`REGULARS_COMPANY`), nothing else."""

from __future__ import annotations

import os

import dagster as dg

from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.defs import automation, identity, input, publish, quality, resources, scores, sources, warehouse
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
    parts = [m.build(config) for m in (sources, input, quality, identity, warehouse, scores, publish, automation)]
    own = dg.Definitions(resources={"session": resources.session_resource(config)}, executor=dg.in_process_executor)
    return dg.Definitions.merge(own, *parts)

"""The dbt project's assets and checks. dbt runs in this process on the manifest parsed beforehand."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.asset_utils import get_asset_check_key_for_test

from orchestration.config.company import CompanyConfig
from orchestration.defs.resources import OWNERS, user_errors
from orchestration.run.refresh import Session
from orchestration.warehouse import dbt

BuildResult = tuple[dbt.DbtResult, dict[str, int]]


class Translator(DagsterDbtTranslator):
    """Names assets by schema and table, as they are called in the database."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`<schema>/<name>`: the input tables are the conform step's assets."""
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The layer."""
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:  # noqa: ARG002
        """The project's team."""
        return OWNERS


TRANSLATOR = Translator(DagsterDbtTranslatorSettings(enable_asset_checks=True))


def node_of_key(manifest: Mapping[str, Any]) -> dict[dg.AssetKey, str]:
    """Asset key → unique id of each seed and model."""
    return {
        TRANSLATOR.get_asset_key(node): unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] in ("seed", "model")
    }


def selectors(manifest: Mapping[str, Any], part: dbt.Part, selected: set[dg.AssetKey]) -> list[str] | None:
    """dbt selectors of a run's assets; None where the whole part is selected."""
    nodes = {
        key: name
        for key, name in node_of_key(manifest).items()
        if (manifest["nodes"][name]["fqn"][1] == "marts") == (part == "marts")
    }
    if selected >= set(nodes):
        return None
    chosen = (manifest["nodes"][nodes[key]] for key in sorted(selected & set(nodes)))
    return ["fqn:" + ".".join(node["fqn"]) for node in chosen]


def results(
    manifest: Mapping[str, Any], outcome: dbt.DbtResult, counts: dict[str, int], checks: set[dg.AssetCheckKey]
) -> Iterator[Any]:
    """What a dbt build did, as Dagster's results."""
    for node in outcome.nodes:
        props = manifest["nodes"].get(node.unique_id)
        if props is None or (not node.ok and node.kind != "test"):
            continue
        if node.kind == "test":
            key = get_asset_check_key_for_test(manifest, TRANSLATOR, node.unique_id, project=None)
            if key is not None and key in checks and node.status != "skipped":
                warns = props["config"]["severity"].lower() == "warn"
                yield dg.AssetCheckResult(
                    passed=node.status == "pass",
                    asset_key=key.asset_key,
                    check_name=key.name,
                    severity=dg.AssetCheckSeverity.WARN if warns else dg.AssetCheckSeverity.ERROR,
                    metadata={"failed_rows": node.failures or 0, "seconds": node.seconds},
                )
            continue
        rows = counts.get(f"{props['schema']}.{props['name']}")
        metadata: dict[str, Any] = {"seconds": node.seconds}
        if rows is not None:
            metadata["dagster/row_count"] = rows
        yield dg.MaterializeResult(asset_key=TRANSLATOR.get_asset_key(props), metadata=metadata)


def build(config: CompanyConfig) -> dg.Definitions:
    """Assets of staging, core, intermediate models and marts."""
    manifest = json.loads(dbt.MANIFEST.read_text(encoding="utf-8"))

    def assets(part: dbt.Part, build_part: Callable[[Session, list[str] | None], BuildResult]) -> dg.AssetsDefinition:
        @dbt_assets(
            manifest=manifest,
            name=part,
            dagster_dbt_translator=TRANSLATOR,
            required_resource_keys={"session"},
            select=dbt.SELECT[part],
            exclude=dbt.EXCLUDE[part],
        )
        def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
            checks = set(context.selected_asset_check_keys)
            chosen = selectors(manifest, part, set(context.selected_asset_keys))
            try:
                with user_errors():
                    outcome, counts = build_part(context.resources.session.get(), chosen)
            except dg.Failure as failure:
                error = failure.__cause__
                if isinstance(error, dbt.BuildError | dbt.TestStop):
                    yield from results(manifest, error.result, {}, checks)
                raise
            yield from results(manifest, outcome, counts, checks)

        return models

    parameters = [
        dg.AssetSpec(["audit", table], group_name="input", kinds={"duckdb"}, owners=OWNERS, description=description)
        for table, description in {
            "refresh_settings": f"Parameters of {config.company.title} and both clocks; written before each build.",
            "matrix_class": "Letters of the value × churn matrix for levels and tiers, from company.yml.",
            "cell_strategy": "The company's own strategies for the cells of the matrix, if it has any.",
            "survivorship_rule": "Rules by which the golden record takes a field group from a record.",
            "rfm_threshold": "Fixed bounds of the scores of recency, frequency and monetary value, from company.yml.",
            "quarantined_order": "Orders of which a line waits in quarantine that never came right, and since when.",
            "source_priority": "How much each source system is trusted.",
        }.items()
    ]
    return dg.Definitions(
        assets=[assets("warehouse", Session.build_warehouse), assets("marts", Session.build_marts), *parameters]
    )

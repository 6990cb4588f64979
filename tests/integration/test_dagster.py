"""What Dagster shows and does: every table an asset, every dbt test a check, the job the same as the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import dagster as dg
import pytest

from models_ml.common.judge import gate_names
from orchestration.config.company import load_company
from orchestration.instance.orphans import MARK_TAG, PID_TAG, mark_of
from orchestration.platform.state import State
from orchestration.run.refresh import dagster_home
from orchestration.scoring import registry
from orchestration.warehouse import dbt
from tests.integration.conftest import Copier
from tests.support.shop import Shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def definitions(refreshed: Shop) -> dg.Definitions:
    from orchestration.definitions import defs

    with pytest.MonkeyPatch.context() as patch:
        for name, value in refreshed.environment().items():
            patch.setenv(name, value)
        return defs()


def test_every_table_and_model_is_a_described_asset(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {"lake/till/orders", "input/sales_order", "identity/customer_link", "core/fct_order"} <= keys
    assert {"marts/kpi_tree", "published/current", "intermediate/int_kpi_node"} <= keys
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name, key
        assert node.description, key
        assert node.owners, key
        assert any(tag.startswith("dagster/kind/") for tag in node.tags), key


def test_every_dbt_test_is_an_asset_check(definitions: dg.Definitions) -> None:
    nodes = json.loads(dbt.MANIFEST.read_text())["nodes"].values()
    tests = {node["name"] for node in nodes if node["resource_type"] == "test"}
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert len(tests) > 20
    gates = {gate for score in registry.learned().values() if score.learning for gate in gate_names(score.learning)}
    assert gates <= checks
    assert checks - {"data_quality", *gates} == tests


def test_lineage_runs_from_source_file_to_publication(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()

    def upstream(key: dg.AssetKey) -> set[dg.AssetKey]:
        found = set()
        for parent in graph.get(key).parent_keys:
            found |= {parent} | upstream(parent)
        return found

    above = upstream(dg.AssetKey(["published", "current"]))
    assert dg.AssetKey(["lake", "till", "orders"]) in above
    assert dg.AssetKey(["staging", "stg_order_line"]) in above


def test_loads_and_the_publication_have_freshness_policies(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for path in (["published", "current"], ["lake", "till", "orders"]):
        assert graph.get(dg.AssetKey(path)).freshness_policy is not None


def test_quality_checks_block_the_models(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    checks = {key for key in graph.asset_check_keys if key.name == "data_quality"}
    assert {key.asset_key.path[-1] for key in checks} == {"customer", "product", "sales_order", "order_line"}
    for key in checks:
        assert graph.get_check_spec(key).blocking


def test_the_schedule_ships_switched_off(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("nightly_refresh")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.execution_timezone == "Europe/Berlin"


def dagster(shop: Shop, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (shop.environment() | variables).items():
            patch.setenv(name, value)
        dagster_home(load_company("shop"))
        return subprocess.run(
            [sys.executable, "-m", "dagster", *arguments, "-m", "orchestration.definitions"],
            env=dict(os.environ),
            cwd=shop.root,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def test_the_job_by_dagster_alone_publishes_with_row_counts(copy: Copier) -> None:
    shop = copy()
    shop.put("lines", "select * replace (net + 1 as net) from {table}")
    old = shop.published.resolve()
    done = dagster(shop, "job", "execute", "-j", "refresh")
    assert done.returncode == 0, done.stderr[-3000:]
    assert shop.published.resolve() != old
    assert "Nothing new" in shop.regulars("refresh").stdout
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shop.environment().items():
            patch.setenv(name, value)
        dagster_home(load_company("shop"))
        with dg.DagsterInstance.get() as instance:
            for path, rows in (
                (["lake", "till", "orders"], None),
                (["input", "order_line"], 960),
                (["core", "fct_order"], 400),
            ):
                event = instance.get_latest_materialization_event(dg.AssetKey(path))
                assert event is not None
                assert event.asset_materialization is not None
                metadata = event.asset_materialization.metadata
                if rows is None:
                    assert metadata["unchanged"].value is True
                else:
                    assert metadata["dagster/row_count"].value == rows
            assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in instance.get_runs())


def test_the_job_ends_early_where_nothing_is_new_and_says_so(refreshed: Shop, copy: Copier) -> None:
    shop = copy()
    before = {path: path.stat().st_mtime_ns for path in sorted(shop.state.rglob("*.duckdb"))}
    with State(shop.state / "state.sqlite", read_only=True) as state:
        runs = state.rows("select * from run")
    # The copy's source is the original's: files elsewhere would be new.
    done = dagster(shop, "job", "execute", "-j", "refresh", SHOP_DATA=str(refreshed.data))
    assert done.returncode == 0, done.stderr[-3000:]
    assert {path: path.stat().st_mtime_ns for path in sorted(shop.state.rglob("*.duckdb"))} == before
    with State(shop.state / "state.sqlite", read_only=True) as state:
        assert state.rows("select * from run") == runs
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shop.environment().items():
            patch.setenv(name, value)
        patch.setenv("DAGSTER_HOME", str(shop.state / "dagster"))
        with dg.DagsterInstance.from_config(str(shop.state / "dagster")) as instance:
            kinds = dg.DagsterEventType

            def skipped_by(run: dg.DagsterRun) -> set[str | None]:
                found = instance.get_records_for_run(run.run_id, of_type=kinds.STEP_SKIPPED).records
                return {record.event_log_entry.step_key for record in found}

            # The company's first refresh is a run of the same job; it skipped nothing.
            [run] = [run for run in instance.get_runs() if skipped_by(run)]
            assert run.status == dg.DagsterRunStatus.SUCCESS
            steps = {"identity", "quality", "warehouse", "scores", "marts", "published__current"}
            assert steps <= skipped_by(run)
            made = [r.asset_materialization for r in instance.get_records_for_run(
                run.run_id, of_type=kinds.ASSET_MATERIALIZATION).records]  # fmt: skip
        names = {event.asset_key.to_user_string() for event in made}
        assert names == {f"lake/till/{table}" for table in ("customers", "products", "orders", "lines")} | {
            "published/current"
        }
        assert all(event.metadata["unchanged"].value is True for event in made)


def test_one_model_alone_can_be_materialized_and_is_not_published(copy: Copier) -> None:
    shop = copy()
    old = shop.published.resolve()
    done = dagster(shop, "asset", "materialize", "--select", "key:marts/customer_lifecycle")
    assert done.returncode == 0, done.stderr[-3000:]
    assert shop.published.resolve() == old


def test_a_killed_dagster_run_is_marked_failed_by_the_next(copy: Copier) -> None:
    from orchestration.instance.orphans import fail_orphans

    shop = copy()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shop.environment().items():
            patch.setenv(name, value)
        dagster_home(load_company("shop"))
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        with dg.DagsterInstance.get() as instance:
            dead = instance.add_run(run_of(gone.pid))
            alive = instance.add_run(run_of(os.getpid()))
            assert fail_orphans(instance) == 1
            found = {run.run_id: run.status for run in instance.get_runs()}
            assert found[dead.run_id] == dg.DagsterRunStatus.FAILURE
            assert found[alive.run_id] == dg.DagsterRunStatus.STARTED


def run_of(pid: int) -> dg.DagsterRun:
    """A Dagster run that a process has started."""
    import uuid

    return dg.DagsterRun(
        job_name="refresh",
        run_id=str(uuid.uuid4()),
        status=dg.DagsterRunStatus.STARTED,
        tags={PID_TAG: str(pid), MARK_TAG: mark_of(pid) or "gone"},
    )

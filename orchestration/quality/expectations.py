"""Great Expectations over DuckDB, run as a process of its own: it imports while the refresh loads and conforms.

Usage: python -m orchestration.quality.expectations          (one JSON order on standard input)

GX closes the connection before it fetches, and DuckDB then drops the result. Buffering each result as it is
made, in SQLAlchemy's own event, lets GX 1.24 work by SQL push-down on a read-only file; nothing else of GX is
changed. `tests/unit/test_quality.py` fails where the work-around no longer works, or where it is no longer needed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import great_expectations.expectations as gxe
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

from orchestration.quality.alone import make_alone

DIRECT: dict[str, Any] = {
    "completeness": gxe.ExpectColumnProportionOfNonNullValuesToBeBetween,  # type: ignore[attr-defined]
    "distinct": gxe.ExpectColumnProportionOfUniqueValuesToBeBetween,  # type: ignore[attr-defined]
}


def buffer_results() -> Callable[..., None]:
    """Fetch every DuckDB result at once, so that it outlives its connection; returns the listener that does."""

    @event.listens_for(Engine, "after_cursor_execute")
    def fetch_all(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:  # noqa: ARG001
        if conn.dialect.name == "duckdb" and context is not None and cursor.description is not None:
            context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor, initial_buffer=cursor.fetchall())

    listener: Callable[..., None] = fetch_all
    return listener


def expectation(check: dict[str, Any], number: int) -> Any:
    """A check as a GX expectation; its number comes back with the result."""
    bounds = {"min_value": check["low"], "max_value": check["high"], "meta": {"number": number}}
    bounds["severity"] = "critical" if check["stops"] else "warning"
    if check["measure"] is None:
        return DIRECT[check["rule"]](column=check["column"], **bounds)
    return gxe.ExpectColumnMaxToBeBetween(column=check["measure"], **bounds)  # type: ignore[attr-defined]


def validate(order: dict[str, Any]) -> tuple[list[dict[str, Any]], Callable[[], None]]:
    """Judge an order's checks by SQL.

    Args:
        order: `database` (path), `docs` (folder), and `suites`: name, query of the rows and checks of each.

    Returns:
        Per check, in the order given: passed, and the observed value; and what writes the Data Docs. The database
        is closed by then.
    """
    if not order["suites"]:
        return [], lambda: None
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_sql(
        "warehouse", connection_string=f"duckdb:///{order['database']}?access_mode=read_only"
    )
    definitions = []
    for suite in order["suites"]:
        asset = source.add_query_asset(suite["name"], query=suite["query"])
        batch = asset.add_batch_definition("all")
        expectations = [expectation(check, check["number"]) for check in suite["checks"]]
        made = context.suites.add(gx.ExpectationSuite(name=suite["name"], expectations=expectations))
        definitions.append(
            context.validation_definitions.add(gx.ValidationDefinition(name=suite["name"], data=batch, suite=made))
        )
    checkpoint = gx.Checkpoint(name="refresh", validation_definitions=definitions, result_format="SUMMARY")
    outcome = context.checkpoints.add(checkpoint).run()
    source.get_execution_engine().close()
    source.get_engine().dispose()
    found = [result_of(result) for run in outcome.run_results.values() for result in run.results]
    ordered = sorted(found, key=lambda result: int(result["number"]))
    return ordered, lambda: write_docs(context, Path(order["docs"]))


def result_of(result: Any) -> dict[str, Any]:
    """What GX found of one expectation.

    Raises:
        RuntimeError: it could not be evaluated.
    """
    config, detail = result.expectation_config, result.result
    if result.exception_info.get("raised_exception"):
        raise RuntimeError(f"{config.type} on {config.kwargs}: {result.exception_info['exception_message']}")
    return {"number": config.meta["number"], "passed": bool(result.success), "observed": detail.get("observed_value")}


def write_docs(context: Any, folder: Path) -> None:
    """Data Docs of this run, beside the former ones until they are whole."""
    building = folder.with_name(folder.name + ".new")
    shutil.rmtree(building, ignore_errors=True)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(building)}
    index = {"class_name": "DefaultSiteIndexBuilder"}
    context.add_data_docs_site(
        "refresh", {"class_name": "SiteBuilder", "store_backend": store, "site_index_builder": index}
    )
    context.build_data_docs(site_names=["refresh"])
    make_alone(building)
    shutil.rmtree(folder, ignore_errors=True)
    building.rename(folder)


def main() -> None:
    """Read one order, print its results as JSON, then write the Data Docs while the refresh goes on."""
    buffer_results()
    line = sys.stdin.readline()
    if line.strip():
        results, document = validate(json.loads(line))
        print(json.dumps(results), flush=True)
        document()


if __name__ == "__main__":
    main()

"""Exports that nobody prepared go from their folder to the right sums, with no line of the draft changed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli.main import app
from orchestration.config.company import load_company
from tests.support.conforming import load_and_conform, rows
from tests.support.exports import EXPORTS, ORDERS
from tests.support.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("drafted")]


@pytest.mark.parametrize("name", EXPORTS)
def test_input_of_a_drafted_company(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path / "companies"))
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    sold = EXPORTS[name](tmp_path / "exports")
    done = CliRunner().invoke(app, ["init", name, "--data", str(tmp_path / "exports")])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "question" not in done.output
    config = load_company(name)
    audits = load_and_conform(config)
    assert {entity: audit.quarantined for entity, audit in audits.items() if audit.quarantined} == {}
    assert rows(config, "select count(*), count(distinct customer_id) from input.sales_order") == [(ORDERS, 9)]
    [(lines,)] = rows(config, "select sum(net_amount) from input.order_line")
    assert round(Decimal(lines), 2) == sold
    apart = rows(
        config,
        "select count(*) from (select order_id, sum(net_amount) as lines from input.order_line group by 1) "
        "inner join input.sales_order using (order_id) where abs(net_amount - lines) > 0.005",
    )
    assert apart == [(0,)]
    assert rows(config, "select count(*) from input.customer") == [(9,)]
    unknown = "select count(*) from input.sales_order anti join input.customer using (customer_id)"
    assert rows(config, unknown) == [(0,)]


@pytest.mark.parametrize("name", ["olist", "shopify"])
def test_sales_of_a_drafted_company(name: str, tmp_path: Path) -> None:
    sold = EXPORTS[name](tmp_path / "exports")
    user = Shop(tmp_path)
    begun = user.regulars("init", name, "--data", str(tmp_path / "exports"))
    assert begun.returncode == 0, begun.stderr
    refreshed = user.regulars("refresh", "--company", name)
    assert refreshed.returncode == 0, (refreshed.stdout, refreshed.stderr)
    asked = user.regulars(
        "sql", "--company", name, "--json",
        "select sum(net_amount) as sales, count(*) as orders, count(distinct customer_key) as customers "
        "from core.fct_order",
    )  # fmt: skip
    [row] = json.loads(asked.stdout)
    assert (round(Decimal(str(row["sales"])), 2), row["orders"], row["customers"]) == (sold, ORDERS, 9)

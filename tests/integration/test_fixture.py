"""The fixture company: every entity from file to warehouse, by the command line."""

from __future__ import annotations

import json
import re

import duckdb
import pytest

from tests.support.fixture import ROWS, Fixture

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fixture")]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Fixture:
    """The company after its first refresh."""
    fixture = Fixture(tmp_path_factory.mktemp("fixture"))
    fixture.write()
    done = fixture.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    return fixture


def test_every_entity_arrives_whole(company: Fixture) -> None:
    with duckdb.connect(str(company.state / "warehouse.duckdb"), read_only=True) as con:
        found = {entity: con.execute(f"select count(*) from input.{entity}").fetchone() for entity in ROWS}
        staged = {entity: con.execute(f"select count(*) from staging.stg_{entity}").fetchone() for entity in ROWS}
    expected = {entity: (rows,) for entity, (rows, _) in ROWS.items()}
    assert found == expected
    assert staged.keys() == expected.keys()
    with duckdb.connect(str(company.published), read_only=True) as con:
        tables = con.execute(
            "select schema_name || '.' || table_name, estimated_size from duckdb_tables() "
            "where schema_name in ('core', 'marts')"
        ).fetchall()
    # Nobody is like anybody else here, and nothing was left out.
    expected_empty = {"core.identity_pair", "core.identity_issue"}
    assert {name for name, rows in tables if not rows} <= expected_empty


def test_contacts_show_the_record_that_the_build_chose(company: Fixture) -> None:
    """C3 and C103 are one customer with two addresses: one of them is shown, whole, and it is the published city's."""
    with duckdb.connect(str(company.published), read_only=True) as con:
        con.execute(f"attach '{company.published.with_name('contacts.duckdb')}' as clear (read_only)")
        [(customers, different)] = con.execute(
            "select count(*), count(*) filter (where c.city is distinct from d.city) from clear.customer c "
            "join core.dim_customer d using (customer_key)"
        ).fetchall()
        split = con.execute(
            "select count(*) from clear.customer c where not exists (select 1 from clear.record r where "
            "r.customer_key = c.customer_key and r.city = c.city and r.postal_code = c.postal_code "
            "and r.address_line = c.address_line)"
        ).fetchone()
        said = con.execute(
            "select count(distinct source_customer_key) from core.customer_lineage l "
            "join clear.customer c using (customer_key) where field_group = 'address' and customer_key in "
            "(select customer_key from clear.record group by 1 having count(*) > 1)"
        ).fetchone()
    assert (customers, different, split, said) == (299, 0, (0,), (1,))


def test_a_clean_company_fails_no_quality_check(company: Fixture) -> None:
    done = company.regulars("check", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    everything = json.loads(company.regulars("check", "--all", "--json").stdout)
    assert {row["entity"] for row in everything} >= {"customer", "order_line", "web_event", "contact", "usage"}
    assert company.regulars("drift").stdout.strip() == "No load changed its columns."


def test_sales_are_the_files(company: Fixture) -> None:
    """Cancelled orders are left out, credit notes and returns lower sales, anonymous sales are apart; C3 is C103.

    Each return is 10, and counts unless its order was cancelled or a credit note of the customer may say the same.
    """
    with duckdb.connect() as con:
        expected = con.execute(
            f"""
            select sum(l.net_amount), sum(l.net_amount) filter (where customer_id is null),
              count(distinct case customer_id when 'C103' then 'C3' else customer_id end)
                filter (where o.net_amount >= 0)
            from '{company.data}/sales_order.parquet' o join '{company.data}/order_line.parquet' l using (order_id)
            where status <> 'cancelled'
            """
        ).fetchone()
    with duckdb.connect(str(company.published), read_only=True) as con:
        found = con.execute(
            "select sum(net_amount), sum(net_amount) filter (where not is_identified), "
            "count(distinct customer_key) filter (where is_purchase and is_identified) "
            "from core.fct_order where not is_cancelled"
        ).fetchone()
        root = con.execute(
            "select sum(value) from marts.kpi_tree where node_code = 'sales' and period_grain = 'month' "
            "and dimension = 'all'"
        ).fetchone()
        refunds = con.execute(
            "select sum(refund_amount), coalesce(sum(refund_amount) filter (where customer_key = -1), 0) "
            "from core.fct_return"
        ).fetchone()
        plain = con.execute(
            """
            with noted as (
              select distinct customer_key from core.fct_order where refunded_order_key is null and net_amount < 0
            )
            select distinct refund_amount from core.fct_return r join core.fct_order o using (order_key)
            where not o.is_cancelled and o.net_amount > 0 and o.customer_key not in (select customer_key from noted)
            """
        ).fetchall()
    assert expected is not None
    assert refunds is not None
    assert plain == [(10,)]
    assert 0 < refunds[0] <= 900
    assert found == (expected[0] - refunds[0], expected[1] - refunds[1], expected[2])
    assert root == (pytest.approx(float(expected[0] - refunds[0]), rel=1e-9),)


def test_where_no_model_beats_observed_rates_they_are_shown_and_status_says_so(company: Fixture) -> None:
    """The fixture's customers buy at random: nothing tells who stays."""
    with duckdb.connect(str(company.published), read_only=True) as con:
        shown = con.execute(
            "select score_basis, is_baseline, is_stale, count(*) > 100, count(distinct churn_probability) > 1 "
            "from marts.customer_churn group by all"
        ).fetchall()
        margins = con.execute("select count(expected_margin_amount) from marts.customer_value").fetchone()
    assert shown == [("baseline", True, False, True, True)]
    assert margins == (0,)
    [churn] = [m for m in json.loads(company.regulars("status", "--json").stdout)["models"] if m["model"] == "churn"]
    assert churn["status"] == "baseline"
    assert "refused: log-loss worse than recency rule" in churn["message"]
    told = company.regulars("models")
    assert told.returncode == 0
    assert re.search(r"beats_baseline\s.*FAILED", told.stdout)

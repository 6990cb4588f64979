"""Each kind of addition is made as its how-to page says, in a copy of the project, and then works from end to end."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration.platform.paths import PROJECT
from tests.support.additions import grown, python, run
from tests.support.shop import Shop

PAGES = [
    "add-an-input-entity.md", "add-a-connector.md", "add-a-mart.md", "add-a-page.md", "add-a-command.md",
    "add-a-kpi.md", "add-a-kpi-measure.md", "add-a-kpi-dimension.md",
]  # fmt: skip

BRANCHES = """
[[branch]]
id = "V1"
guest = "C1"
came = 2024-03-01T10:00:00
note = "Mrs. Example complained"

[[branch]]
id = "V2"
came = 2024-03-02T23:30:00
minutes = 12.5
"""

# The source that "Add a source" speaks of, of the kind and the entity that the other pages add.
VISITS = {
    "system": "visits",
    "timezone": "Europe/Berlin",
    "tables": {"branches": {"format": {"array": "branch"}}},
    "maps": {
        "visit": {
            "from": "branches",
            "columns": {
                "visit_id": "id", "customer_id": "guest", "visited_at": "came", "minutes": "minutes", "note": "note",
            },
        }
    },
}  # fmt: skip

REPORT = """
import json, sys
from streamlit.testing.v1 import AppTest

def show():
    from orchestration.dashboard.pages.sales import channels
    channels.page()

app = AppTest.from_function(show, default_timeout=60).run()
from orchestration.dashboard.kit.page import found
menu = {area: [page.path for page in pages] for area, pages in found().items()}
print(json.dumps({
    "error": [str(e.value) for e in app.exception],
    "columns": list(app.dataframe[0].value.columns), "rows": len(app.dataframe[0].value), "menu": menu,
}))
"""


KPI_PAGE = """
import json
from streamlit.testing.v1 import AppTest

def show():
    from orchestration.dashboard.pages.sales import kpi_tree
    kpi_tree.page()

app = AppTest.from_function(show, default_timeout=60).run()
drill = app.selectbox(key="dimension_month")
tree = app.dataframe[0].value
drill.select("gender").run()
print(json.dumps({
    "error": [str(e.value) for e in app.exception], "dimensions": list(drill.options),
    "tree": dict(zip((name.strip(" \u2003·×Σ") for name in tree["KPI"]), tree["Formula"])),
    "members": list(app.selectbox(key="member_gender").options),
}))
"""


class Grown:
    """The copy, and the company that it refreshed."""

    def __init__(self, root: Path, shop: Shop) -> None:
        self.root, self.shop = root, shop

    def run(self, *arguments: str) -> str:
        """Run a module of the copy on the company."""
        return run(self.root, *arguments, **self.shop.environment())

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Query what it published."""
        with duckdb.connect(str(self.shop.published), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    base = tmp_path_factory.mktemp("additions")
    root, shop = grown(base / "project", PAGES), Shop(base / "shop")
    shop.write()
    (shop.data / "branches.toml").write_text(BRANCHES)
    source = VISITS | {"connector": {"kind": "toml", "path": "${SHOP_DATA}"}}
    (shop.companies / "shop" / "sources" / "visits.yml").write_text(yaml.safe_dump(source, sort_keys=False))
    made = Grown(root, shop)
    made.run("orchestration.cli", "refresh")
    return made


def test_a_source_table_is_a_file_of_the_company(copy: Grown) -> None:
    loads = copy.rows("select rows_read, rows_landed from marts.load_audit where table_name = 'branches'")
    assert loads == [(2, 2)]


def test_a_kind_of_source_is_one_module(copy: Grown) -> None:
    tested = copy.run("orchestration.cli", "source", "test", "visits")
    assert "branches" in tested
    landed = next((copy.shop.state / "lake" / "visits" / "branches").glob("*/*.parquet"))
    found = duckdb.sql(f"select id, came, minutes, _source_row from '{landed}' order by id").fetchall()
    assert found == [("V1", "2024-03-01 10:00:00", None, 1), ("V2", "2024-03-02 23:30:00", "12.5", 2)]


def test_an_input_entity_is_one_contract(copy: Grown) -> None:
    with duckdb.connect(str(copy.shop.state / "warehouse.duckdb"), read_only=True) as con:
        staged = con.execute(
            "select visit_id, visited_on::varchar, minutes from staging.stg_visit order by 1"
        ).fetchall()
        columns = {name for (name,) in con.execute("select column_name from (describe staging.stg_visit)").fetchall()}
    assert staged == [("V1", "2024-03-01", None), ("V2", "2024-03-02", 12.5)]
    assert "note" not in columns  # direct personal data, which the contract does not release


def test_a_mart_is_one_model(copy: Grown) -> None:
    orders, sales = copy.rows("select sum(orders), sum(net_amount) from marts.weekday_sales")[0]
    assert (orders, sales) == copy.rows(
        "select count(*), sum(net_amount) from core.fct_order where not is_cancelled"
    )[0]  # fmt: skip
    assets = copy.run("dagster", "asset", "list", "-m", "orchestration.definitions")
    assert "marts/weekday_sales" in assets


def test_a_page_is_one_module(copy: Grown) -> None:
    (copy.root / "report.py").write_text(REPORT)
    said = json.loads(copy.run("report").strip().splitlines()[-1])
    assert said["error"] == []
    assert said["columns"] == ["channel", "orders", "net_amount"]
    assert said["rows"] == 1  # the shop's orders name no channel
    assert said["menu"]["Sales"] == ["overview", "kpi-tree", "channels"]


def test_a_command_is_one_module(copy: Grown) -> None:
    assert "best-day" in copy.run("orchestration.cli", "--help")
    [(day, amount)] = copy.rows("""
        select date_day, sum(net_amount) from core.fct_order inner join core.dim_date using (date_key)
        where not is_cancelled group by 1 order by 2 desc, 1 limit 1
    """)
    assert copy.run("orchestration.cli", "best-day").strip() == f"{day}: {amount:,.2f} EUR"


BY_MONTH = """
with counted as (
  select month_start, is_weekend, category_1, customer_key, is_purchase and customer_key <> -1 as is_counted,
    line.net_amount, quantity
  from core.fct_order_line line
  join core.fct_order using (order_key, customer_key, date_key)
  join core.dim_date using (date_key)
  join core.dim_product using (product_key)
  where not fct_order.is_cancelled
)
"""


def values(copy: Grown, dimension: str, *nodes: str) -> list[tuple[object, ...]]:
    """Value of some nodes by month and member, members without any left out."""
    columns = ", ".join(f"max(value) filter (where node_code = '{node}')" for node in nodes)
    return copy.rows(
        f"select period_start, member, {columns} from marts.kpi_tree where period_grain = 'month' "
        f"and dimension = '{dimension}' group by 1, 2 having count(value) filter (where node_code = '{nodes[0]}') > 0 "
        "order by 1, 2"
    )


def approximately(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """The same rows, numbers to rounding."""
    return [tuple(pytest.approx(float(v)) if isinstance(v, float | Decimal) else v for v in row) for row in rows]


def test_a_kpi_is_a_node_of_the_tree(copy: Grown) -> None:
    """Its value, for the whole company and per category, from orders; its part of the change of sales adds up."""
    expected = copy.rows(
        BY_MONTH
        + """
        select month_start, coalesce(category_1, '(no category)'), sum(net_amount)::double,
          sum(net_amount) filter (where customer_key = -1) / sum(net_amount)
        from counted group by 1, 2 having sum(net_amount) filter (where customer_key = -1) > 0 order by 1, 2
    """
    )
    found = [row for row in values(copy, "category", "all_sales", "anonymous_share") if row[3]]
    assert found == approximately(expected)
    assert len(found) > 10
    apart = copy.rows("""
        select abs(parent.change - sum(part.contribution_to_parent)), sum(abs(part.contribution_to_root)) > 0
        from marts.kpi_tree parent
        join marts.kpi_tree part using (period_grain, period_start, dimension, member)
        where dimension = 'all' and period_grain = 'month' and parent.node_code = 'anonymous_sales'
          and part.parent_code = 'anonymous_sales' and parent.change is not null
        group by period_start, parent.change
    """)
    assert len(apart) > 5
    assert all(difference < 1e-6 and is_felt for difference, is_felt in apart)  # type: ignore[operator]


def test_a_measure_is_an_entry_of_the_dictionary(copy: Grown) -> None:
    """Lines of orders are counted in every dimension, members of lines among them."""
    expected = copy.rows(
        BY_MONTH
        + """
        select month_start, coalesce(category_1, '(no category)'), sum(quantity) / count(*)::double
        from counted where is_counted group by 1, 2 order by 1, 2
    """
    )
    assert values(copy, "category", "units_per_line") == approximately(expected)
    dimensions = copy.rows(
        "select distinct dimension from marts.kpi_tree where node_code = 'units_per_line' order by 1"
    )
    assert dimensions == copy.rows("select distinct dimension from marts.kpi_tree order by 1")


def test_a_dimension_is_an_entry_of_the_dictionary(copy: Grown) -> None:
    """Orders by the day they fell on; customers by what they are, and those nobody knows."""
    expected = copy.rows(
        BY_MONTH
        + """
        select month_start, case when is_weekend then 'Weekend' else 'Weekday' end, sum(net_amount)::double
        from counted group by 1, 2 order by 1, 2
    """
    )
    assert values(copy, "day_kind", "sales") == approximately(expected)
    members = copy.rows("select distinct member from marts.kpi_tree where dimension = 'gender' order by 1")
    assert members == [("(anonymous)",), ("(unknown)",), ("female",), ("male",)]


def test_the_page_lists_what_the_dictionary_got(copy: Grown) -> None:
    (copy.root / "kpi_page.py").write_text(KPI_PAGE)
    said = json.loads(copy.run("kpi_page").strip().splitlines()[-1])
    assert said["error"] == []
    assert {"Weekday or weekend", "Gender"} <= set(said["dimensions"])
    assert said["tree"]["Share of anonymous sales"] == "anonymous_sales ÷ sales"
    assert said["tree"]["Units per line"] == "units ÷ order_lines"
    assert {"female", "male", "(anonymous)"} <= set(said["members"])


# The steps of a refresh from the features on, on a company of nothing but features.
FROM_FEATURES_ON = """
import datetime as dt, json
import duckdb
from orchestration.run import clocks
from orchestration.warehouse import dbt
from orchestration.config.company import load_company
from orchestration.conform.tables import prepare
from orchestration.defs import scores as wiring
from orchestration.landing.lake import Lake
from orchestration.scoring.run import run_scores
from orchestration.scoring.step import Step
from orchestration.serving.publish import publish
from tests.unit.test_churn_model import AS_OF, world
from tests.unit.test_scoring import feature_tables

config, now = load_company("shop"), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
config.paths.root.mkdir(parents=True)
with duckdb.connect(str(config.paths.warehouse)) as con:
    prepare(con, config.contracts)
    con.execute("create schema features")
    for name, frame in feature_tables(AS_OF, *world(customers=500)).items():
        con.execute(f"create table features.{name} as select * from frame")
    clocks.write_settings(con, config, clocks.Clocks(AS_OF, now, "20250101T000000"))
    scored = run_scores(Step(con, config, Lake(config.paths.lake), config.paths, AS_OF, "20250101T000000", now))
with duckdb.connect(str(config.paths.serve)) as con:
    con.execute("create schema core; create table core.dim_customer as select range as customer_key from range(500)")
models = ["repurchase", "model_card", "model_metric", "model_gate", "build_info"]
dbt.build(config, lambda node: None, "marts", ["stg_regulars__settings", *models])
publish(config, frozenset(f"marts.{name}" for name in models))
wired = wiring.build(config)
print(json.dumps({
    "assets": [key.to_user_string() for asset in wired.assets for key in asset.keys],
    "checks": [f"{key.asset_key.to_user_string()}: {key.name}" for asset in wired.assets for key in asset.check_keys],
    "settings": sorted(type(config.company).model_fields),
    "gates": {gate.name: gate.message for gate in scored.gates["repurchase"] if not gate.passed},
}))
"""


def test_a_score_is_one_folder(tmp_path: Path) -> None:
    """And `make reference`: asset, checks, settings, published table, and its row in `regulars models`."""
    root, shop = grown(tmp_path / "project", ["add-a-score.md"]), Shop(tmp_path / "company")
    (root / "tests").symlink_to(PROJECT / "tests")
    shop.configure({"repurchase": {"retrain_after_days": 14}})
    shop.data.mkdir()
    copy = Grown(root, shop)
    done = json.loads(python(root, "-c", FROM_FEATURES_ON, **shop.environment()).splitlines()[-1])
    assert "scores/repurchase" in done["assets"]
    assert {"scores/repurchase: beats_baseline", "scores/repurchase: right_total"} <= set(done["checks"])
    assert "repurchase" in done["settings"]
    [row] = copy.rows(
        "select score_basis, is_stale, count(*), count(distinct expected_purchase_days) > 50, "
        "min(expected_purchase_days) > 0, min(model_version) from marts.repurchase group by all order by all"
    )
    assert row[:5] == ("model", False, 500, True, True), done["gates"]
    models = json.loads(copy.run("orchestration.cli", "models", "--json"))
    [card] = [card for card in models["models"] if card["model"] == "repurchase"]
    assert (card["status"], card["version"], card["estimator"]) == ("published", row[5], "boosting")
    deviance = {m["estimator"]: m["value"] for m in models["metrics"]
                if (m["model"], m["metric"]) == ("repurchase", "deviance")}  # fmt: skip
    assert deviance["boosting"] < deviance["mean by frequency"]
    assert Path(card["card"]).read_text().startswith("<!doctype html>")

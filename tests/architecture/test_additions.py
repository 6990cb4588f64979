"""Each kind of addition is made as its how-to page says, in a copy of the project, and then works from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
import yaml

from tests.support.additions import grown, run
from tests.support.shop import Shop

PAGES = [
    "add-an-input-entity.md", "add-a-connector.md", "add-a-mart.md", "add-a-page.md", "add-a-command.md",
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

"""Exports that overlap: an order's lines count once, and where nobody can tell, all do and are flagged."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.config.company import load_company
from orchestration.conform.overlap import counts_rows, parsed
from orchestration.conform.run import conform
from orchestration.landing.lake import Lake
from orchestration.platform.errors import ConfigError
from orchestration.warehouse.connections import open_warehouse
from tests.support.conforming import load_and_conform, rows

Line = tuple[str, str, str]  # invoice, article, amount
NUMBERED = "select *, row_number() over (partition by invoice order by _source_row) as line_no from sales"
HEADERS = "select invoice, min(customer) as customer, min(day) as day from sales group by invoice"


class Till:
    """A company whose till exports the lines of some days into a file each time."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.data, self.companies = root / "data", root / "companies"
        self.data.mkdir(parents=True)
        patch.setenv("REGULARS_HOME", str(root / "home"))
        patch.setenv("REGULARS_COMPANIES", str(self.companies))
        self.configure()

    def configure(self, table: dict[str, object] | None = None, lines: dict[str, object] | None = None) -> None:
        """Write the company's folder, with changes to the table or to the map of its lines."""
        folder = self.companies / "till"
        (folder / "sources").mkdir(parents=True, exist_ok=True)
        company = {"name": "till", "title": "Till", "currency": "EUR", "timezone": "UTC"}
        (folder / "company.yml").write_text(yaml.safe_dump(company | {"resources": {"disk_headroom": "1MB"}}))
        columns = {"order_id": "invoice", "line_no": "line_no", "product_id": "sku", "quantity": "1"}
        source = {
            "system": "shop",
            "timezone": "UTC",
            "connector": {"kind": "csv", "path": str(self.data)},
            "tables": {"sales": {"path": "sales_*.csv", "load": {"mode": "files"}} | (table or {})},
            "maps": {
                "sales_order": {
                    "from": HEADERS,
                    "columns": {"order_id": "invoice", "customer_id": "customer", "ordered_at": "day"},
                },
                "order_line": {"from": NUMBERED, "columns": columns | {"net_amount": "amount"}} | (lines or {}),
            },
        }
        (folder / "sources" / "shop.yml").write_text(yaml.safe_dump(source, sort_keys=False))

    def export(self, name: str, *lines: Line) -> None:
        """Write a file of the till."""
        text = "".join(f"{invoice},2024-05-01,C1,{sku},{amount}\n" for invoice, sku, amount in lines)
        (self.data / f"sales_{name}.csv").write_text("invoice,day,customer,sku,amount\n" + text)

    def load(self, day: int = 0) -> None:
        load_and_conform(load_company("till"), day=day)


CURRENT = "from input.order_line where _superseded_at is null"


def amounts() -> Counter[Line]:
    """The lines that count, as often as they do."""
    sql = f"select order_id, product_id, net_amount::double::varchar {CURRENT}"
    return Counter(rows(load_company("till"), sql))


def flagged() -> list[tuple[str, str]]:
    sql = "select distinct order_id, _flags {} and _flags is not null order by 1"
    return rows(load_company("till"), sql.format(CURRENT))


@pytest.fixture
def till(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Till:
    return Till(tmp_path, monkeypatch)


def test_what_no_line_is_made_of_may_change_from_file_to_file(till: Till) -> None:
    """The day of the export, and a state of the whole order that its header reads."""
    till.configure()
    source = till.companies / "till" / "sources" / "shop.yml"
    made = yaml.safe_load(source.read_text())
    made["maps"]["sales_order"]["from"] = HEADERS.replace("min(day) as day", "min(day) as day, max(state) as state")
    made["maps"]["sales_order"]["columns"]["status"] = "state"
    source.write_text(yaml.safe_dump(made, sort_keys=False))
    for day, state in ((1, "paid"), (2, "shipped")):
        (till.data / f"sales_{day}.csv").write_text(
            "exported,invoice,day,customer,sku,amount,state\n"
            f"2024-05-0{day},1,2024-05-01,C1,tea,10,{state}\n2024-05-0{day},1,2024-05-01,C1,cup,20,{state}\n"
        )
        till.load(day)
    assert amounts() == Counter({("1", "tea", "10.0"): 1, ("1", "cup", "20.0"): 1})
    assert flagged() == []


A, B, C, D = ("1", "tea", "10.0"), ("1", "cup", "4.0"), ("2", "tea", "10.0"), ("3", "pot", "30.0")


@pytest.mark.parametrize("at_once", [True, False])
def test_an_order_in_two_files_counts_once(till: Till, at_once: bool) -> None:
    """Order 2 is in both: 10 + 4 + 10 + 30 = 54, not 64."""
    till.export("01", A, B, C)
    if not at_once:
        till.load()
    till.export("02", C, D)
    till.load(day=1)
    assert amounts() == Counter([A, B, C, D])
    assert flagged() == []


@pytest.mark.parametrize("at_once", [True, False])
def test_a_later_file_with_more_lines_of_an_order_replaces_it(till: Till, at_once: bool) -> None:
    till.export("01", A, C, A)
    if not at_once:
        till.load()
    till.export("02", B, A, A)
    till.load(day=1)
    assert amounts() == Counter([A, A, B, C])
    assert flagged() == []


@pytest.mark.parametrize("at_once", [True, False])
def test_where_no_file_holds_all_lines_all_count_and_are_flagged(till: Till, at_once: bool) -> None:
    """Order 1 has another amount in the later file: a correction, or one more line; nobody can tell."""
    till.export("01", A, C)
    if not at_once:
        till.load()
    till.export("02", ("1", "tea", "11.0"), C)
    till.load(day=1)
    assert amounts() == Counter([A, C, ("1", "tea", "11.0")])
    assert ("1", "overlapping_exports") in flagged()
    assert {order for order, _ in flagged()} == {"1"}


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_that_holds_the_whole_order_takes_its_flag_away(till: Till, at_once: bool) -> None:
    """Order 1 is doubtful after two files, and order 2 after three."""
    for name, lines in (("01", (A, C)), ("02", (B,)), ("03", (B, A, ("2", "tea", "9.0")))):
        till.export(name, *lines)
        if not at_once:
            till.load(int(name))
    till.load(4)
    assert amounts() == Counter([A, B, C, ("2", "tea", "9.0")])
    sql = f"select order_id, product_id, _flags {CURRENT} order by all"
    assert rows(load_company("till"), sql) == [
        ("1", "cup", None),
        ("1", "tea", None),
        ("2", "tea", "overlapping_exports"),
        ("2", "tea", "overlapping_exports"),
    ]


def test_lines_that_are_no_longer_there_end_once_a_file_holds_all(till: Till) -> None:
    till.export("01", A)
    till.load()
    till.export("02", B)
    till.load(day=1)
    assert amounts() == Counter([A, B])
    till.export("03", A)
    till.load(day=2)
    assert amounts() == Counter([A, B])
    till.export("04", B, A)
    till.load(day=3)
    assert amounts() == Counter([A, B])
    headers = rows(load_company("till"), "select order_id from input.sales_order where _superseded_at is null")
    assert headers == [("1",)]


def test_a_key_makes_the_later_file_right(till: Till) -> None:
    """What the message says to do about corrected files; order 1 loses a line, too."""
    till.configure(table={"key": ["invoice"]})
    till.export("01", A, B, C)
    till.load()
    till.export("02", ("1", "tea", "11.0"))
    till.load(day=1)
    assert amounts() == Counter([("1", "tea", "11.0"), C])


def test_the_load_says_how_many(till: Till) -> None:
    till.export("01", A, B, C)
    till.export("02", A, B, ("2", "tea", "9.0"))
    till.load()
    said: list[str] = []
    config = load_company("till")
    with open_warehouse(config) as con:
        con.execute("delete from audit.conform_map")
        conform(con, config, Lake(config.paths.lake), lambda _: None, said=lambda *told: said.append(": ".join(told)))
    assert len(said) == 1
    assert said[0].startswith(
        "shop.sales: 2 orders are in several files; 2 lines were replaced by a later file's; of 1 orders a "
        "later file lacks lines of an earlier one"
    )


def test_a_whole_load_of_several_files_is_judged_too(till: Till) -> None:
    till.configure(table={"load": {"mode": "full"}})
    till.export("01", A, B, C)
    till.load()
    till.export("02", C, D)
    till.load(day=1)
    assert amounts() == Counter([A, B, C, D])
    (till.data / "sales_01.csv").unlink()  # an archive that was cleared away takes no sales along
    till.load(day=2)
    assert amounts() == Counter([A, B, C, D])


@pytest.mark.parametrize(
    "lines",
    [
        {"from": "sales", "columns": {"line_no": "_source_row"}},
        {
            "from": "select *, invoice as no, row_number() over (partition by invoice) as line_no from sales",
            "columns": {"order_id": "trim(no)"},
        },
        {"columns": {"order_id": "invoice || ':' || customer"}},
    ],
)
def test_however_the_map_makes_its_order_id(till: Till, lines: dict[str, object]) -> None:
    columns = {
        "order_id": "invoice",
        "line_no": "line_no",
        "product_id": "sku",
        "quantity": "1",
        "net_amount": "amount",
    }
    till.configure(lines=lines | {"columns": columns | lines["columns"]})  # type: ignore[operator]
    till.export("01", A, B, C)
    till.load()
    till.export("02", D, C)
    till.load(day=1)
    assert sum(amounts().values()) == 4
    assert sum(float(amount) for _, _, amount in amounts().elements()) == 54


def test_a_table_says_itself_what_an_order_is_or_that_every_row_counts(till: Till) -> None:
    till.export("01", A, C)
    till.export("02", C, D)
    till.configure(table={"overlap": []})
    till.load()
    assert amounts() == Counter([A, C, C, D])
    till.configure(table={"overlap": ["invoice", "customer"]})
    till.load()
    assert amounts() == Counter([A, C, D])
    till.configure(table={"overlap": ["receipt"]})
    with pytest.raises(ConfigError, match=r"shop\.yml: key 'tables\.sales\.overlap': no column 'receipt'.*invoice"):
        till.load()
    till.configure(table={"overlap": ["invoice"], "key": ["invoice"]})
    with pytest.raises(ConfigError, match="overlap without a key"):
        load_company("till")


def test_a_new_column_does_not_make_every_line_another_one(till: Till) -> None:
    till.export("01", A, B)
    till.load()
    (till.data / "sales_02.csv").write_text(
        "invoice,day,customer,sku,amount,note\n1,2024-05-01,C1,tea,10.0,x\n1,2024-05-01,C1,cup,4.0,y\n"
    )
    till.load(day=1)
    assert amounts() == Counter([A, B])


def test_lines_without_an_order_are_left_alone(till: Till) -> None:
    """They go to quarantine one by one, as often as they come."""
    till.export("01", ("", "tea", "1.0"), A)
    till.export("02", ("", "tea", "1.0"), A)
    till.load()
    assert amounts() == Counter([A])
    assert rows(load_company("till"), "select count(*) from quarantine.order_line") == [(2,)]


def expected(files: list[list[Line]]) -> Counter[Line]:
    """By hand: a file's lines of an order are dropped if a later file's hold them."""
    kept: Counter[Line] = Counter()
    for place, file in enumerate(files):
        for order in {line[0] for line in file}:
            own = Counter(line for line in file if line[0] == order)
            later = [Counter(line for line in other if line[0] == order) for other in files[place + 1 :]]
            if not any(own <= other for other in later):
                kept += own
    return kept


LINES = st.tuples(st.sampled_from("12"), st.sampled_from(["tea", "cup"]), st.sampled_from(["1.0", "2.0"]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(LINES, min_size=1, max_size=5), min_size=1, max_size=4))
def test_random_exports_day_by_day_end_as_all_at_once(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[Line]]
) -> None:
    results = []
    for by_day in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            till = Till(tmp_path_factory.mktemp("till"), patch)
            for day, lines in enumerate(files):
                # a name of the day, so that no two files have the same content
                till.export(f"{day:02}", *lines, (f"day {day}", "tea", "1.0"))
                if by_day:
                    till.load(day)
            if not by_day:
                till.load()
            results.append(amounts())
    days = Counter((f"day {day}", "tea", "1.0") for day in range(len(files)))
    assert results[0] == results[1] == expected(files) + days


def test_the_day_of_a_load_is_no_part_of_a_line(till: Till) -> None:
    """The same lines under another name and on another day: the content is another, the lines are not."""
    till.export("01", A, B)
    till.load()
    till.export("02", A, B, C)
    till.load(day=dt.timedelta(days=40).days)
    assert amounts() == Counter([A, B, C])


def test_a_file_that_grows_under_one_name_counts_as_it_stands(till: Till) -> None:
    till.export("all", A)
    till.load()
    till.export("all", A, B, C)
    till.load(day=1)
    till.export("all", A, B, C, D)
    till.load(day=2)
    assert amounts() == Counter([A, B, C, D])


def test_sliding_windows_of_another_kind_of_file(till: Till) -> None:
    """Each day's export holds three days; a day has one order of two lines, 3.00 in all: six days make 18.00."""
    source = yaml.safe_load((till.companies / "till" / "sources" / "shop.yml").read_text())
    source["connector"]["kind"] = "json"
    source["tables"]["sales"]["path"] = "window_*.ndjson"
    (till.companies / "till" / "sources" / "shop.yml").write_text(yaml.safe_dump(source))
    for last in range(1, 7):
        window = range(max(1, last - 2), last + 1)
        text = "".join(
            json.dumps({"invoice": n, "day": f"2024-05-{n:02}", "customer": "C1", "sku": sku, "amount": amount}) + "\n"
            for n in window
            for sku, amount in (("tea", 1.0), ("cup", 2.0))
        )
        (till.data / f"window_{last}.ndjson").write_text(text)
        till.load(day=last)
    assert sum(float(amount) for _, _, amount in amounts().elements()) == 18
    assert sum(amounts().values()) == 12
    assert flagged() == []


def test_a_header_that_adds_lines_up_does_not_count_them_twice(till: Till) -> None:
    """No map of lines at all: the order's amount is the sum of what the table says."""
    source = yaml.safe_load((till.companies / "till" / "sources" / "shop.yml").read_text())
    query = "select invoice, min(day) as day, sum(amount::decimal(18,2)) as net from sales group by invoice"
    columns = {"order_id": "invoice", "ordered_at": "day", "net_amount": "net"}
    source["maps"] = {"sales_order": {"from": query, "columns": columns}}
    (till.companies / "till" / "sources" / "shop.yml").write_text(yaml.safe_dump(source))
    till.export("01", A, B, C)
    till.load()
    till.export("02", C, A, B, D)
    till.load(day=1)
    found = rows(load_company("till"), "select order_id, net_amount::int from input.sales_order order by 1")
    assert found == [("1", 14), ("2", 10), ("3", 30)]


@pytest.mark.parametrize(
    ("made", "first"),
    [
        ("count(*)", 2), ("COUNT(sku)", 2), ("count(*) filter (where amount::double > 5)", 1), ("len(list(sku))", 2),
        ("len(string_agg(sku, ''))", 6), ("avg(amount::double) * 10", 70), ("count(distinct sku)", 2),
    ],
)  # fmt: skip
def test_whatever_a_header_counts_is_counted_once(till: Till, made: str, first: int) -> None:
    """Order 1 has tea for 10 and a cup for 4; the second file repeats both and a third repeats the tea: no change."""
    source = yaml.safe_load((till.companies / "till" / "sources" / "shop.yml").read_text())
    query = f"select invoice, min(day) as day, {made} as net from sales group by invoice"
    columns = {"order_id": "invoice", "ordered_at": "day", "net_amount": "net"}
    source["maps"] = {"sales_order": {"from": query, "columns": columns}}
    (till.companies / "till" / "sources" / "shop.yml").write_text(yaml.safe_dump(source))
    till.export("01", A)
    till.load()
    till.export("02", A, B)
    till.export("03", A, B, C)
    till.load(day=1)
    found = "select order_id, net_amount::int from input.sales_order where _superseded_at is null order by 1"
    assert rows(load_company("till"), found)[0] == ("1", first)


@pytest.mark.parametrize(
    "place",
    [
        "rank() over (partition by invoice order by _source_file, sku)",
        "dense_rank() over (partition by invoice order by _source_file, sku)",
        "count(*) over (partition by invoice order by _source_file, sku)",
        "1 + coalesce(lag(1) over (partition by invoice order by _source_file, sku), 0)",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_whatever_numbers_lines_numbers_each_once(till: Till, place: str, at_once: bool) -> None:
    till.configure(lines={"from": f"select *, {place} as line_no from sales"})
    till.export("01", A, B, C)
    if not at_once:
        till.load()
    till.export("02", C, D, A, B)
    till.load(day=1)
    assert amounts() == Counter([A, B, C, D])


@pytest.mark.parametrize(
    ("sql", "counts"),
    [
        ("select a, MAX(b), any_value(c), count(distinct d) from t group by a", False),
        ("select a, 'count(*), rank()' as note, sum_of from t -- sum(x)", False),
        ("select list_value(a), greatest(a, b) from t", False),
        ("with x as (select a, Median(b) as m from t group by a) select * from x", True),
        ("select * from t where b = (select product(c) from t)", True),
        ("select * from t qualify ntile(4) over (order by b) = 1", True),
        ("select first_value(b) over (partition by a order by c) from t", True),
        ("select t._source_row from t", True),
    ],
)
def test_what_counts_rows_is_told_from_the_parse_tree(sql: str, counts: bool) -> None:
    with duckdb.connect() as con:
        assert counts_rows(con, parsed(con, sql)) is counts

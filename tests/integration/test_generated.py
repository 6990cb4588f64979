"""The demo company from generator to published version: everything arrives, and planted dirt is found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from orchestration.config.company import load_company
from orchestration.config.contracts import load_contracts
from orchestration.generator.run import Format, generate
from orchestration.platform.paths import PROJECT
from orchestration.privacy.search import Wanted, in_duckdb
from tests.support.conforming import load_and_conform
from tests.support.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("generated")]
CUSTOMERS, DAYS = 1_000, 200
COMPANY = "telecom_retail"


@dataclass
class Generated(Shop):
    """The generated company's folders below one root."""

    name: ClassVar[str] = COMPANY

    def environment(self) -> dict[str, str]:
        """The project's own companies, and where this one's data are."""
        return super().environment() | {"REGULARS_COMPANIES": "", "TELECOM_RETAIL_DATA": str(self.data)}

    def run(self, *arguments: str) -> str:
        """Run a command that must succeed; returns what it printed."""
        done = self.regulars(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Query the warehouse, with the published version as `p` and what was soiled as `dirt`."""
        with duckdb.connect(str(self.state / "warehouse.duckdb"), read_only=True) as con:
            con.execute(f"attach '{self.published}' as p (read_only)")
            con.execute(f"create temp view dirt as select * from '{self.data}/truth/dirt/*.parquet'")
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """After its first refresh. The tests below run in order; the last adds a day."""
    made = Generated(tmp_path_factory.mktemp("telecom"))
    generate(made.data, CUSTOMERS, DAYS, 1, "mixed")
    made.run("refresh")
    return made


def test_every_entity_and_every_core_table_holds_rows(company: Generated) -> None:
    tables = company.query(
        "select concat_ws('.', database_name, schema_name, table_name) from duckdb_tables() "
        "where schema_name in ('input', 'core') order by 1"
    )
    assert len(tables) > len(load_contracts()) + 15
    assert [name for (name,) in tables if company.query(f"select count(*) from {name}") == [(0,)]] == []


def test_the_books_balance(company: Generated) -> None:
    assert company.query(
        "select source_system, table_name from audit.load_audit where rows_read <> rows_landed + rows_rejected"
    ) == []  # fmt: skip
    assert company.query(
        "select source_system, entity from audit.conform_audit "
        "where candidates <> accepted + unchanged + quarantined + filtered"
    ) == []  # fmt: skip


def test_planted_dirt_is_found_and_nothing_else(company: Generated) -> None:
    """Recall and precision are 1 for each kind: rows by key and reason, lines by what they begin with."""
    planted = company.query("select distinct table_name, kind from dirt")
    assert len(planted) >= 10
    for entity, system, id_column in company.query(
        "select distinct entity, source_system, id_column from dirt where entity is not null"
    ):
        parts = ", ".join(f"raw_record ->> '{part}'" for part in str(id_column).split(","))
        found = company.query(
            f"select concat_ws(',', {parts}), reason_code, column_name from quarantine.{entity} "
            f"where source_system = '{system}' order by all"
        )
        expected = company.query(
            f"select id, reason_code, column_name from dirt where entity = '{entity}' and source_system = '{system}' "
            "and reason_code <> 'unknown_reference' order by all"
        )
        assert found == expected, entity
    lines = company.query(
        "select source_system, table_name, reason_code, regexp_extract(raw_record, '^[^; ]+') "
        "from quarantine._rejected_row order by all"
    )
    assert lines == company.query(
        "select source_system, table_name, reason_code, id from dirt where entity is null order by all"
    )
    assert company.query(
        "select count(*) from input.order_line where product_id like 'X%'"
    ) == company.query("select count(*) from dirt where reason_code = 'unknown_reference'")  # fmt: skip
    assert company.query("select count(*) from quarantine.web_event") == [(0,)]
    assert company.query(
        "select count(*) from input.web_event where user_agent like '%bot%' or user_agent like 'curl%'"
    ) == [(0,)]


def test_facts_of_systems_that_use_the_crms_ids_find_the_crms_customers(company: Generated) -> None:
    [(contacts, known)] = company.query(
        """
        select count(*), count(*) filter (x.source_system = 'crm') from p.core.fct_contact f
        left join p.core.customer_xref x using (source_customer_key) where f.customer_key <> -1
        """
    )
    assert contacts == known
    assert int(str(contacts)) > 100


def test_pairs_to_decide_on_are_shown_side_by_side_with_the_grant_only(
    company: Generated, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in company.environment().items():
        monkeypatch.setenv(name, value)

    def page() -> None:
        from orchestration.dashboard.pages.data import review

        review.page()

    app = AppTest.from_function(page, default_timeout=60).run()
    assert "regulars dashboard --company telecom_retail --contacts" in app.info[0].value
    assert not app.dataframe
    monkeypatch.setenv("REGULARS_CONTACTS", "granted")
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    with duckdb.connect(str(company.published.with_name("contacts.duckdb")), read_only=True) as con:
        first = con.execute(
            "select left_customer_id, right_customer_id from review_pair order by gain desc, left_system, "
            "left_customer_id, right_system, right_customer_id"
        ).fetchone()
    sides = app.dataframe[0].value.set_index("field")
    assert (sides.loc["customer id", "left"], sides.loc["customer id", "right"]) == first
    app.radio(key="decision0").set_value("same").run()
    assert not app.exception
    assert "regulars review import" in app.caption[-1].value


def test_contacts_hold_what_the_sources_say_and_the_published_tables_do_not(company: Generated) -> None:
    """Each customer's e-mail address is one that a source gives one of the customer's records."""
    with duckdb.connect(str(company.published.with_name("contacts.duckdb")), read_only=True) as con:
        counts = con.execute(
            "select count(*), count(email), count(*) filter (email is not null and not exists (select 1 from record r "
            "where r.customer_key = c.customer_key and r.email = c.email)) from customer c"
        ).fetchone()
        [(name, email)] = con.execute(
            "select full_name, email from record where full_name is not null and email is not null order by all limit 1"
        ).fetchall()
    assert counts is not None
    assert [counts[:1]] == company.query(
        "select count(distinct customer_key) from identity.customer_link "
        "semi join input.customer using (source_system, customer_id) where valid_to is null"
    )
    assert counts[1] > 100
    assert counts[2] == 0
    assert list(in_duckdb(company.published, Wanted([name, email]))) == []


def test_both_forms_give_the_same_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Parquet form's company has the same maps; only the ids of log lines are their places in files."""
    forms: tuple[Format, ...] = ("mixed", "parquet")
    for form in forms:
        data = tmp_path / form
        generate(data, 200, 130, 3, form)
        companies = PROJECT / "data" / "companies" if form == "mixed" else data / "companies"
        monkeypatch.setenv("REGULARS_COMPANIES", str(companies))
        monkeypatch.setenv("REGULARS_HOME", str(tmp_path / f"home-{form}"))
        monkeypatch.setenv("TELECOM_RETAIL_DATA", str(data))
        load_and_conform(load_company(COMPANY))
    with duckdb.connect() as con:
        for form in forms:
            con.execute(f"attach '{tmp_path}/home-{form}/{COMPANY}/warehouse.duckdb' as {form} (read_only)")
        for entity, contract in load_contracts().items():
            columns = ", ".join(name for name in contract.columns if (entity, name) != ("web_event", "event_id"))
            sides = [f"select {columns} from {form}.input.{entity}" for form in forms]
            both = [con.execute(f"select count(*) from ({side})").fetchone() for side in sides]
            assert both[0] == both[1], entity
            unequal = con.execute(f"select * from (({sides[0]}) except all ({sides[1]})) limit 3").fetchall()
            assert unequal == [], entity


def test_one_more_day_loads_only_that_day(company: Generated) -> None:
    """Files of new days, rows that the CRM changed within a day of the last change, and nothing else."""
    size = ("--customers", str(CUSTOMERS), "--days", str(DAYS + 1), "--seed", "1")
    written = json.loads(company.run("generate", COMPANY, *size, "--out", str(company.data), "--json"))["rows"]
    company.run("refresh")
    loads = company.query(
        """
        select source_system || '.' || table_name, rows_read, table_name not in ('agents') and source_system = 'crm'
        from audit.load_audit
        where load_id = (select max(load_id) from audit.load_audit) and source_system <> '_regulars'
        """
    )
    assert {name for name, _, _ in loads} >= {"shop.orders", "shop.lines", "web.hits", "call_centre.contacts"}
    for name, rows, by_cursor in loads:
        if not by_cursor:
            assert rows == written[name] or name in {"web.hits", "shop.reviews"}, name
        assert int(str(rows)) < 400, name
    assert not [name for name, _, _ in loads if str(name).startswith(("marketing", "catalogue"))]
    assert company.query("select count(distinct ordered_on) from input.sales_order") == [(DAYS + 1,)]

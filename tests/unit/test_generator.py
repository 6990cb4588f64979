"""The demo company: the same from the same seed, one day longer by one day, and what is planted is there."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.generator import run
from orchestration.generator.run import contents, generate
from orchestration.generator.tables import RAW, TRUTHS
from orchestration.platform.errors import UsageError
from orchestration.platform.literals import exact_path

TEN_ROWS = 10  # blocks are a multiple of these


def hashes(folder: Path) -> dict[str, str]:
    with duckdb.connect() as con:
        return contents(folder, con)


def rows(folder: Path, table: str) -> str:
    return f"read_parquet('{exact_path(folder / table.replace('.', '/'))}/*.parquet', filename = true)"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5,000 customers, 400 days."""
    out = tmp_path_factory.mktemp("generated") / "data"
    generate(out, 5_000, 400, 7, "parquet")
    return out


def test_the_same_seed_gives_the_same_rows_in_blocks_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(tmp_path / "a", 300, 90, 5, "parquet")
    monkeypatch.setattr(run, "BLOCK", 7 * TEN_ROWS)
    generate(tmp_path / "b", 300, 90, 5, "parquet")
    generate(tmp_path / "c", 300, 90, 6, "parquet")
    first, second, other = (hashes(tmp_path / name) for name in "abc")
    assert first == second
    assert set(first) >= {f"{raw.system}.{raw.name}" for raw in RAW}
    fixed = {name for name in first if first[name] == other.get(name)}
    assert fixed <= {
        "billing.plans", "billing.rates", "catalogue.channels", "catalogue.stores", "crm.decisions", "marketing.lists",
        "marketing.targets", "marketing.benchmarks", "marketing.rates", "marketing.resources", "truth.uplift",
        "truth.rules",
    }  # fmt: skip


def test_days_that_are_added_are_the_days_of_a_longer_run(tmp_path: Path) -> None:
    """Rows of tables that only grow are those of a run over the whole time; of the others the newest state is."""
    generate(tmp_path / "grown", 300, 90, 5, "parquet")
    before = hashes(tmp_path / "grown")
    generate(tmp_path / "grown", 300, 91, 5, "parquet")
    generate(tmp_path / "grown", 300, 120, 5, "parquet")
    generate(tmp_path / "whole", 300, 120, 5, "parquet")
    grown, whole = hashes(tmp_path / "grown"), hashes(tmp_path / "whole")
    changing = {f"{raw.system}.{raw.name}": raw.key for raw in RAW if raw.key}
    assert {name: h for name, h in grown.items() if name not in changing} == {
        name: h for name, h in whole.items() if name not in changing
    }
    assert before["shop.orders"] != grown["shop.orders"]
    with duckdb.connect() as con:
        for name, key in changing.items():
            newest = (
                f"select * exclude (filename) from {rows(tmp_path / 'grown', name)} "
                f"qualify row_number() over (partition by {', '.join(key)} order by filename desc) = 1"
            )
            other = f"select * exclude (filename) from {rows(tmp_path / 'whole', name)}"
            unequal = con.execute(f"select count(*) from (({newest}) except ({other}))").fetchone()
            assert unequal == (0,), name
            assert con.execute(f"select count(*) from ({newest})").fetchone() == con.execute(
                f"select count(*) from ({other})"
            ).fetchone()  # fmt: skip
    one_day = sorted((tmp_path / "grown" / "shop" / "orders").glob("*"))
    assert [path.name for path in one_day] == ["d00000-00090.parquet", "d00090-00091.parquet", "d00091-00120.parquet"]


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    generate(tmp_path / "a", 50, 40, 1, "parquet")
    with pytest.raises(UsageError, match=r"holds a company of seed 1, not 2.*Name a new folder"):
        generate(tmp_path / "a", 50, 40, 2, "parquet")
    with pytest.raises(UsageError, match="holds 40 days already, more than 39"):
        generate(tmp_path / "a", 50, 39, 1, "parquet")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty, and was not written by generate"):
        generate(tmp_path / "mine", 50, 40, 1, "parquet")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_run_that_was_killed_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, "write_truth", stop)
        with pytest.raises(KeyboardInterrupt):
            generate(tmp_path / "a", 50, 40, 1, "parquet")
    assert [p.name for p in (tmp_path / "a").iterdir()] == [".new"]
    generate(tmp_path / "a", 50, 40, 1, "parquet")
    assert hashes(tmp_path / "a")["truth.identity"]


def test_the_command_says_what_it_wrote_and_that_nothing_is_left_to_write(tmp_path: Path) -> None:
    from orchestration.cli.main import app

    given = ["generate", "telecom_retail", "--customers", "50", "--days", "40", "--out", str(tmp_path / "a")]
    first = CliRunner().invoke(app, [*given, "--format", "parquet", "--json"])
    assert first.exit_code == 0, first.output
    assert json.loads(first.output)["rows"]["shop.orders"] > 0
    again = CliRunner().invoke(app, [*given, "--format", "parquet"])
    assert "nothing was written" in again.output


def test_every_answer_is_given(company: Path) -> None:
    found = hashes(company)
    assert {f"truth.{name}" for name in TRUTHS} | {"truth.dirt"} <= set(found)
    with duckdb.connect() as con:
        unknown = con.execute(
            f"select count(*) from {rows(company, 'shop.accounts')} where account_no not in "
            f"(select customer_id from {rows(company, 'truth.identity')} where source_system = 'shop')"
        ).fetchone()
        systems = con.execute(
            f"select n, count(*) from (select count(*) as n from {rows(company, 'truth.identity')} group by person_no) "
            "group by n order by n"
        ).fetchall()
    assert unknown == (0,)
    assert [n for n, _ in systems] == [1, 2, 3]


def test_who_buys_a_phone_takes_its_case_in_six_baskets_of_ten(company: Path) -> None:
    """The first line decides; 0.6 within four standard errors."""
    with duckdb.connect() as con:
        found = con.execute(
            f"""
            with line as (
              select distinct order_no, line_no, substr(product_no, 2)::int as product
              from {rows(company, "shop.lines")} where product_no like 'P%'
            )
            select count(*), avg((
              exists (select 1 from line c where c.order_no = l.order_no and c.product = l.product + 100)
            )::int) from line l where line_no = '1' and product <= 20
            """
        ).fetchone()
    assert found is not None
    phones, share = found
    assert phones > 1_000
    assert share == pytest.approx(0.6, abs=4 * (0.24 / phones) ** 0.5)


def test_a_treatment_adds_and_takes_what_was_planted(company: Path) -> None:
    """Of treated customers with an account, the planted share bought once more by the campaign (92 in 100 orders bear
    the account's number); of those who stay away, none bought in the fortnight, while their likes in control did."""
    with duckdb.connect() as con:
        con.execute(
            f"""
            create table orders as
            select i.person_no, campaign_no, strptime(placed, '%d.%m.%Y %H:%M') as placed
            from {rows(company, "shop.orders")} o
            join {rows(company, "truth.identity")} i on i.customer_id = o.account_no where placed <> 'tomorrow';
            create table member as
            select a.* exclude (filename), i.person_no,
              timestamp '2024-01-01' + to_days((10 + 30 * substr(campaign_no, 2)::int)::int) as began
            from {rows(company, "truth.campaign_arms")} a join {rows(company, "truth.identity")} i using (customer_id)
            join {rows(company, "shop.accounts")} s on s.account_no = 'S' || (70000000 + i.person_no)
            where began < timestamp '2025-01-15'
            """
        )
        answered = con.execute(
            """
            select segment, arm = 'treatment', count(*),
              avg((exists (from orders o where o.person_no = m.person_no and o.campaign_no = m.campaign_no))::int)
            from member m group by all
            """
        ).fetchall()
        stayed = con.execute(
            """
            select arm = 'treatment', count(*), sum((select count(*) from orders o where o.person_no = m.person_no
              and o.campaign_no is null and o.placed between m.began and m.began + interval 14 day))
            from member m where stays_away group by all order by 1
            """
        ).fetchall()
    planted = {"budget": 0.06, "family": 0.12, "business": 0.0, "premium": 0.0}
    assert len(answered) == 8
    for segment, is_treated, customers, share in answered:
        expected = 0.92 * planted[segment] * is_treated
        assert share == pytest.approx(expected, abs=4 * (expected * (1 - expected) / customers) ** 0.5), segment
        assert customers > 80
    [(_, _, kept), (_, left_alone, lost)] = stayed
    assert kept > 5
    assert left_alone > 30
    assert lost == 0


def test_customers_leave_by_their_hazard(company: Path) -> None:
    """Of those who had not left by day 300, as many had by day 390 as their Weibull times and bad days say."""
    with duckdb.connect() as con:
        found = con.execute(
            f"""
            select segment, avg((end_day < 390)::int), count(*) from {rows(company, "truth.people")}
            where since_day < 300 and end_day >= 300 group by segment order by segment
            """
        ).fetchall()
    shares = {segment: share for segment, share, _ in found}
    assert shares["budget"] > shares["business"] > shares["premium"]
    assert sum(n for _, _, n in found) > 1_000


def test_the_hazard_is_the_share_that_leaves(tmp_path: Path, company: Path) -> None:
    """Of customers who are there on day 310, as many leave in the next ninety days as their hazards add up to, also of
    those whom a bad day drives out and who had it: all of them go."""
    generate(tmp_path / "a", 5_000, 310, 7, "parquet")
    with duckdb.connect() as con:
        found = con.execute(
            f"""
            select h.leaves_for_it, h.leaves_for_it and h.bad_day < 310 as goes, count(*), sum(h.churn_hazard),
              sum((p.end_day < 400)::int)
            from {rows(tmp_path / "a", "truth.people")} h join {rows(company, "truth.people")} p using (person_no)
            where not h.has_left group by all order by all
            """
        ).fetchall()
    assert [(hurt, goes) for hurt, goes, *_ in found] == [(False, False), (True, False), (True, True)]
    for _, goes, customers, expected, left in found:
        assert left == pytest.approx(expected, abs=0 if goes else 3 * expected**0.5)
        assert customers > (10 if goes else 500)

"""What commands print: nothing of the data is markup or a command, nothing is folded, a line per stage."""

from __future__ import annotations

import contextlib
import csv
import inspect
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from orchestration.cli.command import Panel, found
from orchestration.cli.console import as_called, escape
from orchestration.cli.look import checks_of_state, last_runs
from orchestration.cli.main import EXIT_CODES, app
from orchestration.cli.models import card_here
from orchestration.cli.quarantine import spaced
from orchestration.cli.serve import open_browser
from orchestration.config.company import load_company
from orchestration.conform.run import write_load_audit
from orchestration.landing.lake import Lake
from orchestration.platform.clock import utc_now
from orchestration.platform.errors import RegularsError, Stopped, UsageError, in_plain_words
from orchestration.platform.hints import COMMANDS, for_company
from orchestration.platform.literals import no_formula, visible
from orchestration.platform.paths import PROJECT, CompanyPaths
from orchestration.platform.progress import Progress
from orchestration.platform.rows import Format, as_csv, laid_out
from orchestration.platform.state import State
from orchestration.warehouse.connections import open_warehouse
from tests.support.conforming import load_and_conform
from tests.support.shop import Shop

HOSTILE = ["[bold]x[/]", r"\[/]", "[/]", "\x1b[31mred\x1b[0m", "\x9b2J", "\x1b]8;;http://x\x07link", ":smile:", "a\rb",
           "\u202eevil", "[link=http://x]y[/link]", "\\"]  # fmt: skip


def printed(rows: list[dict[str, object]], width: int, form: Format | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=width, soft_wrap=True, highlight=False, emoji=False, color_system=None)
    console.print(laid_out(rows, width, form), soft_wrap=True)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


def test_rows_that_fit_are_a_table() -> None:
    lines = printed([{"id": "A-1", "n": 7}, {"id": "A-22", "n": 10}], 80)
    assert [line.rstrip() for line in lines] == ["id     n", "A-1    7", "A-22  10"]


def test_sixty_columns_are_blocks_and_no_letter_stands_alone() -> None:
    rows: list[dict[str, object]] = [{f"column_{n}": f"value {n}" for n in range(60)} for _ in range(3)]
    lines = printed(rows, 80)
    assert len(lines) == 3 * 61
    assert lines[0].startswith("── 1 of 3 ")
    assert lines[1] == "column_0   value 0"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("width", [40, 80, 160])
def test_ids_are_never_folded(width: int) -> None:
    ident = "20261128T000759143Z-67859d44-2f1c"
    rows: list[dict[str, object]] = [{"run": ident, "file": "a" * 30, "why": "one two three " * 6, "n": 12345678901}]
    lines = printed(rows, width)
    for whole in (ident, "a" * 30, "12345678901"):
        assert any(whole in line for line in lines), lines


def test_an_id_longer_than_the_terminal_is_not_broken_either() -> None:
    path = "/var/" + "x" * 200
    assert any(path in line for line in printed([{"path": path}], 80))


def test_a_long_text_wraps_between_words_and_goes_vertical_when_the_cell_grows_tall() -> None:
    short = [{"id": "A", "text": "word " * 20}]
    assert not printed(short, 80)[0].startswith("──")
    assert printed([{"id": "A", "text": "word " * 100}], 80)[0].startswith("──")


@given(
    st.lists(
        st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=90)), min_size=3, max_size=3), min_size=1,
        max_size=4,
    ),
    st.sampled_from([20, 80, 160]), st.sampled_from([None, Format.TABLE, Format.VERTICAL]),
)  # fmt: skip
def test_whatever_the_data_say_no_control_character_and_no_word_is_lost(
    cells: list[list[object]], width: int, form: Format | None
) -> None:
    rows = [dict(zip("abc", row, strict=True)) for row in cells]
    text = "\n".join(printed(rows, width, form))
    assert not [c for c in text.replace("\n", "") if ord(c) < 32 or 127 <= ord(c) < 160]
    assert {w for row in cells for v in row if v is not None for w in visible(str(v)).split()} <= set(text.split())


def test_form_table_is_a_line_per_row_however_wide() -> None:
    rows: list[dict[str, object]] = [{f"c{n}": "x y" * 5 for n in range(30)} for _ in range(2)]
    lines = printed(rows, 80, Format.TABLE)
    assert len(lines) == 3
    assert all(line.count("x y") == 150 for line in lines[1:])


def test_numbers_stand_right_and_texts_left() -> None:
    rows: list[dict[str, object]] = [{"a": Decimal("1.5"), "b": "1.5"}, {"a": Decimal("10.25"), "b": "10.25"}]
    assert [line.rstrip() for line in printed(rows, 80)] == ["    a  b", "  1.5  1.5", "10.25  10.25"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_data_is_neither_markup_nor_a_command(text: str) -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, highlight=False, emoji=False, soft_wrap=True)
    console.print(f"[bold]Error:[/] {escape(text)}[dim]![/]")
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown == f"\x1b[1mError:\x1b[0m {visible(text)}\x1b[2m!\x1b[0m\n"
    assert not set(visible(text)) & {"\x1b", "\x9b", "\x07", "\r", "\u202e"}


def test_formulas_are_quoted_in_values_and_in_names() -> None:
    for start in ("=", "+", "-", "@", "\t", "\r", "\n", "＝"):
        assert no_formula(f"{start}1+1") == f"'{start}1+1"
    assert [no_formula(value) for value in ("Ann", "", None, -1, 2.5, Decimal(-3))] == [
        "Ann", "", None, -1, 2.5, Decimal(-3),
    ]  # fmt: skip
    text = as_csv(["=cmd", "n"], [{"=cmd": "\n=1", "n": -1}])
    assert list(csv.reader(io.StringIO(text))) == [["'=cmd", "n"], ["'\n=1", "-1"]]


# The refresh -----------------------------------------------------------------------------------------


def told(verbose: bool = False, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=terminal, highlight=False, soft_wrap=True)
    progress = Progress(False, verbose, console)
    progress("load", "started", {})
    progress("load", "steps", {"steps": 2})
    progress("load", "shop.orders", {"rows": 1200})
    progress("load", "shop.stores: unchanged", {})
    progress("load", "shop.orders: new column [x]", {})
    progress("load", "done", {"tables": 2, "rows": 1200, "seconds": 1.25})
    progress("dbt", "started", {})
    for number in range(150):
        progress("dbt", f"model m{number}: success", {"seconds": 0.1})
    progress("dbt", "test t: warn", {"seconds": 0.1})
    progress("dbt", "done", {"models": 150, "as_of": "2024-01-31", "facts": "changed months", "seconds": 20.0})
    progress("refresh", "succeeded", {})
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_refresh_prints_a_line_per_stage() -> None:
    lines = [" ".join(line.split()) for line in told().splitlines()]
    assert lines == [
        "load 2 tables, 1,200 new rows 1.2 s",
        "shop.orders: new column [x]",
        "dbt 150 models, as of 2024-01-31, facts changed months 20.0 s",
        "test t: warn",
    ]


def test_verbose_names_every_model_and_a_terminal_sees_a_bar_that_goes_away() -> None:
    assert sum("model m" in line for line in told(verbose=True).splitlines()) == 150
    shown = told(terminal=True)
    assert "1/2" in shown or "2/2" in shown  # the bar counts the tables
    assert "\x1b[2K" in shown  # and is taken away
    assert "load" in shown.splitlines()[-1] or "warn" in shown.splitlines()[-1]


def test_a_model_without_a_version_is_not_called_none() -> None:
    console = Console(file=io.StringIO(), width=100, highlight=False, soft_wrap=True)
    progress = Progress(False, False, console)
    progress("score", "started", {})
    progress("score", "churn: too few customers", {})
    progress("score", "done", {"churn": "not_enough_data", "value": "published", "seconds": 2})
    assert "None" not in console.file.getvalue()  # type: ignore[attr-defined]
    source = (PROJECT / "orchestration" / "run" / "refresh.py").read_text()
    assert "{model['model']} {model['version']}" not in source


# Commands --------------------------------------------------------------------------------------------


def test_help_groups_the_commands_with_refresh_first() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"}).stdout
    places = [shown.index(group) for group in (panel.value for panel in Panel)]
    assert places == sorted(places)
    first = next(line for line in shown.splitlines() if line.startswith("│") and "--help" not in line)
    assert first.split()[1] == "refresh"
    for code, meaning in EXIT_CODES.items():
        assert f"{code} {meaning}" in " ".join(shown.split())


def test_every_command_is_in_a_group() -> None:
    from typer.main import get_command

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    panels = {info.rich_help_panel for info in (*app.registered_commands, *app.registered_groups)}
    assert panels == {panel.value for panel in Panel}
    assert len(known) == len(found())


def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyPaths:
    folder = tmp_path / "companies" / "corner"
    (folder / "sources").mkdir(parents=True)
    (folder / "company.yml").write_text(
        "name: corner\ntitle: 'Corner [bold]\\[/]'\ncurrency: EUR\ntimezone: UTC\nweek_start: monday\n"
    )
    (folder / "sources" / "till.yml").write_text(
        f"system: till\ntimezone: UTC\nconnector: {{kind: parquet, path: '{tmp_path}'}}\n"
        "tables: {orders: {}}\nmaps: {}\n"
    )
    monkeypatch.setenv("REGULARS_COMPANIES", str(tmp_path / "companies"))
    monkeypatch.setenv("REGULARS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGULARS_COMPANY", "corner")
    return CompanyPaths.of("corner")


def judged(paths: CompanyPaths, checks: int) -> None:
    with State(paths.state) as state:
        state.start_run("r1", "refresh", utc_now())
        state.start_stage("r1", "quality", utc_now())
        state.finish_stage("r1", "quality", utc_now(), "succeeded", {"checks": checks, "failed": 0})
        state.finish_run("r1", "succeeded", utc_now(), None, None, None)


def test_never_checked_is_not_zero_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = company(tmp_path, monkeypatch)
    assert checks_of_state(paths.state) == ([], None)
    never = CliRunner().invoke(app, ["check"])
    assert isinstance(never.exception, RegularsError)
    assert never.exception.exit_code == 1
    assert "never checked" in str(never.exception)
    judged(paths, 0)
    zero = CliRunner().invoke(app, ["check"])
    assert zero.exit_code == 0
    assert zero.stdout.startswith("0 checks at ")


def test_status_tells_a_killed_run_and_when_it_last_spoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = company(tmp_path, monkeypatch)
    with State(paths.state) as state:
        state.start_run("20240131T101112000Z", "refresh", utc_now())
    paths.logs.mkdir(parents=True)
    log = paths.logs / "20240131T101112000Z.jsonl"
    log.write_text("{}\n")
    os.utime(log, (1706695973, 1706695973))  # 2024-01-31 10:12:53 UTC
    with State(paths.state, read_only=True) as state:
        [run] = last_runs(state, paths)
    assert run["status"] == "killed"
    assert run["error"] == "killed at 2024-01-31 10:12:53; the next refresh mends it"
    shown = CliRunner().invoke(app, ["status"]).stdout
    assert "was killed at 2024-01-31 10:12:53; the next refresh mends it: regulars refresh" in " ".join(shown.split())
    assert "Corner [bold]\\[/] (corner)" in shown
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["runs"][0]["status"] == "killed"


def test_status_does_not_call_a_living_run_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.platform.lock import refresh_lock

    paths = company(tmp_path, monkeypatch)
    with refresh_lock(paths.lock, "2024-01-31T10:11:12", "regulars refresh"), State(paths.state) as state:
        state.start_run("r1", "refresh", utc_now())
        assert last_runs(state, paths)[0]["status"] == "running"
        with State(paths.state) as other:
            other.con.execute("update run set pid = pid + 1")  # the lock is another command's
        assert last_runs(state, paths)[0]["status"] == "killed"


class InterruptException(Exception):
    """As DuckDB's."""


def test_an_interrupt_is_one_wherever_it_comes_out() -> None:
    for error in (KeyboardInterrupt(), InterruptException("INTERRUPT Error: Interrupted!")):
        assert isinstance(in_plain_words(error), Stopped)
    wrapped = RegularsError("a map failed", "mend it")
    wrapped.__cause__ = InterruptException("Interrupted!")
    assert in_plain_words(wrapped).exit_code == 130
    assert in_plain_words(RegularsError("no", "yes")).exit_code == 1


# A shell's background jobs ignore Ctrl-C, and their children would, too.
STARTED = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); print('up', flush=True); "
    "from orchestration.cli.__main__ import main; main()"
)


@pytest.mark.parametrize("wait", [0.7, 3.0])
def test_ctrl_c_ends_a_command_in_one_line(tmp_path: Path, wait: float) -> None:
    arguments = ["generate", "telecom_retail", "--customers", "200000", "--out", str(tmp_path / "made")]
    process = subprocess.Popen([sys.executable, "-c", STARTED, *arguments], cwd=PROJECT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0]
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "Error: stopped by Ctrl-C. Run it again to go on from what was committed"
    assert process.returncode == 130


def test_the_browser_opens_once_the_server_answers_and_never_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        open_browser(port)
        assert opened == [f"http://127.0.0.1:{port}"]
        taken = CliRunner().invoke(app, ["dashboard", "--port", str(port)])
        assert f"port {port} is in use" in str(taken.exception)
    open_browser(port, patience=0.3)
    assert len(opened) == 1


def test_every_hint_is_for_the_company_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, folder in (("REGULARS_COMPANIES", "companies"), ("REGULARS_HOME", "home")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.delenv("REGULARS_COMPANY", raising=False)
    monkeypatch.setattr("sys.argv", ["regulars"])
    Shop(tmp_path).write()
    for command in (["status"], ["versions"], ["doctor"], ["drift"]):
        assert "regulars refresh --company shop" in CliRunner().invoke(app, [*command, "-c", "shop"]).output, command
    for command in (["sql", "select 1"], ["check"], ["models"], ["explain", "1"], ["quarantine", "replay", "customer"]):
        ended = CliRunner().invoke(app, [*command, "-c", "shop"]).exception
        assert isinstance(ended, RegularsError), command
        assert as_called(str(ended)).endswith("Run: regulars refresh --company shop"), command
    assert not (tmp_path / "home" / "shop" / "warehouse.duckdb").exists()
    # Where the company is taken without a word, none is said.
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    assert CliRunner().invoke(app, ["versions"]).output.split() == [
        "Nothing",
        "is",
        "published",
        "yet;",
        "run:",
        "regulars",
        "refresh",
    ]


def test_hints_are_commands_that_exist_and_take_a_company() -> None:
    known = {}
    for command in found():
        if isinstance(command.run, typer.Typer):
            known |= {f"{command.name} {c.name}": c.callback for c in command.run.registered_commands}
        else:
            known[command.run.__name__.replace("_", "-")] = command.run
    assert {name for name, made in known.items() if made and "company" in inspect.signature(made).parameters} - {
        "generate"  # its company is the one that it makes
    } == COMMANDS
    text = (
        "Run: regulars refresh --full; see regulars quarantine show x, `regulars init y`, regulars refreshes, "
        "a/regulars sql"
    )
    assert for_company(text, "s") == (
        "Run: regulars refresh --company s --full; see regulars quarantine show --company s x, `regulars init y`, "
        "regulars refreshes, a/regulars sql"
    )
    assert for_company("regulars sql --company t x", "s") == "regulars sql --company t x"


@pytest.mark.parametrize("query", ["", "  ", ";", ";;\n", "-- nothing", "/* nothing */"])
def test_an_empty_query_says_so(loaded: Shop, query: str) -> None:
    database = loaded.state / "published" / "versions" / "v" / "regulars.duckdb"
    database.parent.mkdir(parents=True)
    with duckdb.connect(str(database)) as con:
        con.execute("create schema core; create schema marts; create table marts.build_info as select 'v' as version")
    (loaded.state / "published" / "current").symlink_to("versions/v")
    ended = CliRunner().invoke(app, ["sql", "-c", "shop", "--", query]).exception
    assert isinstance(ended, UsageError)
    assert "the query is empty" in str(ended)
    shown = CliRunner().invoke(app, ["sql", "-c", "shop", "tables"]).output.split()
    assert shown == ["table", "schema", "rows", "columns", "build_info", "marts", "1", "1"]


@pytest.mark.parametrize(
    "command", [["explain", "1"], ["explain", "till:C1", "till:C2"], ["review", "export", "pairs.csv"], ["forget", "1"]]
)
def test_a_warehouse_that_a_kill_left_half_built_says_what_to_run(loaded: Shop, command: list[str]) -> None:
    ended = CliRunner().invoke(app, [*command, "-c", "shop"]).exception
    assert isinstance(ended, UsageError), ended
    assert ended.cure == "Run: regulars refresh"


def test_values_are_written_as_sql_writes_them() -> None:
    rows: list[dict[str, object]] = [{"yes": True, "no": False, "list": [1, None, "ä"], "none": None, "n": 1}]
    assert [line.split(None, 1)[1:] for line in printed(rows, 80, Format.VERTICAL)[1:]] == [
        ["true"], ["false"], ['[1, null, "ä"]'], [], ["1"]
    ]  # fmt: skip


def test_a_model_card_is_where_the_company_is_now(tmp_path: Path) -> None:
    paths = CompanyPaths(tmp_path / "shop")
    assert card_here(paths, "churn", "/elsewhere/shop/models/churn/1.html") == Path(
        "/elsewhere/shop/models/churn/1.html"
    )
    card = paths.root / "models" / "churn" / "1.html"
    card.parent.mkdir(parents=True)
    card.touch()
    assert card_here(paths, "churn", "/elsewhere/shop/models/churn/1.html") == card


def test_a_quarantined_record_wraps_between_its_fields() -> None:
    record = spaced(json.dumps({f"field_{n}": f"value {n}" for n in range(20)}, separators=(",", ":")))
    assert max(map(len, printed([{"record": record}], 80, Format.VERTICAL))) <= 80
    assert spaced("no json") == "no json"
    assert spaced(None) is None


def test_quarantine_show_of_lines_that_are_no_rows(shop: Shop) -> None:
    """They have no key of an entity, and say where they stand."""
    (shop.data / "people.csv").write_text('id,name\n1,a\n2,b,c,"d"\n')
    maps = {"customer": {"from": "people", "columns": {"customer_id": "id"}}}
    shop.configure(source={"connector": {"kind": "csv", "path": "${SHOP_DATA}"},
                           "tables": {"people": {"path": "people.csv"}}, "maps": maps})  # fmt: skip
    load_and_conform(load_company("shop"))
    with open_warehouse(load_company("shop")) as con:
        write_load_audit(con, Lake(load_company("shop").paths.lake))
    shown = CliRunner().invoke(app, ["quarantine", "show", "(people)", "-c", "shop"]).output
    assert "too_many_columns" in shown
    assert "row      3" in shown  # the file's third line


def test_status_shows_books_that_are_damaged(shop: Shop) -> None:
    shop.configure(source={"connector": {"kind": "csv", "path": "${SHOP_DATA}"},
                           "tables": {"people": {"path": "people.csv"}},
                           "maps": {"customer": {"from": "people", "columns": {"customer_id": "id"}}}})  # fmt: skip
    (shop.data / "people.csv").write_text("id\n1\n")
    load_and_conform(load_company("shop"))
    assert "till.people" in CliRunner().invoke(app, ["status", "-c", "shop"]).output
    with contextlib.closing(sqlite3.connect(load_company("shop").paths.state)) as con:
        con.execute("update load_audit set rows_landed = 'many'")
        con.commit()
    shown = CliRunner().invoke(app, ["status", "-c", "shop"])
    assert shown.exception is None
    assert "many, no number" in " ".join(shown.output.split())

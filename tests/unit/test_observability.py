"""Logs without secrets, retention, and what doctor finds."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestration.config.company import load_company
from orchestration.platform.errors import RegularsError
from orchestration.platform.redaction import HIDDEN, is_secret, redact
from orchestration.platform.report import Reporter
from orchestration.platform.state import State
from orchestration.run import doctor
from orchestration.run.doctor import diagnose
from orchestration.run.refresh import open_session, prune_runtime
from tests.support.shop import Shop

NOW = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://etl:hunter2@db/shop failed", f"postgresql://etl:{HIDDEN}@db/shop failed"),
        ("host=db password=hunter2 user=etl", f"host=db password={HIDDEN} user=etl"),
        ('{"api_key": "hunter2", "rows": 3}', f'{{"api_key": "{HIDDEN}", "rows": 3}}'),
        ("Driver=X;PWD=hunter2;Database=y", f"Driver=X;PWD={HIDDEN};Database=y"),
        ("DB_PASS=hunter2 PGPASSWORD=postgres", f"DB_PASS={HIDDEN} PGPASSWORD={HIDDEN}"),
        ("SHOP_API_TOKEN: 'hunter2'", f"SHOP_API_TOKEN: '{HIDDEN}'"),
        ("PWD=/usr OLDPWD=/", "PWD=/usr OLDPWD=/"),
        ("Done. PASS=12 WARN=0 unique_key: order_id", "Done. PASS=12 WARN=0 unique_key: order_id"),
        ("Authorization: Bearer hunter2.abc", f"Authorization: Bearer {HIDDEN}"),
        (
            "table secretary: 12 rows, key order_id, token_count 5",
            "table secretary: 12 rows, key order_id, token_count 5",
        ),
    ],
)
def test_what_looks_like_a_password_is_hidden(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=30))
def test_the_value_of_a_secret_variable_never_passes(secret: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_DB_PASSWORD", secret)
        assume(is_secret("CRM_DB_PASSWORD", secret))
        hidden = redact(f"cannot connect as etl with {secret} to db")
    assert secret not in hidden.replace(HIDDEN, "")


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASS", "DB_PW", "PGPASSWORD", "MYSQL_PWD", "SSHPASS", "CRM_TOKEN", "TOKEN_CRM", "CLIENT_SECRET",
        "S3_ACCESS_KEY", "REGULARS_PSEUDONYM_KEY", "shop_password", "ODBC_CONNECTION", "DATABASE_URL",
    ],
)  # fmt: skip
def test_names_that_tell_a_secret(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    values = {"ODBC_CONNECTION": "Driver=X;PWD=hunter2;Server=db", "DATABASE_URL": "mysql://etl:hunter2@db/shop"}
    monkeypatch.setenv(name, values.get(name, "hunter2"))
    assert redact("etl, hunter2: refused; ghunter23") == f"etl, {HIDDEN}: refused; ghunter23"


@pytest.mark.parametrize("spelling", ["p@ss!w0rd", "p%40ss!w0rd", "p%40ss%21w0rd"])
def test_a_password_of_a_url_is_hidden_however_it_is_spelled(monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    monkeypatch.setenv("MONGO_URI", "mongodb://etl:p%40ss!w0rd@db/shop")
    assert redact(f"auth of etl by {spelling} failed") == f"auth of etl by {HIDDEN} failed"


def test_folders_and_what_everybody_knows_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = f"{tmp_path}/a.csv: postgres on localhost, 1 row, is_new true, since 2024; {Path.home()}, key order_id"
    for name, value in {
        "PWD": str(tmp_path), "OLDPWD": "/", "HOME": str(Path.home()), "PATH": "/usr/bin:/bin",
        "TOKEN_FOLDER": str(tmp_path),
        "DB_PASS": "postgres", "A_TOKEN": "1", "B_SECRET": "true", "C_KEY": "2024",
        "D_PASSWORD": " ", "E_PW": "localhost",
        "MONKEY": "order_id", "KEYBOARD": "rows",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert redact(text) == text


def test_source_test_and_preview_show_no_secret(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from orchestration.cli.main import app

    monkeypatch.setenv("TILL_PW", "s3cr3t-pw")
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    shop.put("customers", "select 's3cr3t-pw' as id, 'Ann' as name, 'female' as gender, now() as changed_at")
    shown = CliRunner().invoke(app, ["source", "preview", "till", "customers", "--json"]).output
    assert json.loads(shown)[0]["id"] == HIDDEN
    shop.configure(source={"connector": {"kind": "parquet", "path": str(shop.root / "s3cr3t-pw")}})
    failed = CliRunner().invoke(app, ["source", "test", "--json"])
    assert failed.exit_code == 1
    assert "s3cr3t" not in failed.output
    assert HIDDEN in json.loads(failed.output)[0]["error"]


def test_the_run_log_the_journal_and_the_sinks_are_redacted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN", "s3cr3t-t0ken")
    seen: list[str] = []
    config = load_company("shop")
    with (
        pytest.raises(RegularsError),
        open_session(config, "refresh", (lambda *said: seen.append(str(said)),)) as session,
        session.stage("load"),
    ):
        raise RegularsError("login with s3cr3t-t0ken refused")
    [log] = config.paths.logs.glob("*.jsonl")
    with State(config.paths.state) as state:
        journal = str(state.rows("select * from run")) + str(state.rows("select * from stage"))
    for text in (log.read_text(), journal, "".join(seen)):
        assert "s3cr3t" not in text
        assert HIDDEN in text.encode().decode("unicode_escape", "ignore") or HIDDEN in text or "\\u2022" in text


def test_every_line_of_the_log_is_json_with_the_run_id(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path / "20250601T000000000Z.jsonl")
    reporter.say("load", "done", rows=3, at_rest=["x"])
    [line] = (tmp_path / "20250601T000000000Z.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["run_id"], entry["stage"], entry["rows"]) == ("20250601T000000000Z", "load", 3)


def test_old_logs_and_builds_aside_are_deleted_and_young_ones_kept(shop: Shop) -> None:
    shop.configure(company={"retention": {"logs_days": 10, "as_of_days": 5}})
    config = load_company("shop")
    places = {
        "old log": config.paths.logs / "a.jsonl", "young log": config.paths.logs / "b.jsonl",
        "old build": config.paths.root / "as_of" / "2024-01-01",
        "young build": config.paths.root / "as_of" / "2024-02-01",
    }  # fmt: skip
    for name, path in places.items():
        if name.endswith("build"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
        days = 11 if name.startswith("old") else 1
        moment = (NOW - dt.timedelta(days=days)).timestamp()
        os.utime(path, (moment, moment))
    prune_runtime(config, NOW)
    assert {name for name, path in places.items() if path.exists()} == {"young log", "young build"}


def test_doctor_finds_a_version_clash_a_missing_driver_and_an_open_key(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [f for f in diagnose("shop") if f.state == "problem"] == []
    key = load_company("shop").paths.root / "pseudonym.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text("x")
    key.chmod(0o644)
    monkeypatch.setitem(doctor.KINDS, "parquet", replace(doctor.KINDS["parquet"], packages=("no-such-driver",)))
    monkeypatch.setattr(
        doctor.importlib.metadata, "requires", lambda name: ["duckdb<0.1"] if name == "dbt-duckdb" else []
    )
    messages = " | ".join(f"{f.message} -> {f.cure}" for f in diagnose("shop") if f.state == "problem")
    assert "dbt-duckdb needs duckdb<0.1, found 1.5.5" in messages
    assert "source till is of kind parquet, which needs no-such-driver" in messages
    assert f"{key} can be read by others -> Run: chmod 600 {key}" in messages


def test_doctor_finds_low_disk(shop: Shop) -> None:
    shop.configure(company={"resources": {"disk_headroom": "900000TB"}})
    [finding] = [f for f in diagnose("shop") if f.what == "disk"]
    assert finding.state == "problem"
    assert "900000000.0 GB wanted" in finding.message

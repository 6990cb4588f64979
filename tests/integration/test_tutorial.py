"""The tutorial as a new user follows it: a folder that nobody prepared, and its commands to the end."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from pathlib import Path

import pytest

from orchestration.paths import PROJECT
from tests.support.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tutorial")]

TUTORIAL = (PROJECT / "docs" / "tutorial" / "your-own-data.md").read_text()
COMMANDS = re.findall(r"^\.venv/bin/regulars (.+)$", TUTORIAL, re.MULTILINE)


def write_sales(path: Path) -> int:
    """A German spreadsheet of sales lines over half a year; returns the cents that were sold."""
    cents = 0
    with path.open("w", newline="", encoding="cp1252") as handle:
        writer = csv.writer(handle, delimiter=";")
        writer.writerow(["Rechnung-Nr", "Datum", "KundenNr", "Artikel", "Bezeichnung", "Menge", "Betrag"])
        for number in range(1, 401):
            day = dt.date(2025, 1, 1) + dt.timedelta(days=(number * 7) % 180)
            for line in range(1 + number % 3):
                amount = 1_000 + (number * 37 + line * 911) % 150_000
                cents += amount
                text = f"{amount // 100:,}".replace(",", ".") + f",{amount % 100:02d}"
                customer = "" if number % 10 == 0 else f"K{number % 60:03d}"
                writer.writerow([number, f"{day:%d.%m.%Y}", customer, f"A{line}", "Käse & Brot", 1 + line, text])
    return cents


def test_the_commands_of_the_tutorial(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    cents = write_sales(exports / "Umsätze 2025.csv")
    user = Shop(tmp_path)
    user.companies.mkdir()
    done = {}
    for command in COMMANDS:
        if command.startswith("dashboard"):
            continue  # test_dashboard opens it
        words = re.findall(r'"[^"]*"|\S+', command.replace("~/exports", str(exports)))
        arguments = [word.strip('"') for word in words]
        result = user.regulars(*arguments)
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        done[arguments[0]] = result.stdout
    assert "flat sales lines: sales_order, order_line, customer, product" in done["init"]
    assert "Quarantine is empty." in done["quarantine"]
    asked = user.regulars(
        "sql", "--company", "corner_shop", "--json",
        "select sum(net_amount) as sales, count(distinct order_key) as orders from core.fct_order_line",
    )  # fmt: skip
    [row] = json.loads(asked.stdout)
    assert (round(float(row["sales"]) * 100), row["orders"]) == (cents, 400)

"""The tutorial as a new user follows it: a shop's export that nobody prepared, and its commands to the end."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.platform.paths import PROJECT
from tests.support.exports import ORDERS, german_shop
from tests.support.shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tutorial")]

TUTORIAL = (PROJECT / "docs" / "tutorial" / "your-own-data.md").read_text()
COMMANDS = re.findall(r"^\.venv/bin/regulars (.+)$", TUTORIAL, re.MULTILINE)
SHOWN = re.findall(r"^  bestellungen: .+$", TUTORIAL, re.MULTILINE)  # what the page says that init prints


def test_the_commands_of_the_tutorial(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    sold = german_shop(exports)
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
    for line in SHOWN:
        assert line in done["init"]
    assert "Quarantine is empty." in done["quarantine"]
    asked = user.regulars(
        "sql", "--company", "corner_shop", "--json",
        "select sum(net_amount) as sales, count(distinct order_key) as orders from core.fct_order_line",
    )  # fmt: skip
    [row] = json.loads(asked.stdout)
    assert (Decimal(str(row["sales"])), row["orders"]) == (sold, ORDERS)

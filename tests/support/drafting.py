"""Companies drafted from small files, answered as a user does, and loaded."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from orchestration.cli.main import app
from orchestration.config.company import CompanyConfig, load_company
from tests.support.conforming import load_and_conform, rows


class Drafts:
    """Companies drafted from folders of small files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.output = ""

    def put(self, name: str, text: str) -> Path:
        """Write a file of the export."""
        path = self.root / "exports" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def init(self, *arguments: str, data: Path | None = None) -> str:
        """Draft a company and return what was printed, with its lines joined."""
        where = data or self.root / "exports"
        done = CliRunner().invoke(app, ["init", "drafted", "--data", str(where), *arguments])
        assert done.exit_code == 0, (done.output, done.exception)
        self.output = done.output
        return re.sub(r"\s+", " ", done.output)

    def yaml(self, system: str = "shop") -> str:
        """The drafted source."""
        return (self.root / "companies" / "drafted" / "sources" / f"{system}.yml").read_text(encoding="utf-8")

    def maps(self, system: str = "shop") -> dict[str, Any]:
        """The drafted maps that are no comments."""
        found: dict[str, Any] = yaml.safe_load(self.yaml(system))["maps"]
        return found

    def answer(self, question: str, choice: int, system: str = "shop") -> None:
        """Take the # from one of the lines of an open question, as a user does."""
        path = self.root / "companies" / "drafted" / "sources" / f"{system}.yml"
        head, tail = self.yaml(system).split(f"# QUESTION: {question}", 1)
        lines = tail.splitlines()
        options = [i for i, line in enumerate(lines) if line.strip().startswith(f"# {question}: ")]
        lines[options[choice]] = lines[options[choice]].replace("# ", "", 1)
        kept = [line for line in lines if "answer_the_question_above" not in line]
        path.write_text(head + "# was asked: " + "\n".join(kept) + "\n", encoding="utf-8")

    def config(self) -> CompanyConfig:
        """The drafted company."""
        return load_company("drafted")

    def loaded(self) -> CompanyConfig:
        """The drafted company with its input filled; nothing may be in quarantine."""
        config = self.config()
        audits = load_and_conform(config)
        assert {name: audit.quarantined for name, audit in audits.items() if audit.quarantined} == {}
        return config

    def sales(self) -> tuple[Decimal, int]:
        """Sum of the lines, or of orders without lines; and the orders."""
        config = self.loaded()
        made = set(config.sources["shop"].maps)
        table = "order_line" if "order_line" in made else "sales_order"
        [(total,)] = rows(config, f"select sum(net_amount) from input.{table}")
        [(orders,)] = rows(config, "select count(*) from input.sales_order")
        return total, orders

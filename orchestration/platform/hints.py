"""Hints that name a command: they work as they stand, for the company that they are said of."""

from __future__ import annotations

import re

# Commands that take `--company`; in a group, its second word is the command.
COMMANDS = frozenset({
    "access-report", "backfill", "backup", "check", "dashboard", "doctor", "drift", "explain", "forget", "models",
    "publish", "quarantine list", "quarantine replay", "quarantine show", "refresh", "restore", "retrain",
    "review export", "review import", "rollback", "source preview", "source suggest", "source test", "sql", "status",
    "ui", "versions",
})  # fmt: skip
COMMAND = re.compile(r"(?<![\w./-])regulars ((?:(?:quarantine|review|source) )?[a-z]+(?:-[a-z]+)*)(?! --company| -c )")


def for_company(text: str, company: str | None) -> str:
    """A text in which every command is told which company is meant.

    Args:
        text: may name commands.
        company: None where they take it without a word.
    """
    if company is None:
        return text
    return COMMAND.sub(lambda found: f"{found[0]} --company {company}" if found[1] in COMMANDS else found[0], text)

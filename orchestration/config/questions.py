"""Questions that a drafted source asks, and where they stand in its file until somebody answers them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestration.platform.paths import PROJECT

UNANSWERED = "answer_the_question_above"  # no column is called so: the map is refused by this name
QUESTION = re.compile(r"#\s+QUESTION: (?P<name>[^:]+): ")
ENTITY = re.compile(r"  (?P<name>[a-z_]+):\s*$")
KEY = re.compile(r"\s+(?P<name>[a-z_]+):")


@dataclass(frozen=True)
class OpenQuestion:
    """A question without an answer.

    Args:
        line: of the file, from one, where it is asked.
        entity: the map's.
        key: column of the map, `where` or `from`.
    """

    line: int
    entity: str
    key: str


def open_questions(path: Path) -> list[OpenQuestion]:
    """The open questions of a source's file, in its order."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    entity = ""
    asked: dict[str, int] = {}
    found: list[OpenQuestion] = []
    place = 0  # of the last question, whatever it asks
    for number, line in enumerate([*lines, "  end:"], start=1):
        if match := ENTITY.match(line):
            found += [OpenQuestion(at, entity, name) for name, at in asked.items()]
            entity, asked = match["name"], {}
        elif match := QUESTION.search(line):
            place = number
            if not line.startswith("#"):
                asked[match["name"]] = number
        elif (match := KEY.match(line)) and UNANSWERED in line:
            found.append(OpenQuestion(asked.pop(match["name"], place), entity, match["name"]))
        elif match:
            asked.pop(match["name"], None)
    return sorted(found, key=lambda q: q.line)


def where_asked(file: str, entity: str, keys: Iterable[str]) -> str:
    """Where a map's open questions stand, of which a user must answer one first; empty where none is open.

    Args:
        file: the source's, as a user would type it.
        entity: the map's.
        keys: columns, or `where` or `from`, that are missing or wrong.
    """
    wanted = set(keys)
    found = [q for q in open_questions(PROJECT / file) if q.entity == entity and q.key in wanted]
    return ", ".join(f"{file}, line {q.line} ({q.entity}.{q.key})" for q in found)


CURE = "Take the # from one of the lines below the question"

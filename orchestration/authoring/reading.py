"""How a column is read in a map: its SQL as text or typed, or the readings between which only its owner can choose."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestration.config.company import Formats


@dataclass(frozen=True)
class Option:
    """One of several readings of a column.

    Args:
        label: the reading, with a value as written and as read.
        typed: SQL of the column so read; null where a value is not written so.
        raw: SQL of the text that it reads; empty where it reads several.
    """

    label: str
    typed: str
    raw: str = ""


@dataclass(frozen=True)
class Reading:
    """How a column's values are read.

    Args:
        column: its name in the file.
        text: SQL that a map may hold: text that `formats` describes, or a typed value.
        typed: SQL of the same as a number or time stamp, for arithmetic and order; null where it is not readable.
        formats: what `formats` of the map must say for `text`.
        needs_formats: whether `text` is text in the form of `formats`, so that other formats would misread it.
        options: readings to choose from, where nothing proves one; the others are then the first's.
        note: what a user should know of it.
    """

    column: str
    text: str
    typed: str
    formats: Formats = field(default_factory=Formats)
    needs_formats: bool = False
    options: tuple[Option, ...] = ()
    note: str = ""


def loud(typed: str, raw: str, decimal: str = ".") -> str:
    """SQL of a typed value as text, by which one that was not readable goes to quarantine instead of becoming null."""
    text = f"({typed})::varchar" if decimal == "." else f"replace(({typed})::varchar, '.', '{decimal}')"
    return f"coalesce({text}, '? ' || {raw})"

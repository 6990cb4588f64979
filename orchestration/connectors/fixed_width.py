"""Text of fixed-width columns; positions count characters, as print-outs and bank files do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from orchestration.connectors.lines import LineConnector
from orchestration.connectors.rejects import TOO_LONG, TOO_SHORT
from orchestration.connectors.text import TextSettings
from orchestration.platform.errors import RegularsError
from orchestration.platform.literals import quote, quote_name


class FixedWidthSettings(TextSettings):
    """Fixed-width text."""

    kind: Literal["fixed_width"]
    columns: dict[str, tuple[int, int]] = Field(
        default_factory=dict, description="column → first and last character, counted from one"
    )
    skip: int = Field(default=0, ge=0, description="lines above the data")
    min_length: int = Field(default=0, ge=0, description="shorter lines are rejected")
    goes_on: bool = Field(
        default=False, description="whether more follows the last declared column at once, and is left out"
    )

    @field_validator("columns")
    @classmethod
    def spans(cls, value: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        """First is one or more, and last not before it."""
        for name, (first, last) in value.items():
            if first < 1 or last < first:
                raise ValueError(f"column {name}: [first, last] with 1 <= first <= last")
        return value


class FixedWidthConnector(LineConnector):
    """Tables of a folder of fixed-width files."""

    suffixes = (".txt", ".dat", ".asc", ".prn")
    what = "text file"
    reason = TOO_SHORT

    def settings(self, table: str) -> FixedWidthSettings:
        """A table's settings.

        Raises:
            RegularsError: it says no columns.
        """
        settings = self.at(table).settings
        assert isinstance(settings, FixedWidthSettings)
        if not settings.columns:
            raise RegularsError(
                f"{self.place(table)}: no columns are declared",
                "Add format: {columns: {name: [first, last]}} to the table; positions count from one",
            )
        return settings

    def lines_to_skip(self, table: str) -> int:
        """Declared."""
        return self.settings(table).skip

    def columns(self, table: str) -> dict[str, str]:
        """Declared."""
        return dict.fromkeys(self.settings(table).columns, "VARCHAR")

    def good(self, table: str) -> str:
        """Whether the line is as long as it must be, and its last value ends where the column does."""
        return f"length(line) >= {self.settings(table).min_length} and not ({self.runs_over(table)})"

    def runs_over(self, table: str) -> str:
        """Whether a character follows the last declared column at once: the rest of its value would be lost."""
        own = self.settings(table)
        if own.goes_on:
            return "false"
        last = max(last for _, last in own.columns.values())
        return f"trim(substring(line, {last + 1}, 1)) <> ''"

    def why(self, table: str) -> str:
        """Too short, or too long for the last column."""
        return f"case when {self.runs_over(table)} then {quote(TOO_LONG)} else {quote(self.reason)} end"

    def fields(self, table: str, names: list[str]) -> str:
        """The line cut at the declared places; blanks around a value are the layout's, not the value's."""
        spans = self.settings(table).columns
        return ", ".join(
            f"nullif(trim(substring(line, {spans[n][0]}, {spans[n][1] - spans[n][0] + 1})), '') as {quote_name(n)}"
            for n in names
        )

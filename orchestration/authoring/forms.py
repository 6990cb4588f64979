"""The catalogue of export forms, `data/forms/*.yml`: a table is known by its headers, and its maps stand there.

Expressions name columns in braces: `{col:Name}` as text, `{number:Price}`, `{whole:Pieces}` and `{time:Created}` as
the file writes them, `{zero:Discount}` with nothing written as 0, `{sum:Cost}` a sum that an unreadable number makes
null, `{status:State}` translated, `{zone:Created}` the zone that the header states, `{table}` and `{table:form}`
tables. What stands after `|` is taken where the file has no such column; a `*` at the end stands for its rest.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import Field

from orchestration.authoring.columns import Columns, translated, zone_of
from orchestration.authoring.maps import MapColumn, MapDraft
from orchestration.authoring.naming import expression
from orchestration.authoring.order_maps import translated_values, unknown_values
from orchestration.authoring.overlap import one_export_each
from orchestration.authoring.profile import Profile
from orchestration.authoring.reading import Reading
from orchestration.authoring.vocabulary import plain
from orchestration.config.contracts import Contract
from orchestration.config.questions import UNANSWERED
from orchestration.platform.paths import PROJECT
from orchestration.platform.yaml_model import Strict, read_yaml

FOLDER = PROJECT / "data" / "forms"
PLACE = re.compile(
    r"\{(?P<kind>col|number|whole|zero|sum|time|status|zone|table)(:(?P<name>[^{}|]+))?(\|(?P<default>[^{}]*))?\}"
)
ABSENT = "\0"  # stands for a column that a file does not have until its item is taken out of a query
ITEM = re.compile(r"(?<=\s)(?:(?!coalesce|nullif)\w+\()*\0(?:, '+\))?(?:, _source_row)?\)* as (\w+),?\s*")
FORM_SCORE = 10.0  # of a map of a form: above what likeness gives


class FormMap(Strict):
    """One map of a form."""

    entity: str
    needs: tuple[str, ...] = Field(default=(), description="forms of which the source must have a table, too")
    needs_columns: tuple[str, ...] = Field(default=(), description="columns without which the map is left out")
    source: str = Field(alias="from")
    timezone: str | None = None
    columns: dict[str, str]
    comments: tuple[str, ...] = ()


class ExportForm(Strict):
    """One file of the catalogue."""

    form: str
    title: str
    about: str
    headers: tuple[str, ...] = Field(min_length=2, description="all of them must be there, in any order and case")
    order: str | None = Field(default=None, description="column that names the order, of which only one file counts")
    comments: tuple[str, ...] = ()
    country: str | None = Field(default=None, description="where the company is of which such an export always is")
    timezone: str | None = Field(default=None, description="zone of that company's business day")
    resembles_nothing: str | None = Field(default=None, description="why no entity is filled from it")
    maps: tuple[FormMap, ...]

    def fits(self, columns: tuple[str, ...]) -> bool:
        """Whether a table has all its headers."""
        return all(column_of(header, columns) is not None for header in self.headers)


class NoColumn(Exception):
    """A column of a form that the file does not have and that has no default."""


@functools.cache
def catalogue() -> tuple[ExportForm, ...]:
    """All forms, those with the most headers first: the most telling wins.

    Raises:
        ConfigError: a file is wrong; says file, key and value.
    """
    forms = [read_yaml(path, ExportForm) for path in sorted(FOLDER.glob("*.yml"))]
    return tuple(sorted(forms, key=lambda form: (-len(form.headers), form.form)))


def form_of(columns: tuple[str, ...]) -> ExportForm | None:
    """The form of a table's columns; None where no form fits."""
    return next((form for form in catalogue() if form.fits(columns)), None)


def column_of(header: str, columns: tuple[str, ...]) -> str | None:
    """The table's column of a header, in any case; `*` at its end stands for the rest."""
    wanted = plain(header)
    for column in columns:
        own = plain(column)
        if own == wanted or (wanted.endswith("*") and own.startswith(wanted[:-1])):
            return column
    return None


@dataclass
class Filling:
    """Fills a form's expressions for one table; keeps the readings between which nothing decides."""

    profile: Profile
    columns: Columns
    tables: Mapping[str, str]
    contracts: Mapping[str, Contract]
    relation: str
    choice: int = 0
    doubtful: dict[str, Reading] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def fill(self, text: str) -> str:
        """The text with its places filled.

        Raises:
            NoColumn: a column is not there and has no default.
        """
        return PLACE.sub(self.place, text)

    def place(self, match: re.Match[str]) -> str:
        """SQL of one place."""
        kind, name, default = match["kind"], match["name"], match["default"]
        if kind == "table":
            return self.tables[name] if name else self.relation
        column = column_of(name, self.profile.columns)
        if column is None:
            if default is None and kind != "zero":
                raise NoColumn(name)
            return ABSENT if default == "null" else default or "0"
        match kind:
            case "number" | "whole":
                return self.chosen(self.columns.number(column, kind == "whole"))
            case "zero" | "sum":
                self.chosen(self.columns.number(column))
                return self.columns.zero(column) if kind == "zero" else self.columns.total(column)
            case "time":
                reading = self.columns.date(column)
                return reading.text if not reading.needs_formats and not reading.options else self.chosen(reading)
            case "status":
                spec = self.contracts["sales_order"].columns["status"]
                made, unknown = translated(self.profile, column, "sales_order", "status", spec)
                self.notes += translated_values("status", made) + unknown_values("status", unknown)
                return made.sql
            case "zone":
                return zone_of(column) or "UTC"
            case _:
                return expression(column)

    def chosen(self, reading: Reading) -> str:
        """The typed SQL of a reading; of several that of the choice."""
        if not reading.options:
            return reading.typed
        self.doubtful[reading.column] = reading
        return reading.options[min(self.choice, len(reading.options) - 1)].typed


def form_drafts(
    form: ExportForm, profile: Profile, tables: Mapping[str, str], contracts: Mapping[str, Contract]
) -> tuple[list[MapDraft], list[str]]:
    """Maps of a table of a known form, and what a user should know.

    Args:
        form: the table's.
        profile: the table.
        tables: form → table of the same source that has it.
        contracts: the entities.
    """
    used: set[str] = set()
    drafts: list[MapDraft] = []
    said: list[str] = []
    text = "\n".join(spec.source + " ".join(spec.columns.values()) for spec in form.maps)
    numbers = [m["name"] for m in PLACE.finditer(text) if m["kind"] in {"number", "whole", "zero", "sum"}]
    columns = Columns(profile, tuple(dict.fromkeys(c for n in numbers if (c := column_of(n, profile.columns)))))
    relation = profile.relation
    if form.order and (order := column_of(form.order, profile.columns)):
        relation, said = one_export_each(profile, expression(order))
    for spec in form.maps:
        there = all(column_of(name, profile.columns) for name in spec.needs_columns)
        if spec.entity in used or not there or not set(spec.needs) <= set(tables):
            continue
        used.add(spec.entity)
        filling = Filling(profile, columns, tables, contracts, relation, notes=said)
        draft = filled(spec, filling, form)
        drafts += with_choices(spec, filling, form, draft)
    notes = [f"{form.title}: resembles nothing: {form.resembles_nothing}"] if form.resembles_nothing else []
    notes += list(dict.fromkeys(said))
    sources = "\n".join(d.source + " ".join(c.sql for c in d.columns.values()) for d in drafts)
    left = tuple(c for c in profile.columns if expression(c) not in sources)
    if drafts:
        last = drafts[-1]
        drafts[-1] = replace(last, left_over=left)
    return drafts, notes


def filled(spec: FormMap, filling: Filling, form: ExportForm) -> MapDraft:
    """One map of a form for a table."""
    source, absent = source_of(spec, filling)
    columns: dict[str, MapColumn] = {}
    for wanted, text in spec.columns.items():
        try:
            sql = filling.fill(text)
        except NoColumn:
            continue
        if sql != ABSENT and sql not in absent:
            columns[wanted] = MapColumn(sql.replace(ABSENT, "null"))
    zone = filling.fill(spec.timezone) if spec.timezone else None
    comments = (form.title, *(form.comments if spec is form.maps[0] else ()), *spec.comments)
    return MapDraft(
        spec.entity, filling.profile.name, source, columns,
        timezone=zone, comments=comments, score=FORM_SCORE,
    )  # fmt: skip


def source_of(spec: FormMap, filling: Filling) -> tuple[str, set[str]]:
    """`from` of a map without what the file does not have, and the names of that."""
    if spec.source.strip() == "{table}":
        return filling.profile.source, set()
    text = filling.fill(spec.source)
    return ITEM.sub("", text).replace(ABSENT, "null"), set(ITEM.findall(text))


def with_choices(spec: FormMap, filling: Filling, form: ExportForm, draft: MapDraft) -> list[MapDraft]:
    """The map; where a column may be read in two ways both, as comments to choose from, and one that is refused."""
    if not filling.doubtful:
        return [draft]
    name, reading = next(iter(filling.doubtful.items()))
    found = []
    question = f"{name}: {' or '.join(option.label for option in reading.options)}?"
    for i, option in enumerate(reading.options):
        filling.choice = i
        text = f"QUESTION: {name}: nothing proves how it is written. Take the # from one of the maps. {option.label}"
        made = filled(spec, filling, form)
        found.append(replace(made, comments=(text,), is_active=False, question=question))
    required = [name for name, column in filling.contracts[spec.entity].columns.items() if column.required]
    text = "Remove this map once you have taken one of those above."
    unanswered = {name: MapColumn(UNANSWERED) for name in required}
    stop = MapDraft(spec.entity, draft.table, UNANSWERED, unanswered, comments=(text,), score=FORM_SCORE)
    return [*found, stop]

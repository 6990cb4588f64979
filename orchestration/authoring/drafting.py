"""Draft the maps of a source's tables: what `regulars init` writes and `regulars source suggest` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.authoring.agreement import held_together
from orchestration.authoring.columns import Columns, translated, zone_of
from orchestration.authoring.forms import form_drafts, form_of
from orchestration.authoring.likeness import Likeness, alike_entities, is_named, is_of_persons, name_likeness
from orchestration.authoring.maps import MapColumn, MapDraft, settled
from orchestration.authoring.order_maps import translated_values, unknown_values
from orchestration.authoring.persons import names_told
from orchestration.authoring.profile import Profile
from orchestration.authoring.reports import no_sales
from orchestration.authoring.sales_tables import sales_drafts
from orchestration.authoring.vocabulary import apart_words
from orchestration.config.contracts import Contract
from orchestration.connectors.base import Connector
from orchestration.platform.errors import RegularsError

SURE = 0.9  # likeness of names from which a column is taken without calling it a guess
SALES = {"sales_order", "order_line"}  # drafted by what the amounts say, never by likeness of names alone


@dataclass(frozen=True)
class Drafted:
    """Maps of a source, what a user should know, the tables that were read, and those that could not be."""

    maps: tuple[MapDraft, ...] = ()
    notes: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def questions(self) -> list[str]:
        """Open choices of all maps."""
        return list(dict.fromkeys(question for draft in self.maps for question in draft.questions))


def drafted(connector: Connector, tables: Sequence[str], contracts: Mapping[str, Contract]) -> Drafted:
    """Maps of a source's tables; each entity goes to the table that resembles it most, and what is left out is said."""
    notes: list[str] = []
    profiles: list[Profile] = []
    unreadable: list[str] = []
    for table in tables:
        try:
            profiles.append(Profile.of(connector, table))
        except RegularsError as error:
            notes.append(f"{table}: left out: {error}")
            unreadable.append(table)
    profiles, said = united(profiles)
    notes += said
    forms = {p.name: form for p in profiles if (form := form_of(p.columns))}
    with_form = {form.form: name for name, form in forms.items()}
    candidates: list[MapDraft] = []
    for profile in profiles:
        form = forms.get(profile.name)
        if profile.is_cut:
            notes.append(f"{profile.name}: drafted by its first {profile.rows:,} rows")
        drafts, said = form_drafts(form, profile, with_form, contracts) if form else table_drafts(profile, contracts)
        taken_for = list(dict.fromkeys(draft.entity for draft in drafts))
        head = f"{profile.name}: " + (f"{form.title}: " if form and drafts else "")
        if drafts:
            notes.append(head + ", ".join(taken_for))
        elif not said:
            notes.append(f"{profile.name}: resembles nothing; add its map by hand")
        notes += [f"{profile.name}: {text}" for text in said]
        notes += [f"{profile.name}: not used: {few(d.left_over)}" for d in drafts[-1:] if d.left_over]
        candidates += drafts
    maps, left_out = chosen(candidates)
    maps, said = held_together(maps, profiles, contracts, set(forms))
    left_out += said
    entities = {draft.entity for draft in maps}
    worthless = [d for d in maps if d.entity == "sales_order" and "net_amount" not in d.columns]
    if worthless and "order_line" not in entities and worthless[0].table not in forms:
        table = worthless[0].table
        left_out.append(f"{table}: orders without amounts and without lines: left out, they would be worth nothing")
        maps = [d for d in maps if d not in worthless]
    if "order_line" in entities and "sales_order" not in entities:
        left_out.append("lines without orders: nothing counts as sold until a table gives their orders")
    return Drafted(tuple(maps), tuple(notes + left_out), tuple(profiles), tuple(unreadable))


def few(names: Sequence[str], most: int = 6) -> str:
    """Some names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def united(profiles: Sequence[Profile]) -> tuple[list[Profile], list[str]]:
    """Tables of the same columns as one, unless their names say that they are not; and what was found."""
    groups: dict[object, list[Profile]] = {}
    for profile in profiles:
        columns = frozenset(profile.types.items())
        groups.setdefault((columns, apart_words(profile.name)), []).append(profile)
    notes = [
        f"{', '.join(part.name for part in group)}: the same columns: taken for one table"
        for group in groups.values()
        if len(group) > 1
    ]
    return [group[0] if len(group) == 1 else Profile.together(group) for group in groups.values()], notes


def chosen(candidates: Sequence[MapDraft]) -> tuple[list[MapDraft], list[str]]:
    """One table for each entity, the best; and what was left out for that."""
    best: dict[str, str] = {}
    for draft in sorted(candidates, key=lambda d: (not d.is_active, -d.score, d.table)):
        best.setdefault(draft.entity, draft.table)
    maps = [draft for draft in candidates if best[draft.entity] == draft.table]
    notes = [
        f"{draft.table}: its {draft.entity} is left out: {best[draft.entity]} gives it already"
        for draft in candidates
        if best[draft.entity] != draft.table
    ]
    return maps, list(dict.fromkeys(notes))


def table_drafts(profile: Profile, contracts: Mapping[str, Contract]) -> tuple[list[MapDraft], list[str]]:
    """Maps of a table of no known form: of sales, or of the one entity that it resembles most."""
    if not profile.rows:
        return [], ["left out: it has no row"]
    others = {name: contract for name, contract in contracts.items() if name not in SALES}
    alike = alike_entities(profile.name, profile.samples(), others)
    is_of_order = bool(alike) and not alike[0].lacking and "order_id" in alike[0].columns
    why = no_sales(profile)
    if not why and not (is_of_order and is_named(alike[0], contracts[alike[0].entity])):
        found = sales_drafts(profile, contracts)
        if found is not None:
            return found
    if why:
        alike = [one for one in alike if one.entity != "customer" or is_called(one, contracts["customer"])]
    if not alike:
        return [], [f"left out: {why}"] if why else []
    return entity_draft(profile, alike[0], contracts[alike[0].entity])


def is_called(found: Likeness, contract: Contract) -> bool:
    """Whether a table is of the entity by its own name, or of persons: a report may name one in each row."""
    return is_named(found, contract) or is_of_persons(found)


def entity_draft(profile: Profile, found: Likeness, contract: Contract) -> tuple[list[MapDraft], list[str]]:
    """The map of a table to an entity: a comment where it lacks a required column, none where its key repeats."""
    given = {w: c for w, c in found.columns.items() if w != "attributes"}
    given = names_told(profile, given) if found.entity == "customer" else given
    columns = Columns(profile, tuple(c for w, c in given.items() if contract.columns[w].type in {"money", "quantity"}))
    readings = {wanted: columns.reading(column, contract.columns[wanted]) for wanted, column in given.items()}
    style, changed = settled(list(readings.values()))
    made: dict[str, MapColumn] = {}
    notes: list[str] = []
    for wanted, reading in zip(readings, changed, strict=True):
        spec = contract.columns[wanted]
        if spec.allowed:
            made[wanted], unknown = translated(profile, given[wanted], contract.entity, wanted, spec)
            notes += translated_values(wanted, made[wanted]) + unknown_values(wanted, unknown)
        else:
            alike = name_likeness(given[wanted], wanted, contract.entity)
            note = reading.note or (f"guess: {given[wanted]} sounds like it" if alike < SURE else "")
            made[wanted] = MapColumn(reading.text, note, reading.options, is_optional=not spec.required)
    zones = {zone_of(c) for w, c in given.items() if contract.columns[w].type == "timestamp"} - {None}
    keys = [given[name] for name in contract.key if name in given]
    repeated = not found.lacking and len(keys) == len(contract.key) and not profile.is_unique(*keys)
    draft = MapDraft(
        contract.entity, profile.name, profile.source, made, style,
        timezone=next(iter(zones)) if len(zones) == 1 else None,
        left_over=tuple(c for c in profile.columns if c not in given.values()),
        is_active=not found.lacking, score=found.score, lacking=found.lacking,
    )  # fmt: skip
    if repeated:
        text = f"looks like {contract.entity}, but {', '.join(keys)} repeats, so it names no {contract.entity}"
        return [], [f"resembles nothing; it {text}"]
    if found.lacking and not is_named(found, contract):
        return [], []
    if found.lacking:
        notes.append(f"only looks like {contract.entity}: no column gives {', '.join(found.lacking)}; it is a comment")
    return [draft], notes

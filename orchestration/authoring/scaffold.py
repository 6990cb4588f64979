"""Begin a company: its folder with commented configuration, and drafted maps of a folder of data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.authoring.drafting import Drafted, drafted
from orchestration.authoring.maps import comment, flow_yaml, formats_yaml, maps_section, shared_formats
from orchestration.authoring.place import DEFAULT_CURRENCY, DEFAULT_ZONE, Place, place_of
from orchestration.authoring.profile import Profile
from orchestration.authoring.scan import FoundSource, FoundTable, scan
from orchestration.authoring.vocabulary import apart_words
from orchestration.config.contracts import NAME, Contract
from orchestration.config.questions import open_questions
from orchestration.connectors.registry import connect
from orchestration.platform.errors import RegularsError, UsageError
from orchestration.platform.literals import quote_name
from orchestration.platform.yaml_model import without_env

COMPANY_YML = """\
# {title}. What is left out has its default.
name: {name}
title: {title}
currency: {currency}      # {currency_note}ISO 4217; amounts in sources are in it, unless they name another
timezone: {timezone}      # {timezone_note}of the business day; each source has a zone of its own
week_start: monday
{phone_country}
# business_day_cut: "03:00"   # a bar's day ends when it closes
# lifecycle:                   # days since the last purchase
#   new_days: 45
#   at_risk_after_days: 45
#   lost_after_days: 90
# churn: {{horizon_days: auto}}  # from the customers' own rhythm
# privacy: {{clear_keys: false}} # true publishes the sources' own customer ids
"""
ASSUMED = "ASSUMED, nothing in the data says it: mend it if it is wrong; "
PHONE_COUNTRY = "phone_country: {code}      # guess: country that local telephone numbers are dialled in"
NO_PHONE_COUNTRY = "# phone_country: DE           # country that local telephone numbers are dialled in"
SOURCE_HEAD = """\
# One source system. Kinds and their settings: docs/how-to/connect-a-source.md
#   look at it:   {regulars} source test --company {name}
#   see rows:     {regulars} source preview {system} TABLE --company {name}
#   see a map:    {regulars} source preview {system} --entity ENTITY --company {name}
system: {system}
timezone: {timezone}      # {timezone_note}zone of the time stamps that state none
{customer_ids}connector: {{kind: {kind}, path: {path}}}
{formats}   # how text is read as numbers and dates; ISO with a decimal point needs none

tables:
{tables}

# Column of the input contract (docs/reference/input-contracts.md): SQL over the table's columns.
{maps}
"""
NO_FORMATS = '# formats: {decimal: ",", thousands: ".", date: ["%d.%m.%Y"]}'
EXAMPLE_TABLES = """  customers: {}            # customers.csv
  orders: {}
  lines: {}"""
EXAMPLE_MAPS = """maps:
  customer:
    from: customers
    columns:
      customer_id: id
      full_name: name
      email: email
      registered_at: created_at
  sales_order:
    from: orders
    columns:
      order_id: order_no
      customer_id: customer_id
      ordered_at: ordered_at
      status: "'completed'"
  order_line:
    from: lines
    columns:
      order_id: order_no
      line_no: line_no
      product_id: sku
      quantity: quantity
      net_amount: amount"""


@dataclass(frozen=True)
class Begun:
    """A company that was begun: its files, what a user should know, and what only a user can answer."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


def begin(
    folder: Path,
    name: str,
    timezone: str | None,
    currency: str | None,
    data: Path | None,
    contracts: Mapping[str, Contract],
    regulars: str = "regulars",
) -> Begun:
    """Write a company's folder.

    Args:
        folder: where companies are.
        name: the company's.
        timezone: of its business day, and of the source; None: by the data, else UTC.
        currency: ISO 4217; None: by the data, else EUR.
        data: folder or file to draft tables and maps of; None writes examples.
        contracts: the entities.
        regulars: how the command is called, for hints.

    Raises:
        UsageError: the name is none, the company is there already, or nothing can be read.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"company name '{name}'", "Use snake case, such as corner_shop")
    target = folder / name
    if target.exists():
        raise UsageError(f"{target} is there already", "Choose another name, or remove the folder")
    place = Place(currency or DEFAULT_CURRENCY, timezone or DEFAULT_ZONE, None)
    if data is None:
        head = {"customer_ids": "", "kind": "csv", "path": '"${SHOP_DATA}"', "formats": NO_FORMATS}
        parts = {"shop": head | {"tables": EXAMPLE_TABLES, "maps": EXAMPLE_MAPS}}
        notes: list[str] = []
        questions: list[tuple[str, str]] = []
    else:
        found, notes = scan(data)
        found, twins = without_twins(found)
        notes += twins
        drafts = {
            source.system: drafted(connect(source.source("UTC").as_system()), list(source.tables), contracts)
            for source in found
        }
        found = [source for source in found if set(source.tables) - set(drafts[source.system].unreadable)]
        if not found:
            why = "; ".join(note for d in drafts.values() for note in d.notes)
            raise UsageError(f"{data}: holds no table that can be read", why)
        place = place_of([p for d in drafts.values() for p in d.profiles], currency, timezone)
        owner, said = owner_of_customers(drafts)
        parts = {s.system: source_parts(s, drafts[s.system], owner.get(s.system)) for s in found}
        notes += [note for d in drafts.values() for note in d.notes] + said + list(place.notes)
        questions = [(s, q) for s, d in drafts.items() for q in d.questions]
    written = [write_company(target, name, place)]
    for system, values in parts.items():
        path = target / "sources" / f"{system}.yml"
        text = SOURCE_HEAD.format(
            name=name, system=system, timezone=place.timezone, timezone_note=assumed(place, "timezone"),
            regulars=regulars, **values,
        )  # fmt: skip
        path.write_text(text, encoding="utf-8")
        written.append(path)
    asked = tuple(f"{place_asked(target, system, question)}: {question}" for system, question in questions)
    return Begun(tuple(written), tuple(dict.fromkeys(notes)), asked)


def place_asked(target: Path, system: str, question: str) -> str:
    """File and line of a question."""
    about = question.split(":", 1)[0]
    lines = {
        f"{q.entity}.{q.key}".removesuffix(".from"): q.line
        for q in open_questions(target / "sources" / f"{system}.yml")
    }
    return f"{system}.yml, line {lines[about]}" if about in lines else f"{system}.yml"


def without_twins(sources: list[FoundSource]) -> tuple[list[FoundSource], list[str]]:
    """Sources without tables that another kind of file in the folder has already: the same shop would count as two.

    They are left out, which is said here and in the file of the other.
    """
    owners: dict[frozenset[str], tuple[FoundSource, str]] = {}
    notes = []
    for source in sources:
        for name in list(source.tables):
            columns = columns_of(source, name)
            owner = owners.setdefault(frozenset(columns), (source, name)) if len(columns) > 1 else (source, name)
            if owner[0] is source or apart_words(name) != apart_words(owner[1]):
                continue
            files = ", ".join(source.tables[name].files) or name
            text = (
                f"{files} ({source.kind}) has the columns of {owner[1]} ({owner[0].kind}): left out; a system of its "
                f"own would count its customers and products apart: save it as {owner[0].kind} beside the others"
            )
            notes.append(text)
            owner[0].left_out.append(text)
            del source.tables[name]
    return [source for source in sources if source.tables], notes


def columns_of(source: FoundSource, table: str) -> set[str]:
    """Names of a table's columns in lower case; none where it cannot be read."""
    names = source.tables[table].header
    if not names:
        try:
            names = tuple(connect(source.source("UTC").as_system()).columns(table))
        except RegularsError:
            return set()
    return {name.strip().lower() for name in names}


def write_company(target: Path, name: str, place: Place) -> Path:
    """Write `company.yml`."""
    (target / "sources").mkdir(parents=True)
    phones = PHONE_COUNTRY.format(code=place.phone_country) if place.phone_country else NO_PHONE_COUNTRY
    text = COMPANY_YML.format(
        name=name, title=name.replace("_", " ").title(), currency=place.currency, timezone=place.timezone,
        phone_country=phones, currency_note=assumed(place, "currency"), timezone_note=assumed(place, "timezone"),
    )  # fmt: skip
    (target / "company.yml").write_text(text, encoding="utf-8")
    return target / "company.yml"


def assumed(place: Place, setting: str) -> str:
    """What a comment says first of a setting that nothing shows."""
    return ASSUMED if setting in place.assumed else ""


def source_parts(source: FoundSource, draft: Drafted, owner: str | None) -> dict[str, str]:
    """The parts of a source's YAML."""
    formats = shared_formats(draft.maps)
    given = formats_yaml(formats)
    return {
        "kind": source.kind,
        "path": flow_yaml(without_env(source.path)),
        "customer_ids": f"customer_ids_of: {owner}      # guess: the ids are the same\n" if owner else "",
        "formats": f"formats: {given}" if given else NO_FORMATS,
        "tables": "\n".join(
            ("  # left out: " if name in draft.unreadable else "  ") + table_line(name, table)
            for name, table in source.tables.items()
        )
        + "".join(f"\n{line}" for text in source.left_out for line in comment(text, 2)),
        "maps": maps_section(draft.maps, formats),
    }


def table_line(name: str, table: FoundTable) -> str:
    """A table's configuration in a line."""
    spec = without_env(flow_yaml(table.spec))
    more = ""
    if len(table.files) > 1:
        more = f"      # {len(table.files)} files of one header; load: {{mode: files}} reads new ones only"
    return f"{name}: {spec}{more}"


def owner_of_customers(drafts: Mapping[str, Drafted]) -> tuple[dict[str, str], list[str]]:
    """Systems that use another's customer ids, as most of their orders' customers are there; and what was found."""
    owners = {s: c for s, d in drafts.items() if (c := next((m for m in d.maps if m.entity == "customer"), None))}
    found: dict[str, str] = {}
    notes = []
    for system, draft in drafts.items():
        orders = next((m for m in draft.maps if m.entity == "sales_order" and "customer_id" in m.columns), None)
        lines = next((m for m in draft.maps if m.entity == "order_line"), None)
        if lines and not any(m.entity == "sales_order" for m in draft.maps) and len(drafts) > 1:
            notes.append(f"{lines.table}: lines without orders in {system}: put both into files of one kind")
        if orders is None or system in owners:
            continue
        for other, customers in owners.items():
            if share_of_ids(draft, orders.table, orders.columns["customer_id"].sql, drafts[other], customers.table,
                            customers.columns["customer_id"].sql) >= 0.5:  # fmt: skip
                found[system] = other
                notes.append(f"{system}: customer ids are those of {other}: a guess, by their values")
                break
    return found, notes


def share_of_ids(mine: Drafted, table: str, column: str, theirs: Drafted, other: str, theirs_column: str) -> float:
    """Share of the values of one system's column that another's has, too."""

    def values(draft: Drafted, name: str, sql: str) -> set[str]:
        profile: Profile = next(p for p in draft.profiles if p.name == name)
        columns = [c for c in profile.columns if sql in (c, quote_name(c))]
        return set(profile.values(columns[0], 100_000)) if columns else set()

    own = values(mine, table, column)
    return len(own & values(theirs, other, theirs_column)) / len(own) if own else 0.0

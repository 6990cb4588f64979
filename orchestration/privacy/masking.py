"""What published text may say: each column's personal-data class decides.

Models carry texts as the sources write them; before a build is published, its tables are gone over here. A class stands
in the model's YAML as `meta: {personal: ...}`:

none       figures, dates and words of the product's own; published as they are
key        a keyed pseudonym of a person, household or organisation
document   the id or key of a document or a thing, such as an order
quasi      what describes a person, such as a city
label      what a source calls a thing or a state
catalogue  what a source calls a product; a name that several products have is a brand, not a person
free_text  what somebody may have written about a person
json       further attributes: only the keys that the company allows
direct     what names or reaches a person; no published column has it

In every text that a source gave, names, addresses, e-mail addresses and numbers of the company's own people are masked,
however they are written, and whatever has the form of an e-mail address. In free text and JSON so are single parts of
rare names and of the row's own customer, names after a title, and whatever has the form of a telephone, card or account
number.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.config.company import CompanyConfig
from orchestration.platform.literals import quote, quote_name
from orchestration.platform.paths import CompanyPaths
from orchestration.privacy import forms
from orchestration.privacy.lookup import Lookup
from orchestration.warehouse.connections import settings

CLASSES = ("none", "key", "document", "quasi", "label", "catalogue", "free_text", "json", "direct")
MASKED = ("document", "quasi", "label", "catalogue", "free_text", "json")
FREE = ("free_text", "json")
LONG = 8  # letters and digits from which a text may stand within a word
BATCH = 50_000  # texts that are in memory at once
RARE = 3  # records up to which a part of a name tells a person
PART = 4  # letters of a part of a name that is masked in free text
NUMBER = 7  # digits of a number that is masked outside free text; 6 in it
BRAND = 3  # rows from which a text of the catalogue is a brand
MASK = {"name": "[name]", "part": "[name]", "email": "[e-mail]", "number": "[number]", "address": "[address]"}
OWN_WORDS = "(?:Order|Credit note|Refund|Invoice) of [0-9.]+(?: [A-Z]{3})?(?:, (?:un)?paid)?"  # of the timeline
HIT_SCHEMA = pa.schema(
    [("number", pa.int64()), ("gram", pa.string()), ("kind", pa.string()), ("records", pa.int64())]
)  # fmt: skip
WHOLE = "[masked]"  # a text that holds a person in a form that cannot be cut out

NO_CODE = r"[@ %&=<\\]|[^\x00-\x7F]|[A-Za-z]{8}|[A-Za-z]{2}[._-][A-Za-z]{2}"  # an id that may say more than a code
# What else may hide an address.
ESCAPED = r"%[0-9a-fA-F]{2}|&#|&[a-z]+;|\\[ux]|=[0-9A-F]{2}|[A-Za-z0-9+/_-]{16}|\x{ff20}"

# What DuckDB and Python both understand: no classes of Unicode, no look-around.
UPPER = "A-Z\u00c0-\u00d6\u00d8-\u00de"
LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
NAME = f"[{UPPER}][{LETTER}'\u2019-]+"
EMAIL = (
    rf"(?i)[{LETTER}\d._%+'-]+\s?(?:@|%40|&#0*64;|&#x0*40;|&commat;|\\u0040|[\[(]at[\])])\s?"
    rf"[{LETTER}\d.-]+\.[{LETTER}]{{2,}}"
)
FORMS = {
    r"\b[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}\b": MASK["number"],  # IBAN
    r"\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,7}\b": MASK["number"],  # card
    r"(?:\+|\b00)\d[\d ()./-]{6,}\d|\(?\b0\d{2,4}\)?[ ./-]?\d{3,}(?:[ ./-]?\d{2,})*": MASK["number"],  # telephone
    rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Frau|Monsieur|Madame|Mme|Mlle|Se[nñ]ora?|Sra|Signora?)\b\.? {NAME}"
    rf"(?: (?:van |von |de |der )*{NAME})*": MASK["name"],
    forms.HAN + "{1,3}(?:先生|女士|小姐|太太|教授|老師|老师|醫師|医生)": MASK["name"],
}


@dataclass(frozen=True)
class Text:
    """One published column with text of a source."""

    table: str  # schema.table
    column: str
    personal: str


def mask_published(
    config: CompanyConfig, paths: CompanyPaths, classes: Mapping[str, Mapping[str, str]], schema: str
) -> int:
    """Mask the texts of a part of a build, in place; returns how many different ones were changed.

    Args:
        config: the company; its `privacy` says what is left out, allowed and never masked.
        paths: of the build; its warehouse holds who the company's people are.
        classes: `schema.table` → text column → class.
        schema: whose tables: core, or marts.
    """
    with duckdb.connect(str(paths.serve), config=dict(settings(config))) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute(f"attach {quote(paths.warehouse)} as known (read_only)")
        held = {
            f"{row[0]}.{row[1]}" for row in con.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = current_database() "
                "and schema_name = $schema", {"schema": schema}
            ).fetchall()
        }  # fmt: skip
        texts = [Text(table, name, kind) for table, columns in classes.items() if table in held
                 for name, kind in columns.items() if kind in MASKED]  # fmt: skip
        for text in texts:
            if text.personal == "json":
                keep_allowed(con, text, config.company.privacy.attributes)
        free = config.company.privacy.free_text
        if free == "left_out":
            for text in (t for t in texts if t.personal == "free_text"):
                con.execute(f"update {text.table} set {quote_name(text.column)} = null")
        if free != "masked":
            texts = [text for text in texts if text.personal not in FREE]
        changed = 0
        if texts:
            bind_cells(con, texts)
            bind_hits(con, config)
            changed = apply_masks(con, config, texts)
        con.execute("detach known")
        con.execute("checkpoint")
    return changed


def keep_allowed(con: duckdb.DuckDBPyConnection, text: Text, allowed: tuple[str, ...]) -> None:
    """Leave of a JSON column the allowed keys."""
    name = quote_name(text.column)
    kept = ", ".join(f"{quote(key)}, json_extract({name}, {quote('$.' + quote_name(key))})" for key in allowed)
    picked = f"nullif(json_merge_patch('{{}}', json_object({kept}))::varchar, '{{}}')" if allowed else "null"
    con.execute(
        f"update {text.table} set {name} = case when json_valid({name}) then {picked} end where {name} is not null"
    )


def bind_cells(con: duckdb.DuckDBPyConnection, texts: list[Text]) -> None:
    """Temporary table `cell` (place, personal, cell, rows), each different text of a column."""
    parts = []
    for place, text in enumerate(texts):
        name = quote_name(text.column)
        worth = f"length({name}) > 1 and not regexp_full_match({name}, '[a-z_]{{1,12}}|[0-9.:-]{{1,6}}')"
        if text.personal in FREE:
            worth = f"length({name}) > 1 and not regexp_full_match({name}, {quote(OWN_WORDS)})"
        if text.personal == "document":  # ids are many; few of them are more than a code
            worth = f"regexp_matches({name}, {quote(NO_CODE)})"
        parts.append(
            f"select {place} as place, {quote(text.personal)} as personal, {name} as cell, "
            f"{rows_sql(con, text)} as rows from {text.table} where {worth} group by all"
        )
    con.execute(f"create or replace temp table cell as {' union all '.join(parts)}")


def rows_sql(con: duckdb.DuckDBPyConnection, text: Text) -> str:
    """SQL that counts what says a text: products, where a row is a version of one, else rows."""
    schema, table = text.table.split(".")
    has_product = con.execute(
        "select 1 from duckdb_columns() where database_name = current_database() and schema_name = ? "
        "and table_name = ? and column_name = 'product_key'", [schema, table]
    ).fetchone()  # fmt: skip
    return "count(distinct product_key)" if text.personal == "catalogue" and has_product else "count(*)"


def said_of_people(config: CompanyConfig) -> Iterator[str]:
    """Queries of term (in clear) and kind of the company's people: customers, leads, bought profiles."""
    for entity, contract in config.contracts.items():
        direct = {n for n, c in contract.columns.items() if c.personal in ("direct", "sensitive") and c.type == "text"}
        source = f"known.input.{entity}"
        for name in sorted(direct):
            kind = kind_of(name)
            yield f"select {quote_name(name)} as term, {quote(kind)} as kind from {source}"
        if {"given_name", "family_name"} <= direct:
            for order in ("given_name, ' ', family_name", "family_name, ' ', given_name"):
                yield f"select concat({order}), 'name' from {source} where given_name <> '' and family_name <> ''"
    standard = "known.identity.standard_customer"
    yield f"select concat_ws(' ', given, family), 'name' from {standard} where given <> '' and family <> ''"
    yield f"select concat_ws(' ', family, given), 'name' from {standard} where given <> '' and family <> ''"
    yield f"select han, 'name' from {standard}"
    yield f"select unnest([given, family]), 'part' from {standard}"
    yield f"select email, 'email' from {standard}"
    yield f"select unnest(phones), 'number' from {standard}"
    yield f"select concat_ws(' ', street, house_no), 'address' from {standard} where street <> '' and house_no <> ''"


def kind_of(column: str) -> str:
    """Kind of what a direct column of a contract says."""
    if column in ("given_name", "family_name"):
        return "part"
    if column.endswith("name"):
        return "name"
    return "email" if column == "email" else "address" if column == "address_line" else "number"


def names_sql(config: CompanyConfig) -> str:
    """SQL of term and kind of everything by which one of the company's people is known, once for each record."""
    queries = " union all by name ".join(f"select * from ({sql}) q (term, kind)" for sql in said_of_people(config))
    digits = "ltrim(regexp_replace(term, '[^0-9]', '', 'g'), '0')"
    return (
        f"with told as (from ({queries}) where term <> '') select replace(term, chr(0), ' '), kind from told "
        f"where kind <> 'name' or contains(trim(term), ' ') or regexp_matches(term, '{forms.HAN}') union all "
        f"select right({digits}, {forms.NUMBER}), kind from told where kind = 'number' "
        f"and not regexp_matches(term, '\\pL') and length({digits}) between {forms.NUMBER} and {forms.LONGEST}"
    )


@dataclass(frozen=True)
class Kinds(Sequence[str]):
    """Kinds of a batch of names, of which few are asked for."""

    column: pa.Array

    def __len__(self) -> int:
        return len(self.column)

    def __getitem__(self, number: Any) -> Any:
        return self.column[int(number)].as_py()


def bind_hits(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Temporary table `hit` (cell, gram, kind, records): what of the people stands in each text, and how many are
    called so."""
    sql = names_sql(config)
    never = {forms.glued(text) for text in config.company.privacy.never_masked}

    def names() -> Iterator[tuple[list[str], Kinds]]:
        for batch in con.execute(sql).to_arrow_reader(BATCH):
            yield batch.column(0).to_pylist(), Kinds(batch.column(1))

    lookup = Lookup(names)
    first = 0
    con.execute("create or replace temp table seen as select cell, row_number() over () - 1 as number from "
                "(select distinct cell from cell)")  # fmt: skip
    for batch in con.execute("select cell from seen order by number").to_arrow_reader(BATCH):
        lookup.look(batch.column(0).to_pylist(), first)
        first += batch.num_rows
    con.execute("create or replace temp table hit_of (number bigint, gram varchar, kind varchar, records bigint)")
    hits = (hit for hit in lookup.hits() if hit[1] not in never)
    while batch_of := list(itertools.islice(hits, BATCH)):
        rows = [dict(zip(HIT_SCHEMA.names, hit, strict=True)) for hit in batch_of]
        con.register("hit_rows", pa.Table.from_pylist(rows, HIT_SCHEMA))
        con.execute("insert into hit_of from hit_rows")
        con.unregister("hit_rows")
    con.execute(
        "create or replace temp table hit as select distinct cell, gram, kind, records "
        "from hit_of join seen using (number)"
    )


HITS = f"""
select distinct c.place, c.cell, h.gram, h.kind from cell c join hit h using (cell)
where case
    when h.kind = 'part' then c.personal in ('free_text', 'json') and h.records <= {RARE}
    when h.kind = 'number' then length(h.gram) >= {NUMBER} or c.personal in ('free_text', 'json')
    when c.personal = 'catalogue' and h.kind = 'name' then c.rows < {BRAND}
    else true end
"""


def apply_masks(con: duckdb.DuckDBPyConnection, config: CompanyConfig, texts: list[Text]) -> int:
    """Put the masked texts into the tables; returns how many different ones."""
    never = frozenset(forms.glued(text) for text in config.company.privacy.never_masked)
    formed = " or ".join(f"regexp_matches(cell, {quote(pattern)})" for pattern in FORMS)
    con.execute("create or replace temp table shown (place integer, cell varchar, said varchar)")
    con.execute(
        f"""
        create or replace temp table asked as
        with told as (select place, cell, list([gram, kind] order by length(gram) desc, gram) as hits
          from ({HITS}) group by all)
        select (row_number() over () - 1) // {BATCH} as batch, place, cell, personal, coalesce(hits, []) as hits
        from cell left join told using (place, cell)
        where hits is not null or regexp_matches(cell, {quote(EMAIL)}) or regexp_matches(cell, {quote(ESCAPED)})
          or personal in ('free_text', 'json') and ({formed})
        """
    )
    batches = con.execute("select distinct batch from asked order by 1").fetchall()
    for (batch,) in batches:
        rows = con.execute("select place, cell, personal, hits from asked where batch = ?", [batch]).fetchall()
        done = [(place, cell, masked(cell, kind, hits, never)) for place, cell, kind, hits in rows]
        done = [row for row in done if row[1] != row[2]]
        if done:
            names = ("place", "cell", "said")
            con.register("done_rows", pa.table(dict(zip(names, zip(*done, strict=True), strict=True))))
            con.execute("insert into shown select * from done_rows")
            con.unregister("done_rows")
    for (place,) in con.execute("select distinct place from shown order by 1").fetchall():
        text = texts[place]
        name = quote_name(text.column)
        con.execute(
            f"update {text.table} as t set {name} = s.said from shown s where s.place = {place} and t.{name} = s.cell"
        )
    [(changed,)] = con.execute("select count(*) from shown").fetchall()
    return int(changed)


def masked(cell: str, personal: str, hits: Sequence[Sequence[str]], never: frozenset[str] = frozenset()) -> str:
    """A text without what names a person.

    Args:
        cell: as it stands; what is found only behind its escapes makes the whole text masked. JSON stays JSON.
        personal: class of its column.
        hits: what it holds of the company's people: glued form and kind, the longest first.
        never: glued texts that no form makes a person's.
    """
    if personal == "json":
        return masked_json(cell, lambda text: masked(text, "free_text", hits, never))
    shown = shaped(cell, personal, never)
    for gram, kind in hits:
        if gram not in forms.glued(shown):
            continue
        shown = cut(shown, gram, MASK[kind], edges_of(gram, kind, personal))
    told = forms.decoded(shown)
    is_left = any(
        gram in forms.glued(text) and cut(text, gram, "", edges_of(gram, kind, personal)) != text
        for gram, kind in hits for text in told.split(forms.SEPARATOR)
    )  # fmt: skip
    return WHOLE if is_left or shaped(told, personal, never) != told else shown


def edges_of(gram: str, kind: str, personal: str) -> int:
    """At how many of its ends a text must begin or end a word to count: a long one may be part of another."""
    return 2 if kind == "part" or len(gram) < LONG else 0 if personal in FREE else 1


def masked_json(cell: str, mask: Callable[[str], str]) -> str:
    """A JSON text whose texts, names and numbers are masked each for itself."""

    def within(value: Any) -> Any:
        if isinstance(value, dict):
            return {mask(name): within(item) for name, item in value.items()}
        if isinstance(value, list):
            return [within(item) for item in value]
        if isinstance(value, str):
            return mask(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = json.dumps(value)
            return value if mask(text) == text else mask(text)
        return value

    try:
        shown = json.dumps(within(json.loads(cell)), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return json.dumps(WHOLE)
    # What is parted over several values, or stands in what JSON's own escapes hid, is left in none.
    return shown if mask(shown) == shown or WHOLE not in mask(shown) else json.dumps(WHOLE)


def letters_of(text: str) -> tuple[str, list[int]]:
    """The glued form of a text, and for each of its letters the place in the text."""
    if text.isascii():
        places = [place for place, char in enumerate(text) if char.isalnum()]
        return "".join(text[place] for place in places).lower(), places
    letters = [(c, place) for place, char in enumerate(text) for c in forms.folded(char) if c.isalnum()]
    return "".join(c for c, _ in letters), [place for _, place in letters]


def cut(text: str, gram: str, mask: str, edges: int = 2) -> str:
    """A text with a mask in the place of each glued text that stands in it.

    Args:
        text: as it stands.
        gram: glued.
        mask: what stands for it.
        edges: at how many of its ends it must begin or end a word; no number is taken apart in any case.
    """
    joined, places = letters_of(text)
    parts, done, at = [], 0, joined.find(gram)
    while at >= 0:
        begin = at
        while len(gram) == forms.NUMBER and gram.isdigit() and begin and text[places[begin - 1]].isdigit():
            begin -= 1  # the prefixes of a telephone number
        first, end = places[begin], places[at + len(gram) - 1] + 1
        while end < len(text) and not forms.folded(text[end]):  # a mark over the last letter
            end += 1
        before, after = text[max(first - 1, 0) : first + 1], text[end - 1 : end + 1]
        splits = (first > 0 and before.isdigit()) or (end < len(text) and after.isdigit())
        sides = (first == 0 or is_joint(before)) + (end == len(text) or is_joint(after))
        if first >= done and not splits and (sides >= edges or forms.has_han(gram)):
            parts += [text[done:first], mask]
            done = end
        at = joined.find(gram, at + 1)
    return "".join([*parts, text[done:]])


def is_joint(pair: str) -> bool:
    """Whether a word begins between two characters: after a sign, or within what is written together."""
    return not pair.isalnum() or bool(forms.JOINT.search(pair))


def shaped(text: str, personal: str, never: frozenset[str]) -> str:
    """A text without what has the form of an e-mail address and, in free text, of a number or a name."""
    for pattern, mask in ({EMAIL: MASK["email"]} | (FORMS if personal in FREE else {})).items():
        text = re.sub(pattern, lambda m, mask=mask: m[0] if forms.glued(m[0]) in never else mask, text)  # type: ignore[misc]
    return text

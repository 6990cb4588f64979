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

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.config.company import CompanyConfig
from orchestration.platform.literals import quote, quote_name
from orchestration.platform.paths import CompanyPaths
from orchestration.privacy import forms

CLASSES = ("none", "key", "document", "quasi", "label", "catalogue", "free_text", "json", "direct")
MASKED = ("document", "quasi", "label", "catalogue", "free_text", "json")
FREE = ("free_text", "json")
MOST_WORDS = 8  # of a name, address or number that is looked for
RARE = 3  # records up to which a part of a name tells a person
PART = 4  # letters of a part of a name that is masked in free text
NUMBER = 7  # digits of a number that is masked outside free text; 6 in it
BRAND = 3  # rows from which a text of the catalogue is a brand
MASK = {"name": "[name]", "part": "[name]", "email": "[e-mail]", "number": "[number]", "address": "[address]"}
OWN_WORDS = "(?:Order|Credit note|Refund|Invoice) of [0-9.]+(?: [A-Z]{3})?(?:, (?:un)?paid)?"  # of the timeline
WHOLE = "[masked]"  # a text that holds a person in a form that cannot be cut out

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
    with duckdb.connect(str(paths.serve)) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach {quote(paths.warehouse)} as known (read_only)")
        forms.bind(con)
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
            bind_terms(con, config)
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
    """Temporary tables `cell` (place, personal, cell, said, rows), each different text with its decoded form, and
    `gram` (cell, gram), what stands in it."""
    parts = []
    for place, text in enumerate(texts):
        name = quote_name(text.column)
        worth = f"length({name}) > 1 and not regexp_full_match({name}, '[a-z_]{{1,12}}|[0-9.:-]{{1,6}}')"
        if text.personal == "free_text":
            worth += f" and not regexp_full_match({name}, {quote(OWN_WORDS)})"
        if text.personal == "document":  # ids are many; few of them are more than a code
            worth = f"regexp_matches({name}, '[@ %&]|[^\\x00-\\x7F]')"
        parts.append(
            f"select {place} as place, {quote(text.personal)} as personal, {name} as cell, count(*) as rows "
            f"from {text.table} where {worth} group by all"
        )
    con.execute(
        "create or replace temp table cell as select *, decoded(cell) as said from (" + " union all ".join(parts) + ")"
    )
    con.execute(
        "create or replace temp table gram as select distinct cell, gram from ("
        + forms.grams_sql("select distinct cell, said from cell", MOST_WORDS)
        + f") where (length(gram) >= {PART} or regexp_full_match(gram, '{forms.HAN}{{2,}}')) "
        f"and not regexp_full_match(gram, '[0-9]{{1,{NUMBER - 2}}}')"
    )


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


def bind_terms(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Temporary table `term` (gram, kind, records): what of the people stands in any cell, and how many say it."""
    queries = " union all by name ".join(f"select * from ({sql}) q (term, kind)" for sql in said_of_people(config))
    never = [forms.glued(text) for text in config.company.privacy.never_masked]
    con.execute(
        f"""
        create or replace temp table term as
        with told as (select term, kind, glued(term) as gram from ({queries}) where term is not null),
        form as (
          select term, kind, gram from told
          union all
          select term, kind, right(ltrim(gram, '0'), {forms.NUMBER}) from told
          where kind = 'number' and regexp_full_match(gram, '[0-9]+')
            and length(ltrim(gram, '0')) between {forms.NUMBER} and {forms.LONGEST}
        )
        select gram, kind, count(*) as records from form
        semi join (select distinct gram from gram) using (gram)
        where not list_contains($never, gram)
          and (kind <> 'name' or contains(trim(term), ' ') or regexp_matches(term, '{forms.HAN}'))
        group by gram, kind
        """,
        {"never": never},
    )


HITS = f"""
select distinct c.place, c.cell, t.gram, t.kind from cell c join gram g using (cell) join term t using (gram)
where case
    when t.kind = 'part' then c.personal in ('free_text', 'json') and t.records <= {RARE}
    when t.kind = 'number' then length(t.gram) >= {NUMBER} or c.personal in ('free_text', 'json')
    when c.personal = 'catalogue' and t.kind = 'name' then c.rows < {BRAND}
    else true end
"""


def apply_masks(con: duckdb.DuckDBPyConnection, config: CompanyConfig, texts: list[Text]) -> int:
    """Put the masked texts into the tables; returns how many different ones."""
    never = frozenset(forms.glued(text) for text in config.company.privacy.never_masked)
    formed = " or ".join(f"regexp_matches(said, {quote(pattern)})" for pattern in FORMS)
    rows = con.execute(
        f"""
        with hit as (select place, cell, list([gram, kind] order by length(gram) desc, gram) as hits
          from ({HITS}) group by all)
        select place, cell, personal, coalesce(hits, []) from cell left join hit using (place, cell)
        where hits is not null or regexp_matches(said, {quote(EMAIL)})
          or personal in ('free_text', 'json') and ({formed})
        """
    ).fetchall()
    shown = [(place, cell, masked(cell, personal, hits, never)) for place, cell, personal, hits in rows]
    shown = [row for row in shown if row[1] != row[2]]
    if shown:
        con.register(
            "masked_rows", pa.table(dict(zip(("place", "cell", "said"), zip(*shown, strict=True), strict=True)))
        )
    for place in sorted({row[0] for row in shown}):
        text = texts[place]
        name = quote_name(text.column)
        con.execute(
            f"update {text.table} as t set {name} = s.said from masked_rows s "
            f"where s.place = {place} and t.{name} = s.cell"
        )
    return len(shown)


def masked(cell: str, personal: str, hits: Sequence[Sequence[str]], never: frozenset[str] = frozenset()) -> str:
    """A text without what names a person.

    Args:
        cell: as it stands; what is found only behind its escapes makes the whole text masked.
        personal: class of its column.
        hits: what it holds of the company's people: glued form and kind, the longest first.
        never: glued texts that no form makes a person's.
    """
    shown = shaped(cell, personal, never)
    plain, behind = forms.grams(shown, MOST_WORDS), forms.grams(forms.decoded(shown), MOST_WORDS)
    if any(gram in behind and gram not in plain for gram, _ in hits):
        return WHOLE
    for gram, kind in hits:
        shown = cut(shown, gram, MASK[kind])
    told = forms.decoded(shown)
    left = forms.grams(told, MOST_WORDS)
    if any(gram in left for gram, _ in hits) or shaped(told, personal, never) != told:
        return WHOLE
    return shown


def cut(text: str, gram: str, mask: str) -> str:
    """A text with a mask in the place of each glued text that stands in it as whole words."""
    letters = [(c, place) for place, char in enumerate(text) for c in forms.folded(char) if c.isalnum()]
    joined = "".join(c for c, _ in letters)
    parts, done, at = [], 0, joined.find(gram)
    while at >= 0:
        begin = at
        while len(gram) == forms.NUMBER and gram.isdigit() and begin and letters[begin - 1][0].isdigit():
            begin -= 1  # the prefixes of a telephone number
        first, last = letters[begin][1], letters[at + len(gram) - 1][1]
        end = last + 1
        while end < len(text) and not forms.folded(text[end]):  # a mark over the last letter
            end += 1
        whole = not (first and text[first - 1].isalnum()) and not (end < len(text) and text[end].isalnum())
        if first >= done and (whole or forms.has_han(gram)):
            parts += [text[done:first], mask]
            done = end
        at = joined.find(gram, at + 1)
    return "".join([*parts, text[done:]])


def shaped(text: str, personal: str, never: frozenset[str]) -> str:
    """A text without what has the form of an e-mail address and, in free text, of a number or a name."""
    for pattern, mask in ({EMAIL: MASK["email"]} | (FORMS if personal in FREE else {})).items():
        text = re.sub(pattern, lambda m, mask=mask: m[0] if forms.glued(m[0]) in never else mask, text)  # type: ignore[misc]
    return text

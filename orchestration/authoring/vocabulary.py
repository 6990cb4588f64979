"""The words that a draft is made by: `data/vocabulary.yml`, read once."""

from __future__ import annotations

import functools
import re
import unicodedata

from pydantic import Field

from orchestration.platform.paths import PROJECT
from orchestration.platform.yaml_model import Strict, read_yaml

FILE = PROJECT / "data" / "vocabulary.yml"


class Country(Strict):
    """A country by the names that files write."""

    names: tuple[str, ...]
    timezone: str | None = Field(default=None, description="of its business day; none where it has several")
    currency: str


class Vocabulary(Strict):
    """`data/vocabulary.yml`; the file says what each key is for."""

    words: dict[str, tuple[str, ...]]
    endings: tuple[str, ...]
    fillers: tuple[str, ...]
    only_beside: frozenset[str]
    state_words: frozenset[str]
    thing_words: frozenset[str]
    order_words: frozenset[str]
    line_words: frozenset[str]
    goods_words: frozenset[str]
    net_words: frozenset[str]
    gross_words: frozenset[str]
    whole_words: frozenset[str]
    apart: frozenset[str]
    count_words: frozenset[str]
    report_words: frozenset[str]
    minor_words: frozenset[str]
    flag_words: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    refunds: frozenset[str]
    refund_words: frozenset[str]
    sum_words: frozenset[str]
    supplier_words: frozenset[str]
    values: dict[str, dict[str, tuple[str, ...]]]
    nothing: frozenset[str]
    currency_signs: dict[str, str]
    countries: dict[str, Country]
    zones: dict[str, str]

    @functools.cached_property
    def term_of(self) -> dict[str, str]:
        """Word as a file writes it → term of the contracts."""
        return {plain(word): term for term, words in self.words.items() for word in words}

    @functools.cached_property
    def country_of(self) -> dict[str, str]:
        """Name or code of a country, plain → its code."""
        by_name = {plain(name): code for code, country in self.countries.items() for name in country.names}
        return by_name | {code.lower(): code for code in self.countries}

    def translations(self, entity: str, column: str) -> dict[str, str]:
        """Value as a system writes it, plain → allowed value of the contract column."""
        known = self.values.get(f"{entity}.{column}", {})
        return {plain(word): allowed for allowed, words in known.items() for word in (*words, allowed)}


@functools.cache
def vocabulary() -> Vocabulary:
    """The file's content.

    Raises:
        ConfigError: it is not what is expected.
    """
    return read_yaml(FILE, Vocabulary)


def plain(text: str) -> str:
    """Lower case, trimmed, without accents; other scripts as they are."""
    decomposed = unicodedata.normalize("NFKD", text.strip().lower().replace("ß", "ss"))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def raw_words(name: str) -> list[str]:
    """A name's words as written: plain, split at marks, and at capitals unless that makes a known word two: MwSt."""
    known = vocabulary().term_of
    numbered = re.sub(r"\b[Nn]\s?[°º]|№", "no ", name)
    found: list[str] = []
    for part in re.findall(r"[^\W_]+", unicodedata.normalize("NFC", numbered)):
        split = part if plain(part) in known else re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", part)
        found += re.findall(r"[^\W_]+", plain(split))
    return found


def words(name: str) -> list[str]:
    """A name's words in the contracts' terms: `CustNo` → customer, id."""
    return list(terms_of(name))


@functools.cache
def terms_of(name: str) -> tuple[str, ...]:
    """The same, once for each name."""
    known = vocabulary()
    parts = [piece for part in raw_words(name) for piece in pieces(part)]
    parts = [part for part in parts if part not in known.fillers] or parts
    if len(parts) == 1 and parts[0] in known.only_beside:
        return (parts[0],)
    terms = [known.term_of.get(part) or known.term_of.get(singular(part)) or part for part in parts]
    return tuple(dict.fromkeys(singular(term) for term in "_".join(terms).split("_")))


def apart_words(name: str) -> frozenset[str]:
    """Words of a table's name by which it is kept apart from others of its columns: returns, offers, copies."""
    return frozenset(singular(word) for word in raw_words(name)) & vocabulary().apart


def pieces(word: str) -> list[str]:
    """A compound word's parts: bestellnummer → bestell, nummer. Another word as it is."""
    known = vocabulary()
    if word in known.term_of:
        return [word]
    for ending in known.endings:
        stem = word.removesuffix(ending)
        if stem != word:
            for candidate in (stem, stem.removesuffix("s"), stem.removesuffix("n"), stem.removesuffix("en")):
                if candidate in known.term_of:
                    return [candidate, ending]
    return [word]


def singular(word: str) -> str:
    """A word without the s of an English plural; the same on both sides of a comparison, so it need be no word."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word

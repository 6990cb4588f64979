"""E-mail, telephone, address and company name in one form that records can be compared by."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from models_ml.identity.names import EAST_ASIAN, WORD, fold, simplified

# Providers that deliver a.b@ and ab@ to one mailbox.
DOTLESS = frozenset(["gmail.com", "googlemail.com"])
SAME_DOMAIN = {"googlemail.com": "gmail.com"}
EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}$")

SPACING = str.maketrans("", "", " -/.()")
SHORTEST = 10_000  # numbers of fewer digits are extensions and placeholders

STREET_TYPES = {
    "street": "st", "str": "st", "strasse": "st", "saint": "st", "avenue": "av", "ave": "av", "road": "rd",
    "drive": "dr", "place": "pl", "platz": "pl", "court": "ct", "crescent": "cr", "cres": "cr", "circuit": "cct",
    "lane": "ln", "boulevard": "bd", "blvd": "bd", "parade": "pde", "terrace": "tce", "close": "cl", "square": "sq",
    "allee": "al", "weg": "wg", "gasse": "gs", "highway": "hwy",
}  # fmt: skip
GLUED_STREET = re.compile(r"(?<=[a-z]{3})(strasse|str)$")
NUMBER = re.compile(r"\d+")
HAN_NUMBERED = re.compile(r"^(.*?)(\d+)\s*(?:号|弄|巷)?(.*)$")
HAN_CITY = re.compile(r"(?:特别行政区|市|县|区)$")

HAN_LEGAL_FORMS = (
    "股份有限公司", "有限责任公司", "控股有限公司", "集团有限公司", "有限公司", "股份公司", "株式会社", "合同会社",
    "有限会社", "集团", "公司", "주식회사",
)  # fmt: skip
LEGAL_WORDS = frozenset(
    "gmbh ag kg kgaa ohg gbr ug ev eg mbh co ltd limited llc llp lp inc incorporated corp corporation company plc sa "
    "sas sarl srl spa sl slu bv nv oy oyj ab as asa aps pty pte sdn bhd kk sro zoo spzoo doo kft zrt ooo oao "
    "haftungsbeschrankt cokg holding group".split()
)


class Address(NamedTuple):
    """A street address: street without its number, and the number."""

    street: str | None
    number: str | None


class Organisation(NamedTuple):
    """A company's name without its legal form, as one comparable word list, and the form."""

    core: str | None
    legal_form: str | None


def parse_email(text: str) -> str | None:
    """Lower case, without a plus-tag, dots only where the provider minds them; None if it is no address.

    >>> parse_email("Jane.Doe+news@GoogleMail.com")
    'janedoe@gmail.com'
    """
    found = unicodedata.normalize("NFKC", text).strip().strip("<>").lower().removeprefix("mailto:")
    if not EMAIL.match(found):
        return None
    local, domain = found.rsplit("@", 1)
    local = local.split("+", 1)[0] or local
    if domain in DOTLESS:
        local, domain = local.replace(".", ""), SAME_DOMAIN.get(domain, domain)
    return f"{local}@{domain}"


class Dialling(NamedTuple):
    """How a country's subscribers write each other's numbers, where that is simple: a prefix, then the number."""

    code: str
    prefix: str
    lengths: frozenset[int]


@lru_cache(maxsize=8)
def dialling(country: str) -> Dialling | None:
    """The plan of a country; None where numbers cannot be read by prefix and length alone."""
    from phonenumbers import PhoneMetadata

    plan = PhoneMetadata.metadata_for_region(country)
    if plan is None or not plan.national_prefix or plan.national_prefix != plan.national_prefix_for_parsing:
        return None
    if plan.leading_zero_possible or plan.national_prefix_transform_rule:
        return None
    lengths = plan.general_desc.possible_length if plan.general_desc else ()
    return Dialling(str(plan.country_code), plan.national_prefix, frozenset(lengths))


@lru_cache(maxsize=1)
def telephone_tools() -> tuple[object, object, object]:
    """phonenumbers' parser, its possible-number test and its error, loaded once."""
    import phonenumbers

    return phonenumbers.parse, phonenumbers.is_possible_number, phonenumbers.NumberParseException


def parse_phone(text: str, country: str) -> str | None:
    """E.164, read as dialled in `country` (ISO 3166); None if nobody can be called by it.

    >>> parse_phone("0171 2345678", "DE")
    '+491712345678'
    """
    plan = dialling(country)
    digits = text.translate(SPACING)
    if plan and digits.isascii() and digits.isdecimal() and digits.startswith(plan.prefix):
        number = digits[len(plan.prefix) :]
        if number[:1] not in ("", "0") and number[: len(plan.prefix)] != plan.prefix and len(number) in plan.lengths:
            return f"+{plan.code}{number}" if int(number) >= SHORTEST else None
    return parse_written_phone(text, country)


def parse_written_phone(text: str, country: str) -> str | None:
    """As `parse_phone`, for a number written in any way."""
    parse, is_possible, error = telephone_tools()
    try:
        number = parse(text, country)  # type: ignore[operator]
    except error:  # type: ignore[misc]
        return None
    if not is_possible(number) or number.national_number < SHORTEST:  # type: ignore[operator]
        return None
    zeros = "0" * (number.number_of_leading_zeros or 1) if number.italian_leading_zero else ""
    return f"+{number.country_code}{zeros}{number.national_number}"


def parse_address(line: str) -> Address:
    """Street and house number of an address line, whichever comes first."""
    if not line.isascii() and EAST_ASIAN.search(line):
        text = simplified(unicodedata.normalize("NFKC", line)).replace(" ", "").lower()
        found = HAN_NUMBERED.match(text)
        return Address(found.group(1) or None, found.group(2)) if found else Address(text or None, None)
    number, parts = None, []
    for word in WORD.findall(fold(line)):
        digits = NUMBER.match(word)
        if digits:
            number = number or digits.group()
            continue
        glued = GLUED_STREET.sub("", word)
        if glued != word:
            parts += [glued, "st"]
        else:
            parts.append(STREET_TYPES.get(word, word))
    return Address(" ".join(parts) or None, number)


def parse_place(text: str) -> str | None:
    """A city's or region's name, folded; without the word for city that Chinese names end in."""
    if not text.isascii() and EAST_ASIAN.search(text):
        found = simplified(unicodedata.normalize("NFKC", text)).replace(" ", "")
        return (HAN_CITY.sub("", found) if len(found) > 2 else found) or None
    return " ".join(WORD.findall(fold(text))) or None


def parse_organisation(text: str) -> Organisation:
    """A company's name without its legal form.

    >>> parse_organisation("Müller & Söhne GmbH & Co. KG").core
    'muller sohne'
    """
    if not text.isascii() and EAST_ASIAN.search(text):
        found = simplified(unicodedata.normalize("NFKC", text)).replace(" ", "").lower()
        for form in HAN_LEGAL_FORMS:
            if found.startswith(form) and len(found) > len(form):
                return Organisation(found.removeprefix(form), form)
            if form in found and not found.startswith(form):
                return Organisation("".join(WORD.findall(found.replace(form, ""))), form)
        return Organisation("".join(WORD.findall(found)) or None, None)
    found_words = WORD.findall(fold(text.replace(".", "")))
    core: list[str] = list(found_words)
    legal: list[str] = []
    while len(core) > 1 and core[-1] in LEGAL_WORDS | {"and", "und", "et"}:
        legal.insert(0, core.pop())
    core = [word for word in core if word not in ("and", "und", "et", "the")] or core
    return Organisation(" ".join(core) or None, " ".join(legal) or None)

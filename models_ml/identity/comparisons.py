"""What two records are compared by: levels from agreement to disagreement, for persons and for organisations.

A level is an SQL condition over both sides of a pair (`<column>_l`, `<column>_r`), as Splink takes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# (label, SQL condition with {l} and {r} for the sides, m of true pairs)
Level = tuple[str, str, float]


@dataclass(frozen=True)
class Comparison:
    """One comparison: when it says nothing, its levels from best to worst, m of the level where nothing agrees."""

    name: str
    null: str
    levels: tuple[Level, ...]
    otherwise: float
    frequency: str | None = None  # column whose rarity adjusts the first level
    fixed: bool = field(default=False)  # m = u: the comparison only carries the adjustment


def same(column: str) -> str:
    """SQL: both sides hold the same."""
    return f"{column}_l = {column}_r"


def alike(column: str, least: float, other: str | None = None) -> str:
    """SQL: a column is like the other side's, by Jaro and Winkler."""
    return f"jaro_winkler_similarity({column}_l, {other or column}_r) >= {least}"


def missing(*columns: str) -> str:
    """SQL: one of the sides lacks one of the columns."""
    return "(" + " or ".join(f"{c}_l is null or {c}_r is null" for c in columns) + ")"


INITIAL = "((length(given_l) = 1 or length(given_r) = 1) and left(given_l, 1) = left(given_r, 1))"
NICKNAME = "list_has_any(given_roots_l, given_roots_r)"
STARTS = "(length(given_l) >= 3 and length(given_r) >= 3 and (starts_with(given_l, given_r) or starts_with(given_r, given_l)))"
OTHER_HAN = "(han_l is not null and han_r is not null and han_l <> han_r)"
# Zhang and Huang look alike in letters only: other characters are another name, unless they sound the same.
UNLIKE_HAN = f"({OTHER_HAN} and name_key_l <> name_key_r)"

NAME = Comparison(
    "name",
    "(given_l is null and family_l is null) or (given_r is null and family_r is null) or "
    "(given_l is null and family_r is null) or (family_l is null and given_r is null)",
    (
        ("same name", f"name_key_l = name_key_r and given_l is not null and family_l is not null and not {OTHER_HAN}", 0.6),
        ("same but for a middle name", f"given_l = given_r and family_l = family_r and not {OTHER_HAN}", 0.05),
        ("same family name, given name short or alike",
         f"family_l = family_r and not {OTHER_HAN} and ({INITIAL} or {NICKNAME} or {STARTS} or {alike('given', 0.88)})", 0.10),
        ("parts swapped, one short or alike",
         f"not {OTHER_HAN} and (family_l = given_r and ({alike('given', 0.88, 'family')} or left(given_l, 1) = family_r or given_l = left(family_r, 1))"
         f" or given_l = family_r and ({alike('family', 0.88, 'given')}) or family_r = given_l and left(family_l, 1) = given_r)", 0.02),
        ("same given name, family name alike", f"({NICKNAME} or given_l = given_r) and {alike('family', 0.82)} and not {UNLIKE_HAN}", 0.09),
        ("both alike", f"not {UNLIKE_HAN} and (({alike('given', 0.8)} or {INITIAL}) and {alike('family', 0.82)} or "
         f"{alike('given', 0.85, 'family')} and {alike('family', 0.85, 'given')})", 0.03),
        ("same family name only", "family_l = family_r or family_l = given_r and given_l is null or given_l = family_r and given_r is null", 0.04),
        ("same given name only", f"given_l = given_r or {NICKNAME}", 0.05),
    ),
    0.02,
)  # fmt: skip
FAMILY_RARITY = Comparison("family_rarity", missing("family"), (("same", same("family"), 0.5),), 0.5, "family", True)
GIVEN_RARITY = Comparison("given_rarity", missing("given"), (("same", same("given"), 0.5),), 0.5, "given", True)
# Two dates of eight digits: a slip in one, or two neighbours swapped.
SLIP = "(hamming(born_l, born_r) <= 1 or (hamming(born_l, born_r) = 2 and damerau_levenshtein(born_l, born_r) = 1))"
BORN = Comparison(
    "birth_date",
    missing("born"),
    (
        ("same day", same("birth_date"), 0.85),
        ("one digit differs, or two are swapped", f"{SLIP} or "
         "(year(birth_date_l) = year(birth_date_r) and month(birth_date_l) = day(birth_date_r) and day(birth_date_l) = month(birth_date_r))", 0.07),
        ("two digits differ", "hamming(born_l, born_r) <= 2", 0.03),
        ("same year", "year(birth_date_l) = year(birth_date_r)", 0.02),
        # A father's name and address are often his son's.
        ("up to twelve years apart", "abs(year(birth_date_l) - year(birth_date_r)) <= 12", 0.02),
    ),
    0.01,
    "birth_date",
)  # fmt: skip
SAME_HOUSE = "house_no_l is not distinct from house_no_r"
ADDRESS = Comparison(
    "address",
    "coalesce(postal_code_l, street_l, city_l) is null or coalesce(postal_code_r, street_r, city_r) is null or "
    "not ((postal_code_l is not null and postal_code_r is not null) or (street_l is not null and street_r is not null)"
    " or (city_l is not null and city_r is not null))",
    (
        ("same address", f"street_l = street_r and {SAME_HOUSE} and (postal_code_l = postal_code_r or city_l = city_r)", 0.45),
        ("address alike", f"{alike('street', 0.85)} and ({SAME_HOUSE} or postal_code_l = postal_code_r) and "
         "(postal_code_l = postal_code_r or damerau_levenshtein(postal_code_l, postal_code_r) <= 1 or "
         f"{alike('city', 0.9)})", 0.2),
        ("same street in another place, or house number of the same postal code", f"{alike('street', 0.92)} and {SAME_HOUSE} or "
         "postal_code_l = postal_code_r and house_no_l = house_no_r", 0.05),
        ("same postal code", same("postal_code"), 0.08),
        ("same city", f"{alike('city', 0.93)} or "
         "left(postal_code_l, greatest(length(postal_code_l) - 3, 2)) = left(postal_code_r, greatest(length(postal_code_r) - 3, 2)) and length(postal_code_l) > 5", 0.1),
    ),
    0.12,
)  # fmt: skip
POSTAL_RARITY = Comparison(
    "postal_rarity", missing("postal_code"), (("same", same("postal_code"), 0.5),), 0.5, "postal_code", True
)
# Mailboxes and companies are numbered where names are common: another number is another one.
NUMBERED = "{0}_number_l = {0}_number_r"
EMAIL = Comparison(
    "email",
    missing("email"),
    (
        ("same address", same("email"), 0.75),
        ("same mailbox at another provider", "mailbox_l = mailbox_r and length(mailbox_l) > 4", 0.06),
        ("alike", f"{NUMBERED.format('mailbox')} and {alike('mailbox', 0.92)} and length(mailbox_l) > 4", 0.08),
    ),
    0.11,
)  # fmt: skip
COMPANY_EMAIL = Comparison(
    "email",
    missing("email"),
    (
        ("same address", same("email"), 0.75),
        ("mailbox alike at the same provider", f"email_domain_l = email_domain_r and {NUMBERED.format('mailbox')} and {alike('mailbox', 0.92)}", 0.06),
    ),
    0.19,
)  # fmt: skip
PHONE = Comparison("phone", missing("phones"), (("a common number", "list_has_any(phones_l, phones_r)", 0.7),), 0.3)
NATIONAL_ID = Comparison(
    "national_id",
    missing("national_id"),
    (
        ("same", same("national_id"), 0.88),
        ("up to two characters differ", "length(national_id_l) > 5 and levenshtein(national_id_l, national_id_r) <= 4 and damerau_levenshtein(national_id_l, national_id_r) <= 2", 0.08),
    ),
    0.04,
)  # fmt: skip
GENDER = Comparison("gender", missing("gender"), (("same", same("gender"), 0.97),), 0.03)
OCCUPATION = Comparison(
    "occupation", missing("occupation"), (("same", same("occupation"), 0.7), ("alike", alike("occupation", 0.85), 0.1)), 0.2,
    "occupation",
)  # fmt: skip
COMPANY = Comparison(
    "organisation",
    missing("organisation"),
    (
        ("same name", same("organisation"), 0.8),
        ("alike", f"{NUMBERED.format('organisation')} and {alike('organisation', 0.94)}", 0.12),
        # Müller Technik and Müller Technik Filiale Nord
        ("one adds words to the other", "starts_with(organisation_l, organisation_r || ' ') or starts_with(organisation_r, organisation_l || ' ')", 0.06),
        ("begins alike", alike("organisation", 0.85), 0.04),
    ),
    0.04,
    "organisation",
)  # fmt: skip

COMPARISONS: dict[str, tuple[Comparison, ...]] = {
    "person": (
        NAME,
        FAMILY_RARITY,
        GIVEN_RARITY,
        BORN,
        ADDRESS,
        POSTAL_RARITY,
        EMAIL,
        PHONE,
        NATIONAL_ID,
        GENDER,
        OCCUPATION,
    ),
    "organisation": (COMPANY, ADDRESS, POSTAL_RARITY, COMPANY_EMAIL, PHONE, NATIONAL_ID),
}
DIGITS = "regexp_replace({0}, '\\D', '', 'g')"
# Columns of `entry` that are made of those of STANDARD, so that they are not made again for each pair.
MADE = {
    "born": "case when year(birth_date) between 1000 and 9999 then strftime(birth_date, '%Y%m%d') end",
    "mailbox": "split_part(email, '@', 1)",
    "mailbox_number": DIGITS.format("split_part(email, '@', 1)"),
    "email_domain": "split_part(email, '@', 2)",
    "organisation_number": DIGITS.format("organisation"),
}
# Columns of `entry` that comparisons read.
USED = (
    *MADE,
    "given", "family", "han", "name_key", "given_roots", "gender", "birth_date", "email", "phones", "national_id",
    "street", "house_no", "city", "postal_code", "occupation", "organisation",
)  # fmt: skip

"""Whose a column beside sales is, a customer's or a product's, and which part of a person's name it holds."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.authoring.profile import Profile
from orchestration.authoring.sales import Sales
from orchestration.authoring.vocabulary import raw_words, vocabulary, words

NAMES = {"full_name", "given_name", "family_name"}
ENOUGH = 200_000  # rows that tell whose an attribute is
SAME, OTHER = 0.95, 0.5  # share of owners with one value from which an attribute is theirs, and below which it is not


def whose_attribute(sales: Sales, column: str) -> str:
    """`customer` or `product`, of which alone it has one value each; empty where the rows do not tell."""
    if sales.customer is None or sales.product is None:
        return ""
    shares = {}
    for owner, key, other in (("customer", sales.customer, sales.product), ("product", sales.product, sales.customer)):
        text = {name: sales.profile.text(name) for name in (key, other, column)}
        same, owners = sales.profile.all(
            f"select count(*) filter (n = 1), count(*) from (select count(distinct {text[column]}) as n from "
            f"(select * from rows limit {ENOUGH}) "
            f"where {text[key]} is not null and {text[column]} is not null group by {text[key]} "
            f"having count(distinct {text[other]}) > 1)"
        )[0]
        shares[owner] = same / owners if owners else None
    of_customer, of_product = shares["customer"], shares["product"]
    if of_customer is None or of_product is None:
        return ""
    if of_customer >= SAME and of_product < OTHER:
        return "customer"
    return "product" if of_product >= SAME and of_customer < OTHER else ""


def may_be_of_customers(column: str) -> bool:
    """Whether a column by its name may say something of the customer: none of the product, and no name of a thing."""
    own = set(words(column))
    return "customer" in own or not (set(raw_words(column)) & vocabulary().thing_words or "product" in own)


def is_of_names(profile: Profile, column: str) -> bool:
    """Whether most values of a column are written like names: letters in several words, or words of another script."""
    text = profile.text(column)
    named = rf"regexp_full_match({text}, '[^0-9@]*\p{{L}}[^0-9@]*') and (contains({text}, ' ') or {text} >= '一')"
    hits = profile.one(f"count(*) filter ({named})", f"{text} is not null")
    return bool(hits) and hits >= OTHER * profile.filled(column)


def names_told(profile: Profile, found: Mapping[str, str]) -> dict[str, str]:
    """The columns of a person, with a lone `name` told from a given or a family name by what stands beside it."""
    given, family, whole = (found.get(name) for name in ("given_name", "family_name", "full_name"))
    if whole is None or (given is None) == (family is None) or is_called_whole(whole):
        return dict(found)
    beside = given or family
    has_both = profile.one(
        f"count(*) filter (contains(lower({profile.text(whole)}), lower({profile.text(beside or '')})))"
    )
    if has_both >= OTHER * profile.filled(beside or ""):
        return dict(found)
    part = "family_name" if given else "given_name"
    return {part if name == "full_name" else name: column for name, column in found.items()}


def is_called_whole(column: str) -> bool:
    """Whether a column is called a full name."""
    return bool(set(raw_words(column)) & {"full", "fullname", "complet", "completo", "whole", "姓名"})

"""Where a company is, by its data: currency, country of telephone numbers, zone of its business day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestration.authoring.amounts import amounts_of
from orchestration.authoring.columns import Columns
from orchestration.authoring.forms import form_of
from orchestration.authoring.profile import Profile
from orchestration.authoring.vocabulary import plain, vocabulary, words

MOST = 0.8  # share of the values that must name one country
DEFAULT_CURRENCY, DEFAULT_ZONE = "EUR", "UTC"


@dataclass(frozen=True)
class Place:
    """Settings of `company.yml`, and what was guessed of them.

    Args:
        currency: ISO 4217 code.
        timezone: of the business day.
        phone_country: of local telephone numbers.
        notes: what was guessed, and why.
        assumed: settings that nothing in the data shows.
    """

    currency: str
    timezone: str
    phone_country: str | None
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def place_of(profiles: Sequence[Profile], currency: str | None, timezone: str | None) -> Place:
    """The company's settings: what the user states, else what its data show, else the default, which is said."""
    known, notes, assumed = vocabulary(), [], []
    country = country_of(profiles)
    if currency is None:
        found = currency_of(profiles, country)
        currency, why = found or (DEFAULT_CURRENCY, "assumed, nothing in the data names it")
        notes.append(f"currency {currency}: {why}; other: --currency")
        assumed += [] if found else ["currency"]
    if timezone is None:
        zone, why = zone_of_forms(profiles), "that of such exports"
        if zone is None and country in known.countries:
            zone, why = known.countries[country].timezone, f"guess: most of its addresses are in {country}"
        timezone = zone or DEFAULT_ZONE
        notes.append(
            f"time zone {timezone}: {why if zone else 'assumed, nothing in the data shows it'}; other: --timezone"
        )
        assumed += [] if zone else ["timezone"]
    phones = phone_country(profiles) or country
    if phones:
        notes.append(f"phone_country {phones}: guess, by telephone numbers and addresses")
    return Place(currency, timezone, phones, tuple(notes), tuple(assumed))


def zone_of_forms(profiles: Sequence[Profile]) -> str | None:
    """The zone of the company whose exports the tables are, where a form states it."""
    forms = (form_of(profile.columns) for profile in profiles)
    return next((form.timezone for form in forms if form and form.timezone), None)


def currency_of(profiles: Sequence[Profile], country: str | None) -> tuple[str, str] | None:
    """The currency that most rows name, else that of signs beside amounts, else the country's; and why it is."""
    stated: Counter[str] = Counter()
    signs: Counter[str] = Counter()
    for profile in profiles:
        for column in profile.columns:
            if "currency" in words(column) and profile.is_text(column):
                found = profile.all(
                    f"select upper({profile.text(column)}), count(*) from rows group by 1 having length(any_value("
                    f"{profile.text(column)})) = 3"
                )
                stated.update({code: rows for code, rows in found if code and code.isalpha()})
        columns = Columns(profile)
        for column in amounts_of(columns).all:
            if profile.is_text(column):
                signs.update(vocabulary().currency_signs[sign] for sign in columns.evidence(column).signs)
    if stated:
        code = max(sorted(stated), key=lambda c: stated[c])
        others = sorted(set(stated) - {code})
        text = "guess: most rows name it"
        return code, text + (f"; {', '.join(others)} need exchange rates (exchange_rate)" if others else "")
    if signs:
        code = max(sorted(signs), key=lambda c: signs[c])
        return code, "guess: by the sign beside amounts"
    if country in vocabulary().countries:
        return vocabulary().countries[country].currency, f"guess: most addresses are in {country}"
    return None


def country_of(profiles: Sequence[Profile]) -> str | None:
    """The country that most addresses name, or whose the exports are."""
    found: Counter[str] = Counter()
    for profile in profiles:
        form = form_of(profile.columns)
        if form and form.country:
            found[form.country] += profile.rows
        for column in profile.columns:
            if "country" in words(column) and profile.is_text(column):
                rows = profile.all(f"select {profile.text(column)}, count(*) from rows group by 1 limit 1000")
                for value, count in rows:
                    code = vocabulary().country_of.get(plain(value or ""))
                    if value:
                        found[code or "other"] += count
    total = sum(found.values())
    return next((c for c, n in found.most_common(1) if c != "other" and n >= MOST * total), None)


def phone_country(profiles: Sequence[Profile]) -> str | None:
    """The country whose prefix most international telephone numbers have."""
    import phonenumbers

    found: Counter[str] = Counter()
    for profile in profiles:
        for column in profile.columns:
            if {"phone", "mobile"} & set(words(column)) and profile.is_text(column):
                for value in profile.values(column):
                    try:
                        number = phonenumbers.parse(value.lstrip("'")) if value.lstrip("'").startswith("+") else None
                    except phonenumbers.NumberParseException:
                        continue
                    region = phonenumbers.region_code_for_number(number) if number else None
                    if region:
                        found[region] += 1
    total = sum(found.values())
    return next((c for c, n in found.most_common(1) if n >= MOST * total), None)

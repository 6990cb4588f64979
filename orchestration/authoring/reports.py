"""Tables with amounts and days that are no sales: reports that sum them up, advertising, and what the company buys."""

from __future__ import annotations

import re

from orchestration.authoring.profile import Profile
from orchestration.authoring.vocabulary import raw_words, vocabulary, words

WHOLE = re.compile(r"[0-9][0-9., ']*")


def no_sales(profile: Profile) -> str:
    """Why a table is no sales by its columns' names and values; empty where nothing speaks against it."""
    known = vocabulary()
    counts = [c for c in profile.columns if is_count(profile, c)]
    if counts:
        return f"{', '.join(counts)}: counts, so its rows sum up many sales"
    reports = [c for c in profile.columns if set(raw_words(c)) & known.report_words]
    if reports:
        return f"{', '.join(reports)}: a report on visits or advertising, not sales"
    suppliers = [c for c in profile.columns if set(raw_words(c)) & known.supplier_words]
    if suppliers and not any("customer" in words(c) for c in profile.columns):
        return f"{', '.join(suppliers)}, and no customer: what the company buys, not what it sells"
    return ""


def is_count(profile: Profile, column: str) -> bool:
    """Whether a column counts things: a plural as its last word, over whole numbers."""
    parts = raw_words(column)
    if not parts or parts[-1] not in vocabulary().count_words:
        return False
    values = profile.values(column)
    return bool(values) and all(WHOLE.fullmatch(value) for value in values)

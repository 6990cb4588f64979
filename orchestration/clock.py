"""The one place that reads the machine's clock; everything else is given `now`."""

from __future__ import annotations

import datetime as dt


def utc_now() -> dt.datetime:
    """The present moment in UTC, to the millisecond."""
    now = dt.datetime.now(dt.UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def stamp(moment: dt.datetime) -> str:
    """A moment as a sortable name: 20260131T235959123Z."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S") + f"{moment.microsecond // 1000:03d}Z"


def naive_utc(moment: dt.datetime) -> dt.datetime:
    """The moment in UTC without a zone, as the database's TIMESTAMP columns hold it."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None)

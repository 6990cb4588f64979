"""The one place that reads the machine's clock; everything else is given `now`."""

from __future__ import annotations

import datetime as dt

LENGTH = len("20260131T235959123Z")


def utc_now() -> dt.datetime:
    """The present moment in UTC, to the millisecond."""
    now = dt.datetime.now(dt.UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def stamp(moment: dt.datetime) -> str:
    """A moment as a sortable name: 20260131T235959123Z."""
    return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%S") + f"{moment.microsecond // 1000:03d}Z"


def moment_of(name: str) -> dt.datetime | None:
    """The moment that a name of `stamp` says; None where it is no such name."""
    try:
        return dt.datetime.strptime(name, "%Y%m%dT%H%M%S%fZ").replace(tzinfo=dt.UTC) if len(name) == LENGTH else None
    except ValueError:
        return None


def naive_utc(moment: dt.datetime) -> dt.datetime:
    """The moment in UTC without a zone, as the database's TIMESTAMP columns hold it."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None)

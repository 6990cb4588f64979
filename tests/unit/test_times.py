"""Dates and times as sources write them: offsets, zones, formats, plausible years."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.config.company import Formats
from orchestration.config.contracts import Column
from orchestration.conform.casting import plausible, typed
from orchestration.conform.times import Zones, clock_moves, doubtful

BERLIN, NEW_YORK = Zones("Europe/Berlin", "UTC"), Zones("America/New_York", "UTC")
NONE = Formats()


def read(
    text: str | None, zones: Zones = BERLIN, formats: Formats = NONE, kind: str = "timestamp", source: str = "VARCHAR"
) -> str | None:
    """What a text becomes in UTC, to the second; None where it is no time or of no plausible year."""
    spec = Column.model_validate({"type": kind, "description": "A time"})
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        sql = typed("v", source, spec, zones, formats)
        found = con.execute(
            f"select strftime({plausible('p', spec)}, '%Y-%m-%d %H:%M:%S') from "
            f"(select {sql} as p from (select $1::{source} as v))",
            [text],
        ).fetchone()
    assert found is not None
    value: str | None = found[0]
    return value


def day(text: str, zones: Zones = BERLIN, formats: Formats = NONE, source: str = "VARCHAR") -> str | None:
    """What a text becomes as a date."""
    found = read(text, zones, formats, "date", source)
    return found[:10] if found else None


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01 22:15:00 UTC", "2024-07-01 22:15:00 GMT", "2024-07-01 22:15:00GMT", "2024-07-01 22:15:00 utc",
        "2024-07-01T22:15Z", "2024-07-01T22:15:00z", "2024-07-01T22:15:00.000Z", "2024-07-01 22:15:00.000 UTC",
        "2024-07-01 22:15:00+00", "2024-07-01 22:15:00 +00", "2024-07-01T22:15:00.000+0000", "2024-07-01 22:15 Z",
        "2024-07-01 18:15:00 -0400", "2024-07-01 18:15:00-04:00", "2024-07-01T18:15-04", "2024-07-02 03:45:00 +0530",
        "2024-07-01 19:45:00 -0230", "2024-07-01 22:15:00 GMT+0000", "2024-07-02 00:15:00 Europe/Berlin",
        "2024-07-01 18:15:00 America/New_York", "2024-07-02 00:15:00", "2024-07-02T00:15", "2024-07-02 00:15",
    ],
)  # fmt: skip
def test_an_offset_after_the_time_wins_over_the_zone_of_the_source(text: str) -> None:
    """All of them are 22:15 UTC on 1 July 2024: 00:15 in Berlin, 18:15 in New York."""
    assert read(text) == "2024-07-01 22:15:00"


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-01 22:15:00 EST", "2024-07-01 22:15:00 CET", "2024-07-01 22:15:00 PST", "2024-07-01 22:15:00 BST",
        "2024-07-01 22:15:00 Foo", "2024-07-01 22:15:00 Mars/Base", "2024-07-01 22:15:00+99:00",
        "2024-07-01 22:15:00+05:30:15", "2024-07-01 22:15:00 -", "2024-07-01 22:15:00+0075", "2024-07-01 22:15:00 PM",
        "2024-07-01 UTC", "22:15:00 UTC", "soon", "infinity", "-infinity", "2024-13-01 00:00:00Z",
        "294247-01-10 04:00:54", "290309-12-22 (BC) 00:00:00", "290309-12-22 (BC) 00:00:00 +0500",
    ],
)  # fmt: skip
def test_what_names_no_certain_moment_is_no_time(text: str) -> None:
    assert read(text) is None
    assert read(text, NEW_YORK) is None


SHOPIFY = Formats(timestamp=("%Y-%m-%d %H:%M:%S %z",))


@pytest.mark.parametrize("formats", [NONE, SHOPIFY])
def test_an_offset_is_taken_off_once_with_and_without_formats(formats: Formats) -> None:
    assert read("2024-01-15 23:23:11 -0500", NEW_YORK, formats) == "2024-01-16 04:23:11"
    assert read("2024-07-15 23:23:11 -0400", NEW_YORK, formats) == "2024-07-16 03:23:11"
    assert read("2024-07-15 23:23:11 +0900", NEW_YORK, formats) == "2024-07-15 14:23:11"
    assert read("2024-07-15 23:23:11 UTC", NEW_YORK, formats) == "2024-07-15 23:23:11"
    assert read("2024-07-15T23:23:11.123456+00:00", NEW_YORK) == "2024-07-15 23:23:11"


def test_a_format_with_an_offset_takes_no_time_without_one() -> None:
    assert read("2024-01-15 23:23:11", NEW_YORK, SHOPIFY) is None
    both = Formats(timestamp=("%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S"))
    assert read("2024-01-15 23:23:11", NEW_YORK, both) == "2024-01-16 04:23:11"
    assert read("2024-01-15 23:23:11 +0000", NEW_YORK, both) == "2024-01-15 23:23:11"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Mon, 15 Jan 2024 23:23:11 -0500", "%a, %d %b %Y %H:%M:%S %z"),
        ("Tue, 16 Jan 2024 04:23:11 GMT", "%a, %d %b %Y %H:%M:%S %z"),
        ("Tue, 16 Jan 2024 04:23:11 GMT", "%a, %d %b %Y %H:%M:%S %Z"),
        ("Tue, 16 Jan 2024 04:23:11 GMT", "%a, %d %b %Y %H:%M:%S GMT"),
        ("2024-01-16T04:23:11Z", "%Y-%m-%dT%H:%M:%SZ"),
        ("2024-01-16T04:23:11Z", "%Y-%m-%dT%H:%M:%S%z"),
        ("20240116T042311Z", "%Y%m%dT%H%M%S%z"),
        ("15.01.2024 23.23.11 -05:00", "%d.%m.%Y %H.%M.%S %z"),
        ("[15/Jan/2024:23:23:11 -0500]", "[%d/%b/%Y:%H:%M:%S %z]"),
        ("[16/Jan/2024:04:23:11 Z]", "[%d/%b/%Y:%H:%M:%S %z]"),
        ("Tue Jan 16 05:23:11 Europe/Berlin 2024", "%a %b %d %H:%M:%S %Z %Y"),
        ("Tue Jan 16 04:23:11 UTC 2024", "%a %b %d %H:%M:%S %Z %Y"),
        ("16.01.2024 04:23:11 UTC", "%d.%m.%Y %H:%M:%S"),
        ("01/15/2024 11:23:11 PM -0500", "%m/%d/%Y %I:%M:%S %p"),
        ("01/15/2024 11:23:11 PM", "%m/%d/%Y %I:%M:%S %p"),
    ],
)
def test_formats_of_the_source_read_offsets_too(text: str, pattern: str) -> None:
    assert read(text, NEW_YORK, Formats(timestamp=(pattern,))) == "2024-01-16 04:23:11"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Mon Jan 15 23:23:11 EST 2024", "%a %b %d %H:%M:%S %Z %Y"),
        ("Mon Jan 15 23:23:11 BST 2024", "%a %b %d %H:%M:%S %Z %Y"),
        ("15.01.2024 23:23:11 EST", "%d.%m.%Y %H:%M:%S"),
        ("15-Jan-2024", "%d-%b-%Y %H:%M"),
        ("15.01.2024 +0200", "%d.%m.%Y"),
    ],
)
def test_formats_take_no_uncertain_zone_and_no_day_with_an_offset(text: str, pattern: str) -> None:
    assert read(text, NEW_YORK, Formats(timestamp=(pattern,))) is None


def test_a_hyphen_and_a_year_are_no_offset() -> None:
    assert read("15-Jan-2024", BERLIN, Formats(date=("%d-%b-%Y",))) == "2024-01-14 23:00:00"
    assert read("2024-07-01 22:15:00 UTC", BERLIN, Formats(date=("%d-%b-%Y",))) == "2024-07-01 22:15:00"


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("2024-01-15 23:23:11 -0500", NONE),
        ("2024-01-15T23:23Z", NONE),
        ("2024-01-15 23:23:11 UTC", NONE),
        ("2024-01-15", NONE),
        ("2024-01-15+02:00", NONE),
        ("2024-01-15 23:23:11 -0500", SHOPIFY),
        ("15.01.2024 23:23 +0900", Formats(date=("%d.%m.%Y",), timestamp=("%d.%m.%Y %H:%M %z",))),
        ("[15/Jan/2024:23:23:11 -0500]", Formats(date=("[%d/%b/%Y:%H:%M:%S %z]",))),
        ("Mon Jan 15 23:23:11 UTC 2024", Formats(date=("%a %b %d %H:%M:%S %Z %Y",))),
        ("2024-01-15", SHOPIFY),
    ],
)
def test_the_date_of_a_time_with_an_offset_is_the_day_as_it_is_written(text: str, formats: Formats) -> None:
    assert day(text, NEW_YORK, formats) == "2024-01-15"
    assert day(text, Zones("Asia/Tokyo", "UTC"), formats) == "2024-01-15"


@pytest.mark.parametrize("text", ["2024-01-15xyz", "2024-01-15 23:99", "2024-01-15 23:23:11 Foo", "infinity"])
def test_a_date_with_something_else_behind_it_is_none(text: str) -> None:
    assert day(text) is None


def test_an_instant_of_a_database_has_the_day_of_the_source() -> None:
    """22:30 UTC on 30 June is half past midnight on 1 July in Berlin."""
    assert day("2024-06-30 22:30:00+00", BERLIN, source="TIMESTAMP WITH TIME ZONE") == "2024-07-01"
    assert read("2024-06-30 22:30:00+00", source="TIMESTAMP WITH TIME ZONE") == "2024-06-30 22:30:00"


@pytest.mark.parametrize("word", ["epoch", "Infinity", "-infinity", "INFINITY"])
def test_words_are_no_days(word: str) -> None:
    formats = Formats(date=("%d.%m.%Y",), timestamp=("%d.%m.%Y %H:%M",))
    assert (day(word, formats=formats), read(word, formats=formats)) == (None, None)


def test_years_of_two_digits() -> None:
    """%y reads 69 to 99 as of the last century; %Y and ISO read no year of two digits in a plausible way."""
    us, four = Formats(date=("%m/%d/%y",)), Formats(date=("%m/%d/%Y",))
    assert [day(f"03/04/{year}", BERLIN, us) for year in ("21", "68", "69", "99", "2021")] == [
        "2021-03-04", "2068-03-04", None, "1999-03-04", None]  # fmt: skip
    for text in ("03/04/21", "05-06-22", "01/02/03", "25/12/21", "2/2/24"):
        assert day(text, BERLIN, four) is None
        assert day(text) is None
        assert read(text) is None
    assert read("2021-12-24") == "2021-12-23 23:00:00"


@pytest.mark.parametrize("pattern", ["%d.%m.%Y", "%-d/%-m/%y %I:%M %p", "%Y%m%dT%H%M%S%z", "100 %% %Y", "%c"])
def test_formats_that_strptime_knows(pattern: str) -> None:
    assert Formats(date=(pattern,)).date == (pattern,)
    with duckdb.connect() as con:
        con.execute("select try_strptime('x', [$1])", [pattern])


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%s", "%s is none"),
        ("%d.%m.%Y%", "% is none"),
        ("%-Q", "%-Q is none"),
        ("", "with a year"),
        ("%d.%m.", "with a year"),
    ],
)
def test_formats_that_strptime_does_not_know_are_refused(pattern: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Formats(timestamp=(pattern,))


def test_only_local_times_are_doubtful() -> None:
    """02:30 on 27 October 2024 came twice in Berlin; with an offset it is one moment."""
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        for formats, mark in ((NONE, "-"), (Formats(timestamp=("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M:%S %z")), "/")):
            sql = doubtful("v", "VARCHAR", True, BERLIN, formats)
            for text, expected in (("02:30:00", True), ("02:30:00 +0200", False), ("12:30:00", False)):
                value = f"2024-10-27 {text}".replace("-", mark, 2)
                assert con.execute(f"select coalesce({sql}, false) from (select $1 as v)", [value]).fetchone() == (
                    expected,
                ), value


def is_doubtful(local: dt.datetime, zone: str) -> bool:
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        sql = Zones(zone, "UTC").doubtful("v")
        found = con.execute(f"select coalesce({sql}, false) from (select $1::timestamp as v)", [local]).fetchone()
    assert found is not None
    return bool(found[0])


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Australia/Lord_Howe", "2024-04-07 01:45:00", True),  # at 02:00 back to 01:30
        ("Australia/Lord_Howe", "2024-04-07 01:15:00", False),
        ("Australia/Lord_Howe", "2024-04-07 02:15:00", False),
        ("Australia/Lord_Howe", "2024-10-06 02:15:00", True),  # at 02:00 on to 02:30
        ("Antarctica/Troll", "2024-10-27 01:10:00", True),  # at 03:00 back to 01:00
        ("Antarctica/Troll", "2024-10-27 02:50:00", True),
        ("Antarctica/Troll", "2024-10-27 03:10:00", False),
        ("America/Caracas", "2007-12-09 02:40:00", True),  # once, at 03:00 back to 02:30
        ("Asia/Kolkata", "2024-10-27 02:30:00", False),
        ("Europe/Berlin", "1980-09-28 02:30:00", True),
    ],
)
def test_clocks_that_move_by_another_time_than_an_hour(zone: str, local: str, expected: bool) -> None:
    assert is_doubtful(dt.datetime.fromisoformat(local), zone) is expected


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["Australia/Lord_Howe", "Antarctica/Troll", "Europe/Berlin", "America/St_Johns"]),
    data=st.data(),
    minutes=st.integers(-300, 300),
)
def test_times_are_doubtful_that_have_two_offsets(zone: str, data: st.DataObject, minutes: int) -> None:
    """As Python's own zones say: an hour that occurs twice or never has another offset on either side of the change."""
    days = [noon for noon, _ in clock_moves(zone) if 2012 <= noon.year <= 2023]
    local = data.draw(st.sampled_from(days)).replace(hour=2, tzinfo=None) + dt.timedelta(minutes=minutes)
    info = zoneinfo.ZoneInfo(zone)
    early, late = (local.replace(tzinfo=info, fold=fold).utcoffset() for fold in (0, 1))
    assert is_doubtful(local, zone) is (early != late)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"])
OFFSETS = st.integers(-14 * 60, 14 * 60)
MOMENTS = st.datetimes(dt.datetime(1972, 1, 1), dt.datetime(2099, 1, 1))


@settings(max_examples=60, deadline=None)
@given(moment=MOMENTS, zone=ZONES, minutes=OFFSETS, form=st.integers(0, 4), gap=st.sampled_from(["", " "]))
def test_random_moments_are_the_same_however_their_offset_is_written(
    moment: dt.datetime, zone: str, minutes: int, form: int, gap: str
) -> None:
    moment = moment.replace(microsecond=0)
    if form == 2:
        minutes = minutes // 60 * 60 if minutes >= 0 else -(-minutes // 60 * 60)
    if form >= 3:
        minutes = 0
    local = moment + dt.timedelta(minutes=minutes)
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    hours, rest = f"{size // 60:02}", f"{size % 60:02}"
    offset = [f"{sign}{hours}:{rest}", f"{sign}{hours}{rest}", f"{sign}{hours}", "Z", "UTC"][form]
    zones = Zones(zone, "UTC")
    expected = moment.isoformat(sep=" ")
    assert read(f"{local:%Y-%m-%d %H:%M:%S}{gap}{offset}", zones) == expected
    german = Formats(timestamp=("%d.%m.%Y %H:%M:%S %z",))
    assert read(f"{local:%d.%m.%Y %H:%M:%S}{gap}{offset}", zones, german) == expected
    assert read(f"{local:%d.%m.%Y %H:%M:%S}{gap}{offset}", zones, Formats(timestamp=("%d.%m.%Y %H:%M:%S",))) == expected

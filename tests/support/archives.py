"""Archives that are no whole backup, made of one that is: what is done to it, and what must be said."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

Member = tuple[tarfile.TarInfo, bytes]
Change = Callable[[list["Member"]], list["Member"]]


def members_of(path: Path) -> list[Member]:
    with tarfile.open(path) as tar:
        return [(member, (tar.extractfile(member) or io.BytesIO()).read()) for member in tar]


def write(path: Path, members: list[Member], listed: bool = False) -> None:
    """Write an archive; with `listed` its list of contents names all of it."""
    if listed:
        contents = json.loads(members[0][1])
        contents["files"] = {m.name: hashlib.sha256(data).hexdigest() for m, data in members[1:]}
        members = [(members[0][0], json.dumps(contents).encode()), *members[1:]]
    with tarfile.open(path, "w") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def named(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, b"x" if kind == tarfile.REGTYPE else b""


def without(*names: str) -> Change:
    return lambda found: [m for m in found if not m[0].name.startswith(names)]


def adding(*more: Member) -> Change:
    return lambda found: [*found, *more]


def replacing(name: str, content: bytes) -> Change:
    """Another content of a file, which is put there where there is none."""
    return lambda found: [*(m for m in found if m[0].name != name), (named(name)[0], content)]


def saying(name: str, value: object) -> Change:
    """Another value in the list of contents."""

    def change(found: list[Member]) -> list[Member]:
        head, data = found[0]
        return [(head, json.dumps(json.loads(data) | {name: value}).encode()), *found[1:]]

    return change


# what is done to the archive, whether its list of contents is made to fit, and what is said
BAD: dict[str, tuple[Change, bool, str]] = {
    "no lake": (without("lake/"), True, "holds no lake"),
    "no state": (without("state.sqlite"), True, "holds no state"),
    "no manifest": (lambda found: [m for m in found if "_manifest" not in m[0].name], True, "holds no load"),
    "a load without its manifest": (
        lambda found: [m for m in found if not ("orders" in m[0].name and "_manifest" in m[0].name)],
        True, "its manifest is gone",
    ),
    "a load without its rows": (
        lambda found: [m for m in found if not ("orders" in m[0].name and "part" in m[0].name)],
        True, "part-0.parquet is gone",
    ),
    "a load less": (lambda found: [m for m in found if "orders" not in m[0].name], True, "is gone from the lake"),
    "a file less": (without("lake/till/orders"), False, "of its list of contents is not in it"),
    "a file more": (adding(named("lake/till/orders/L9/part-0.parquet")), False, "is not in its list of contents"),
    "a file twice": (lambda found: [*found, found[-1]], False, "twice in the archive"),
    "out of the folder": (adding(named("lake/../../evil")), True, "does not belong into a backup"),
    "an absolute path": (adding(named("/etc/evil")), True, "does not belong into a backup"),
    "another name": (adding(named("published/evil")), True, "does not belong into a backup"),
    "a doubled slash": (adding(named("lake//x")), True, "does not belong into a backup"),
    "a link": (adding(named("lake/x", tarfile.SYMTYPE, "/etc/passwd")), True, "does not belong into a backup"),
    "a hard link": (adding(named("lake/x", tarfile.LNKTYPE, "state.sqlite")), True, "does not belong into a backup"),
    "a device": (adding(named("lake/x", tarfile.CHRTYPE)), True, "does not belong into a backup"),
    "a folder": (adding(named("lake/x", tarfile.DIRTYPE)), True, "does not belong into a backup"),
    "another state": (replacing("state.sqlite", b"no database" * 99), True, "is damaged"),
    "an empty state": (replacing("state.sqlite", b""), True, "state.sqlite is empty"),
    "a key that is no text": (replacing("pseudonym.key", b"\xff\xfe\0"), True, "pseudonym.key: cannot be read"),
    "a list of the forgotten": (adding(named("suppression.parquet")), True, "suppression.parquet: cannot be read"),
    "no list": (lambda found: found[1:], False, "not a whole backup"),
    "another layout": (saying("format", 2), False, "is of layout '2'"),
    "another company": (saying("company", "other"), False, "a backup of company 'other'"),
}  # fmt: skip

"""Break a small company in every way that is known, and count what came of it.

Usage: python -m tests.breaking [--every N]     (kill at every Nth operation; default 1)

Kills at every operation on files, databases and the journal of each command that changes something; corrupt files; a
state that is not as it was left; a full disk; little memory; a clock that was set back; archives and files of
strangers. After each, the next command must end or undo what was begun: the state is then one that an undisturbed
command gives, or the one from before. `tests/unit/test_breaking.py` runs a sample of it.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import os
import random
import resource
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pytest

from orchestration.config.company import CompanyConfig, load_company
from orchestration.landing.lake import Lake
from orchestration.landing.load import load_tables, table_ids
from orchestration.platform import scratch
from orchestration.platform.clock import utc_now
from orchestration.platform.custody import in_charge
from orchestration.platform.errors import RegularsError, in_plain_words
from orchestration.platform.state import State
from orchestration.privacy.person import Person
from orchestration.privacy.search import search
from orchestration.run.refresh import open_session
from orchestration.serving.backup import backup, restore
from orchestration.serving.publish import current_version, publish, rollback
from orchestration.serving.seal import broken
from tests.support import kills
from tests.support.archives import BAD, members_of, write
from tests.support.conforming import rows
from tests.support.hostile import HOSTILE, READ, REFUSED, nothing_vanishes
from tests.support.shop import Shop
from tests.support.strange import SAME, STRANGE, WHEN_READ, is_kept

NAME = "Zebulon Quaxley"
REQUIRED = frozenset({"core.thing", "marts.build_info"})
SEED = 20260131


def build_version(config: CompanyConfig, version: str, rows_of_it: int) -> None:
    """Write a `serve.duckdb` as a build leaves it."""
    with duckdb.connect(str(config.paths.serve)) as con:
        con.execute("create schema if not exists core; create schema if not exists marts")
        con.execute(
            f"create or replace table core.thing as select i, 'thing ' || i as name from range({rows_of_it}) t(i)"
        )
        con.execute(
            "create or replace table marts.build_info as select ? as version, timestamp '2025-01-01' as built_at, "
            "date '2024-12-31' as as_of",
            [version],
        )


def make(root: Path) -> Shop:
    """The company: two loads, one row in quarantine, one person to forget, two versions, and a backup of its first day.

    It has no scores and no models of dbt: what is broken here is what every command shares.
    """
    shop = Shop(root)
    shop.write()
    shop.configure(company={"publish": {"keep": 2}})
    for table in ("orders", "lines"):
        shop.put(table, "select * from {table} where order_no in ('O1', 'O2', 'O3', 'O5')")
    shop.put(
        "lines",
        "select * replace (case when order_no = 'O3' then 'two' else pieces::varchar end as pieces) from {table}",
    )
    shop.put("customers", f"select * replace (case when id = 'C5' then '{NAME}' else name end as name) from {{table}}")
    config = load_company("shop")
    do_load(config)
    with in_charge(config.paths):
        build_version(config, "V1", 1)
        publish(config, REQUIRED)
        backup(config, root / "first.tar", "2025-01-01")
    shop.put("orders", "select * replace (total + 1 as total) from {table}")
    do_load(config)
    with in_charge(config.paths):
        build_version(config, "V2", 2)
        publish(config, REQUIRED)
        build_version(config, "V3", 3)
    shop.put("orders", "select * replace (total + 1 as total) from {table}")  # for the next load
    return shop


@contextlib.contextmanager
def copied(shop: Shop, root: Path) -> Iterator[CompanyConfig]:
    """A copy of the company's state, which is this process's for a while."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(shop.home, root, symlinks=True)
    before = os.environ.get("REGULARS_HOME", "")
    os.environ["REGULARS_HOME"] = str(root)
    try:
        yield load_company("shop")
    finally:
        scratch.remove()
        os.environ["REGULARS_HOME"] = before


def lake_of(config: CompanyConfig) -> list[tuple[object, ...]]:
    """What the lake holds, as the books of lake and state say it, which must agree with the rows that are there."""
    lake = Lake(config.paths.lake)
    found = sorted((m.source_system, m.table_name, m.load_id, m.rows_landed) for m in lake.manifests())
    for manifest in lake.manifests():
        assert lake.problem(manifest, deep=True) is None, lake.problem(manifest, deep=True)
    with State(config.paths.state) as state:
        state.check()
        known = sorted(tuple(row.values()) for row in state.known_loads())
    assert known == found, "the books of state and lake differ"
    return list(found)


def clean(config: CompanyConfig) -> None:
    """Whether nothing is left of what a killed command made for itself."""
    root = config.paths.root
    left = [p for p in root.rglob("*") if ".incoming" in p.name or ".restoring" in p.name or p.name.endswith(".tmp")]
    left += [p for name in ("restore.json", "backup.part", "quality.new") if (p := root / name).exists()]
    left += [path for path in config.paths.temp.glob("*") if not scratch.is_alive(path)]
    left += list(config.paths.published.glob(".current-*"))
    left += list(root.parent.parent.glob(".*.part"))
    assert not left, f"left behind: {left}"


def version_of(config: CompanyConfig) -> str:
    """The version that readers see, which must be whole."""
    version = current_version(config.paths)
    assert version is not None, "nothing is published"
    assert broken(config.paths.versions / version) is None
    with duckdb.connect(str(config.paths.current_database), read_only=True) as con:
        [(held, said)] = con.execute(
            "select (select count(*) from core.thing), version from marts.build_info"
        ).fetchall()
    assert (said, f"V{held}") == (version, version)
    return version


def mend(config: CompanyConfig) -> None:
    """The next command, which changes nothing of its own."""
    with in_charge(config.paths):
        pass


@dataclass(frozen=True)
class Kind:
    """A command that is killed, and how to tell what came of it.

    Args:
        act: the command.
        next_command: what is run after the kill.
        look: what is there afterwards, to compare with an undisturbed command's and with what was there before;
            raises AssertionError where it is not whole.
        goes_on: whether the next command is the same again, so that its work must be there in the end.
    """

    act: Callable[[CompanyConfig], object]
    next_command: Callable[[CompanyConfig], object]
    look: Callable[[CompanyConfig], object]
    goes_on: bool = False


def do_restore(config: CompanyConfig) -> None:
    """Put the first day's backup back."""
    with in_charge(config.paths):
        restore(config, Path(os.environ["SHOP_DATA"]).parent / "first.tar", replace=True)


def look_at_restored(config: CompanyConfig) -> object:
    """The version that readers see, the lake, and what was made of it."""
    orders = "select order_id, net_amount from input.sales_order order by all"
    return version_of(config), lake_of(config), rows(config, orders) if config.paths.warehouse.exists() else None


def do_rollback(config: CompanyConfig) -> None:
    """Back to the version before."""
    with in_charge(config.paths):
        rollback(config.paths, "V1")


def do_publish(config: CompanyConfig) -> None:
    """Publish what was built."""
    with in_charge(config.paths):
        publish(config, REQUIRED)


def second(config: CompanyConfig) -> Path:
    """The archive that is written."""
    return config.paths.root.parent.parent / "second.tar"


def do_backup(config: CompanyConfig) -> None:
    """Write a backup beside the company."""
    with in_charge(config.paths):
        backup(config, second(config), "2025-01-02")


def look_at_backup(config: CompanyConfig) -> object:
    """Whether there is an archive, which must be whole, and the lake, which it must give back."""
    there, lake = second(config).exists(), lake_of(config)
    if there:
        with in_charge(config.paths):
            restore(config, second(config), replace=True)
        second(config).unlink()
        assert lake_of(config) == lake
    return there, lake


def do_replay(config: CompanyConfig) -> None:
    """Correct the row in quarantine, where it is still there."""
    with open_session(config, "quarantine replay order_line") as session:
        waiting = [row_id for (row_id,) in rows(config, "select row_id from quarantine.order_line")]
        session.replay("order_line", [(row_id, "quantity", "2") for row_id in waiting])


def books(config: CompanyConfig) -> object:
    """Both sets of books, apart from the loads' names, and what they speak of."""
    names = "source_system, entity, candidates, accepted, unchanged, quarantined, filtered"
    with State(config.paths.state) as state:
        conformed = sorted(tuple(row.values()) for row in state.rows(f"select {names} from conform_audit"))
    kept = sorted(rows(config, f"select {names} from audit.conform_audit"))
    assert kept == conformed, "the books of state and warehouse differ"
    return [
        [(system, table, held) for system, table, _, held in lake_of(config)], kept,
        rows(config, "select source_system, table_name, rows_read, rows_landed from audit.load_audit order by all"),
        rows(config, "select order_id, net_amount from input.sales_order order by all"),
        rows(config, "select order_id, line_no, quantity from input.order_line order by all"),
        rows(config, "select row_id from quarantine.order_line"),
    ]  # fmt: skip


def do_forget(config: CompanyConfig) -> None:
    """Take the person out of what the company holds, as `forget` does before it builds."""
    person = Person(5, [("till", "C5")], [5_000_005], values=[NAME])
    with open_session(config, "forget") as session:
        session.forget(person)


def look_for_the_person(config: CompanyConfig) -> object:
    """Where the name is, apart from the published versions, and the lake."""
    hits = search(config.paths.root, [NAME]).hits
    lake = [(system, table, held) for system, table, _, held in lake_of(config)]
    named = {
        manifest.table_name for manifest in Lake(config.paths.lake).manifests() if manifest.rows_erased
    }  # fmt: skip
    return bool([h for h in hits if config.paths.published not in h.path.parents]), lake, named


def open_and_close(config: CompanyConfig) -> None:
    """The next refresh, up to its first step."""
    with open_session(config, "refresh"):
        pass


def do_load(config: CompanyConfig) -> None:
    """Land changed tables, and conform them."""
    with open_session(config, "refresh") as session:
        # Not `session.load()`, which starts Great Expectations beside it.
        load_tables(config, session.lake, session.state, table_ids(config), session.load_request(), lambda *_: None)
        session.conform()


KINDS = {
    "restore": Kind(do_restore, mend, look_at_restored),
    "rollback": Kind(do_rollback, mend, version_of),
    "publish": Kind(do_publish, do_publish, version_of, goes_on=True),
    "backup": Kind(do_backup, mend, look_at_backup),
    "replay": Kind(do_replay, do_replay, books, goes_on=True),
    "forget": Kind(do_forget, open_and_close, look_for_the_person),
    "load": Kind(do_load, do_load, books, goes_on=True),
}


def killed(shop: Shop, root: Path, name: str, choose: Callable[[int], list[int]]) -> Counter[str]:
    """Kill a command at chosen ones of its operations; returns how often it came to what.

    Args:
        shop: the company.
        root: folder to work in.
        name: of the command, in KINDS.
        choose: numbers of the operations, given how many there are.
    """
    kind, counts = KINDS[name], Counter[str]()
    with copied(shop, root / "before" / "home") as config:
        before = kind.look(config)
    with copied(shop, root / "after" / "home") as config:
        operations = kills.run(lambda: kind.act(config))
        after = kind.look(config)
    assert before != after
    for number in choose(operations):
        with copied(shop, root / "killed" / "home") as config:
            kills.run(lambda: kind.act(config), number)
            was_clean = is_clean(config)
            try:
                kind.next_command(config)
                found = kind.look(config)
                clean(config)
                assert found == after or (found == before and not kind.goes_on), f"{found} is neither old nor new"
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                counts["FAILED"] += 1
                print(f"  {name}, operation {number} of {operations}: {type(error).__name__}: {error}")
                continue
        ended = "converged" if was_clean or kind.goes_on else "finished by the next command"
        counts[ended if found == after else "as before"] += 1
    return counts


def is_clean(config: CompanyConfig) -> bool:
    """Whether a killed command left nothing of its own."""
    try:
        clean(config)
    except AssertionError:
        return False
    return True


def cut(path: Path) -> None:
    """Lose the second half of a file."""
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    """Lose all of a file but its name."""
    os.truncate(path, 0)


def scribble(path: Path) -> None:
    """Write random bytes over the middle third of a file."""
    size = path.stat().st_size
    with path.open("r+b") as handle:
        handle.seek(size // 3)
        handle.write(random.Random(SEED).randbytes(size // 3))


def forge(path: Path) -> None:
    """Put a whole file of the same kind with fewer rows there, where it is a Parquet file."""
    if path.suffix == ".parquet":
        with duckdb.connect() as con:
            con.execute(f"copy (from read_parquet('{path}') limit 1) to '{path}.new' (format parquet)")
        Path(f"{path}.new").replace(path)
    else:
        cut(path)


HARM: dict[str, Callable[[Path], None]] = {
    "cut": cut, "emptied": empty, "scribbled over": scribble, "forged": forge, "deleted": Path.unlink,
}  # fmt: skip
FILES = {
    "state": "state.sqlite",
    "warehouse": "warehouse.duckdb",
    "serve": "serve.duckdb",
    "publication": "published/current/regulars.duckdb",
    "newest load": "lake/till/lines/*/part-0.parquet",
    "older load": "lake/till/orders/[!_]*/part-0.parquet",
    "manifest": "lake/till/lines/*/_manifest.json",
}
READERS = (
    ["status"], ["check"], ["drift"], ["versions"], ["sql", "select count(*) from thing"], ["doctor"],
    ["quarantine", "list"],
)  # fmt: skip


def said_by(arguments: list[str]) -> str:
    """What a command line says at its end where it fails; empty where it does not."""
    from orchestration.cli.main import app

    with contextlib.redirect_stdout(io.StringIO()):
        try:
            app(arguments, standalone_mode=False)
        except Exception as error:  # noqa: BLE001 - as the command line does
            return str(in_plain_words(error))
    return ""


def refresh(config: CompanyConfig, **options: bool) -> str:
    """Load, conform and publish; returns what was said, or the error."""
    said: list[str] = []
    try:
        with open_session(config, "refresh", (lambda _, message, __: said.append(message),), **options) as session:
            load_tables(config, session.lake, session.state, table_ids(config), session.load_request(), lambda *_: None)
            session.conform()
            if not config.paths.serve.exists():
                build_version(config, "V3", 3)
            with session.stage("publish"):
                publish(config, REQUIRED)
    except Exception as error:  # noqa: BLE001 - as the command line does
        said.append(str(in_plain_words(error)))
    return " | ".join(said)


def damaged(shop: Shop, root: Path, name: str, ways: Iterable[str] = ()) -> Counter[str]:
    """Harm one file in some ways, by default in all; returns how often it was found, made again, or did not matter."""
    counts = Counter[str]()
    with copied(shop, root / "sound" / "home") as config:
        refresh(config)
        expected = orders_of(config)
    for how in ways or HARM:
        with copied(shop, root / "damaged" / "home") as config:
            path = sorted(config.paths.root.glob(FILES[name]))[0]
            path.chmod(0o600)
            HARM[how](path)
            try:
                counts[what_came(config, path, expected)] += 1
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                counts["FAILED"] += 1
                print(f"  {name} {how}: {type(error).__name__}: {error}")
    return counts


def in_words(act: Callable[[CompanyConfig], object], config: CompanyConfig) -> None:
    """Run a command as the command line does: what the product expects to fail says so in words of its own.

    Raises:
        RegularsError: it failed so.
    """
    try:
        act(config)
    except Exception as error:
        told = in_plain_words(error)
        if "Nobody foresaw" in str(told):
            raise
        raise told from error


def orders_of(config: CompanyConfig) -> object:
    """What readers would be shown of the orders."""
    sound = version_of(config)
    lines = "select order_id, line_no, quantity from input.order_line order by all"
    return sound, rows(config, "select order_id, net_amount from input.sales_order order by all"), rows(config, lines)


def what_came(config: CompanyConfig, path: Path, expected: object) -> str:
    """What came of a damaged file, once its cure was followed."""
    for arguments in READERS:
        assert "Nobody foresaw" not in (text := said_by(arguments)), f"{arguments[0]} says: {text}"
    said = refresh(config)
    assert "Nobody foresaw" not in said, said
    outcome = "made again" if path.name in said or path.parent.name in said else "did not matter"
    if "--accept-loss" in said:
        outcome = "stopped by name"
        assert path.parent.name in said, said
        said = refresh(config, accept_loss=True)
        assert "done without it" in said, said
    elif "Run: regulars refresh" in said:
        outcome = "named, then made again"
        assert path.name in said, said
        said = refresh(config, full="--full" in said)
    found = orders_of(config)
    assert found == expected or outcome == "stopped by name", f"{found} instead of {expected}; it said: {said}"
    return outcome


def strange(shop: Shop, root: Path, names: Iterable[str] = ()) -> Counter[str]:
    """Find the company's state otherwise than it was left; returns how often that came to what."""
    counts = Counter[str]()
    with copied(shop, root / "sound" / "home") as config:
        refresh(config)
        expected = orders_of(config)
    for name in names or STRANGE:
        harm, outcome = STRANGE[name]
        with copied(shop, root / "strange" / "home") as config:
            harm(config)
            try:
                for arguments in READERS:
                    assert "Nobody foresaw" not in (text := said_by(arguments)), f"{arguments[0]} says: {text}"
                said = refresh(config)
                assert "Nobody foresaw" not in said, said
                stopped = "done | succeeded" not in said
                if outcome == WHEN_READ and not stopped:
                    said = refresh(config, full=True)
                    stopped = "done | succeeded" not in said
                assert stopped == (outcome != SAME), said
                assert is_kept(config), "what is not the product's is gone"
                if not stopped:
                    refresh(config, full=True)
                    assert orders_of(config) == expected
                counts[outcome] += 1
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                counts["FAILED"] += 1
                print(f"  {name}: {type(error).__name__}: {error}")
            shutil.rmtree(root / "strange" / "elsewhere", ignore_errors=True)
    return counts


def hostile(root: Path, tries: dict[str, tuple[Callable[[Path], str], set[str]]]) -> Counter[str]:
    """Give the readers what a stranger sends; returns how often it was read or refused.

    Args:
        root: folder to work in.
        tries: by name, what reads a file in a folder of its own, and what may come of it.
    """
    counts = Counter[str]()
    for name, (act, allowed) in tries.items():
        with tempfile.TemporaryDirectory(dir=root) as folder:
            try:
                outcome = act(Path(folder))
                assert outcome in allowed, outcome
                counts[outcome] += 1
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                counts["FAILED"] += 1
                print(f"  {name}: {type(error).__name__}: {error}")
    return counts


def random_text(seeds: Iterable[int]) -> dict[str, tuple[Callable[[Path], str], set[str]]]:
    """Random delimited files, as `hostile` takes them."""
    return {f"text {seed}": (partial(nothing_vanishes, seed=seed), {READ, REFUSED}) for seed in seeds}


def archives(shop: Shop, root: Path) -> Counter[str]:
    """Restore archives that are no whole backup; nothing may change."""
    counts = Counter[str]()
    whole = members_of(shop.root / "first.tar")
    root.mkdir(parents=True, exist_ok=True)
    for name, (change, listed, words) in BAD.items():
        write(root / "bad.tar", change(whole), listed)
        with copied(shop, root / "archive" / "home") as config:
            before = lake_of(config)
            try:
                with in_charge(config.paths):
                    restore(config, root / "bad.tar", replace=True)
                raise AssertionError("was restored")
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                told = words in str(error) and lake_of(config) == before and is_clean(config)
                counts[REFUSED if told else "FAILED"] += 1
                if not told:
                    print(f"  {name}: {type(error).__name__}: {error}")
    return counts


def full_disk(kilobytes: int) -> None:
    """Let no file of this process grow beyond a size, as on a disk that is nearly full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, kilobytes << 10))


def little_memory(megabytes: int) -> None:
    """Let this process take so much more memory than it has, and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limited(shop: Shop, root: Path, name: str, limit: Callable[[int], None], amounts: Iterable[int]) -> Counter[str]:
    """Run a command within limits of the system; what fails says why, and the command works without them afterwards."""
    kind, counts = KINDS[name], Counter[str]()
    for amount in amounts:
        with copied(shop, root / "limited" / "home") as config:

            def act(config: CompanyConfig = config, amount: int = amount) -> None:
                limit(amount)
                with contextlib.suppress(RegularsError):
                    in_words(kind.act, config)

            try:
                kills.run(act)
                kind.next_command(config)
                kind.look(config)
                clean(config)
                kind.act(config)
                kind.look(config)
                counts["went on with room"] += 1
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                counts["FAILED"] += 1
                print(f"  {name}, limit {amount}: {type(error).__name__}: {error}")
    return counts


def set_back(shop: Shop, root: Path) -> Counter[str]:
    """Set the clock back by an hour to ten years; what is loaded then is the newest all the same."""
    counts = Counter[str]()
    for days in (1 / 24, 1, 400, 3650):
        with copied(shop, root / "clock" / "home") as config, pytest.MonkeyPatch.context() as patch:
            before = max(load_id for _, _, load_id, _ in lake_of(config))  # type: ignore[type-var]
            shutil.copy(shop.data / "orders.parquet", root / "orders.parquet")
            shop.put("orders", "select * replace (total + 7 as total) from {table}")
            now = utc_now() - dt.timedelta(days=days)
            patch.setattr("orchestration.run.refresh.utc_now", lambda now=now: now)
            try:
                assert "the machine's clock" in (said := refresh(config)), said
                assert max(load_id for _, _, load_id, _ in lake_of(config)) > before  # type: ignore[type-var]
                raw = {row[1] for row in rows(config, "select order_id, net_amount from input.sales_order "
                                                      "where _superseded_at is null order by all")}  # fmt: skip
                with duckdb.connect() as con:
                    wanted = con.execute(f"select distinct total from '{shop.data}/orders.parquet'").fetchall()
                assert {float(value) for value in raw} == {float(value) for (value,) in wanted}
                counts["dated after the newest, and said"] += 1
            except Exception as error:  # noqa: BLE001 - counted and named, the others are tried too
                counts["FAILED"] += 1
                print(f"  clock set back {days} days: {type(error).__name__}: {error}")
            finally:
                shutil.move(root / "orders.parquet", shop.data / "orders.parquet")
    return counts


def main() -> None:
    """Run the matrix and print the counts; exit code 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="kill at every Nth operation only")
    parser.add_argument("--only", default="", help="only this part")
    chosen = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="regulars-breaking-") as folder:
        root = Path(folder)
        company = root / "company"
        os.environ |= {"REGULARS_HOME": str(company / "home"), "REGULARS_COMPANIES": str(company / "companies"),
                       "REGULARS_COMPANY": "shop", "REGULARS_ENV_FILE": os.devnull}  # fmt: skip
        shop = make(company)
        parts: dict[str, Callable[[], Counter[str]]] = {
            f"killed {name}": partial(killed, shop, root / "work", name, lambda n: list(range(1, n + 1, chosen.every)))
            for name in KINDS
        }
        parts |= {f"damaged {name}": partial(damaged, shop, root / "work", name) for name in FILES}
        parts |= {"strange state": partial(strange, shop, root / "work")}
        parts |= {
            "hostile archives": partial(archives, shop, root / "work"),
            "hostile files": partial(hostile, root, {name: (act, {want}) for name, (act, want) in HOSTILE.items()}),
            "hostile text": partial(hostile, root, random_text(range(1000))),
        }
        parts |= {
            f"full disk in {name}": partial(limited, shop, root / "work", name, full_disk, (1, 16, 128, 1024))
            for name in KINDS
        }
        parts |= {
            f"little memory in {name}": partial(limited, shop, root / "work", name, little_memory, (4, 64, 256))
            for name in KINDS
        }
        parts |= {"clock set back": partial(set_back, shop, root / "work")}
        for name, part in parts.items():
            if chosen.only in name:
                began = time.monotonic()
                counts = part()
                failed += counts["FAILED"]
                tell(name, counts, began)
    raise SystemExit(1 if failed else 0)


def tell(what: str, counts: Counter[str], began: float) -> None:
    """Print one line of the result."""
    parts = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
    print(f"{what}: {sum(counts.values())} tried, {parts} ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    main()

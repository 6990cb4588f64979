"""Precision, recall and F1 of identity on public sets with truth, pairwise after clustering, and the seconds it took.

    python benchmarks/identity.py [SET ...]           sets: febrl1 febrl2 febrl3 febrl4 fake_1000 generated
    python benchmarks/identity.py --persons 700000    speed beside plain Splink, on a million made-up records

The public sets are read from REGULARS_TESTDATA (default: ../shared/data beside the checkout); `generated` is the demo
company's three systems with customers, from TELECOM_RETAIL_DATA. One configuration matches them all.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb

from models_ml.identity.standardise import RAW
from orchestration.identity.once import resolve_records
from orchestration.identity.standardise import standard_records
from orchestration.platform.sql import Relation

TESTDATA = Path(os.environ.get("REGULARS_TESTDATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
FEBRL = {
    "source_system": "file", "customer_id": "rec_id", "given_name": "given_name", "family_name": "surname",
    "birth_date": "try_strptime(date_of_birth, '%Y%m%d')::date", "national_id": "soc_sec_id",
    "address_line": "concat_ws(' ', street_number, address_1, address_2)", "city": "suburb", "region": "state",
    "postal_code": "postcode",
}  # fmt: skip
FAKE = {
    "source_system": "'fake'", "customer_id": "unique_id", "given_name": "first_name", "family_name": "surname",
    "birth_date": "try_cast(dob as date)", "city": "city", "email": "email",
}  # fmt: skip


def put(con: duckdb.DuckDBPyConnection, source: str, columns: dict[str, str], truth: str) -> None:
    """Make `record` (RAW) and `truth` (source_system, customer_id, person) of a query."""
    kinds = {"birth_date": "date", "email_verified_at": "timestamp", "phone_verified_at": "timestamp"}
    values = ", ".join(f"cast({columns.get(name, 'null')} as {kinds.get(name, 'varchar')}) as {name}" for name in RAW)
    con.execute(f"create or replace table record as select {values} from ({source})")
    con.execute(
        f"create or replace table truth as select {columns['source_system']} as source_system, "
        f"{columns['customer_id']} as customer_id, {truth} as person from ({source})"
    )


def febrl(con: duckdb.DuckDBPyConnection, *names: str) -> None:
    """One or two files of FEBRL."""
    parts = []
    for name in names:
        path = TESTDATA / "febrl" / f"{name}.csv"
        found = con.execute("select * from read_csv($p, all_varchar = true) limit 0", {"p": str(path)}).description
        columns = ", ".join(f"nullif(trim(\"{c[0]}\"), '') as {c[0].strip()}" for c in found or [])
        parts.append(f"select '{name}' as file, {columns} from read_csv('{path}', all_varchar = true)")
    put(con, " union all ".join(parts), FEBRL, "split_part(rec_id, '-', 2)")


def fake_1000(con: duckdb.DuckDBPyConnection) -> None:
    """Splink's set of fake people."""
    put(con, f"from read_csv('{TESTDATA / 'febrl' / 'fake_1000.csv'}', all_varchar = true)", FAKE, "cluster")


def generated(con: duckdb.DuckDBPyConnection) -> float:
    """The demo company as it was last refreshed, identity made anew in a copy, with its relations and decisions."""
    from orchestration.config.company import load_company
    from orchestration.identity import resolve_identity
    from orchestration.landing.lake import Lake
    from orchestration.platform.clock import stamp, utc_now

    config, now = load_company("telecom_retail"), utc_now()
    truth = Path(os.environ["TELECOM_RETAIL_DATA"]) / "truth" / "identity"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "warehouse.duckdb"
        shutil.copyfile(config.paths.warehouse, copy)
        with duckdb.connect(str(copy), config={"preserve_insertion_order": "false"}) as warehouse:
            warehouse.execute("set TimeZone = 'UTC'; drop schema identity cascade; create schema identity")
            started = time.monotonic()
            resolve_identity(warehouse, config, Lake(Path(folder) / "lake"), stamp(now), now)
            seconds = time.monotonic() - started
        con.execute(f"attach '{copy}' as made (read_only)")
        con.execute(
            "create table cluster_person as select source_system, customer_id, 'key' as cluster_system, "
            "customer_key::varchar as cluster_id from made.identity.customer_link "
            "where valid_to is null and rule <> 'shared_id'"
        )
        con.execute("create table cluster_organisation as from cluster_person limit 0")
        con.execute(f"create table truth as select *, person_no as person from read_parquet('{truth}/*.parquet')")
        con.execute("detach made")
    return seconds


SETS: dict[str, tuple[str, Callable[[duckdb.DuckDBPyConnection], None]]] = {
    "febrl1": ("AU", lambda con: febrl(con, "dataset1")),
    "febrl2": ("AU", lambda con: febrl(con, "dataset2")),
    "febrl3": ("AU", lambda con: febrl(con, "dataset3")),
    "febrl4": ("AU", lambda con: febrl(con, "dataset4a", "dataset4b")),
    "fake_1000": ("GB", fake_1000),
}

GENERATED = "generated"
SCORE = """
with found as (
  select c.cluster_system, c.cluster_id, t.person
  from (from cluster_person union all from cluster_organisation) c join truth t using (source_system, customer_id)
)
select
  (select sum(n * (n - 1) / 2) from (select count(*) as n from found group by cluster_system, cluster_id)) as made,
  (select sum(n * (n - 1) / 2) from (select count(*) as n from found group by person)) as true_pairs,
  (select sum(n * (n - 1) / 2) from (select count(*) as n from found group by cluster_system, cluster_id, person)) as hit
"""


def score(name: str) -> tuple[float, float, float, float]:
    """Precision, recall, F1 and seconds of a set, or of the demo company."""
    with duckdb.connect() as con:
        if name == GENERATED:
            seconds = generated(con)
        else:
            country, load = SETS[name]
            load(con)
            started = time.monotonic()
            resolve_records(con, "record", country)
            seconds = time.monotonic() - started
        return (*f1_of(con), seconds)


def f1_of(con: duckdb.DuckDBPyConnection) -> tuple[float, float, float]:
    """Precision, recall and F1 of the clusters against `truth`, by pairs."""
    made, true_pairs, hit = (float(value) for value in con.execute(SCORE).fetchone() or (0, 0, 0))
    return hit / made, hit / true_pairs, 2 * hit / (made + true_pairs)


SYLLABLES = ["ba", "be", "bi", "bo", "da", "de", "di", "do", "fa", "fe", "ga", "go", "ha", "he", "ja", "jo", "ka", "ke", "ki", "ko", "la", "le", "li", "lo", "ma", "me", "mi", "mo", "na", "ne", "ni", "no", "pa", "pe", "ra", "re", "ri", "ro", "sa", "se", "si", "so", "ta", "te", "ti", "to", "va", "ve", "wa", "we"]  # fmt: skip


def word(number: str) -> str:
    """SQL of the made-up word of a number, two to four syllables long."""
    parts = " || ".join(f"list_extract(syllables, 1 + ({number} // {step}) % {len(SYLLABLES)})" for step in (1, 48, 7))
    return f"({parts} || case when {number} % 3 = 0 then list_extract(syllables, 1 + {number} % 31) else '' end)"


def many(con: duckdb.DuckDBPyConnection, persons: int) -> None:
    """Make `record` and `truth`: made-up persons, common names common, in system a; four in ten of them in b, too.

    In b every eighth family name and twelfth given name is misspelt, birth dates are missing or off by a day, people
    have moved, and use another address or number.
    """
    chance = lambda salt: f"(md5_number_lower(i || '{salt}') % 1000003) / 1000003.0"  # noqa: E731
    common = lambda most, salt: f"floor({most} ** (0.3 + 0.7 * {chance(salt)}))::bigint"  # noqa: E731
    misspelt = "left({0}, 2) || substr({0}, 4)"
    con.execute(f"set variable syllables = {SYLLABLES!r}")
    con.execute(
        f"""
        create table world as
        with drawn as (
          select i, {common(4000, "g")} as g, {common(60000, "f")} as f, {common(2000, "c")} as c,
            {common(20000, "s")} as s, {chance("h")} as h, {chance("b")} as b, {chance("e")} as e, {chance("p")} as p,
            {chance("x")} as x, {chance("y")} as y, {chance("z")} as z, {chance("m")} as moved, getvariable('syllables') as
            syllables
          from range({persons}) t(i)
        )
        select *, {word("g")} as given, {word("f")} as family, {word("s")} || ' street' as street, {word("c")} as city,
          1 + floor(h * 150)::int as house_no, date '1940-01-01' + floor(b * 25000)::int as born,
          lpad((c * 40 + floor(h * 40)::int)::varchar, 5, '0') as postal_code, '0171 ' || lpad((i + 1000000)::varchar, 8, '0') as phone
        from drawn
        """
    )
    mail = "given || '.' || family || (i % 997) || '@mail' || (i % 5) || '.example'"
    empty = ", ".join(f"null as {name}" for name in RAW if name not in {
        "source_system", "customer_id", "given_name", "family_name", "birth_date", "email", "phone", "address_line",
        "city", "postal_code"})  # fmt: skip
    con.execute(
        f"""
        create table written as
        select 'a' as source_system, i::varchar as customer_id, given as given_name, family as family_name, born as
          birth_date, case when e < 0.8 then {mail} end as email, case when p < 0.8 then phone end as phone,
          street || ' ' || house_no as address_line, city, postal_code, i as person, {empty} from world
        union all
        select 'b', i::varchar, case when x < 0.08 then {misspelt.format("given")} when x > 0.96 then left(given, 1) else given
          end, case when y < 0.12 then {misspelt.format("family")} else family end,
          case when z < 0.1 then null when z < 0.15 then born + 1 else born end,
          case when e < 0.5 then {mail} when e < 0.7 then family || i || '@other.example' end,
          case when p between 0.2 and 0.7 then phone when p > 0.9 then '0172 ' || lpad((i + 1000000)::varchar, 8, '0') end,
          case when moved < 0.15 then 'new ' || street || ' ' || (house_no + 7) else street || ' ' || house_no end,
          case when moved < 0.15 then 'ober' || city else city end,
          case when moved < 0.15 then '9' || right(postal_code, 4) else postal_code end, i, {empty}
        from world where i % 10 < 4
        """
    )
    kinds = {"birth_date": "date", "email_verified_at": "timestamp", "phone_verified_at": "timestamp"}
    columns = ", ".join(f"cast({name} as {kinds.get(name, 'varchar')}) as {name}" for name in RAW)
    con.execute(f"create table record as select {columns} from written")
    con.execute("create table truth as select source_system, customer_id, person from written")
    con.execute("drop table world; drop table written")


def plain_splink(con: duckdb.DuckDBPyConnection) -> float:
    """Seconds that plain Splink takes to train, predict and cluster table `plain`, as its notebooks do; leaves cluster_person."""
    import logging

    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as cl

    # In memory, as one would.
    con.execute("attach ':memory:' as scratch; use scratch")
    con.execute("create table numbered as select row_number() over () as unique_id, * from warehouse.main.plain")
    api = DuckDBAPI(con)
    started = time.monotonic()
    linker = Linker(
        api.register("numbered"),
        SettingsCreator(
            link_type="dedupe_only",
            comparisons=[
                cl.NameComparison("given").configure(term_frequency_adjustments=True),
                cl.NameComparison("family").configure(term_frequency_adjustments=True),
                cl.DateOfBirthComparison("birth_date", input_is_string=False),
                cl.ExactMatch("postal_code").configure(term_frequency_adjustments=True),
                cl.EmailComparison("email"),
            ],
            blocking_rules_to_generate_predictions=[
                block_on("given", "family"), block_on("birth_date", "family"), block_on("birth_date", "given"),
                block_on("postal_code", "family"), block_on("email"),
            ],
        ), log_level=logging.ERROR,
    )  # fmt: skip
    linker.training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("given", "family", "birth_date")], recall=0.8
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("given", "family"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_date", "family"))
    pairs = linker.inference.predict(threshold_match_probability=0.9)
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.9)
    seconds = time.monotonic() - started
    con.execute(
        "create or replace temp table cluster_person as select n.source_system, n.customer_id, 'plain' as cluster_system, "
        f"c.cluster_id::varchar as cluster_id from {found.physical_name} c join numbered n using (unique_id)"
    )
    con.execute("use warehouse")
    return seconds


def step(warehouse: duckdb.DuckDBPyConnection, folder: Path, sql: str, day: int) -> float:
    """Seconds of the whole identity step after records of a query are added to input.customer."""
    from orchestration.config.company import load_company
    from orchestration.identity import resolve_identity
    from orchestration.landing.lake import Lake

    now = dt.datetime(2026, 1, day, tzinfo=dt.UTC)
    names = ", ".join(name for name in RAW if name not in ("source_system", "customer_id"))
    warehouse.execute(
        f"insert into input.customer by name select source_system, customer_id, {names}, "
        "(md5_number_lower(source_system || customer_id) >> 2)::bigint as _record_key, "
        "(md5_number_lower(source_system || customer_id) >> 2)::bigint as _record_hash, "
        f"'{day}' as _load_id, timestamp '2026-01-01' as _loaded_at, timestamp '2026-01-01' as _version_at from ({sql})"
    )
    config = load_company("telecom_retail", need_env=False)
    started = time.monotonic()
    resolve_identity(warehouse, config, Lake(folder / "lake"), f"2026010{day}T000000Z", now)
    return time.monotonic() - started


def speed(persons: int, memory: str) -> None:
    """Print seconds, F1 and memory of the whole step, of an increment, and of plain Splink on the same records."""
    from orchestration.config.contracts import load_contracts
    from orchestration.conform.tables import prepare

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {
            "memory_limit": memory,
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": "false",
        }
        with duckdb.connect(str(folder / "warehouse.duckdb"), config=dict(settings)) as con:
            con.execute("set TimeZone = 'UTC'; create schema input; create schema quarantine; create schema identity")
            prepare(con, load_contracts())
            many(con, persons)
            con.execute(
                "create view base as from record where md5_number_lower(customer_id || source_system) % 100 > 0"
            )
            started = time.monotonic()
            with standard_records(con, Relation("main", "record"), "DE") as query:
                con.execute(f"create table plain as {query}")
            alone = time.monotonic() - started
            whole = step(con, folder, "from base", 1)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            more = step(con, folder, "from record where md5_number_lower(customer_id || source_system) % 100 = 0", 2)
            again = step(con, folder, "from record limit 0", 3)
            con.execute(
                "create or replace temp table cluster_person as select source_system, customer_id, 'key' as cluster_system, "
                "customer_key::varchar as cluster_id from identity.customer_link where valid_to is null"
            )
            con.execute("create or replace temp table cluster_organisation as from cluster_person limit 0")
            ours = f1_of(con)
            plain = plain_splink(con)
            theirs = f1_of(con)
            count = con.execute("select count(*) from record").fetchone()
    print(
        f"{count[0] if count else 0:,} records: standardise {alone:.1f} s; whole step {whole:.1f} s (match to persist "
        f"{whole - alone:.1f} s), F1 {ours[2]:.4f} (precision {ours[0]:.4f}), peak {peak:.1f} GB\n"
        f"one record in a hundred more: {more:.1f} s, {more / whole:.0%} of the whole; nothing more: {again:.1f} s\n"
        f"plain Splink {plain:.1f} s, F1 {theirs[2]:.4f} (precision {theirs[0]:.4f}); match to persist ÷ plain Splink "
        f"{(whole - alone) / plain:.2f}"
    )


def main() -> None:
    """Print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"one of {', '.join(SETS)}, {GENERATED}; default: the public ones"
    )
    parser.add_argument("--persons", type=int, help="measure speed on so many made-up persons instead")
    parser.add_argument("--memory", default="9GB", help="DuckDB's memory limit for that (default: 9GB)")
    given = parser.parse_args()
    if given.persons:
        speed(given.persons, given.memory)
        return
    print(f"{'set':<10} {'precision':>9} {'recall':>9} {'F1':>9} {'seconds':>8}")
    for name in given.sets or SETS:
        if name not in {*SETS, GENERATED}:
            parser.error(f"no set '{name}'; sets: {', '.join(SETS)}, {GENERATED}")
        precision, recall, f1, seconds = score(name)
        print(f"{name:<10} {precision:9.4f} {recall:9.4f} {f1:9.4f} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()

"""Precision, recall and F1 of identity on public sets with truth, pairwise after clustering, and the seconds it took.

    python benchmarks/identity.py [SET ...]           sets: febrl1 febrl2 febrl3 febrl4 fake_1000 generated
    python benchmarks/identity.py --records 1000000   speed beside plain Splink on the same standardised records

The public sets are read from REGULARS_TESTDATA (default: ../shared/data beside the checkout); `generated` is the demo
company's three systems with customers, from TELECOM_RETAIL_DATA. One configuration matches them all.
"""

from __future__ import annotations

import argparse
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

from models_ml.identity.match import SCHEMA, resolve_records
from models_ml.identity.standardise import RAW, standardise

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
    from orchestration.clock import stamp, utc_now
    from orchestration.company import load_company
    from orchestration.identity import resolve_identity
    from orchestration.landing.lake import Lake

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
        row = con.execute(SCORE).fetchone()
    made, true_pairs, hit = (float(value) for value in row or (0, 0, 0))
    return hit / made, hit / true_pairs, 2 * hit / (made + true_pairs), seconds


def many(con: duckdb.DuckDBPyConnection, records: int) -> None:
    """Records of two systems by row number: four in ten persons are in both, the second time with an error."""
    con.execute(
        f"""
        create table record as
        with person as (
          select i, ['anna','peter','maria','thomas','julia','robert','laura','michael','sarah','jan','lena','paul',
            'emma','felix','clara','david','eva','simon','nina','max'][1 + (i * 7919) % 20] || chr(97 + (i // 20 % 26)::int)
            as given, chr(97 + (i * 31 % 26)::int) || ['muller','schmidt','brown','jones','garcia','rossi','novak',
            'silva','dubois','jensen'][1 + (i * 104729) % 10] || chr(97 + (i // 7 % 26)::int) || chr(97 + (i // 191 % 26)::int)
            as family, date '1940-01-01' + (i * 7 % 25000)::int as born from range({records}) t(i)
        )
        select case when twice then 'b' else 'a' end as source_system, i::varchar as customer_id,
          null::varchar as customer_type, null::varchar as full_name, null::varchar as title,
          given as given_name, case when twice and i % 3 = 0 then left(family, 3) || substr(family, 5) else family end
          as family_name, null::varchar as organisation_name, null::varchar as gender, born as birth_date,
          case when i % 5 < 3 then given || '.' || family || i || '@mail.example' end as email,
          '0171 ' || lpad((i % 10000000)::varchar, 7, '0') as phone, null::varchar as mobile,
          null::varchar as national_id, null::varchar as loyalty_card_no,
          'Street ' || (i % 9973) || ' ' || (i % 180) as address_line, 'City ' || (i % 997) as city,
          null::varchar as region, lpad((i % 99991)::varchar, 5, '0') as postal_code, null::varchar as country,
          null::varchar as occupation, null::timestamp as email_verified_at, null::timestamp as phone_verified_at
        from (select *, false as twice from person where i % 10 < 6 or i % 2 = 0
          union all select *, true from person where i % 10 < 4)
        """
    )


def speed(records: int) -> None:
    """Seconds of standardising, of matching, and of plain Splink on the same standardised records."""
    import logging

    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink import comparison_library as cl

    with duckdb.connect() as con:
        many(con, records)
        con.execute(SCHEMA)
        started = time.monotonic()
        standardise(con, "record", "plain", "DE")
        standard_seconds = time.monotonic() - started
        started = time.monotonic()
        resolve_records(con, "record", "DE")
        ours = time.monotonic() - started - standard_seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        con.execute("create table person as select row_number() over () as unique_id, * from plain")
        api = DuckDBAPI(con)
        started = time.monotonic()
        linker = Linker(
            api.register("person"),
            SettingsCreator(
                link_type="dedupe_only",
                comparisons=[cl.JaroWinklerAtThresholds("given"), cl.JaroWinklerAtThresholds("family"),
                             cl.ExactMatch("birth_date"), cl.ExactMatch("email"), cl.ExactMatch("postal_code")],
                blocking_rules_to_generate_predictions=[block_on("given", "family"), block_on("birth_date", "postal_code"),
                                                        block_on("email")],
            ), log_level=logging.ERROR,
        )  # fmt: skip
        linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
        linker.training.estimate_parameters_using_expectation_maximisation(block_on("given", "family"))
        linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_date", "postal_code"))
        pairs = linker.inference.predict(threshold_match_probability=0.5)
        linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.5)
        plain = time.monotonic() - started
        count = con.execute("select count(*) from record").fetchone()
    print(f"{count[0] if count else 0:,} records: standardise {standard_seconds:.1f} s, match to clusters {ours:.1f} s, "
          f"plain Splink {plain:.1f} s, ratio {ours / plain:.2f}, peak {peak:.1f} GB")  # fmt: skip


def main() -> None:
    """Print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"one of {', '.join(SETS)}, {GENERATED}; default: the public ones"
    )
    parser.add_argument("--records", type=int, help="measure speed on so many made-up persons instead")
    given = parser.parse_args()
    if given.records:
        speed(given.records)
        return
    print(f"{'set':<10} {'precision':>9} {'recall':>9} {'F1':>9} {'seconds':>8}")
    for name in given.sets or SETS:
        if name not in {*SETS, GENERATED}:
            parser.error(f"no set '{name}'; sets: {', '.join(SETS)}, {GENERATED}")
        precision, recall, f1, seconds = score(name)
        print(f"{name:<10} {precision:9.4f} {recall:9.4f} {f1:9.4f} {seconds:8.1f}", flush=True)


if __name__ == "__main__":
    main()

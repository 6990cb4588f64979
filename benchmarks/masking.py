"""Masking of published texts: seconds and peak memory.

    python benchmarks/masking.py [TEXTS] [CUSTOMERS]       (default: 1,000,000 each)

A synthetic table of so many different texts, most of which name nobody, some a customer in one way of writing or
another, beside so many customers with name, e-mail address, telephone number, card and address.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb

from orchestration.config.company import Company, CompanyConfig
from orchestration.config.contracts import load_contracts
from orchestration.platform.paths import CompanyPaths
from orchestration.privacy.masking import mask_published

PARTS = (
    "al an ar ba be bo ca da de di do el en er fa ga go ha he in is jo ka ki la le li lo ma me mi mo na ne ni no ol "
)
PARTS += "or pa pe ra re ri ro sa se si so ta te ti to ul ur va ve vi wa we ya ye za zo"
WORDS = "parcel late box colour wrong size returned shop again asks delivery invoice paid open broken new offer mail "
WORDS += "phone contract customer wants gift happy price too high question about order refund of the and with for"


def word(seed: str, number: str, parts: int) -> str:
    """SQL of a made-up word, the same for the same number."""
    picks = ", ".join(f"parts[1 + (hash({number}, '{seed}{n}') % len(parts))::int]" for n in range(parts))
    return f"concat({picks})"


def write(paths: CompanyPaths, texts: int, customers: int) -> None:
    """A warehouse that knows the customers, and a build whose table says the texts."""
    paths.root.mkdir()
    lists = f"(select string_split('{PARTS}', ' ') as parts, string_split('{WORDS}', ' ') as words)"
    said = " || ' ' || ".join(f"words[1 + (hash(i, 'w{n}') % len(words))::int]" for n in range(9))
    with duckdb.connect(str(paths.warehouse)) as con:
        con.execute("create schema input; create schema identity")
        for entity, contract in load_contracts().items():
            columns = ", ".join(f"{name} {spec.sql_type}" for name, spec in contract.columns.items())
            con.execute(f"create table input.{entity} ({columns})")
        con.execute(
            f"insert into input.customer by name select 'C' || i as customer_id, "
            f"{word('g', 'i % 9000', 3)} as given_name, "
            f"{word('f', 'i', 4)} as family_name, {word('f', 'i', 4)} || i || '@mail.example' as email, "
            "'+49 17' || (10000000 + i)::varchar as phone, 'LC-' || (500000000 + i)::varchar as loyalty_card_no, "
            f"{word('s', 'i % 20000', 3)} || 'strasse ' || (1 + i % 200) as address_line "
            f"from range({customers}) t(i), {lists}"
        )
        con.execute(
            "create table identity.standard_customer as select given_name as given, family_name as family, "
            "null::varchar as han, email, [phone] as phones, split_part(address_line, ' ', 1) as street, "
            "split_part(address_line, ' ', 2) as house_no from input.customer"
        )
    with duckdb.connect(str(paths.serve)) as con:
        con.execute("create schema core; create schema marts")
        con.execute(f"attach '{paths.warehouse}' as known (read_only)")
        con.execute(
            f"create table core.said as select i, {said} || ' ' || i || case i % 20 "
            "when 1 then ' ' || given_name || ' ' || family_name when 2 then ' ' || email when 3 then ' ' || phone "
            "when 4 then ' %40 ' || url_encode(given_name || ' ' || family_name) else '' end as text "
            f"from range({texts}) t(i) join {lists} on true "
            f"join known.input.customer c on c.customer_id = 'C' || (i % {customers})"
        )


def main() -> None:
    """Print what masking took."""
    texts, customers = [int(text) for text in [*sys.argv[1:], "1000000", "1000000"][:2]]
    company = Company.model_validate({"name": "b", "title": "B", "currency": "EUR", "timezone": "UTC"})
    with tempfile.TemporaryDirectory() as name:
        paths = CompanyPaths(Path(name) / "b")
        write(paths, texts, customers)
        config = CompanyConfig(company=company, contracts=load_contracts(), sources={}, folder=Path(name))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        changed = mask_published(config, paths, {"core.said": {"text": "free_text"}}, "core")
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{texts:,} texts, {customers:,} customers: {changed:,} masked, {seconds:.1f} s, "
          f"peak {peak / 1e6:.2f} GB (before it {before / 1e6:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()

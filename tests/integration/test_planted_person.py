"""One person in every text field of every entity, and in no published column.

The company is made from the contracts, so that an entity or a column that is added is planted, too.
"""

from __future__ import annotations

import base64
import unicodedata
from pathlib import Path
from urllib.parse import quote as percent

import duckdb
import pytest
import yaml

from orchestration.config.contracts import Column, Contract, load_contracts
from orchestration.platform.literals import quote
from tests.support.shop import Shop

GIVEN, FAMILY = "Zébulon", "Quaxley"
NAME, EMAIL, PHONE = f"{GIVEN} {FAMILY}", "zeb.quaxley@planted.example", "+49 171 5550199"
STREET, CARD = "Plantedlane 4711", "LC-778-2215"
# A sentence of each way in which the person may be written.
SAYINGS = (
    f"{NAME} rang", NAME.upper(), f"ask {FAMILY}, {GIVEN}", f"mail {EMAIL}", f"mail {EMAIL.upper()}", f"ring {PHONE}",
    "ring 0171-555 01 99", f"lives at {STREET}", f"card {CARD}", percent(NAME), f"/x?mail={percent(EMAIL)}",
    f"token {base64.b64encode(NAME.encode()).decode()}", unicodedata.normalize("NFD", f"by {NAME}"),
    "zebulon-quaxley", "ZebulonQuaxley", "Z&eacute;bulon&nbsp;Quaxley", "zeb.quaxley&#64;planted.example",
    "Z\\u00e9bulon Quaxley", f"key{GIVEN}{FAMILY}7", " ".join(NAME), "\u200b".join(NAME), NAME.encode().hex(),
    f"/u/{base64.b64encode(NAME.encode()).decode()}/edit", "Z=C3=A9bulon Quaxley", f"客户{GIVEN}{FAMILY}来电",
)  # fmt: skip
LOOKED_FOR = ("quaxley", "plantedlane", "5550199", "555 01 99", "778-2215", percent(NAME), "zebulon", "zébulon",
              "ze\u0301bulon", base64.b64encode(NAME.encode()).decode()[:16], " ".join(NAME), "\u200b".join(NAME),
              NAME.encode().hex(), "=c3=a9bulon")  # fmt: skip
OWN = {"full_name": NAME, "given_name": GIVEN, "family_name": FAMILY, "email": EMAIL, "phone": PHONE, "mobile": PHONE,
       "address_line": STREET, "loyalty_card_no": CARD, "national_id": "ZX-99-1", "fax": PHONE}  # fmt: skip
OTHERS = {"full_name": "Anna Else", "given_name": "Anna", "family_name": "Else", "email": "anna@else.example"}
DAY = "timestamp '2024-03-05 10:00:00'"


def cell(entity: str, contract: Contract, name: str, spec: Column) -> str:
    """SQL of a column's value in row i: the person says all, row 1 is the person, rows after it another's."""
    if spec.allowed:
        return quote(spec.allowed[0])
    if spec.references or name in contract.key or (contract.parent and name in contract.parent.columns):
        return id_of(contract, name, spec)
    if spec.type == "json":
        return "to_json({'note': saying, 'size': '36'})::varchar"
    if spec.type == "text":
        if name.endswith("_id"):
            return "'ID' || i"
        if name == "ip":
            return "'10.0.0.' || i"
        own = OWN.get(name)
        if own and entity in ("customer", "lead", "external_profile"):
            other = OTHERS.get(name)
            return f"case when i = 1 then {quote(own)} else {quote(other) if other else 'null'} end"
        return {"currency": "'EUR'", "country": "'DE'"}.get(name, "saying")
    return {"integer": "1", "number": "1.5", "money": "10", "quantity": "1", "boolean": "true",
            "date": "date '2024-03-05'", "timestamp": DAY}[spec.type]  # fmt: skip


def id_of(contract: Contract, name: str, spec: Column) -> str:
    """SQL of an id: each refers to a row that is there."""
    if spec.references == "customer" or name == "customer_id":
        return "'C' || (1 + i % 2)" if contract.entity != "customer" else "'C' || i"
    if name.endswith("_system"):
        return "'all'"
    if spec.type == "text" and name.endswith("_id"):
        named = load_contracts()[spec.references].key[0] if spec.references else name
        return f"{quote(named[:-3])} || i"
    return {"text": "saying || ' no. ' || i", "integer": "i", "date": "date '2024-03-05' + i::int", "timestamp": DAY,
            "number": "i"}.get(spec.type, "i")  # fmt: skip


def plant(shop: Shop, settings: dict[str, object]) -> None:
    """Write the company: a parquet file and a map for every entity."""
    shop.write()
    maps, tables = {}, {}
    sayings = ", ".join(quote(text) for text in SAYINGS)
    for entity, contract in load_contracts().items():
        if entity in ("manual_match", "exchange_rate"):
            continue
        columns = ", ".join(f"{cell(entity, contract, n, s)} as {n}" for n, s in contract.columns.items())
        with duckdb.connect() as con:
            con.execute(
                f"copy (select {columns} from (select i, [{sayings}][i] as saying from range(1, {len(SAYINGS) + 1}) "
                f"t(i))) to '{shop.data}/{entity}.parquet'"
            )
        tables[entity] = None
        maps[entity] = {"from": entity, "columns": {n: f'"{n}"' for n in contract.columns}}
    stop = {entity: {"stop": {}} for entity in maps}
    (shop.companies / "shop" / "sources" / "all.yml").write_text(
        yaml.safe_dump({"system": "all", "timezone": "UTC", "connector": {"kind": "parquet", "path": "${SHOP_DATA}"},
                        "tables": tables, "maps": maps, "quality": stop})
    )  # fmt: skip
    shop.configure(company={"privacy": settings})
    (shop.companies / "shop" / "sources" / "till.yml").unlink()


def texts(database: Path) -> dict[str, set[str]]:
    """schema.table.column → its texts, for every published column."""
    found = {}
    with duckdb.connect(str(database), read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where schema_name in ('core', 'marts')"
        ).fetchall()
        for schema, table, column in columns:
            values = con.execute(f'select distinct "{column}"::varchar from "{schema}"."{table}"').fetchall()
            found[f"{schema}.{table}.{column}"] = {row[0] for row in values if row[0] is not None}
    return found


@pytest.mark.slow
def test_a_person_planted_in_every_field_stands_in_no_published_column(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    plant(shop, {"attributes": ["size", "note"]})
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    published = texts(shop.published)
    left = {
        (place, text): value
        for place, values in published.items()
        for value in values
        for text in LOOKED_FOR
        if text.lower() in value.lower()
    }
    assert left == {}, left
    raw = shop.published.read_bytes().lower()  # with pages that no table has
    assert [text for text in LOOKED_FOR if text.lower().encode() in raw] == []
    assert any("[name] rang" in value for value in published["core.fct_return.reason"])
    assert any("mail [e-mail]" in value for value in published["core.fct_contact.topic"])
    assert any("[name]" in value for value in published["marts.customer_timeline.summary"])
    assert any('"size":"36"' in value for value in published["core.dim_customer.attributes"])

"""A forgotten person is gone from every file, and neither a load nor a restore brings the person back.

The proof here reads the files by other means than the product's own search.
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import unicodedata
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.support.shop import SOURCE, Shop

NAME, EMAIL, STREET = "Zebulon Quaxley", "zeb.quaxley@planted.example", "Plantedlane 4711"
OWN_WORDS, ORDER_NOTE = "plantedwish", "plantedbell"
PHONE, PAGE = "+49 171 5550199", "/thanks?m="
PLANTED = (NAME, EMAIL, STREET, OWN_WORDS, ORDER_NOTE, "quaxley", "5550199", "555 01 99")
# What others' rows say of the person, in other ways of writing. Each becomes a contact of another customer.
WAYS = (
    quote(EMAIL), quote(quote(NAME)), base64.b64encode(EMAIL.encode()).decode(), NAME.upper(), NAME.replace(" ", ""),
    NAME.replace(" ", "-"), unicodedata.normalize("NFD", "Zébulon Quaxley"), "Zebulon&nbsp;Quaxley",
    "".join(f"&#{ord(c)};" for c in NAME), "".join(f"\\u{ord(c):04x}" for c in EMAIL), "0171-555 01 99",
    "00491715550199",
)  # fmt: skip
PERSON = "C5"  # too short for a search; what was typed is looked for as SYSTEM:ID

# An anonymous lead of the same person, a line that is no row, a row with a bad date.
LEADS = f"""lead_no,created,name,email
L1,2024-02-01 10:00:00,{NAME},{EMAIL}
L2,2024-02-02 10:00:00,Somebody Else,else@else.example
L3,2024-02-03 10:00:00,{NAME},{EMAIL},one,field,too,many
L4,no date,{NAME},{EMAIL}
"""


def plant(shop: Shop) -> None:
    """A shop in which one customer is told of everywhere, also where no map looks."""
    shop.write()
    shop.put(
        "customers",
        f"select *, case when id = '{PERSON}' then '{EMAIL}' else lower(id) || '@else.example' end as email, "
        f"case when id = '{PERSON}' then '{STREET}' else 'Else Street ' || substr(id, 2) end as street, "
        f"case when id = '{PERSON}' then '{PHONE}' else '+49 172 600' || (1000 + substr(id, 2)::int) end as phone "
        f"from (select * replace (case when id = '{PERSON}' then '{NAME}' else name end as name) from {{table}})",
    )
    shop.put("orders", f"select *, case when customer = '{PERSON}' then 'ring {ORDER_NOTE}' else 'ring' end as note, "
                       "row_number() over () as run from {table}")  # fmt: skip
    shop.put(
        "contacts",
        f"select 'K1' as no, '{PERSON}' as customer, timestamp '2024-02-01 10:00:00' as began, 'a {OWN_WORDS}' as said "
        f"union all select 'K2', 'C2', timestamp '2024-02-02 10:00:00', 'spoke of {EMAIL}, she says' "
        "union all select 'K3', 'C2', timestamp '2024-02-03 10:00:00', 'a refund' "
        + "".join(
            f"union all select 'W{n}', 'C3', timestamp '2024-02-04 10:00:00', 'he said {way} twice' "
            for n, way in enumerate(WAYS)
        ),
    )
    shop.put(
        "returns",
        f"select 'R1' as no, order_no, '{NAME} says: too small' as why, 'x {quote(EMAIL)}' as memo "
        f"from '{shop.data}/orders.parquet' where customer = '{PERSON}' order by order_no limit 1",
    )
    (shop.data / "leads.csv").write_text(LEADS)
    till = SOURCE["maps"] | {  # type: ignore[operator]
        "customer": {
            "from": "customers",
            "columns": {"customer_id": "id", "full_name": "name", "email": "email", "address_line": "street",
                        "phone": "phone", "updated_at": "changed_at"},
        },
        "contact": {
            "from": "contacts",
            "columns": {"contact_id": "no", "customer_id": "customer", "contacted_at": "began", "channel": "'shop'",
                        "direction": "'in'", "contact_type": "'inquiry'", "content": "said"},
        },
    }  # fmt: skip
    till["product_return"] = {
        "from": "returns",
        "columns": {
            "return_id": "no",
            "order_id": "order_no",
            "requested_at": "'2024-02-09 10:00:00'",
            "reason": "why",
        },
    }
    tables = {**SOURCE["tables"], "contacts": None, "returns": None}  # type: ignore[dict-item]
    shop.configure(source={"maps": till, "tables": tables})
    (shop.companies / "shop" / "sources" / "site.yml").write_text(
        json.dumps({
            "system": "site", "timezone": "UTC", "connector": {"kind": "csv", "path": "${SHOP_DATA}"},
            "tables": {"leads": None},
            "maps": {"lead": {"from": "leads", "columns": {"lead_id": "lead_no", "created_at": "created",
                                                           "full_name": "name", "email": "email"}}},
            "quality": {"lead": {"stop": {}}},
        })
    )  # fmt: skip


def told(path: Path) -> str:
    """Everything that a file says, unpacked, in lower case."""
    raw = path.read_bytes()
    parts = [raw.decode("utf-8", "replace")]
    if raw[:4] == b"PAR1":
        parts.append(repr(pq.read_table(path).to_pylist()))
    elif raw[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as con:
            tables = con.execute("select schema_name, table_name from duckdb_tables()").fetchall()
            parts += [repr(con.execute(f'from "{schema}"."{table}"').fetchall()) for schema, table in tables]
    elif raw.startswith(b"SQLite format 3"):
        con = sqlite3.connect(path)
        parts += list(con.iterdump())
        con.close()
    elif raw[:2] == b"\x1f\x8b":
        parts.append(gzip.decompress(raw).decode("utf-8", "replace"))
    return "\n".join(parts).lower()


def places(shop: Shop) -> dict[str, set[str]]:
    """Planted text → files below the state that hold it."""
    found: dict[str, set[str]] = {}
    for path in shop.state.rglob("*"):
        if path.is_file() and not path.is_symlink():
            said = told(path)
            for text in PLANTED + WAYS:
                if text.lower() in said:
                    found.setdefault(text, set()).add(str(path.relative_to(shop.state)))
    return found


def books(shop: Shop) -> tuple[int, int, float]:
    """Customers, orders and their amount as readers see them."""
    with duckdb.connect(str(shop.published), read_only=True) as con:
        row = con.execute(
            "select (select count(*) from core.dim_customer), count(*), sum(net_amount)::double from core.fct_order"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), float(row[2])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_forgotten_person_is_gone_and_stays_gone(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    plant(shop)
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    planted = places(shop)
    assert set(planted) >= set(PLANTED)
    customers, orders, amount = books(shop)
    archive = tmp_path / "before.tar"
    assert shop.regulars("backup", str(archive)).returncode == 0
    report = tmp_path / "report.json"
    assert shop.regulars("access-report", f"till:{PERSON}", str(report)).returncode == 0
    assert report.stat().st_mode & 0o777 == 0o600
    for text in (NAME, EMAIL, STREET, OWN_WORDS, ORDER_NOTE):
        assert text in report.read_text()
    assert "Customer 7" not in report.read_text()

    done = shop.regulars("forget", f"till:{PERSON}", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["status"], said["left"]) == ("forgotten", [])
    # C5 buys where i * i leaves 4 by 40: 40 orders of 400, five of which are anonymous; none of them has a second line.
    assert {row["table"]: (row["deleted"], row["blanked"], row["rejected"]) for row in said["erased"]
            if not row["table"].startswith("_regulars")} == {
        "till.customers": (1, 0, 0), "till.orders": (0, 35, 0), "till.lines": (0, 35, 0),
        "till.contacts": (0, 1, 0), "till.returns": (0, 1, 0),
        "site.leads": (0, 2, 1),
    }  # fmt: skip
    assert places(shop) == {}
    assert [path for path in shop.state.rglob("*") if path.is_file() and f"till:{PERSON}".lower() in told(path)] == []
    assert books(shop) == (customers - 1, orders, amount)  # orders stay, without their buyer
    assert len(list((shop.state / "published" / "versions").iterdir())) == 1
    with duckdb.connect(str(shop.state / "warehouse.duckdb"), read_only=True) as con:
        contacts = con.execute("select contact_id, customer_id, content from input.contact order by 1").fetchall()
    assert contacts[:3] == [("K1", None, None), ("K2", "C2", None), ("K3", "C2", "a refund")]
    assert {row[1:] for row in contacts[3:]} == {("C3", None)}
    assert len(contacts) == 3 + len(WAYS)
    assert shop.regulars("forget", f"till:{PERSON}", "--yes").returncode == 2  # nobody of that name any more
    assert "Nothing new" in shop.regulars("refresh").stdout

    shop.put("customers", "select *, 'again' as loaded from {table}")
    shop.put("orders", "select *, 'again' as loaded from {table}")
    shop.put("contacts", "select *, 'again' as loaded from {table}")
    (shop.data / "leads.csv").write_text(LEADS + "L5,2024-02-04 10:00:00,Third Person,third@else.example\n")
    done = shop.regulars("refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert places(shop) == {}
    assert books(shop) == (customers - 1, orders, amount)

    done = shop.regulars("restore", str(archive), "--replace")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((shop.state / "lake" / "till" / "customers").glob("*/part-0.parquet"))) == 1  # the backup's
    assert places(shop) == {}

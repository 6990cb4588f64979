"""Clear contact data beside a published version: who a customer is, for lists, the review and whoever may look.

`contacts.duckdb` is readable by its owner only. Nothing but this package and a dashboard with the grant opens it; the
published tables hold keys and pseudonyms.
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.config.company import CompanyConfig
from orchestration.config.dictionary.survivorship import Survivorship, survivorship
from orchestration.platform.literals import quote
from orchestration.warehouse.connections import open_warehouse

SHOWN = (
    "customer_type", "full_name", "title", "given_name", "family_name", "organisation_name", "gender", "birth_date",
    "email", "phone", "mobile", "loyalty_card_no", "address_line", "postal_code", "city", "region", "country",
    "occupation",
)  # fmt: skip


def golden_sql(golden: Survivorship) -> str:
    """SQL of the clear golden record: each field group from the record that the build chose for it."""
    columns = ", ".join(
        f"any_value({name}) filter (where field_group = '{group}') as {name}"
        for group, fields in golden.contacts.items()
        for name in fields
    )
    return (
        f"select customer_key, {columns} from record left join intermediate.int_customer_survivor survivor "
        "using (customer_key, record_key) group by customer_key"
    )


def write_contacts(config: CompanyConfig, path: Path) -> None:
    """Write the clear contact data that belongs to what the warehouse holds.

    Tables: customer (golden contact), record (what each source says), consent, review_pair (the work list).

    Args:
        config: the company.
        path: file to make.
    """
    with open_warehouse(config) as con:
        mask = os.umask(0o077)
        try:
            con.execute(f"attach {quote(path)} as contacts (storage_version 'v1.4.0')")
        finally:
            os.umask(mask)
        con.execute(
            f"""
            create or replace temp table record as
            select r.customer_key, r.source_customer_key, r.record_key, r.source_system, r.customer_id,
              {", ".join(f"r.{name}" for name in SHOWN)}, s.email as email_key, s.phones as phone_keys
            from intermediate.int_customer_record r
            left join identity.standard_customer s
              on s.source_system = r.source_system and s.customer_id = r.customer_id
            """
        )
        con.execute(f"create table contacts.customer as {golden_sql(survivorship())} order by customer_key")
        con.execute(
            "create table contacts.record as select * exclude (record_key) from record "
            "order by customer_key, source_system, customer_id"
        )
        con.execute(
            "create table contacts.consent as select * from intermediate.int_customer_consent "
            "order by customer_key, channel"
        )
        con.execute(
            "create table contacts.review_pair as select * from identity.review_pair "
            "order by gain desc, left_system, left_customer_id, right_system, right_customer_id"
        )
        con.execute("drop table record")
        con.execute("detach contacts")
    path.chmod(0o600)

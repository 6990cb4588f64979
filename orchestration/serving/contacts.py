"""Clear contact data beside a published version: who a customer is, for lists, the review and whoever may look.

`contacts.duckdb` is readable by its owner only. Nothing but this package and a dashboard with the grant opens it; the
published tables hold keys and pseudonyms.
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestration.config.company import CompanyConfig, SurvivorshipRule
from orchestration.platform.literals import quote
from orchestration.warehouse.connections import open_warehouse

# Field groups that are taken whole, with the survivorship rules that they follow.
GROUPS = {
    "name": ("person", ("full_name", "title", "given_name", "family_name", "organisation_name")),
    "address": ("address", ("address_line", "postal_code", "city", "region", "country")),
    "email": ("person", ("email",)),
    "phone": ("person", ("phone",)),
    "mobile": ("person", ("mobile",)),
}
SHOWN = (
    "customer_type", "full_name", "title", "given_name", "family_name", "organisation_name", "gender", "birth_date",
    "email", "phone", "mobile", "loyalty_card_no", "address_line", "postal_code", "city", "region", "country",
    "occupation",
)  # fmt: skip


def order_of(rule: SurvivorshipRule, said: str) -> str:
    """SQL that ranks records by a survivorship rule, the best first.

    Args:
        rule: the rule.
        said: SQL of what a record says of the field group.
    """
    return {
        "verified": "is_verified desc",
        "source_priority": "priority",
        "most_recent": "version_at desc",
        "earliest": "coalesce(registered_at, version_at)",
        "most_frequent": f"count(*) over (partition by customer_key, {said}) desc",
        "longest": f"length({said}) desc",
    }[rule]


def golden_sql(config: CompanyConfig) -> str:
    """SQL of the clear golden record: each field group from the record that its rules choose."""
    parts = []
    for group, (rules_of, fields) in GROUPS.items():
        said = f"concat_ws('|', {', '.join(fields)})"
        order = ", ".join(order_of(rule, said) for rule in config.company.identity.rules[rules_of])
        parts.append(
            f"{group} as (select customer_key, {', '.join(fields)} from record where coalesce({', '.join(fields)}) "
            f"is not null qualify row_number() over (partition by customer_key order by {order}, version_at desc, "
            "source_system, customer_id) = 1)"
        )
    columns = ", ".join(f"{group}.{name}" for group, (_, fields) in GROUPS.items() for name in fields)
    joins = " ".join(f"left join {group} using (customer_key)" for group in GROUPS)
    return (
        f"with {', '.join(parts)} select k.customer_key, {columns} "
        f"from (select distinct customer_key from record) k {joins}"
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
            select r.customer_key, r.source_customer_key, r.is_verified, r.priority, r.version_at, r.registered_at,
              i.source_system, i.customer_id, {", ".join(f"i.{name}" for name in SHOWN)},
              s.email as email_key, s.phones as phone_keys
            from intermediate.int_customer_record r
            join (
              select * from input.customer where _superseded_at is null
              qualify row_number() over (partition by _record_key order by _version_at desc, _record_hash) = 1
            ) i on i._record_key = r.record_key
            left join identity.standard_customer s
              on s.source_system = i.source_system and s.customer_id = i.customer_id
            """
        )
        con.execute(f"create table contacts.customer as {golden_sql(config)} order by customer_key")
        con.execute(
            "create table contacts.record as select * exclude (is_verified, priority, version_at, registered_at) "
            "from record order by customer_key, source_system, customer_id"
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

"""What stands around a customer: what is known to reach them by, the household, the organisation above, and what
bought lists add. Written to schema identity for dbt; nothing in it shows who somebody is."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from models_ml.identity.standardise import RAW, standardise
from orchestration.config.company import CompanyConfig
from orchestration.identity.records import NOWHERE, kind_of

CONTACT = ("email", "phone", "mobile", "address_line")
MOST_LEVELS = 20  # of an organisation; deeper is a circle
# Columns of dim_customer that a bought profile may fill, and the names under which its attributes hold them.
PROFILE_FIELDS = {
    "gender": "gender", "occupation": "occupation", "education": "education", "income_band": "income_band",
    "marital_status": "marital_status", "industry": "industry", "employees": "employees", "ownership": "ownership",
    "turnover": "turnover", "credit_grade": "credit_grade",
}  # fmt: skip


def write_structure(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Write identity.record_profile, household_member, organisation_ancestor, profile_match and profile_field.

    Needs identity.customer_link and the temporary tables `standard` and `mention`.
    """
    con.execute(
        "create or replace temp table now_link as select distinct source_system, customer_id, source_customer_key, "
        "customer_key from identity.customer_link where valid_to is null"
    )
    write_profiles(con, config)
    write_households(con)
    write_organisations(con)
    write_enrichment(con, config)


def write_profiles(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """What each record can be reached by: asked for by its source, given at all, and usable."""
    con.execute(
        """
        create or replace table identity.record_profile as
        select s.source_system, s.customer_id, l.source_customer_key, l.customer_key, s.kind,
          coalesce(s.organisation, s.name_key) is not null as has_name,
          list_contains($asking, s.source_system) as asks_contact,
          r.email is not null as gives_email, s.email is not null as has_email,
          coalesce(r.phone, r.mobile) is not null as gives_phone, s.phones is not null as has_phone,
          r.address_line is not null as gives_address,
          s.street is not null and coalesce(s.postal_code, s.city) is not null as has_address,
          s.birth_date is not null as has_birth_date,
          s.email_verified or s.phone_verified or r.address_verified_at is not null as is_verified,
          s.email_verified, s.phone_verified, r.address_verified_at is not null as address_verified,
          greatest(r.email_verified_at, r.phone_verified_at, r.address_verified_at) as verified_at
        from standard s
        join now_link l using (source_system, customer_id)
        join (
          select * from input.customer where _superseded_at is null
          qualify row_number() over (
            partition by source_system, customer_id order by _version_at desc, _record_hash) = 1
        ) r using (source_system, customer_id)
        """,
        {"asking": config.fillers("customer", CONTACT)},
    )


def write_households(con: duckdb.DuckDBPyConnection) -> None:
    """Persons of one family name at one address, or whom a source relates as a household.

    A household is named by the smallest own key among its records.
    """
    con.execute(
        """
        create or replace temp table lives as
        select distinct l.customer_key,
          md5_number_lower(concat_ws(chr(31), coalesce(s.postal_code, s.city), s.street, s.house_no, s.family)) as home
        from standard s join now_link l using (source_system, customer_id)
        where s.kind = 'person' and s.street is not null and s.house_no is not null and s.family is not null
          and coalesce(s.postal_code, s.city) is not null
        """
    )
    con.execute(
        """
        create or replace temp table kin as
        select a.customer_key as l, b.customer_key as r, 'address' as basis
        from (
          select home, min(customer_key) as customer_key from lives group by home having count(*) between 2 and 12) a
        join lives b using (home) where a.customer_key <> b.customer_key
        union all
        select a.customer_key, b.customer_key, 'relation' from input.customer_relation r
        join now_link a on a.source_system = r.source_system and a.customer_id = r.customer_id
        join now_link b on b.source_system = r.source_system and b.customer_id = r.related_customer_id
        where r._superseded_at is null and r.relation = 'household' and a.customer_key <> b.customer_key
        """
    )
    found = con.execute("select l, r from kin").fetchnumpy()
    nodes = np.unique(np.concatenate([found["l"], found["r"]])) if len(found["l"]) else np.array([], np.int64)
    left, right = np.searchsorted(nodes, found["l"]), np.searchsorted(nodes, found["r"])
    graph = coo_matrix((np.ones(len(left)), (left, right)), shape=(len(nodes), len(nodes)))
    label = connected_components(graph, directed=False)[1] if len(nodes) else np.array([], np.int32)
    first = np.full(int(label.max()) + 1 if len(label) else 0, np.iinfo(np.int64).max)
    np.minimum.at(first, label, nodes)
    con.register("home", pa.table({"customer_key": nodes, "household_key": first[label] if len(label) else nodes}))
    con.execute(
        """
        create or replace table identity.household_member as
        select h.household_key, h.customer_key, coalesce(k.basis, 'address') as basis
        from home h left join (
          select key, max(basis) as basis from (
            select l as key, basis from kin union all select r, basis from kin) group by key
        ) k on k.key = h.customer_key
        """
    )
    con.unregister("home")


def write_organisations(con: duckdb.DuckDBPyConnection) -> None:
    """Every organisation with each of its ancestors; level 0 is itself. Circles end where they began."""
    con.execute(
        f"""
        create or replace table identity.organisation_ancestor as
        with recursive parent as (
          select a.customer_key, min(b.customer_key) as parent_key from input.customer_relation r
          join now_link a on a.source_system = r.source_system and a.customer_id = r.customer_id
          join now_link b on b.source_system = r.source_system and b.customer_id = r.related_customer_id
          where r._superseded_at is null and r.relation = 'parent' and a.customer_key <> b.customer_key
          group by a.customer_key
        ),
        tree as (
          select customer_key, customer_key as ancestor_key, 0 as level, [customer_key] as path
          from (select distinct customer_key from now_link join standard using (source_system, customer_id)
            where kind = 'organisation' union select customer_key from parent union select parent_key from parent)
          union all
          select t.customer_key, p.parent_key, t.level + 1, list_append(t.path, p.parent_key)
          from tree t join parent p on p.customer_key = t.ancestor_key
          where t.level < {MOST_LEVELS} and not list_contains(t.path, p.parent_key)
        )
        select customer_key, ancestor_key, level, level = max(level) over (partition by customer_key) as is_ultimate
        from tree
        """
    )


def write_enrichment(con: duckdb.DuckDBPyConnection, config: CompanyConfig) -> None:
    """Which bought profile is which customer, and what it would add.

    A profile is a customer when they share an e-mail address or telephone number and a part of the name, or name and
    birth date, or name and address, and exactly one customer does.
    """
    country = config.company.phone_country or NOWHERE
    given = {"source_system", "full_name", "organisation_name", "email", "phone", "address_line", "city",
             "postal_code", "birth_date"}  # fmt: skip
    columns = ", ".join(
        f"cast({name} as {kind_of(name)}) as {name}" if name in given
        else f"_record_key::varchar as {name}" if name == "customer_id"
        else "case when organisation_name is not null and full_name is null then 'organisation' else 'person' end "
        "as customer_type" if name == "customer_type"
        else f"cast(null as {kind_of(name)}) as {name}"
        for name in RAW
    )  # fmt: skip
    con.execute(
        f"create or replace temp table raw_profile as select {columns} from input.external_profile "
        "where _superseded_at is null"
    )
    standardise(con, "raw_profile", "create or replace temp table standard_profile as", country)
    con.execute(
        """
        create or replace table identity.profile_match as
        with candidate as (
          select p.customer_id as record_key, s.source_system, s.customer_id, 'email' as basis
          from standard_profile p join standard s on p.email = s.email
          where (p.family in (s.family, s.given) or p.given in (s.given, s.family) or p.organisation = s.organisation
            or coalesce(p.name_key, p.organisation) is null)
          union all
          select p.customer_id, s.source_system, s.customer_id, 'phone'
          from (select *, unnest(phones) as number from standard_profile) p
          join (select *, unnest(phones) as number from standard) s using (number)
          where p.family in (s.family, s.given) or p.given in (s.given, s.family) or p.organisation = s.organisation
          union all
          select p.customer_id, s.source_system, s.customer_id, 'name and birth date'
          from standard_profile p join standard s on p.name_key = s.name_key and p.birth_date = s.birth_date
          union all
          select p.customer_id, s.source_system, s.customer_id, 'name and address'
          from standard_profile p join standard s
            on coalesce(p.name_key, p.organisation) = coalesce(s.name_key, s.organisation)
            and p.street = s.street and p.house_no is not distinct from s.house_no
            and coalesce(p.postal_code, p.city) = coalesce(s.postal_code, s.city)
        )
        select record_key::bigint as record_key, min(l.customer_key) as customer_key, min(basis) as basis
        from candidate c join now_link l using (source_system, customer_id)
        group by record_key having count(distinct l.customer_key) = 1
        """
    )
    fields = " union all ".join(
        f"select _record_key, provider, valid_until, '{column}' as field, "
        f"json_extract_string(attributes, '$.{name}') as value from given"
        for column, name in PROFILE_FIELDS.items()
    )
    con.execute(
        f"""
        create or replace table identity.profile_field as
        with given as (select * from input.external_profile where _superseded_at is null),
        field as (
          {fields}
          union all select _record_key, provider, valid_until, 'city', city from given
        )
        select m.customer_key, f.field, f.value, f.provider, f.valid_until, m.record_key
        from field f join identity.profile_match m on m.record_key = f._record_key
        where f.value is not null
        """
    )

"""What bought lists add: which of their profiles is which customer, and what it says of them."""

from __future__ import annotations

import duckdb

from models_ml.identity.standardise import RAW
from orchestration.config.company import CompanyConfig
from orchestration.identity.records import NOWHERE, kind_of
from orchestration.identity.relations import SQL, Inputs, Results
from orchestration.identity.standardise import standard_records
from orchestration.platform.sql import Expression, Relation, create, drop, fill, run

# Columns of dim_customer that a bought profile may fill, and the names under which its attributes hold them.
PROFILE_FIELDS = {
    "gender": "gender", "occupation": "occupation", "education": "education", "income_band": "income_band",
    "marital_status": "marital_status", "industry": "industry", "employees": "employees", "ownership": "ownership",
    "turnover": "turnover", "credit_grade": "credit_grade",
}  # fmt: skip
# Columns of a profile that are those of a customer record.
SHARED = ("source_system", "full_name", "organisation_name", "email", "phone", "address_line", "city", "postal_code",
          "birth_date")  # fmt: skip
# The others that it has, in its own way.
MADE = {
    "customer_id": "_record_key::varchar",
    "customer_type": "case when organisation_name is not null and full_name is null then 'organisation' "
    "else 'person' end",
}


def write_enrichment(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    inputs: Inputs,
    standard: Relation,
    current_link: Relation,
    results: Results,
) -> None:
    """Which bought profile is which customer, and what it would add.

    A profile is a customer when they share an e-mail address or telephone number and a part of the name, or name and
    birth date, or name and address, and exactly one customer does.
    """
    profiles = standard_profiles(con, inputs.external_profile, config.company.phone_country or NOWHERE)
    run(con, SQL["profile_match"], results, standard_profile=profiles, standard=standard, current_link=current_link)
    drop(con, profiles)
    fields = [
        fill(
            "select _record_key, provider, valid_until, {column} as field, "
            "json_extract_string(attributes, {path}) as value from given",
            column=column, path=f"$.{name}",
        )
        for column, name in PROFILE_FIELDS.items()
    ]  # fmt: skip
    run(con, SQL["profile_field"], inputs, results, fields=Expression(" union all ".join(fields)))


def standard_profiles(con: duckdb.DuckDBPyConnection, external_profile: Relation, country: str) -> Relation:
    """The profiles as standard records (STANDARD); customer_id is the profile's own key."""
    columns = ", ".join(
        f"cast({name if name in SHARED else MADE.get(name, 'null')} as {kind_of(name)}) as {name}" for name in RAW
    )
    raw = create(con, "raw_profile", SQL["raw_profile"], columns=Expression(columns), external_profile=external_profile)
    with standard_records(con, raw, country) as query:
        made = create(con, "standard_profile", "{query}", query=query)
    drop(con, raw)
    return made

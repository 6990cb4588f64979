"""One customer: profile, value, warnings, timeline, and why their records are one."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.churn import IDS, WHO
from orchestration.dashboard.kit.page import Page
from orchestration.dashboard.kit.parts import Column, cards, chart, choose, head, table, take_away
from orchestration.platform.markup import md

FIND = """
select distinct customer_key from customer_xref
where valid_to is null and (customer_id = $text or cast(customer_key as varchar) = $text
  or cast(source_customer_key as varchar) = $text)
order by 1 limit 20
"""
# By whatever an agent is told: number, e-mail address, telephone number as dialled, parts of the name.
SEARCH = """
with asked as (
  select lower(trim($text)) as said, ltrim(regexp_replace($text, '[^0-9]', '', 'g'), '0') as digits,
    list_filter(regexp_split_to_array(strip_accents(lower(trim($text))), '[\\s,;]+'), lambda w: w <> '') as words
)
select customer_key, min(coalesce(full_name, concat_ws(' ', given_name, family_name), organisation_name)) as name,
  min(city) as city, count(*) as records
from record, asked
where lower(customer_id) = said or cast(customer_key as varchar) = said or lower(loyalty_card_no) = said
  or lower(email) = said or email_key = said
  or length(digits) >= 6 and (
    coalesce(list_bool_or(list_transform(phone_keys, lambda p: ends_with(p, digits))), false)
    or ends_with(regexp_replace(coalesce(phone, ''), '[^0-9]', '', 'g'), digits)
    or ends_with(regexp_replace(coalesce(mobile, ''), '[^0-9]', '', 'g'), digits))
  or not contains(said, '@') and regexp_matches(said, '\\p{L}') and list_bool_and(list_transform(words, lambda w:
    contains(strip_accents(lower(concat_ws(' ', full_name, given_name, family_name, organisation_name))), w)))
group by customer_key order by min(strip_accents(lower(coalesce(full_name, organisation_name, ''))) <> said), name,
  customer_key limit 50
"""
CLEAR = "select * exclude (customer_key) from customer where customer_key = $key"
SAID = """
select * exclude (customer_key, source_customer_key, email_key, phone_keys) from record where customer_key = $key
order by source_system, customer_id
"""
CONSENT = "select channel, status, recorded_on from consent where customer_key = $key order by channel"
VIEW = """
select view.*, offer.name as offer, offer.offer_id, expected_margin_amount
from customer_360 as view left join dim_offer as offer on view.open_offer_key = offer.offer_key
left join customer_value using (customer_key) where view.customer_key = $key
"""
FLAGS = "select flag, evidence from customer_flag where customer_key = $key order by flag"
RECORDS = """
select source_system, customer_id, rule, round(weight, 1) as weight, valid_from as since, valid_to as until
from customer_xref
where source_customer_key in (select source_customer_key from customer_xref where customer_key = $key)
order by valid_to nulls first, source_system, customer_id
"""
PAIRS = """
select left_system, right_system, left_source_key, right_source_key, kind, standing, rule, weight, evidence
from identity_pair where $key in (left_customer_key, right_customer_key)
order by is_linked desc, weight desc
"""
TIMELINE = """
select occurred_at, kind, channel, department, summary from customer_timeline
where customer_key = $key and ($kind = 'all' or kind = $kind) order by newest_first limit 500
"""


LIST = """
with ids as (
  select customer_key, string_agg(distinct customer_id, ', ' order by customer_id) as customer_ids
  from customer_xref where valid_to is null group by 1
)
select view.customer_key, ids.customer_ids, view.monetary, view.frequency, view.last_purchase_on, view.state_basic,
  view.index_tier, view.churn_probability, view.warning_level, view.open_complaints
from customer_360 as view left join ids using (customer_key)
where $state = 'all' or coalesce(view.state_basic, 'none') = $state
order by view.monetary desc nulls last, view.customer_key limit $most
"""
COUNT = "select count(*) as customers from customer_360 where $state = 'all' or coalesce(state_basic, 'none') = $state"
LISTED = WHO | {
    "monetary": Column("Sales", "money"), "frequency": Column("Orders", "count"),
    "last_purchase_on": Column("Last purchase", "day"), "state_basic": Column("State", "words"),
    "index_tier": Column("Value tier", "words"), "churn_probability": Column("Probability", "share"),
    "warning_level": Column("Churn level", "words"), "open_complaints": Column("Open complaints", "count"),
} | IDS  # fmt: skip
PROFILE = {
    "customer_type": Column("Type"), "gender": Column("Gender"), "birth_year": Column("Born in"),
    "city": Column("City"), "country": Column("Country"), "occupation": Column("Occupation"),
    "industry": Column("Industry"), "status": Column("Status"), "completeness_score": Column("Completeness", "share"),
    "validity_score": Column("Validity", "share"), "source_records": Column("Source records", "count"),
}  # fmt: skip
HAPPENED = {
    "occurred_at": Column("When (UTC)", "time"), "kind": Column("What", "words"), "summary": Column("Summary"),
    "channel": Column("Channel", "words"), "department": Column("Department", "words"),
}  # fmt: skip
RECORDED = {
    "source_system": Column("Source"), "customer_id": Column("Id there"), "rule": Column("Linked by", "words"),
    "weight": Column("Weight", "number"), "since": Column("Since", "day"), "until": Column("Until", "day"),
}  # fmt: skip
MOST = 500  # customers of the list


def page() -> None:
    """Render the page."""
    build = head("Customer")
    clear = published.has_grant()
    if "customer" not in st.session_state:  # a row of a list leads here with its customer in the address
        st.session_state["customer"] = st.query_params.get("key", "")
    text = st.text_input(
        "Name, e-mail address, telephone number, card or customer number" if clear
        else "Customer key, or the id that a source system's record is published under",
        key="customer", placeholder="…",
    ).strip()  # fmt: skip
    if not text:
        everybody(build.currency, clear)
        return
    names = found_by(text, clear)
    if not names:
        st.info(
            md("No customer is known by {text}. Records that were merged are found by their own keys, too. Empty the "
               "field to see the list.", text=repr(text))
        )  # fmt: skip
        return
    key = next(iter(names))
    if len(names) > 1:
        label = md("{count} customers", count=len(names))
        chosen = choose(label, list(names), lambda k: f"{names[k]}  ·  {k}" if names[k] else str(k), key="which")
        key = int(chosen or key)
    if clear:
        show_clear(key)
    show(key, build.currency)


def everybody(currency: str, clear: bool) -> None:
    """The customers, those who have spent the most first; each row leads to one."""
    states = published.query("select distinct coalesce(state_basic, 'none') as state from customer_360 order by 1")
    if states.empty:
        st.info(
            published.hint(
                "There are no customers yet. Map a source to `customer` or `sales_order`, then run `regulars refresh`."
            )
        )
        return
    if not clear:
        st.caption(published.hint("Names, addresses and numbers are not shown here. Whoever may see them starts the "
                                  "dashboard with `regulars dashboard --contacts`."))  # fmt: skip
    state = choose("Life-cycle state", ["all", *states["state"]], said_as, key="listed")
    found = published.query(LIST, state=state, most=MOST)
    [all_of_them] = published.query(COUNT, state=state)["customers"]
    which = f"The first {MOST} of {all_of_them:,} customers" if all_of_them > MOST else f"{all_of_them:,} customer(s)"
    st.caption(md("{which}, those who have spent the most first; click a key to see its customer.", which=which))
    take_away(found, "customers", LISTED, currency)


def found_by(text: str, clear: bool) -> dict[int, str]:
    """Customers that a text names: key → name and place, which only the grant tells."""
    names = {int(key): "" for key in published.query(FIND, text=text)["customer_key"]}
    if clear:
        found = published.contacts(SEARCH, text=text)
        names |= {int(row["customer_key"]): f"{row['name'] or 'no name'}, {row['city'] or 'no city'}"
                  for row in found.astype(object).where(found.notna(), None).to_dict("records")}  # fmt: skip
    return names


def show_clear(key: int) -> None:
    """Who the customer is, as the sources say, and what the customer allows; noted in the access log."""
    published.note_look("customer", key)
    golden = published.contacts(CLEAR, key=key)
    if golden.empty:
        st.info("No source says who this customer is.")
        return
    row = golden.iloc[0].where(golden.iloc[0].notna(), None)
    name = row["full_name"] or " ".join(filter(None, [row["title"], row["given_name"], row["family_name"]]))
    place = " ".join(filter(None, [row["postal_code"], row["city"]]))
    lines = [row["organisation_name"], ", ".join(filter(None, [row["address_line"], place, row["country"]])),
             row["email"], row["mobile"], row["phone"]]  # fmt: skip
    st.subheader(md("{name}", name=name or row["organisation_name"] or "No name"))
    st.text("\n".join(dict.fromkeys(line for line in lines if line)))
    consent = published.contacts(CONSENT, key=key)
    if not consent.empty:
        said = ", ".join(f"{said_as(str(c.channel))} {said_as(str(c.status))}" for c in consent.itertuples())
        st.caption(md("Consent: {said}", said=said))
    with st.expander("What each source says"):
        records = published.contacts(SAID, key=key)
        table(records, {str(name): Column(said_as(str(name)).capitalize()) for name in records})


def show(key: int, currency: str) -> None:
    """Everything about one customer."""
    view = published.query(VIEW, key=key)
    if view.empty:
        st.info(published.hint("This customer has no row yet: run `regulars refresh`."))
        return
    row = view.iloc[0]
    st.caption(md("Customer {key}", key=key))
    cards(
        {
            "Spent": charts.money(float(row["monetary"]), currency) if pd.notna(row["monetary"]) else "–",
            "Orders": f"{int(row['frequency'])}" if pd.notna(row["frequency"]) else "0",
            "State": said_as(row["state_basic"]),
            "Value tier": said_as(row["index_tier"]),
            "Churn warning": said_as(row["warning_level"])
            + (f", {row['churn_probability']:.0%}" if pd.notna(row["churn_probability"]) else ""),
            "Open complaints": f"{int(row['open_complaints'])}",
        },
        per_row=3,
    )
    for flag in published.query(FLAGS, key=key).itertuples():
        st.warning(md("Mind: **{flag}**, {why}", flag=said_as(str(flag.flag)), why=flag.evidence))
    st.markdown("; ".join(last_words(row, currency)) or "Nothing has been said to this customer yet.")
    table(view, {name: column for name, column in PROFILE.items() if view[name].notna().any()})
    timeline(key)
    st.subheader("Records")
    table(published.query(RECORDS, key=key), RECORDED)
    explain(published.query(PAIRS, key=key))


def last_words(row: pd.Series, currency: str) -> list[str]:
    """What is to be said to a customer, and what was said last; literal text in the product's words."""
    said = []
    if row["cell_strategy"]:
        said.append(md("Strategy: **{strategy}**", strategy=row["cell_strategy"]))
    if row["preferred_channel"]:
        said.append(md("comes through **{channel}**", channel=said_as(row["preferred_channel"])))
    if row["churn_reason"]:
        said.append(md("first reason to leave: {reason}", reason=row["churn_reason"]))
    if pd.notna(row["open_offer_since"]):
        said.append(md("open offer: **{offer}**, made {day:%d %B %Y}", offer=row["offer"] or row["offer_id"],
                       day=row["open_offer_since"]))  # fmt: skip
    if pd.notna(row["expected_margin_amount"]):
        said.append(md("margin expected in 12 months: {margin}",
                       margin=charts.money(float(row["expected_margin_amount"]), currency)))  # fmt: skip
    if row["last_said"]:
        through = f" ({said_as(row['last_said_channel'])})" if row["last_said_channel"] else ""
        said.append(md("last said: {said}{through}", said=row["last_said"], through=through))
    return said


def timeline(key: int) -> None:
    """What happened with a customer, the newest first."""
    st.subheader("Timeline")
    kinds = published.query("select distinct kind from customer_timeline where customer_key = $key order by 1", key=key)
    kind = choose("Kind", ["all", *kinds["kind"].tolist()], said_as, key="kind")
    found = published.query(TIMELINE, key=key, kind=kind)
    if found.empty:
        st.info("Nothing has happened with this customer yet.")
    else:
        table(found, HAPPENED)


def said_as(code: str | None) -> str:
    """A code in words."""
    return code.replace("_", " ") if code else "–"


def explain(pairs: pd.DataFrame) -> None:
    """Why two records are one customer, or are not: the weight of each comparison."""
    if pairs.empty:
        st.caption("No other record was like any of these.")
        return
    labels = [
        f"{p.left_system} – {p.right_system}: {p.standing}, weight {p.weight:.1f}"
        for p in pairs.itertuples(index=False)
    ]
    chosen = choose("Why", range(len(labels)), labels.__getitem__, key="pair")
    pair = pairs.iloc[chosen]
    rows = evidence(pair["evidence"])
    prior = float(pair["weight"]) - float(rows["weight"].sum())
    start = pd.DataFrame([{"comparison": "before any comparison", "level": "", "weight": prior}])
    chart(charts.weights(pd.concat([start, rows])))
    st.caption("Log2 odds that both are one customer: +1 doubles them. Groups of records become one while the mean "
               "weight between them is not against it.")  # fmt: skip


def evidence(text: str) -> pd.DataFrame:
    """Comparisons of a pair: name, level in words, weight with the adjustment for rarity."""
    rows = [
        {"comparison": name.replace("_", " "), "level": level, "weight": float(weight) + float(rarity)}
        for name, (level, weight, rarity) in json.loads(text).items()
    ]
    return pd.DataFrame(rows, columns=["comparison", "level", "weight"])


PAGE = Page(page, "Customer", "person_search", "customer", place=60)

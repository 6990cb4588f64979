"""One customer: profile, value, warnings, timeline, and why their records are one."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from orchestration.dashboard import charts, published
from orchestration.dashboard.views.shared import head

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


def page() -> None:
    """Render the page."""
    build = head("Customer")
    clear = published.has_grant()
    text = st.text_input(
        "Name, e-mail address, telephone number, card or customer number" if clear
        else "Customer key, or the id that a source system's record is published under",
        key="customer", placeholder="…",
    ).strip()  # fmt: skip
    if not text:
        richest = published.query("select customer_key from customer_360 order by monetary desc nulls last limit 1")
        if richest.empty:
            st.info("There are no customers yet.")
            return
        st.caption(f"For instance {richest['customer_key'].iloc[0]}, who has spent the most.")
        if not clear:
            st.caption("Names, addresses and numbers are not shown here. Whoever may see them starts the dashboard "
                       "with `regulars dashboard --contacts`.")  # fmt: skip
        return
    names = {int(key): "" for key in published.query(FIND, text=text)["customer_key"]}
    if clear:
        found = published.contacts(SEARCH, text=text)
        names |= {int(row["customer_key"]): f"{row['name'] or 'no name'}, {row['city'] or 'no city'}"
                  for row in found.astype(object).where(found.notna(), None).to_dict("records")}  # fmt: skip
    if not names:
        st.info(f"No customer is known by '{text}'. Records that were merged are found by their own keys, too.")
        return
    key = next(iter(names))
    if len(names) > 1:
        chosen = st.selectbox(f"{len(names)} customers", list(names), key="which",
                              format_func=lambda k: f"{names[k]}  ·  {k}" if names[k] else str(k))  # fmt: skip
        key = int(chosen or key)
    if clear:
        show_clear(key)
    show(key, build.currency)


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
    st.subheader(name or row["organisation_name"] or "No name")
    st.text("\n".join(dict.fromkeys(line for line in lines if line)))
    consent = published.contacts(CONSENT, key=key)
    if not consent.empty:
        st.caption("Consent: " + ", ".join(f"{c.channel} {c.status}" for c in consent.itertuples()))
    with st.expander("What each source says"):
        st.dataframe(published.contacts(SAID, key=key), hide_index=True, width="stretch")


def show(key: int, currency: str) -> None:
    """Everything about one customer."""
    view = published.query("select * from customer_360 where customer_key = $key", key=key)
    if view.empty:
        st.info("This customer has no row yet; refresh first.")
        return
    row = view.iloc[0]
    cards = {
        "Spent": charts.money(float(row["monetary"]), currency) if pd.notna(row["monetary"]) else "–",
        "Orders": f"{int(row['frequency'])}" if pd.notna(row["frequency"]) else "0",
        "State": said_as(row["state_basic"]),
        "Value tier": said_as(row["index_tier"]),
        "Churn warning": said_as(row["warning_level"]),
        "Open complaints": f"{int(row['open_complaints'])}",
    }
    for column, (name, value) in zip([*st.columns(3), *st.columns(3)], cards.items(), strict=True):
        column.metric(name, value, border=True)
    if row["flags"]:
        st.warning(f"Mind: **{row['flags']}**")
    said = [
        f"Strategy: **{row['cell_strategy']}**" if row["cell_strategy"] else "",
        f"comes through **{row['preferred_channel']}**" if row["preferred_channel"] else "",
        f"an offer is open since {row['open_offer_since']:%d %B %Y}" if pd.notna(row["open_offer_since"]) else "",
        f"last said: {row['last_said']} ({row['last_said_channel']})" if row["last_said"] else "",
    ]
    st.markdown("; ".join(part for part in said if part) or "Nothing has been said to this customer yet.")
    profile = view[["customer_type", "gender", "birth_year", "city", "country", "occupation", "industry", "status",
                    "completeness_score", "validity_score", "source_records"]]  # fmt: skip
    st.dataframe(profile, hide_index=True, width="stretch")
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("Timeline")
        kinds = published.query(
            "select distinct kind from customer_timeline where customer_key = $key order by 1", key=key
        )
        kind = st.selectbox("Kind", ["all", *kinds["kind"].tolist()], key="kind")
        timeline = published.query(TIMELINE, key=key, kind=kind)
        if timeline.empty:
            st.info("Nothing has happened with this customer yet.")
        else:
            st.dataframe(timeline, hide_index=True, width="stretch")
    with right:
        st.subheader("Records")
        st.dataframe(published.query(RECORDS, key=key), hide_index=True, width="stretch")
        explain(published.query(PAIRS, key=key))


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
    chosen = st.selectbox("Why", range(len(labels)), format_func=labels.__getitem__, key="pair")
    pair = pairs.iloc[chosen]
    rows = evidence(pair["evidence"])
    prior = float(pair["weight"]) - float(rows["weight"].sum())
    start = pd.DataFrame([{"comparison": "before any comparison", "level": "", "weight": prior}])
    st.plotly_chart(charts.weights(pd.concat([start, rows])), width="stretch")
    st.caption("Log2 odds that both are one customer: +1 doubles them. Groups of records become one while the mean "
               "weight between them is not against it.")  # fmt: skip


def evidence(text: str) -> pd.DataFrame:
    """Comparisons of a pair: name, level in words, weight with the adjustment for rarity."""
    rows = [
        {"comparison": name.replace("_", " "), "level": level, "weight": float(weight) + float(rarity)}
        for name, (level, weight, rarity) in json.loads(text).items()
    ]
    return pd.DataFrame(rows, columns=["comparison", "level", "weight"])

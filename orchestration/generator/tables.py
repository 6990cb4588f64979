"""The demo company's source systems: their tables, and in what form each system keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

SQL = Path(__file__).parent / "sql"

Form = Literal["sqlite", "csv", "csv_utf16", "ndjson", "web_log", "xml", "excel", "parquet"]
FORMS: dict[str, Form] = {
    "crm": "sqlite",
    "shop": "csv",
    "catalogue": "xml",
    "merchandise": "parquet",
    "marketing": "excel",
    "campaign_tool": "parquet",
    "call_centre": "ndjson",
    "web": "web_log",
    "billing": "parquet",
    "research": "csv_utf16",
    "leads": "ndjson",
}
TRUTH = "truth"


class Raw(NamedTuple):
    """A table of a source system: SQL view `<system>__<name>`.

    Args:
        system: whose it is.
        name: the table.
        key: columns that name a row which may change; its newest state counts. Without a key rows are only added.
        static: whether the whole table is written each time, rather than the rows of new days.
        per_customer: whether it is made block by block of customers.
        also: view whose rows are added to it once.
    """

    system: str
    name: str
    key: tuple[str, ...] = ()
    static: bool = False
    per_customer: bool = True
    also: str | None = None

    @property
    def view(self) -> str:
        """Name of its view."""
        return f"{self.system}__{self.name}"


RAW: tuple[Raw, ...] = (
    Raw("crm", "customers", key=("customer_no",)),
    Raw("crm", "relations"),
    Raw("crm", "consents"),
    Raw("crm", "services"),
    Raw("crm", "decisions", per_customer=False),
    Raw("crm", "agents", static=True, per_customer=False),
    Raw("shop", "accounts"),
    Raw("shop", "orders"),
    Raw("shop", "lines"),
    Raw("shop", "payments"),
    Raw("shop", "returns"),
    Raw("shop", "reviews"),
    Raw("shop", "points"),
    *(Raw("catalogue", name, static=True, per_customer=False) for name in ("products", "prices", "stores", "channels")),
    *(Raw("merchandise", name, per_customer=False) for name in ("inventory", "promotions")),
    *(
        Raw("marketing", name, static=True, per_customer=False)
        for name in (
            "campaigns", "waves", "offers", "offer_products", "costs", "lists", "resources", "targets", "benchmarks",
            "rates",
        )
    ),
    Raw("campaign_tool", "members"),
    Raw("campaign_tool", "events"),
    Raw("campaign_tool", "ads", per_customer=False),
    Raw("call_centre", "contacts"),
    Raw("call_centre", "complaints", key=("complaint_no",)),
    Raw("web", "hits", also="web__robots"),
    Raw("billing", "subscribers"),
    Raw("billing", "plans", static=True, per_customer=False),
    Raw("billing", "rates", static=True, per_customer=False),
    Raw("billing", "subscriptions", key=("subscription_no",)),
    Raw("billing", "usage"),
    Raw("billing", "invoices", key=("invoice_no",)),
    Raw("research", "surveys"),
    Raw("research", "profiles"),
    Raw("leads", "leads", key=("lead_no",)),
    Raw("leads", "events"),
)  # fmt: skip

# Truth: name → whether it is made by blocks of customers.
TRUTHS: dict[str, bool] = {"identity": True, "people": True, "campaign_arms": True, "uplift": False, "rules": False}
DIRT = ("crm", "shop", "call_centre", "billing")
# Lines that a reader must refuse, in systems of text files: table → reason by kind of dirt.
BROKEN: dict[tuple[str, str], dict[str, str]] = {
    ("shop", "reviews"): {"ragged": "too_many_columns", "encoding": "wrong_encoding"},
    ("web", "hits"): {"malformed": "not_a_log_line"},
}

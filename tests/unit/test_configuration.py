"""Configuration errors say file, key, value and what was expected."""

from __future__ import annotations

import datetime as dt
import time

import pytest
import yaml

from orchestration.config.company import CompanyConfig, load_company
from orchestration.config.contracts import Contract, load_contracts
from orchestration.platform.errors import ConfigError, RegularsError, UsageError
from orchestration.platform.yaml_model import UniqueKeyLoader
from orchestration.warehouse import staging
from tests.support.shop import SOURCE, Shop


def message(name: str = "shop") -> str:
    with pytest.raises(RegularsError) as caught:
        load_company(name)
    return str(caught.value)


def test_sample_company_is_valid() -> None:
    config = load_company("complete_journey")
    assert config.company.timezone == "America/New_York"
    assert set(config.sources["shop"].maps) == {
        "customer", "product", "store", "sales_order", "order_line",
        "campaign", "campaign_member", "campaign_event", "offer", "offer_product", "promotion",
    }  # fmt: skip


def test_unknown_company_names_the_known_ones(shop: Shop) -> None:
    with pytest.raises(UsageError, match=r"no company 'nowhere'.*Known companies: shop"):
        load_company("nowhere")


@pytest.mark.parametrize("name", ["../shop", "", "Shop", "a/b"])
def test_a_company_name_is_never_a_path(shop: Shop, name: str) -> None:
    with pytest.raises(UsageError):
        load_company(name)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"timezone": "Mars/Phobos"}, ["company.yml", "key 'timezone'", "Mars/Phobos", "IANA time zone"]),
        ({"currency": "euro"}, ["key 'currency'", "euro"]),
        ({"colour": "red"}, ["key 'colour' is not known here"]),
        ({"week_start": "someday"}, ["key 'week_start'", "someday", "'monday'"]),
        ({"lifecycle": {"at_risk_after_days": 90, "lost_after_days": 90}}, ["lost_after_days greater"]),
        ({"name": "other"}, ["key 'name'", "other"]),
        ({"business_day_cut": "25:00"}, ["key 'business_day_cut'", "25:00"]),
    ],
)
def test_wrong_company_yml(shop: Shop, change: dict[str, object], expected: list[str]) -> None:
    shop.configure(company=change)
    text = message()
    assert all(part in text for part in expected), text


@pytest.mark.parametrize(
    ("entity", "change", "expected"),
    [
        ("product", {"columns": {"product_id": "sku", "nam": "name"}}, ["columns.nam", "no such column of product"]),
        ("product", {"columns": {"name": "name"}}, ["required column product_id is missing"]),
        ("product", {"frm": "x"}, ["maps.product.frm", "not known here"]),
    ],
)
def test_wrong_map(shop: Shop, entity: str, change: dict[str, object], expected: list[str]) -> None:
    shop.with_map(entity, **change)
    text = message()
    assert "till.yml" in text
    assert all(part in text for part in expected), text


def test_unknown_entity_names_the_known_ones(shop: Shop) -> None:
    shop.configure(source={"maps": {"pruduct": SOURCE["maps"]["product"]}})  # type: ignore[index]
    text = message()
    assert "maps.pruduct" in text
    assert "product" in text


def test_a_key_written_twice_is_an_error(shop: Shop) -> None:
    path = shop.companies / "shop" / "company.yml"
    path.write_text(path.read_text() + "\ncurrency: USD\n")
    assert "key 'currency' is written twice" in message()


def test_broken_yaml_names_the_line(shop: Shop) -> None:
    (shop.companies / "shop" / "company.yml").write_text("name: shop\ntitle: [unclosed\n")
    assert "line" in message()


def aliased(inner: str, outer: str) -> str:
    """Eleven levels, each of nine aliases of the one below: 9 ** 11 values."""
    levels = "".join(f"m{i}: &m{i} {outer.format(', '.join([f'*m{i - 1}'] * 9))}\n" for i in range(1, 12))
    return f"m0: &m0 {inner}\n{levels}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (aliased("[x]", "[{}]"), "aliases that stand for .* values; at most 10,000"),
        (aliased("{k: v}", "{{<<: [{}]}}"), "aliases that stand for .* values"),
        ("m: &m [*m]\n", "line 1, column 4: not valid YAML: an alias that holds itself"),
        ("m: " + "[" * 200_000 + "]" * 200_000, "line 1, column 103: not valid YAML: more than 100 levels"),
        ("- " * 200_000, "more than 100 levels"),
        ("m: 2024-13-41\n", "holds a value that cannot be read: month must be in 1..12. Put the value in quotes"),
        ("m: " + "9" * 5000, "holds a value that cannot be read: Exceeds the limit"),
        ("? [a, b]\n: 1\n", "holds a value that cannot be read: unhashable"),
    ],
)
@pytest.mark.parametrize("file", ["company.yml", "sources/till.yml"])
def test_yaml_that_is_a_trap_is_refused_at_once(shop: Shop, text: str, problem: str, file: str) -> None:
    (shop.companies / "shop" / file).write_text(text)
    started = time.monotonic()
    with pytest.raises(ConfigError, match=f"{file}.*{problem}"):
        load_company("shop")
    assert time.monotonic() - started < 2


def test_aliases_of_people_are_values() -> None:
    """A value that is written once and meant several times."""
    columns = "{order_id: order_no, customer_id: customer, ordered_at: placed_at}"
    maps = f"maps:\n  sales_order: {{columns: &columns {columns}}}\n  refund: {{columns: *columns}}\n"
    read = yaml.load(f"x: &x [1, 2]\n{maps}y: [*x, *x]", Loader=UniqueKeyLoader)
    assert read["y"] == [[1, 2], [1, 2]]
    assert read["maps"]["refund"]["columns"]["order_id"] == "order_no"


def test_not_utf8(shop: Shop) -> None:
    (shop.companies / "shop" / "company.yml").write_bytes(b"name: shop\ntitle: caf\xe9\n")
    assert "is not UTF-8 at byte" in message()


def test_secrets_come_from_the_environment(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.configure(source={"connector": {"kind": "parquet", "path": "${SHOP_DATA}"}})
    monkeypatch.delenv("SHOP_DATA", raising=False)
    assert "environment variable SHOP_DATA is not set" in message()
    monkeypatch.setenv("SHOP_DATA", str(shop.data))
    assert load_company("shop").sources["till"].connector.path == str(shop.data)


VISIT = {
    "entity": "visit", "title": "Visit", "subject": "service", "description": "One row per visit of a place.",
    "key": ["visit_id"],
    "columns": {
        "visit_id": {"type": "text", "required": True, "description": "Id of the visit"},
        "visitor": {"type": "text", "personal": "direct", "description": "Name of the visitor"},
        "came_at": {"type": "timestamp", "business_date": "came_on", "description": "When it began"},
    },
}  # fmt: skip


def test_staging_of_an_entity_follows_from_its_contract() -> None:
    visit = Contract.model_validate(VISIT | {"dated_by": "came_on"})
    ((name, sql, described),) = staging.models(visit)
    assert name == "stg_visit"
    assert " ".join(sql.split("-#}")[1].split()) == (
        "{{ as_known( 'visit', [ 'visit_id', 'came_at', 'came_on', ], on='came_on' ) }}"
    )
    read = yaml.safe_load(described)["models"][0]
    assert read["description"] == "One row per visit of a place. As known at known_at, up to as_of."
    assert [c["name"] for c in read["columns"]] == [
        "source_system", "record_key", "parent_key", "visit_id", "came_at", "came_on", "version_at",
    ]  # fmt: skip

    undated = Contract.model_validate(VISIT | {"versions": True})
    assert [name for name, *_ in staging.models(undated)] == ["stg_visit", "stg_visit_version"]
    assert all("on=" not in sql for _, sql, _ in staging.models(undated))


def test_an_entity_is_dated_by_a_date_of_its_own() -> None:
    with pytest.raises(ValueError, match="dated_by 'came_at' is neither a date nor a business date"):
        Contract.model_validate(VISIT | {"dated_by": "came_at"})


def test_contract_columns_are_the_promised_ones() -> None:
    """Companies written against these names must load."""
    contracts = load_contracts()
    assert list(contracts["order_line"].columns) == [
        "order_id", "line_no", "product_id", "quantity", "unit_price", "gross_amount", "discount_amount",
        "coupon_amount", "net_amount", "cost_amount",
    ]  # fmt: skip
    assert list(contracts["campaign_member"].columns) == [
        "campaign_id", "customer_id", "wave_no", "arm", "cell", "list_id", "assigned_at",
    ]  # fmt: skip
    required = {name for name, c in contracts["sales_order"].columns.items() if c.required}
    assert required == {"order_id", "ordered_at"}


def test_the_first_key_column_must_be_required() -> None:
    from orchestration.config.contracts import Contract

    with pytest.raises(ValueError, match="must be required"):
        Contract(
            entity="thing",
            title="Thing",
            description="One row per thing.",
            subject="x",
            key=("a",),
            columns={"a": {"type": "text", "description": "the key"}},  # type: ignore[dict-item]
        )


@pytest.mark.parametrize(
    ("moment", "cut", "expected"),
    [
        # 04:01 UTC on New Year's Day is 23:01 on New Year's Eve in New York: the 31st has not ended.
        (dt.datetime(2018, 1, 1, 4, 1, tzinfo=dt.UTC), "00:00", dt.date(2017, 12, 30)),
        (dt.datetime(2018, 1, 1, 5, 0, tzinfo=dt.UTC), "00:00", dt.date(2017, 12, 31)),
        # A business day that ends at 04:00: at 03:59 local time yesterday still runs.
        (dt.datetime(2018, 1, 1, 8, 59, tzinfo=dt.UTC), "04:00", dt.date(2017, 12, 30)),
        (dt.datetime(2018, 1, 1, 9, 0, tzinfo=dt.UTC), "04:00", dt.date(2017, 12, 31)),
    ],
)
def test_business_day_before(shop: Shop, moment: dt.datetime, cut: str, expected: dt.date) -> None:
    shop.configure(company={"timezone": "America/New_York", "business_day_cut": cut})
    assert load_company("shop").business_day_before(moment) == expected


def test_config_error_is_exit_code_one_and_usage_two() -> None:
    assert (ConfigError("x").exit_code, UsageError("x").exit_code) == (1, 2)


def test_a_map_fills_a_column_be_it_empty_in_every_row(shop: Shop) -> None:
    """What the flags ask: a field for contact data, and scores of which nothing says when they are a risk."""

    def config_of(columns: dict[str, str], **company: object) -> CompanyConfig:
        maps = {"customer": {"from": "customers", "columns": {"customer_id": "id"} | columns}}
        shop.configure(company=company, source={"maps": maps})
        return load_company("shop")

    contact = ("email", "phone", "mobile", "address_line")
    assert config_of({"full_name": "name"}).fillers("customer", contact) == []
    assert config_of({"email": " NULL "}).fillers("customer", contact) == []
    assert config_of({"phone": "name"}).fillers("customer", contact) == ["till"]
    assert config_of({"phone": "name"}).fillers("lead", contact) == []
    assert not config_of({"phone": "name"}).has_unbounded_scores
    assert config_of({"credit_score": "id"}).has_unbounded_scores
    assert not config_of({"credit_score": "id"}, credit={"risky_score_above": 300}).has_unbounded_scores
    assert not config_of({"credit_score": "id"}, credit={"risky_score_below": 0}).has_unbounded_scores

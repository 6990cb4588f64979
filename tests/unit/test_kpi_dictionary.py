"""The dictionary of KPIs: what is wrong in it is told with file, key and value; what follows from it does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.config.dictionary import macros
from orchestration.config.dictionary.expressions import expression, formula
from orchestration.config.dictionary.kpi import Dictionary, load_dictionary
from orchestration.config.dictionary.survivorship import load_survivorship
from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import KPI, SURVIVORSHIP
from orchestration.warehouse import dbt

Change = Callable[[str, str, str], Path]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Replaces a text in a file of a copy of the dictionary."""
    folder = tmp_path / "kpi"
    shutil.copytree(KPI, folder)

    def replace(file: str, old: str, new: str) -> Path:
        path = folder / f"{file}.yml"
        text = path.read_text()
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new))
        return folder

    return replace


def with_measure(folder: Path, **spec: object) -> Dictionary:
    """A copy of the dictionary with one measure appended."""
    path = folder / "measures.yml"
    path.write_text(path.read_text() + yaml.safe_dump({"extra": {"name": "Extra", "unit": "money", **spec}})
                    .replace("\n", "\n    ").replace("extra:", "  extra:", 1).rstrip(" "))  # fmt: skip
    return load_dictionary(folder)


WRONG = [
    # file, what stands there, what is put in its place, what the error says
    ("measures", "expression: gross_amount - net_amount", "expression: gross_amonut - net_amount",
     "measures.yml: key 'measures.discount.expression': value 'gross_amonut - net_amount': expected: columns among"),
    ("measures", "expression: gross_amount - net_amount", "expression: gross_amount / net_amount",
     "key 'measures.discount.expression': value 'gross_amount / net_amount'"),
    ("measures", "expression: gross_amount - net_amount", "expression: sum(gross_amount)",
     "key 'measures.discount.expression': value 'sum(gross_amount)'"),
    ("measures", "where: not is_cancelled", "where: not is_canceled",
     "key 'facts.order.where': value 'not is_canceled'"),
    ("measures", "model: fct_order\n", "model: fct_oder\n",
     "key 'facts.order.model': value 'fct_oder': expected: a dbt model"),
    ("measures", "model: fct_order_line", "model: fct_order_lines", "key 'facts.order.lines.model'"),
    ("measures", "units: quantity", "units: quantities", "key 'facts.order.lines.sums.units': value 'quantities'"),
    ("measures", "units: quantity", "pieces: quantity", "key 'facts.order.lines.sums.pieces': value 'pieces'"),
    ("measures", "has_customer: customer_key <> -1", "is_purchase: customer_key <> -1",
     "key 'facts.order.columns.is_purchase'"),
    ("measures", "name: Discounts\n    fact: order", "name: Discounts\n    fact: sale",
     "key 'measures.discount.fact': value 'sale': expected: one of order, buyer, customer_state"),
    ("measures", "name: Buyers\n    fact: buyer\n    expression: customer_key\n    basis: order\n    kind: distinct",
     "name: Buyers\n    fact: buyer\n    expression: customer_key\n    basis: order\n    kind: additive",
     "key 'measures.buyers.kind': value 'additive': expected: distinct"),
    ("measures", "name: Discounts", "nam: Discounts", "key 'measures.discount.nam' is not known here"),
    ("measures", "if_zero: line_count", "if_zero: lines", "key 'measures.units.if_zero': value 'lines'"),
    ("tree", "formula: gross_sales / units", "formula: gross_sales / unit",
     "tree.yml: key 'nodes.average_unit_price.formula': value 'gross_sales / unit': expected: measures among"),
    ("tree", "formula: gross_sales / units", "formula: gross_sales * units",
     "key 'nodes.average_unit_price.formula': value 'gross_sales * units'"),
    ("tree", "  new_buyers:\n    parent: buyers", "  new_buyers:\n    parent: buyer",
     "key 'nodes.new_buyers.parent': value 'buyer': expected: one of sales"),
    ("tree", "  buyers:\n    parent: purchase_sales", "  buyers:\n    parent: new_buyers",
     "key 'nodes.buyers.parent': value 'new_buyers': expected: a node above, not below"),
    ("tree", "formula: buyers\n    children: sum", "formula: buyers", "key 'nodes.buyers.children': value ''"),
    ("tree", "formula: new_buyers\n", "formula: new_buyers\n    children: sum\n",
     "key 'nodes.new_buyers.children': value 'sum'"),
    ("tree", "formula: new_buyers\n", "formula: new_buyers\n    sign: 0\n", "key 'nodes.new_buyers.sign': value '0'"),
    ("tree", "formula: orders / buyers\n", "formula: orders / buyers\n    sign: -1\n",
     "key 'nodes.orders_per_buyer.sign': value '-1': expected: 1"),
    ("tree", "formula: orders / buyers\n    unit: orders\n", "formula: orders / buyers\n",
     "key 'nodes.orders_per_buyer.unit': value ''"),
    ("tree", "  new_buyers:", "  new_member:", "key 'nodes': value 'new_member': expected: another name"),
    ("tree", "link: 1\n    advice: 'How", "link: 8\n    advice: 'How", "key 'nodes.new_buyers.link': value '8'"),
    ("dimensions", "member: category_1", "member: category", "dimensions.yml: key 'dimensions.category.member'"),
    ("dimensions", "model: dim_product", "model: dim_products",
     "key 'dimensions.category.model': value 'dim_products'"),
    ("dimensions", "key: product_key", "key: product_id", "key 'dimensions.category.key': value 'product_id'"),
    ("dimensions", "  all:\n    name: Everything\n    basis: company\n", "", "key 'dimensions': value 'store'"),
    ("dimensions", "missing: (no store)", "missing: o'clock", "key 'dimensions.store.missing'"),
    ("dimensions", "name: Region\n    basis: customer", "name: Region\n    basis: order",
     "key 'dimensions.region.key'"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "said"), WRONG, ids=[f"{w[0]}-{i}" for i, w in enumerate(WRONG)])
def test_what_is_wrong_is_told_with_file_key_and_value(
    change: Change, file: str, old: str, new: str, said: str
) -> None:
    folder = change(file, old, new)
    with pytest.raises(ConfigError) as told:
        load_dictionary(folder)
    assert f"{file}.yml: key '" in told.value.message
    assert said in told.value.message


def test_nodes_in_a_ring_are_no_tree(change: Change) -> None:
    change("tree", "  new_buyers:\n    parent: buyers", "  new_buyers:\n    parent: newer_buyers\n    children: sum")
    folder = change("tree", "  returning_buyers:\n    parent: buyers",
                    "  newer_buyers:\n    parent: new_buyers\n    children: sum\n    name: Ring\n    formula: buyers\n"
                    "    owner: CRM\n  returning_buyers:\n    parent: buyers")  # fmt: skip
    with pytest.raises(ConfigError, match=r"nodes\.new_buyers\.parent.*expected: a node above"):
        load_dictionary(folder)


def test_more_factors_than_the_quadrature_is_exact_for_are_refused(change: Change) -> None:
    """Eight leaves may multiply each other; nine may not."""
    leaf = "  leaf_{}:\n    parent: new_buyers\n    name: Leaf\n    formula: buyers\n    owner: CRM\n"
    folder = change("tree", "formula: new_buyers\n", "formula: new_buyers\n    children: product\n")
    path, text = folder / "tree.yml", (folder / "tree.yml").read_text()
    # purchases multiply buyers (at most 3, of new ones), orders per buyer, and units, price of an order: 3 + 1 + 2.
    path.write_text(text + "".join(leaf.format(number) for number in range(5)))
    assert load_dictionary(folder).factors("purchase_sales") == 8
    path.write_text(text + "".join(leaf.format(number) for number in range(6)))
    with pytest.raises(ConfigError, match=r"nodes\.purchase_sales\.children.*at most 8 leaves"):
        load_dictionary(folder)


def test_a_measure_that_is_appended_is_known_where_its_basis_says(change: Change) -> None:
    folder = change("tree", "name: Sales\n", "name: All sales\n")
    read = with_measure(folder, fact="order", expression="net_amount - cost_amount", basis="order", kind="additive")
    assert all(read.known_in(code)[-1] == "extra" for code in read.files.dimensions)


def test_lines_know_only_what_they_add_up_to(change: Change) -> None:
    """Shipping is the order's: it belongs to no line, and so to no category."""
    folder = change("tree", "name: Sales\n", "name: All sales\n")
    read = with_measure(folder, fact="order", expression="shipping_amount", basis="order", kind="additive")
    assert [code for code in read.files.dimensions if "extra" not in read.known_in(code)] == ["category"]


def test_a_condition_on_the_orders_amount_is_none_of_its_lines(change: Change) -> None:
    folder = change("tree", "name: Sales\n", "name: All sales\n")
    read = with_measure(
        folder, fact="order", expression=1, where="is_counted and net_amount > 100", basis="order", kind="additive"
    )
    assert [code for code in read.files.dimensions if "extra" not in read.known_in(code)] == ["category"]


def test_a_measure_of_another_fact_is_the_companys(change: Change) -> None:
    folder = change("measures", "  buyer:\n    description", "  contact:\n    description: Contacts of any kind\n"
                    "    model: fct_contact\n  buyer:\n    description")  # fmt: skip
    read = with_measure(folder, fact="contact", expression="customer_key", basis="company", kind="distinct")
    assert [code for code in read.files.dimensions if "extra" in read.known_in(code)] == ["all"]
    assert [m["amount"] for m in macros.kpi(read)["measures"] if m["measure"] == "extra"] == ["customer_key"]
    assert macros.kpi(read)["facts"]["contact"]["reads"] == ["customer_key", "date_key"]


def test_nodes_without_a_measure_are_left_out_with_their_siblings() -> None:
    read = load_dictionary()
    company, store = read.tree_of("all"), read.tree_of("store")
    assert list(company) == list(read.files.nodes)
    assert company["returning_buyers"] == "sum"
    assert store["returning_buyers"] is None
    assert company.keys() - store.keys() == {
        "second_purchase_buyers", "one_time_customers", "second_purchase_rate", "repeat_buyers",
        "active_repeat_customers", "repeat_rate", "saved_buyers", "at_risk_customers", "save_rate",
        "recovered_buyers", "lapsed_customers", "recovery_rate",
    }  # fmt: skip


def test_a_node_that_no_store_knows_takes_its_siblings_along(change: Change) -> None:
    """Returning buyers of a state only: buyers of a store would be less than its parts, and are a leaf instead."""
    folder = change("tree", "formula: returning_buyers\n", "formula: repeat_buyers\n")
    store = load_dictionary(folder).tree_of("store")
    assert store["buyers"] is None
    assert "new_buyers" not in store


def test_places_follow_from_the_tree() -> None:
    kpis = load_dictionary().kpis
    assert [(kpis[code].level, kpis[code].place) for code in ("sales", "repeat_rate", "anonymous_sales")] == [
        (0, 1), (6, 12), (1, 26),
    ]  # fmt: skip


measures = st.sampled_from(["a", "b", "c"])
numbers = st.sampled_from([0.5, 1, 2, 3])


def sums(depth: int = 2) -> st.SearchStrategy[str]:
    """A sum of measures in some way of writing."""
    if depth == 0:
        return measures
    below = sums(depth - 1)
    return st.one_of(
        measures,
        st.tuples(below, st.sampled_from(["+", "-"]), below).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(numbers, below).map(lambda p: f"{p[0]} * {p[1]}"),
        below.map(lambda text: f"-({text})"),
    )


@settings(deadline=None)
@given(sums(), st.dictionaries(st.sampled_from("abc"), st.integers(-9, 9), min_size=3))
def test_a_formula_means_what_it_says(text: str, amounts: dict[str, int]) -> None:
    """The factors give what Python makes of the text; a sum that is always zero is refused."""
    try:
        read = formula(text, "abc")
    except ValueError:
        assert all(eval(text, {}, {name: float(name == one) for name in "abc"}) == 0 for one in "abc")
        return
    assert sum(factor * amounts[name] for name, factor in read.upper.items()) == eval(text, {}, amounts)


@pytest.mark.parametrize("text", ["a / b / c", "a + b / c", "a * b", "1", "a > b", "a; b", "x.a", '"a"', ""])
def test_what_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="measure"):
        formula(text, "abc")


@pytest.mark.parametrize(
    "text", ["a::int", "list(a)", "(select 1)", '"a"', "'it''s'", "a / b", "random()", "a -- b", "date '2024-01-01'"]
)
def test_what_one_engine_alone_understands_is_no_expression(text: str) -> None:
    try:
        assert expression(text, ["a", "b"]).sql == "a"  # a comment is left out
    except ValueError:
        return
    assert text == "a -- b"


def test_the_macros_give_what_the_dictionary_says() -> None:
    """Texts with quotes, brackets and other scripts reach dbt as they are."""
    value = {"a": ['it\'s {{ x }} 中 \\ "q"', None, 1, -0.5, True], "b": {}}
    environment = jinja2.Environment()
    found: list[object] = []
    environment.globals |= {"return": lambda v: found.append(v) or "", "fromjson": json.loads}
    environment.from_string(macros.macro("m", value) + "{{ m() }}").render()
    assert found == [value]


def test_what_dbt_parses_changes_with_the_dictionary(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    before = dbt.project_fingerprint()
    folder = change("tree", "name: Sales\n", "name: All sales\n")
    monkeypatch.setattr(macros, "KPI", folder)
    assert dbt.project_fingerprint() != before
    made = macros.text(load_dictionary(folder), load_survivorship())
    assert '"All sales"' in made.replace("\\", "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("fields: [gender, birth_date]", "fields: [gender, birthdate]", "key 'groups.person': value 'birthdate'"),
        ("fields: [gender, birth_date]", "fields: [gender, birth_date, city]", "key 'groups.address': value 'city'"),
        ("contact: [email]\n    rules_of: person", "contact: [email]\n    rules_of: persons",
         "key 'groups.email.rules_of': value 'persons': expected: a group with rules, one of person, address"),
        ("contact: [email]\n    rules_of: person", "contact: [email]", "key 'groups.email'"),
        ("rules: [most_frequent, most_recent]", "rules: [best]", "key 'groups.language.rules.0': value 'best'"),
        ("rules: [earliest]", "rules: []", "key 'groups.origin.rules'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_survivorship_is_told_with_file_key_and_value(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path, text = tmp_path / "survivorship.yml", SURVIVORSHIP.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=re.escape(said)) as told:
        load_survivorship(path)
    assert "survivorship.yml: key" in told.value.message


def test_a_companys_rules_hold_for_the_groups_that_follow() -> None:
    rules = load_survivorship().rules({"person": ("longest",), "mobile": ("most_recent",)})
    assert (rules["person"], rules["name"], rules["email"]) == (("longest",), ("longest",), ("longest",))
    assert (rules["mobile"], rules["address"]) == (("most_recent",), ("verified", "source_priority", "most_recent"))

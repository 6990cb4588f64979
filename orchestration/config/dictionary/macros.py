"""The dictionaries as macros of dbt: what its models are made from, and the only form of them that dbt reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestration.config.dictionary.kpi import ALL, Dictionary, load_dictionary
from orchestration.config.dictionary.measures import ORDER
from orchestration.config.dictionary.survivorship import Survivorship, load_survivorship
from orchestration.platform.paths import DBT_PROJECT, KPI, SURVIVORSHIP

MACROS = DBT_PROJECT / "macros" / "generated" / "dictionary.sql"
HEAD = "{# Made of data/kpi and data/survivorship.yml whenever they change; not in the repository. #}\n"
# Columns of orders that the models themselves read, whatever measures do.
READ_OF_ORDERS = ("order_key", "customer_key", "date_key", "is_purchase", "is_valued", "net_amount")


def sources() -> list[Path]:
    """All that the macros are made of: the dictionaries, and the code that reads them."""
    return [*sorted(KPI.glob("*.yml")), SURVIVORSHIP, *sorted(Path(__file__).parent.glob("*.py"))]


def facts(kpis: Dictionary) -> dict[str, Any]:
    """Facts as the models read them: of the columns only those that something names."""
    return {
        name: {
            "model": fact.model,
            "where": kpis.counts.conditions[name].sql if fact.where else None,
            "reads": list(reads(kpis, name)),
            "columns": {column: sql.sql for column, sql in kpis.counts.fact_columns[name].items() if sql},
            "lines": {
                "model": fact.lines.model,
                "key": fact.lines.key,
                "sums": {column: sql.sql for column, sql in kpis.counts.sums[name].items()},
            }
            if fact.lines
            else None,
        }
        for name, fact in kpis.files.facts.items()
    }


def reads(kpis: Dictionary, fact: str) -> Iterator[str]:
    """Columns of a fact's model that measures or dimensions name."""
    known = kpis.counts.fact_columns[fact]
    named = {c for sql in known.values() if sql for c in sql.columns}
    named |= {c for counted in kpis.counts.measures.values() if counted.measure.fact == fact for c in counted.columns}
    if fact == ORDER:
        named |= {*READ_OF_ORDERS, *(d.key for d in kpis.files.dimensions.values() if d.key)}
        named |= {c for code, sql in kpis.members.items() if is_own(kpis, code) for c in sql.columns}
    return (column for column, sql in known.items() if sql is None and (column in named or column == "date_key"))


def is_own(kpis: Dictionary, code: str) -> bool:
    """Whether a dimension's member is a column of the fact of orders itself."""
    return kpis.files.dimensions[code].basis == "order" and kpis.files.dimensions[code].model is None


def dimensions(kpis: Dictionary) -> list[dict[str, Any]]:
    """Dimensions but `all`, with what the models join them by."""
    return [
        {
            "dimension": code,
            "kind": ("line" if kpis.is_of_lines(code) else kpis.files.dimensions[code].basis),
            "model": kpis.files.dimensions[code].model,
            "key": kpis.files.dimensions[code].key,
            "member": sql.sql,
            "missing": kpis.files.dimensions[code].missing,
            "is_dated": kpis.is_dated(code),
        }
        for code, sql in kpis.members.items()
    ]


def known(kpis: Dictionary) -> list[dict[str, str]]:
    """Dimension and each measure that its members have."""
    return [{"dimension": code, "measure": name} for code in kpis.files.dimensions for name in kpis.known_in(code)]


def nodes(kpis: Dictionary) -> Iterator[dict[str, Any]]:
    """Nodes of each dimension's tree."""
    for dimension in kpis.files.dimensions:
        tree = kpis.tree_of(dimension)
        for code, operator in tree.items():
            kpi = kpis.kpis[code]
            yield {
                "dimension": dimension, "root_code": kpi.root, "node_code": code, "parent_code": kpi.node.parent,
                "level": kpi.level, "operator": operator, "sign": kpi.node.sign,
                "parent_operator": tree[kpi.node.parent] if kpi.node.parent else None,
                "is_ratio": kpi.formula.lower is not None,
            }  # fmt: skip


def terms(kpis: Dictionary) -> Iterator[dict[str, Any]]:
    """What each node's formula is made of."""
    for code, kpi in kpis.kpis.items():
        for part, amounts in (("upper", kpi.formula.upper), ("lower", kpi.formula.lower or {})):
            for measure, factor in amounts.items():
                yield {"node_code": code, "part": part, "measure": measure, "factor": factor}


def words(kpis: Dictionary) -> Iterator[dict[str, Any]]:
    """What is said of each node."""
    for code, kpi in kpis.kpis.items():
        node = kpi.node
        yield {
            "root_code": kpi.root, "node_code": code, "sort_order": kpi.place, "name": node.name, "unit": kpi.unit,
            "direction": node.direction, "owner_role": node.owner, "link_no": node.link, "advice": node.advice,
            "advice_link_no": node.link or node.advice_link,
        }  # fmt: skip


def kpi(kpis: Dictionary) -> dict[str, Any]:
    """The dictionary of KPIs as the models read it."""
    return {
        "facts": facts(kpis),
        "measures": [
            {"measure": code, "fact": counted.measure.fact, "basis": counted.measure.basis,
             "kind": counted.measure.kind, "amount": counted.amount, "otherwise": counted.otherwise}
            for code, counted in kpis.counts.measures.items()
        ],
        "dimensions": dimensions(kpis),
        "known": known(kpis),
        "nodes": list(nodes(kpis)),
        "terms": list(terms(kpis)),
        "words": list(words(kpis)),
        "max_level": kpis.max_level,
        "all": ALL,
    }  # fmt: skip


def macro(name: str, value: object) -> str:
    """A macro that returns a value. As one text, which Jinja reads at once; as an expression it takes half a second."""
    said = json.dumps(json.dumps(value))
    return f"\n{{% macro {name}() -%}}\n  {{{{ return(fromjson({said})) }}}}\n{{%- endmacro %}}\n"


def text(kpis: Dictionary, golden: Survivorship) -> str:
    """The file of macros."""
    return HEAD + macro("kpi", kpi(kpis)) + macro("field_groups", golden.chosen) + macro("golden_fields", golden.shown)


def write_macros(path: Path = MACROS) -> None:
    """Make the file of macros of the dictionaries.

    Raises:
        ConfigError: a dictionary is wrong; says file, key, value and what was expected.
    """
    made = text(load_dictionary(), load_survivorship())
    if not path.exists() or path.read_text(encoding="utf-8") != made:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made, encoding="utf-8")

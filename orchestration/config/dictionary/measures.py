"""Facts and measures of KPIs, checked against the models that they name, with their SQL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from orchestration.config.contracts import NAME
from orchestration.config.dictionary.catalog import columns_of
from orchestration.config.dictionary.declared import Fact, Files, Lines, Measure, Place
from orchestration.config.dictionary.expressions import Expression, expression

# Facts that the models know how to slice; any other is counted for the whole company.
ORDER, BUYER, CUSTOMER_STATE = "order", "buyer", "customer_state"
# Columns of those that hold one row per period and customer, or state.
PER_PERIOD = {BUYER: ("customer_key", "start_state"), CUSTOMER_STATE: ("customers", "start_state")}


@dataclass(frozen=True)
class Counted:
    """A measure with its SQL.

    Args:
        code: its key in measures.yml.
        measure: as declared.
        amount: SQL of what one row counts.
        otherwise: SQL of what it counts where the amounts add to zero; None: nothing else.
        is_split: whether lines of an order can count it by themselves.
        columns: of the fact that it reads.
    """

    code: str
    measure: Measure
    amount: str
    otherwise: str | None
    is_split: bool
    columns: frozenset[str]


@dataclass(frozen=True)
class Counts:
    """What is counted: facts, and measures over them."""

    files: Files

    def check(self) -> None:
        """Read every fact and measure.

        Raises:
            ConfigError: says file, key, value and what was expected.
        """
        _ = self.fact_columns, self.conditions, self.sums, self.measures

    @cached_property
    def fact_columns(self) -> dict[str, dict[str, Expression | None]]:
        """Fact -> the columns that measures may name -> SQL of those that the dictionary adds."""
        return {name: self.columns_of_fact(name, fact) for name, fact in self.files.facts.items()}

    def columns_of_fact(self, name: str, fact: Fact) -> dict[str, Expression | None]:
        """See `fact_columns`."""
        at = self.files.at("measures", f"facts.{name}.model")
        own = at.read(fact.model, partial(columns_of, fact.model))
        if name in PER_PERIOD:
            if fact.where or fact.columns or fact.lines:
                raise self.files.at("measures", f"facts.{name}").error(name, "a model and a description only")
            own = tuple(column for column in own if column in PER_PERIOD[name])
        elif "date_key" not in own:
            raise at.error(fact.model, "a model with a date_key")
        added: dict[str, Expression | None] = dict.fromkeys(own)
        for column, text in fact.columns.items():
            place = self.files.at("measures", f"facts.{name}.columns.{column}")
            if column in own or not NAME.fullmatch(column):
                raise place.error(column, f"a name in snake case that {fact.model} does not have")
            added[column] = place.read(text, partial(expression, text, own))
        return added

    @cached_property
    def conditions(self) -> dict[str, Expression]:
        """Fact -> which of its rows count; without those of which all do."""
        found = {}
        for name, fact in self.files.facts.items():
            if (where := fact.where) is not None:
                at = self.files.at("measures", f"facts.{name}.where")
                found[name] = at.read(where, partial(expression, where, columns_of(fact.model)))
        return found

    @cached_property
    def sums(self) -> dict[str, dict[str, Expression]]:
        """Fact -> its column -> what it is the sum of, over the lines; without facts that have none."""
        return {name: self.sums_of(name, fact, fact.lines) for name, fact in self.files.facts.items() if fact.lines}

    def sums_of(self, name: str, fact: Fact, lines: Lines) -> dict[str, Expression]:
        """See `sums`."""

        def at(key: str) -> Place:
            return self.files.at("measures", f"facts.{name}.lines.{key}")

        own = columns_of(fact.model)
        columns = at("model").read(lines.model, partial(columns_of, lines.model))
        if lines.key not in own or lines.key not in columns:
            raise at("key").error(lines.key, "a column of the fact and of its lines")
        for column in lines.sums:
            if column not in own:
                raise at(f"sums.{column}").error(column, f"a column of the fact: {', '.join(own)}")
        return {
            column: at(f"sums.{column}").read(text, partial(expression, text, columns))
            for column, text in lines.sums.items()
        }

    @cached_property
    def measures(self) -> dict[str, Counted]:
        """Every measure with its SQL."""
        for name in (ORDER, *PER_PERIOD):
            if name not in self.files.facts:
                raise self.files.at("measures", "facts").error(", ".join(self.files.facts), f"a fact {name} among them")
        if not any(m.fact == ORDER and m.basis == "order" for m in self.files.measures.values()):
            at = self.files.at("measures", "measures")
            raise at.error(", ".join(self.files.measures), f"one with fact {ORDER} and basis order among them")
        return {code: self.counted(code, measure) for code, measure in self.files.measures.items()}

    def counted(self, code: str, measure: Measure) -> Counted:
        """A measure with its SQL."""
        at = self.files.at("measures", f"measures.{code}.fact")
        if measure.fact not in self.files.facts:
            raise at.error(measure.fact, f"one of {', '.join(self.files.facts)}")
        known = self.fact_columns[measure.fact]
        read = {
            key: self.files.at("measures", f"measures.{code}.{key}").read(text, partial(expression, text, known))
            for key in ("expression", "where", "if_zero")
            if (text := getattr(measure, key)) is not None
        }
        self.check_kind(code, measure)
        where = read.get("where")

        def of_row(amount: Expression) -> str:
            return f"case when {where.sql} then {amount.sql} end" if where else amount.sql

        otherwise = read.get("if_zero")
        return Counted(
            code, measure, of_row(read["expression"]), of_row(otherwise) if otherwise else None,
            self.is_split(measure.fact, read), frozenset(column for sql in read.values() for column in sql.columns),
        )  # fmt: skip

    def check_kind(self, code: str, measure: Measure) -> None:
        """Fact, basis and kind go together."""
        basis = self.files.at("measures", f"measures.{code}.basis")
        kind = self.files.at("measures", f"measures.{code}.kind")
        if measure.basis == "customer_state" and measure.fact not in PER_PERIOD:
            raise basis.error(measure.basis, f"order or company; fact {measure.fact} knows no state of customers")
        if measure.basis == "order" and measure.fact not in (ORDER, BUYER):
            raise basis.error(measure.basis, f"company; fact {measure.fact} has no members of orders")
        if measure.fact in PER_PERIOD:
            counts = PER_PERIOD[measure.fact][0]
            if measure.kind != "distinct" or measure.if_zero is not None:
                raise kind.error(measure.kind, f"distinct, without if_zero: fact {measure.fact} counts customers once")
            if measure.expression != counts:
                at = self.files.at("measures", f"measures.{code}.expression")
                raise at.error(measure.expression, f"{counts}, which is what fact {measure.fact} counts")
        elif measure.kind == "distinct" and (measure.basis != "company" or measure.if_zero is not None):
            raise kind.error(measure.kind, "additive; or basis company without if_zero; or fact buyer, for customers")

    def is_split(self, fact: str, read: dict[str, Expression]) -> bool:
        """Whether lines count a measure: what it adds up is a sum over them, and its condition is the whole order's."""
        lines = self.files.facts[fact].lines
        sums = set(lines.sums) if lines else set()
        added = {column for key in ("expression", "if_zero") if key in read for column in read[key].columns}
        asked = read["where"].columns if "where" in read else frozenset()
        return added <= sums and not asked & sums

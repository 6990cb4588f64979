"""Input contracts: one YAML file per entity, the only place that says what the input tables hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import CONTRACTS
from orchestration.platform.yaml_model import Strict, display, read_yaml

ColumnType = Literal["text", "integer", "number", "money", "quantity", "boolean", "date", "timestamp", "json"]

# Money keeps four decimals: unit prices and fuel carry more than cents, and sums stay exact.
SQL_TYPE: dict[str, str] = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "money": "decimal(18,4)",
    "quantity": "decimal(18,4)",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp",
    "json": "varchar",
}

YEARS = (1971, 2100)  # plausible years where a contract says nothing; 1970-01-01 is what a zero becomes

NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_years(value: tuple[int, int]) -> tuple[int, int]:
    """The least year comes first."""
    if value[0] > value[1]:
        raise ValueError("the least year first, then the greatest")
    return value


# Least and greatest plausible year of a date; 9999 as the greatest stands for "no end".
Years = Annotated[
    tuple[Annotated[int, Field(ge=1, le=9999)], Annotated[int, Field(ge=1, le=9999)]], AfterValidator(check_years)
]


class Column(Strict):
    """One column of an input entity."""

    type: ColumnType
    description: str = Field(min_length=3)
    required: bool = False
    unit: str | None = None
    allowed: tuple[str, ...] = ()
    references: str | None = Field(default=None, description="entity whose key the value must be")
    case: Literal["upper"] | None = Field(default=None, description="letters that a code is written in")
    personal: Literal["none", "direct", "indirect", "sensitive"] = "none"
    business_date: str | None = Field(default=None, description="name of the derived local calendar date")
    drives_as_of: str | None = Field(
        default=None, description="SQL condition of the rows whose business date may be the last one of the data"
    )
    years: Years | None = Field(default=None, description="plausible years of a date; default: the entity's")
    ahead: Literal["usual", "flag", "refuse"] = Field(
        default="usual", description="what a date is that lies ahead of its load: usual, flagged, or not plausible"
    )

    @property
    def sql_type(self) -> str:
        """DuckDB type of the column."""
        return SQL_TYPE[self.type]

    @model_validator(mode="after")
    def check(self) -> Column:
        """Only combinations that conform can honour."""
        if self.allowed and self.type != "text":
            raise ValueError("allowed values go with type text")
        if self.case and (self.type != "text" or self.allowed):
            raise ValueError("case goes with type text, and not with allowed values, which are lower case")
        if self.business_date and self.type != "timestamp":
            raise ValueError("business_date goes with type timestamp")
        if self.drives_as_of and not self.business_date:
            raise ValueError("drives_as_of goes with business_date")
        if (self.years or self.ahead != "usual") and self.type not in ("date", "timestamp"):
            raise ValueError("years and ahead go with type date or timestamp")
        return self


class Parent(Strict):
    """The entity that a row is a part of, by columns of this entity in the order of the parent's key."""

    entity: str
    columns: tuple[str, ...] = Field(min_length=1)


Rule = Literal[
    "completeness", "drop", "distinct", "quarantine", "unknown", "reconcile", "currency", "unvalued", "overlap",
    "volume", "freshness", "ahead", "shift",
]  # fmt: skip
Share = Annotated[float, Field(ge=0, le=1)]


class Quality(Strict):
    """Bounds of an entity's data quality: what conform, which sees one row at a time, cannot check.

    A source's YAML may set them for its own rows; what it does not name stays as the contract has it.
    """

    completeness: dict[str, Share] = Field(
        default_factory=dict, description="column → least share of rows with a value"
    )
    distinct: dict[str, Share] = Field(default_factory=dict, description="column → least share of values that differ")
    drop: Share | None = Field(default=0.5, description="least completeness of new rows ÷ that of the rows before")
    quarantine: Share = Field(default=0.05, description="greatest share of a load's rows in quarantine")
    unknown: Share = Field(default=0.05, description="greatest share of a reference's values that name no record")
    reconcile: float = Field(
        default=0.01, ge=0, description="greatest difference of order headers and lines, as a share"
    )
    currency: Share = Field(
        default=0, description="greatest share of orders in another currency for whose day no exchange rate is known"
    )
    unvalued: Share = Field(
        default=0, description="greatest share of orders without an amount: no accepted line, and none in the header"
    )
    volume: float | None = Field(
        default=5, gt=1, description="greatest factor between the last week's rows and usual ones"
    )
    shift: float | None = Field(
        default=5, gt=1, description="greatest factor between the medians of new rows and of before"
    )
    freshness_days: int | None = Field(
        default=None,
        ge=0,
        description="greatest age of the last row, today; default: against the company's other data, three times its "
        "longest gap and a week at least",
    )
    ahead: int = Field(default=0, ge=0, description="greatest number of rows dated after today")
    overlap: int = Field(
        default=0, ge=0, description="greatest number of rows of which several overlapping exports count"
    )
    stop: dict[Rule, float] = Field(
        default={"quarantine": 0.5, "currency": 0.9, "unvalued": 0.9},
        description="bounds that stop a refresh before anything is published, by rule",
    )


class Contract(Strict):
    """One input entity."""

    entity: str
    title: str
    description: str = Field(min_length=10)
    subject: str
    key: tuple[str, ...] = Field(min_length=1)
    parent: Parent | None = None
    lasting: bool = Field(
        default=False, description="a record that is gone from its source keeps its last version: facts refer to it"
    )
    columns: dict[str, Column] = Field(min_length=1)
    years: Years = Field(default=YEARS, description="plausible years of the entity's dates")
    quality: Quality = Quality()

    @field_validator("columns")
    @classmethod
    def names(cls, columns: dict[str, Column]) -> dict[str, Column]:
        """Column names are snake case and leave `_…` and `source_system` to conform."""
        for name in columns:
            if not NAME.fullmatch(name) or name == "source_system":
                raise ValueError(f"column name '{name}' must be snake case and not reserved")
        return columns

    @model_validator(mode="after")
    def check(self) -> Contract:
        """Key and parent name columns that exist. A key may have optional parts, where absence is a value too."""
        for name in (*self.quality.completeness, *self.quality.distinct):
            if name not in self.columns:
                raise ValueError(f"quality column '{name}' is not among the columns")
        for name in (*self.key, *(self.parent.columns if self.parent else ())):
            if name not in self.columns:
                raise ValueError(f"key or parent column '{name}' is not among the columns")
        if not self.columns[self.key[0]].required:
            raise ValueError(f"the first key column, '{self.key[0]}', must be required")
        return self

    def is_id(self, name: str) -> bool:
        """Whether a column names a record: by its value rows are found again, and linked."""
        parent = self.parent.columns if self.parent else ()
        return name in self.key or name in parent or self.columns[name].references is not None

    @cached_property
    def business_dates(self) -> dict[str, str]:
        """Timestamp column → name of the local calendar date that conform derives from it."""
        return {name: c.business_date for name, c in self.columns.items() if c.business_date}

    def with_years(self, given: Mapping[str, tuple[int, int]]) -> Contract:
        """The contract with the plausible years of each of its dates: those given, else the column's or entity's."""
        columns = {
            name: spec.model_copy(update={"years": given.get(name) or spec.years or self.years})
            if spec.type in ("date", "timestamp")
            else spec
            for name, spec in self.columns.items()
        }
        return self.model_copy(update={"columns": columns})

    @property
    def has_versions(self) -> bool:
        """Whether the source itself says when a record changed."""
        return "updated_at" in self.columns


def load_contracts(folder: Path = CONTRACTS) -> dict[str, Contract]:
    """Read every contract, by entity name.

    Raises:
        ConfigError: a file is wrong, or two of them disagree.
    """
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*.yml")):
        contract = read_yaml(path, Contract)
        if contract.entity != path.stem:
            raise ConfigError(f"{display(path)}: key 'entity': value '{contract.entity}': expected: the file's name")
        contracts[contract.entity] = contract
    if not contracts:
        raise ConfigError(f"{display(folder)}: holds no contracts", "Restore data/contracts")
    for contract in contracts.values():
        name = f"{display(folder)}/{contract.entity}.yml"
        for column, spec in contract.columns.items():
            if spec.references and spec.references not in contracts:
                raise ConfigError(f"{name}: columns.{column}.references: no entity '{spec.references}'")
        if contract.parent:
            parent = contracts.get(contract.parent.entity)
            if parent is None or len(parent.key) != len(contract.parent.columns):
                raise ConfigError(f"{name}: parent: must name an entity and as many columns as its key has")
    return contracts

"""The files of `data/kpi` as they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, field_validator

from orchestration.config.contracts import NAME
from orchestration.platform.errors import ConfigError
from orchestration.platform.yaml_model import Strict, display, read_yaml

Unit = Literal["money", "customers", "orders", "units", "ratio"]
Result = TypeVar("Result")


def check_names(value: dict[str, Result]) -> dict[str, Result]:
    """Names are snake case."""
    for name in value:
        if not NAME.fullmatch(name):
            raise ValueError(f"names in snake case, not '{name}'")
    return value


class Lines(Strict):
    """What an order is made of, where its lines belong to different members."""

    model: str
    key: str = Field(description="column that joins lines to their order")
    sums: dict[str, str] = Field(description="column of the order -> what it is the sum of, over its lines")

    @field_validator("sums", mode="before")
    @classmethod
    def texts(cls, value: object) -> object:
        """A number stands for itself."""
        return {k: str(v) if isinstance(v, int) else v for k, v in value.items()} if isinstance(value, dict) else value


class Fact(Strict):
    """Rows that are counted."""

    description: str = Field(min_length=10)
    model: str
    where: str | None = None
    columns: dict[str, str] = Field(default_factory=dict, description="further columns: name -> expression")
    lines: Lines | None = None


class Measure(Strict):
    """An amount per period."""

    name: str = Field(min_length=2)
    fact: str
    expression: str = Field(coerce_numbers_to_str=True)
    where: str | None = None
    if_zero: str | None = Field(default=None, coerce_numbers_to_str=True)
    basis: Literal["company", "order", "customer_state"]
    kind: Literal["additive", "distinct"]
    unit: Unit


class Measures(Strict):
    """`measures.yml`."""

    facts: dict[str, Fact]
    measures: dict[str, Measure] = Field(min_length=1)

    _names = field_validator("facts", "measures")(check_names)


class Dimension(Strict):
    """What the tree is drilled by."""

    name: str = Field(min_length=2)
    basis: Literal["company", "order", "customer"]
    model: str | None = None
    key: str | None = None
    member: str | None = None
    missing: str = "(unknown)"


class Dimensions(Strict):
    """`dimensions.yml`."""

    dimensions: dict[str, Dimension] = Field(min_length=1)

    _names = field_validator("dimensions")(check_names)


class Node(Strict):
    """A KPI."""

    name: str = Field(min_length=2)
    parent: str | None = None
    children: Literal["sum", "product"] | None = None
    sign: Literal[1, -1] = 1
    formula: str
    unit: Unit | None = None
    direction: Literal["up", "down"] = "up"
    owner: str = Field(min_length=2)
    link: int | None = Field(default=None, ge=1, le=7)
    advice: str | None = None
    advice_link: int | None = Field(default=None, ge=1, le=7)


class Tree(Strict):
    """`tree.yml`."""

    nodes: dict[str, Node] = Field(min_length=1)

    _names = field_validator("nodes")(check_names)


class Place:
    """Where in a file a value stands, for its errors."""

    def __init__(self, file: Path, key: str) -> None:
        self.file, self.key = display(file), key

    def error(self, value: object, expected: str) -> ConfigError:
        """The value is not what is expected."""
        return ConfigError(f"{self.file}: key '{self.key}': value '{value}': expected: {expected}")

    def read(self, value: str, reader: Callable[[], Result]) -> Result:
        """What a reader makes of the value.

        Raises:
            ConfigError: the reader's ValueError, with file, key and value.
        """
        try:
            return reader()
        except ValueError as error:
            raise self.error(value, str(error)) from None


@dataclass(frozen=True)
class Files:
    """The three files, each read by itself."""

    folder: Path
    facts: dict[str, Fact]
    measures: dict[str, Measure]
    dimensions: dict[str, Dimension]
    nodes: dict[str, Node]

    def at(self, file: str, key: str) -> Place:
        """A place in one of them."""
        return Place(self.folder / f"{file}.yml", key)


def read_files(folder: Path) -> Files:
    """Read the three files.

    Raises:
        ConfigError: one is not as its model says.
    """
    counted = read_yaml(folder / "measures.yml", Measures)
    dimensions = read_yaml(folder / "dimensions.yml", Dimensions)
    tree = read_yaml(folder / "tree.yml", Tree)
    return Files(folder, counted.facts, counted.measures, dimensions.dimensions, tree.nodes)

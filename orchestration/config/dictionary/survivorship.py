"""How the golden record is chosen: groups of fields, and the rules by which each takes one record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from orchestration.config.dictionary.catalog import columns_of
from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import SURVIVORSHIP
from orchestration.platform.yaml_model import Strict, display, read_yaml

Rule = Literal["verified", "source_priority", "most_recent", "earliest", "most_frequent", "longest"]
Rules = tuple[Rule, ...]
RECORDS = "int_customer_record"  # the model that holds what the groups choose from


class Group(Strict):
    """Fields that are taken together from one record."""

    fields: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    rules: Rules | None = Field(default=None, min_length=1, max_length=3)
    rules_of: str | None = None

    @model_validator(mode="after")
    def check(self) -> Group:
        """Something is chosen, by rules that stand in one place."""
        if not self.columns:
            raise ValueError("fields or contact")
        if (self.rules is None) == (self.rules_of is None):
            raise ValueError("either rules or rules_of")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """All that is taken together."""
        return (*self.contact, *self.fields)


class Survivorship(Strict):
    """`data/survivorship.yml`."""

    groups: dict[str, Group] = Field(min_length=1)

    def rules(self, own: Mapping[str, Rules]) -> dict[str, Rules]:
        """Group -> its rules.

        Args:
            own: rules that the company has set, by group.
        """
        found: dict[str, Rules] = {}
        for name, group in self.groups.items():
            source = name if name in own else group.rules_of or name
            found[name] = own.get(source) or self.groups[source].rules or ()
        return found

    @property
    def shown(self) -> dict[str, tuple[str, ...]]:
        """Group -> its fields that published tables show."""
        return {name: group.fields for name, group in self.groups.items() if group.fields}

    @property
    def chosen(self) -> dict[str, tuple[str, ...]]:
        """Group -> all that is taken together."""
        return {name: group.columns for name, group in self.groups.items()}

    @property
    def contacts(self) -> dict[str, tuple[str, ...]]:
        """Group -> what clear contact data show of it."""
        return {name: group.columns for name, group in self.groups.items() if group.contact}


def load_survivorship(path: Path = SURVIVORSHIP) -> Survivorship:
    """Read and check how the golden record is chosen.

    Raises:
        ConfigError: says file, key, value and what was expected.
    """
    read = read_yaml(path, Survivorship)
    known, seen = columns_of(RECORDS), dict[str, str]()
    for name, group in read.groups.items():
        key = f"{display(path)}: key 'groups.{name}"
        if group.rules_of is not None and (group.rules_of not in read.groups or not read.groups[group.rules_of].rules):
            own = ", ".join(other for other, spec in read.groups.items() if spec.rules)
            raise ConfigError(f"{key}.rules_of': value '{group.rules_of}': expected: a group with rules, one of {own}")
        for column in group.columns:
            if column not in known:
                raise ConfigError(f"{key}': value '{column}': expected: a column of {RECORDS}: {', '.join(known)}")
            if column in seen:
                raise ConfigError(f"{key}': value '{column}': expected: in one group; it is in {seen[column]} already")
            seen[column] = name
    return read


@cache
def survivorship() -> Survivorship:
    """The project's, read once. Raises as `load_survivorship`."""
    return load_survivorship()

"""The value × churn matrix as a company sets it: a letter for each warning level and each value tier."""

from __future__ import annotations

from typing import Literal

from orchestration.platform.yaml_model import Strict


class ChurnClasses(Strict):
    """Letter of the value x churn matrix for each warning level."""

    normal: Literal["A", "B", "C"] = "A"
    prevent: Literal["A", "B", "C"] = "B"
    retain: Literal["A", "B", "C"] = "B"
    win_back: Literal["A", "B", "C"] = "C"


class ValueClasses(Strict):
    """Letter of the value x churn matrix for each value tier."""

    high: Literal["D", "G", "S"] = "D"
    middle: Literal["D", "G", "S"] = "G"
    low: Literal["D", "G", "S"] = "S"


class Matrix(Strict):
    """Both mappings of the value x churn matrix."""

    churn_class: ChurnClasses = ChurnClasses()
    value_class: ValueClasses = ValueClasses()

    def letters(self) -> list[tuple[str, str, str]]:
        """(axis, level or tier, letter) of both mappings."""
        return [
            (axis, code, letter)
            for axis, mapping in (("churn", self.churn_class), ("value", self.value_class))
            for code, letter in mapping.model_dump().items()
        ]

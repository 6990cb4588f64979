"""What the pages are made of: every currency has its form, shares have one, hints are for the company shown."""

from __future__ import annotations

import pandas as pd
import pytest

from orchestration.dashboard.kit import charts, published
from orchestration.dashboard.kit.parts import Column, config_of, shown_as


@pytest.mark.parametrize(
    ("currency", "name", "form"),
    [("EUR", "Sales", "euro"), ("GBP", "Sales (GBP)", "accounting"), ("CHF", "Sales (CHF)", "accounting")],
)
def test_money_has_two_decimals_in_any_currency(currency: str, name: str, form: str) -> None:
    made = config_of(Column("Sales", "money"), currency)
    assert (made["label"], made["type_config"]["format"]) == (name, form)


def test_shares_have_one_decimal() -> None:
    assert config_of(Column("Share", "share"), "")["type_config"]["format"] == "%.1f %%"
    assert list(shown_as(pd.Series([0.125, 1]), "share")) == [12.5, 100.0]


def test_hints_are_for_the_company_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGULARS_COMPANY", "shop")
    assert published.hint("Run `regulars refresh`.") == "Run `regulars refresh --company shop`."
    monkeypatch.delenv("REGULARS_COMPANY")
    assert published.hint("Run `regulars refresh`.") == "Run `regulars refresh`."


def test_labels_of_match_weights_have_room() -> None:
    """From -12 up to +30 and on: a third of the span is left on either side."""
    figure = charts.weights(
        pd.DataFrame({"comparison": ["prior", "name"], "level": ["", "same"], "weight": [-12.0, 42.0]})
    )
    low, high = figure.layout.xaxis.range
    assert (round(low, 6), round(high, 6)) == (-24.6, 42.6)

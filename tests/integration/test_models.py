"""dbt's own unit tests, on the tables of the small company."""

from __future__ import annotations

import pytest

from orchestration.config.company import load_company
from orchestration.warehouse import dbt
from tests.integration.conftest import Copier

pytestmark = pytest.mark.slow


def test_dbt_unit_tests_pass(copy: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = copy()
    for name, value in shop.environment().items():
        monkeypatch.setenv(name, value)
    config = load_company("shop")
    for name, value in dbt.environment(config, config.paths).items():
        monkeypatch.setenv(name, value)
    ended: dict[str, str] = {}

    def on_event(event: object) -> None:
        if event.info.name == "NodeFinished":  # type: ignore[attr-defined]
            result = dbt.node_result(event)
            ended[result.unique_id] = f"{result.status} {result.message}"

    dbt.ensure_manifest()
    folder = str(shop.state / "dbt-unit")
    outcome = dbt.invoke(
        ["test", "--select", "test_type:unit", "--target-path", folder, "--log-path", folder],
        dbt.load_manifest(),
        on_event,
    )
    assert outcome.success, {name: text for name, text in ended.items() if not text.startswith("pass")}
    assert len(ended) >= 12

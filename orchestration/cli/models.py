"""The command that tells how good the models are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, JsonOption, as_called, escape, out, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.paths import CompanyPaths
from orchestration.scoring.registry import headline, scores


def models(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """Print how good the models are: metrics with their intervals on the last finished window, and the gates."""
    from orchestration.serving.publish import current_file, read_published

    config = load_company(company, need_env=False)
    with read_published(current_file(config.paths)) as con:
        cards, metrics, gates = (
            con.execute(sql).df().astype(object).where(lambda f: f.notna(), None).to_dict("records")
            for sql in (
                "select model, version, status, estimator, horizon_days, base_rate, customers, training_rows, "
                "trained_as_of::varchar as trained_as_of, scores_as_of::varchar as scores_as_of, message, card "
                "from model_card order by model, trained_at desc",
                "select * from model_metric where (model, version) in (select (model, max_by(version, trained_at)) "
                "from model_card group by model) order by population desc, estimator, metric",
                "select * from model_gate where (model, version) in (select (model, max_by(version, trained_at)) "
                "from model_card group by model)",
            )
        )
    if as_json:
        print(json.dumps({"models": cards, "metrics": metrics, "gates": gates}, default=str, indent=1))
        return
    out.print(f"[bold]{escape(config.company.title)}[/]: models")
    for card in cards:
        print_card(config.paths, card)
    if not cards:
        out.print(as_called("No model yet; run: regulars refresh"))
    for name in dict.fromkeys(row["model"] for row in [*metrics, *gates]):
        print_quality(name, [m for m in metrics if m["model"] == name], [g for g in gates if g["model"] == name])


def print_card(paths: CompanyPaths, card: Mapping[Any, Any]) -> None:
    """Where a training of a score stands."""
    name = " ".join(part for part in (card["model"], card["version"]) if part != "none")
    out.print(f"  [bold]{escape(name)}[/]: {card['status'].replace('_', ' ')}; {escape(card['message'])}")
    score = scores().get(card["model"])
    if card["card"] and score and score.learning:
        target = score.learning.label.format(horizon=card["horizon_days"]) or score.learning.kind
        out.print(
            f"    {card['estimator'] or 'no estimator'}, {escape(target)}, trained "
            f"as of {card['trained_as_of']} on {card['training_rows']:,} rows of {card['customers']:,} customers\n"
            f"    card: {escape(str(card_here(paths, card['model'], card['card'])))}"
        )


def print_quality(name: str, metrics: Sequence[Mapping[Any, Any]], gates: Sequence[Mapping[Any, Any]]) -> None:
    """How good the newest training of a score is, and which gates it passed."""
    score = scores().get(name)
    wanted = headline(score.learning) if score and score.learning else ()
    for population in dict.fromkeys(row["population"] for row in metrics):
        out.print(
            f"\n[bold]{escape(name)}, on the last finished window, {escape(population)}[/]: value, and the middle 95 % "
            "of the bootstrap"
        )
        chosen = [row for row in metrics if row["population"] == population]
        known = {row["metric"]: None for row in chosen}
        show([metric_line(chosen, metric) for metric in wanted or known if metric in known], False, "")
    if gates:
        out.print(f"\n[bold]{escape(name)}, gates of the newest training[/]")
        verdicts = {True: "passed", False: "FAILED"}
        show([{"gate": g["gate"], "verdict": verdicts[g["is_passed"]], "why": g["message"]} for g in gates], False, "")


def card_here(paths: CompanyPaths, model: str, card: str) -> Path:
    """Where a model's card is: in this home, though it was trained in another one and the company restored since."""
    here = paths.root / "models" / model / Path(card).name
    return here if here.exists() else Path(card)


def metric_line(rows: Sequence[Mapping[Any, Any]], metric: str) -> dict[str, str]:
    """One metric of every estimator, each with its interval."""
    own = {row["estimator"]: row for row in rows if row["metric"] == metric}
    names = dict.fromkeys(row["estimator"] for row in rows)
    return {"metric": metric} | {
        name: "{value:.3f} ({low:.3f}–{high:.3f})".format(**own[name]) if name in own else "" for name in names
    }


COMMANDS = (Command(models, Panel.QUALITY, 40),)

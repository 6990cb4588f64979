"""The model card as one HTML page with plots (Mitchell et al. 2019, Model Cards for Model Reporting)."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

PLOTLY = "plotly.min.js"  # lies beside the cards, so that they open without a network
STYLE = """
body { font: 15px/1.5 Inter, Helvetica, Arial, sans-serif; color: #1d2b2f; max-width: 1000px; margin: 2rem auto }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
td, th { padding: .25rem .8rem; border-bottom: 1px solid #e3e9ea; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.ok { color: #2f9e6e } .no { color: #c8553d; font-weight: 600 }
.verdict { padding: .8rem 1rem; background: #f2f6f6; border-left: 4px solid #1f6f78 }
"""


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as an HTML table."""
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(cell(value) for value in row.values()) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def cell(value: Any) -> str:
    """One value."""
    if isinstance(value, bool):
        return f'<td class="{"ok" if value else "no"}">{"passed" if value else "failed"}</td>'
    if isinstance(value, float):
        return f'<td class="n">{value:,.4f}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{html.escape('–' if value is None else str(value))}</td>"


def plot(curves: Sequence[Mapping[str, Any]], curve: str, x: str, y: str) -> str:
    """One curve of every estimator, with the diagonal."""
    import plotly.graph_objects as go

    end = max([1.0, *(row["x"] for row in curves if row["curve"] == curve)])
    figure = go.Figure(
        go.Scatter(x=[0, end], y=[0, end], mode="lines", line={"dash": "dot", "color": "#9fb3b6"}, name="diagonal")
    )
    for name in dict.fromkeys(str(row["estimator"]) for row in curves):
        points = [row for row in curves if row["curve"] == curve and row["estimator"] == name]
        figure.add_scatter(x=[r["x"] for r in points], y=[r["y"] for r in points], mode="lines+markers",
                           name=html.escape(name).replace("$", "&#36;"))  # fmt: skip
    figure.update_layout(
        height=380, width=480, template="plotly_white", margin={"l": 50, "r": 10, "t": 30, "b": 40},
        xaxis_title=x, yaxis_title=y, legend={"orientation": "h", "y": 1.12},
    )  # fmt: skip
    found: str = figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False})
    return found


def page(
    title: str,
    facts: Mapping[str, Any],
    verdict: str,
    gates: Sequence[Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    curves: Sequence[Mapping[str, Any]],
    drivers: Sequence[Mapping[str, Any]],
    drift: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> str:
    """The whole page.

    Args:
        title: of the model.
        facts: what it is, when it was trained, on what.
        verdict: in one sentence.
        gates: rows of name, passed, message.
        metrics: rows of estimator, population, metric, value and interval.
        curves: of `models_ml.common.curves`.
        drivers: what moves the scores, the largest first.
        drift: feature → population stability index.
        notes: anything else worth knowing.
    """
    plots = ""
    if curves:
        plots = (
            '<div style="display:flex;flex-wrap:wrap">'
            + plot(curves, "reliability", "predicted", "observed")
            + plot(curves, "gains", "share of customers, the highest first", "share of the outcome found")
            + "</div>"
        )
    told = "".join(f"<li>{html.escape(note)}</li>" for note in notes) or "<li>None.</li>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<style>{STYLE}</style><script src="{PLOTLY}"></script></head><body><h1>{html.escape(title)}</h1>'
        f'<p class="verdict">{html.escape(verdict)}</p>'
        f"<h2>What it is</h2>{table([{'': name, ' ': value} for name, value in facts.items()])}"
        f"<h2>Gates</h2>{table(gates)}"
        f"<h2>On the last finished window, which no model learned from</h2>{plots}{table(metrics)}"
        f"<h2>What moves the score</h2>{table(drivers)}<h2>Drift of the features, training to now</h2>{table(drift)}"
        f"<h2>Notes</h2><ul>{told}</ul></body></html>"
    )

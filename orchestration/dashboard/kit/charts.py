"""Plotly figures and number formats shared by the pages."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from orchestration.platform.markup import plotted

INK, MAIN, MUTED, UP, DOWN = "#1d2b2f", "#1f6f78", "#9fb3b6", "#2f9e6e", "#c8553d"
STATE_COLOURS = {"new": "#4c9ed9", "active": UP, "at_risk": "#e0a526", "lost": DOWN}
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "¥"}
PALETTE = (MAIN, "#dd7b45", "#6c7fb8", "#9a8a3a", "#8a5a83")
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}  # above the plot, however many lines it takes
CONFIG = {"displaylogo": False}  # of the bar above a chart
MILLION, THOUSAND, HUNDRED = 1e6, 1e4, 100


def money(value: float, currency: str) -> str:
    """An amount, short where it is large."""
    return f"{'-' if value < 0 else ''}{SYMBOLS.get(currency, currency + ' ')}{short(abs(value))}"


def short(value: float) -> str:
    """A number in at most four digits and a unit."""
    if abs(value) >= MILLION:
        return f"{value / 1e6:,.2f} M"
    if abs(value) >= THOUSAND:
        return f"{value / 1e3:,.1f} k"
    return f"{value:,.2f}" if abs(value) < HUNDRED and value % 1 else f"{value:,.0f}"


def formatted(value: float | None, unit: str, currency: str) -> str:
    """A KPI's value in its unit; a dash where it is undefined."""
    if value is None or pd.isna(value):
        return "–"
    if unit == "money":
        return money(value, currency)
    return f"{value:.1%}" if unit == "ratio" else short(value)


def change(value: float | None, unit: str, currency: str) -> str:
    """A change with its sign; that of a ratio in percentage points."""
    if value is None or pd.isna(value):
        return "–"
    text = f"{value * 100:.1f} pp" if unit == "ratio" else formatted(value, unit, currency)
    return text if value < 0 else f"+{text}"


def period(grain: str, start: object) -> str:
    """A period by name: December 2017, Q4 2017, week of 25 Dec 2017."""
    day = pd.Timestamp(start)  # type: ignore[arg-type]
    if grain == "month":
        return f"{day:%B %Y}"
    return f"Q{day.quarter} {day.year}" if grain == "quarter" else f"week of {day:%d %b %Y}"


def style(figure: go.Figure, height: int, title: str = "") -> go.Figure:
    """The house style: no frame, quiet grid, room for labels."""
    figure.update_layout(
        title={"text": plotted(title), "font": {"size": 15}, "x": 0},
        height=height,
        margin={"l": 10, "r": 10, "t": 40 if title else 10, "b": 10},
        font={"family": "Inter, Helvetica, Arial, sans-serif", "color": INK, "size": 13},
        plot_bgcolor="white",
        paper_bgcolor="white",
        showlegend=False,
        hoverlabel={"font_size": 13},
    )
    figure.update_xaxes(showgrid=False, linecolor="#d5dddf", automargin=True)
    figure.update_yaxes(gridcolor="#eef2f2", zerolinecolor="#d5dddf", automargin=True)
    return figure


def area(frame: pd.DataFrame, x: str, y: str, currency: str, is_complete: str) -> go.Figure:
    """A measure over time; periods that the data do not cover whole are hollow."""
    figure = go.Figure(
        go.Scatter(
            x=frame[x],
            y=frame[y],
            mode="lines+markers",
            line={"color": MAIN, "width": 2.5},
            fill="tozeroy",
            fillcolor="rgba(31,111,120,0.08)",
            marker={"size": 7, "color": ["white" if not done else MAIN for done in frame[is_complete]],
                    "line": {"color": MAIN, "width": 2}},
            hovertemplate="%{x|%d %b %Y}<br>%{y:,.2f} " + plotted(currency) + "<extra></extra>",
        )
    )  # fmt: skip
    return style(figure, 320)


def waterfall(
    labels: Sequence[str],
    parts: Sequence[float],
    start: tuple[str, float],
    end: tuple[str, float],
    texts: Sequence[str],
) -> go.Figure:
    """From the value before to the value now, one step per part; the axis is cut to the range that moves."""
    running, level = [start[1]], start[1]
    for part in parts:
        level += part
        running.append(level)
    span = max(max(running) - min(running), abs(end[1]) * 1e-6, 1e-9)
    figure = go.Figure(
        go.Waterfall(
            x=[plotted(label) for label in (start[0], *labels, end[0])],
            y=[start[1], *parts, end[1]],
            measure=["absolute", *["relative"] * len(parts), "absolute"],
            text=[plotted(text) for text in texts],
            textposition="outside",
            textfont={"size": 11},
            constraintext="none",
            cliponaxis=False,
            increasing={"marker": {"color": UP}},
            decreasing={"marker": {"color": DOWN}},
            totals={"marker": {"color": MAIN}},
            connector={"line": {"color": "#d5dddf", "width": 1}},
            hovertemplate="%{x}<br>%{text}<extra></extra>",
        )
    )
    floor = min(running) - 0.6 * span
    figure.update_xaxes(tickangle=-35)
    figure.update_yaxes(range=[max(floor, 0) if min(running) >= 0 else floor, max(running) + 0.25 * span])
    return style(figure, 460)


def bars(
    frame: pd.DataFrame, label: str, value: str, colours: Sequence[str], places: int = 0, currency: str = ""
) -> go.Figure:
    """Horizontal bars with their values."""
    figure = go.Figure(
        go.Bar(
            x=frame[value],
            y=frame[label].map(plotted),
            orientation="h",
            marker={"color": list(colours)},
            text=[plotted(money(v, currency)) if currency else f"{v:,.{places}f}" for v in frame[value]],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,.0f}<extra></extra>",
        )
    )
    figure.update_xaxes(visible=False, range=[0, 1.35 * max(frame[value].max(), 1e-9)])
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return style(figure, max(240, 30 * len(frame) + 40))


def weights(rows: pd.DataFrame) -> go.Figure:
    """How a match weight comes about: comparison, level and weight, from the prior to the sum."""
    names = [
        f"{name}: {level}" if level else name for name, level in zip(rows["comparison"], rows["level"], strict=True)
    ]
    figure = go.Figure(
        go.Waterfall(
            y=[*map(plotted, names), "weight"],
            x=[*rows["weight"].round(2), 0],
            measure=["relative"] * len(rows) + ["total"],
            orientation="h",
            increasing={"marker": {"color": UP}},
            decreasing={"marker": {"color": DOWN}},
            totals={"marker": {"color": MAIN}},
            text=[*(f"{value:+.1f}" for value in rows["weight"]), f"{rows['weight'].sum():.1f}"],
            textposition="outside",
            cliponaxis=False,
        )
    )
    sums = [0.0, *rows["weight"].cumsum()]
    span = max(max(sums) - min(sums), 1.0)
    figure.update_xaxes(range=[min(sums) - 0.3 * span, max(sums) + 0.3 * span])
    figure.update_yaxes(autorange="reversed")
    return style(figure, 60 + 34 * (len(rows) + 1))


def heat(grid: pd.DataFrame) -> go.Figure:
    """Customers by recency and frequency fifths."""
    scores = [1, 2, 3, 4, 5]
    counts = grid.pivot(index="frequency", columns="recency", values="customers").reindex(index=scores, columns=scores)
    counts = counts.fillna(0).astype(int)
    figure = go.Figure(
        go.Heatmap(
            x=scores,
            y=scores,
            z=counts.to_numpy(),
            text=counts.to_numpy(),
            texttemplate="%{text:,}",
            colorscale=[[0, "#f4f6f6"], [1, MAIN]],
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="recency %{x}, frequency %{y}: %{z:,} customers<extra></extra>",
        )
    )
    figure.update_xaxes(title="recency", tickvals=scores)
    figure.update_yaxes(title="frequency", tickvals=scores)
    return style(figure, 240)


def stacked(frame: pd.DataFrame, states: Sequence[str]) -> go.Figure:
    """Customers by the quarter of their first purchase, stacked by where they are now."""
    figure = go.Figure()
    for state in states:
        part = frame[frame["state_basic"] == state]
        figure.add_bar(
            x=part["first_purchase"], y=part["customers"], name=plotted(state.replace("_", " ")),
            marker={"color": STATE_COLOURS[state]},
            hovertemplate="%{x|%b %Y}: %{y:,}<extra>" + plotted(state) + "</extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    style(figure, 260)
    figure.update_xaxes(title="quarter of the first purchase")
    figure.update_yaxes(title="customers")
    return figure.update_layout(showlegend=True, legend=LEGEND)


def cells(matrix: pd.DataFrame, column: str, rows: dict[str, str], columns: dict[str, str], currency: str) -> go.Figure:
    """The value × churn matrix: nine cells with a figure each."""
    table = matrix.assign(shown=matrix[column].astype(float)).pivot(
        index="churn_class", columns="value_class", values="shown"
    )
    table = table.reindex(index=list(rows)[::-1], columns=list(columns)).fillna(0)
    texts = [
        [f"<b>{row}{col}</b><br>" + plotted(money(v, currency) if column == "value_at_risk" else f"{v:,.0f}")
         for col, v in zip(table.columns, values, strict=True)]
        for row, values in zip(table.index, table.to_numpy(), strict=True)
    ]  # fmt: skip
    figure = go.Figure(
        go.Heatmap(
            x=[columns[c] for c in table.columns], y=[rows[r] for r in table.index], z=table.to_numpy(), text=texts,
            texttemplate="%{text}", colorscale=[[0, "#f4f6f6"], [1, MAIN]], showscale=False, xgap=4, ygap=4,
            hoverinfo="skip", textfont={"size": 15},
        )
    )  # fmt: skip
    return style(figure, 380)


def spread(frame: pd.DataFrame, colours: dict[str, str]) -> go.Figure:
    """Customers by churn probability, coloured by level."""
    figure = go.Figure()
    for level, colour in colours.items():
        part = frame[frame["warning_level"] == level]
        figure.add_bar(
            x=part["probability"] + 0.025, y=part["customers"], width=0.048, name=level.replace("_", " "),
            marker={"color": colour}, hovertemplate="%{y:,} customers<extra>" + plotted(level) + "</extra>",
        )  # fmt: skip
    figure.update_layout(barmode="stack")
    style(figure, 300)
    figure.update_xaxes(range=[0, 1], tickformat=".0%", title="churn probability")
    return figure.update_layout(showlegend=True, legend=LEGEND)


def lines(frame: pd.DataFrame, x: str, y: str, diagonal: bool = True) -> go.Figure:
    """One line per estimator, of columns x and y."""
    figure = go.Figure()
    if diagonal:
        end = max(1.0, float(frame["x"].max()))  # probabilities end at 1, counts and amounts do not
        figure.add_scatter(
            x=[0, end],
            y=[0, end],
            mode="lines",
            line={"dash": "dot", "color": MUTED},
            showlegend=False,
            hoverinfo="skip",
        )
    for number, name in enumerate(sorted(frame["estimator"].unique())):
        part = frame[frame["estimator"] == name]
        figure.add_scatter(
            x=part["x"], y=part["y"], mode="lines+markers", name=plotted(name),
            line={"color": PALETTE[number % len(PALETTE)], "width": 2}, marker={"size": 6},
            hovertemplate="%{x:.3f}, %{y:.3f}<extra>" + plotted(name) + "</extra>",
        )  # fmt: skip
    style(figure, 320)
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure.update_layout(showlegend=True, legend=LEGEND)


def members(frame: pd.DataFrame, currency: str) -> go.Figure:
    """What each member of a dimension brought to the change, the greatest first."""
    figure = go.Figure(
        go.Bar(
            x=frame["change"], y=frame["member"].map(plotted), orientation="h",
            marker={"color": [UP if v >= 0 else DOWN for v in frame["change"]]},
            text=[plotted(change(v, "money", currency)) for v in frame["change"]],
            textposition="auto", cliponaxis=False,
            hovertemplate="%{y}: %{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return style(figure, max(200, 26 * len(frame) + 60))

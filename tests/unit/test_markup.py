"""Text of the data in Markdown, charts, model cards and Dagster: these letters and nothing else."""

from __future__ import annotations

import datetime as dt
import html

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from models_ml.common.card import page
from orchestration.defs.quality import result_of
from orchestration.platform.literals import visible
from orchestration.platform.markup import JOINER, literal, md, plotted
from orchestration.quality.rules import Check
from orchestration.quality.run import Result

HOSTILE = (
    "![x](http://127.0.0.1:1/x.png)", "<img src=http://127.0.0.1:1/x.png>", "[a](javascript:alert(1))", "$\\LaTeX$",
    ":red[x]", "**b** _i_ `c` ~~s~~", "# head", "- item", "1. one", "12. twelve", "> quote", "| a | b |", "&lt;b&gt;",
    "\\", "\\*", "a\n\nb", "<a@b.test>", "***", "---", "+ plus", "```x", "{{x}} {x}", "[r]: http://x",
)  # fmt: skip
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(markdown: str) -> str:
    """What a reader sees of one paragraph; fails where there is any other element."""
    rendered = MARKDOWN.render(markdown).removesuffix("\n")
    if not rendered:
        return ""
    assert rendered.startswith("<p>"), rendered
    inner = rendered.removeprefix("<p>").removesuffix("</p>")
    assert "<" not in inner, rendered
    return html.unescape(inner).replace(JOINER, "")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    assert shown(literal(text)) == visible(text)
    assert shown(md("{text}", text=text)) == visible(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
@example("1.\u00a0x")
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert shown("x" + literal(text) + "x") == "x" + visible(text) + "x"


@given(st.text(alphabet="*_`[]()<>#+-!|~$\"^=@&'/:\\.{}1 a", max_size=12))
def test_markup_at_the_beginning_is_none(text: str) -> None:
    assert shown(literal(text)).split() == visible(text).split()


def test_what_later_steps_look_for_in_finished_text_is_parted() -> None:
    """Streamlit and GitHub's flavour make links of addresses and icons of `:names:` after the backslashes are gone."""
    for text, joint in (("http://x.test", "http:"), ("www.x.test", "www"), ("a@x.test", "a"), (":smile:", ":")):
        seen = MARKDOWN.renderInline(literal(text))
        assert html.unescape(seen).startswith(joint + JOINER), seen
    assert JOINER not in literal("Time: 18 h, by A. Smith")


def test_the_products_own_markdown_stays_and_values_take_their_format() -> None:
    assert md("**{n:,}** of {day:%d %b %Y}, {who}", n=1234, day=dt.date(2024, 1, 31), who=None) == (
        "**1,234** of 31 Jan 2024, –"
    )
    assert shown(md("{a}{b}", a="*", b="*")) == "**"


def test_charts_know_neither_tags_nor_links_nor_tex() -> None:
    assert plotted("<a href='http://x'>y</a> & $x$\x1b[0m") == (
        "&lt;a href='http://x'&gt;y&lt;/a&gt; &amp; &#36;x&#36;[0m"
    )


def test_every_label_of_a_chart_is_literal() -> None:
    import pandas as pd

    from orchestration.dashboard.kit import charts

    bad = "<b>x</b>$y$"
    members = pd.DataFrame({"member": [bad], "change": [1.0]})
    weights = pd.DataFrame({"comparison": [bad], "level": [bad], "weight": [1.0]})
    lines = pd.DataFrame({"estimator": [bad, bad], "x": [0, 1], "y": [0, 1]})
    figures = [
        charts.bars(pd.DataFrame({"label": [bad], "v": [1.0]}), "label", "v", ["red"]),
        charts.members(members, bad), charts.weights(weights), charts.lines(lines, "x", "y"),
        charts.waterfall([bad], [1.0], (bad, 1.0), (bad, 2.0), [bad] * 3),
        charts.area(pd.DataFrame({"x": ["2024-01-01"], "y": [1.0], "done": [True]}), "x", "y", bad, "done"),
    ]  # fmt: skip
    for figure in figures:
        drawn = figure.to_json()
        assert "<b>" not in drawn.replace("\\u003c", "<"), drawn
        assert "$y$" not in drawn


def test_a_model_card_holds_no_markup_of_its_texts() -> None:
    bad = "<img src=http://127.0.0.1:1/x.png>"
    curves = [{"estimator": bad, "curve": curve, "x": 0.5, "y": 0.5} for curve in ("reliability", "gains")]
    gates = [{"gate": bad, "passed": True, "": bad}]
    made = page(bad, {bad: bad}, bad, gates, [{bad: bad}], curves, [{bad: bad}], [{bad: bad}], [bad])
    assert "<img" not in made.replace("\\u003c", "<")
    assert made.count("&lt;img src=http://127.0.0.1:1/x.png&gt;") > 8


def test_dagsters_table_of_checks_holds_no_markup_of_its_texts() -> None:
    check = Check("till", "order_line", "unknown", "![x](http://127.0.0.1:1/x.png)", "m", None, 0.05, stops=False)
    table = result_of("order_line", [Result(check, 0.2, False, dt.date(2024, 1, 31))]).metadata["results"].value
    rendered = MARKDOWN.render(table)
    assert "<table>" in rendered
    assert "<img" not in rendered
    assert "![x](http:" in html.unescape(rendered).replace(JOINER, "")

"""Text of the data inside Markdown and inside charts: shown as it is, never obeyed.

Streamlit and Dagster make links, images, colours, icons and formulas of what looks like them. A backslash stops what
CommonMark reads; what their further steps find in the finished text (addresses, `:names:`, arrows) is parted by a
word joiner (U+2060), which nobody sees.
"""

from __future__ import annotations

import html
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from orchestration.platform.literals import visible

JOINER = "\u2060"
PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~$\"^=@&'/:]|(?<=^\d)\.(?!\d)|(?<=^\d\d)\.(?!\d))")
# Addresses become links and `:word` icons, emojis or colours in a step that no longer sees the backslashes.
LINKED = re.compile(r"(:(?=\S))|(?<=www)(?=\.)|(?<=\S)(?=@\S)|(?<=[-<=])(?=[->])|(?<=[-=<>!~])(?=[=>-])", re.I)


def literal(value: object) -> str:
    """Text for Markdown that shows exactly these letters."""
    parted = LINKED.sub(lambda match: (match[1] or "") + JOINER, visible(str(value)))
    return PUNCTUATION.sub(r"\\\1", parted)


class Template(string.Formatter):
    """`str.format` whose fields are literal text."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """A value in its format, as literal text."""
        return literal(format(value, format_spec))

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The value of a field; None is a dash."""
        value = super().get_value(key, args, kwargs)
        return "–" if value is None else value


def md(template: str, **values: object) -> str:
    """Markdown of the product's own, with values of the data in its fields.

    >>> md("Sales of **{name}**", name="*A*")
    'Sales of **\\\\*A\\\\***'
    """
    return Template().format(template, **values)


def plotted(value: object) -> str:
    """Text for a chart, whose labels know HTML, links and TeX."""
    return html.escape(visible(str(value)), quote=False).replace("$", "&#36;")

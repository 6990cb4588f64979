"""Make Data Docs stand alone: Great Expectations' pages load style sheets, scripts and pictures from eight other hosts.

Nothing is left of what would be loaded from elsewhere or run; a few rules take the place of the style sheets; and a
policy in each page keeps the browser from loading anything but the site's own pictures, fonts and styles, whatever text
stands in it.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import quote

POLICY = (
    "default-src 'none'; style-src 'self' file: 'unsafe-inline'; img-src 'self' file: data:; font-src 'self' file:; "
    "base-uri 'none'; form-action 'none'"
)
STYLE = """
body { font-family: HK Grotesk, Helvetica, Arial, sans-serif; margin: 1rem 2rem; color: #212529 }
ul, ol { margin: .2rem 0 } table { border-collapse: collapse; margin: .5rem 0 }
td, th { border: 1px solid #dee2e6; padding: .3rem .6rem; text-align: left; vertical-align: top }
.container-fluid, .row, .col-12 { width: auto } .collapse, .fade { display: block; opacity: 1 }
.modal, .btn, .navbar img, .cooltip .top, #ge-cta-footer, footer { display: none } img { max-height: 3rem }
.text-success { color: #28a745 } .text-danger { color: #dc3545 } .text-warning { color: #b58900 }
""".strip()
RUN = re.compile(r"<script\b.*?(?:</script\s*>|\Z)", re.I | re.S)
HANDLER = re.compile(r"(<[a-z][^<>]*?)\son[a-z]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.I)
LOADED = re.compile(r"<(?:link|img|iframe|object|embed|source|video|audio)\b[^>]*?(?:https?:)?//[^>]*>", re.I | re.S)
STYLED = re.compile(r"url\(\s*['\"]?(?:https?:)?//[^)]*\)|@import\b[^;]*;?", re.I)
HEAD = re.compile(r"<head\b[^>]*>", re.I)
BODY = re.compile(r"<body\b[^>]*>", re.I)


def alone(page: str) -> str:
    """A page of the site without anything from elsewhere.

    Args:
        page: HTML.
    """
    page = STYLED.sub("none", LOADED.sub("", RUN.sub("", page)))
    while (plain := HANDLER.sub(r"\1", page)) != page:
        page = plain
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style>'
    return HEAD.sub(lambda match: match[0] + head, page, count=1) if HEAD.search(page) else head + page


def contents(site: Path) -> str:
    """Links to the pages of a site: its index is a script's work otherwise."""
    pages = sorted(path.relative_to(site) for path in site.rglob("*.html") if path.name != "index.html")
    links = (f'<li><a href="{quote(page.as_posix())}">{html.escape(page.as_posix())}</a></li>' for page in pages)
    return f"<ul>{''.join(links)}</ul>"


def make_alone(site: Path) -> None:
    """Rewrite each page and style sheet of a site, before it takes its place."""
    index = site / "index.html"
    if index.exists():
        links = contents(site)
        page = BODY.sub(lambda match: match[0] + links, index.read_text(encoding="utf-8"), count=1)
        index.write_text(page, encoding="utf-8")
    for path in [*site.rglob("*.html"), *site.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(alone(text) if path.suffix == ".html" else STYLED.sub("none", text), encoding="utf-8")

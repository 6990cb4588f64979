"""Web server logs: common and combined format. JSON logs are of kind json."""

from __future__ import annotations

from typing import Literal

from orchestration.connectors.lines import LineConnector
from orchestration.connectors.rejects import NO_LOG_LINE
from orchestration.connectors.text import TextSettings
from orchestration.platform.literals import quote

TEXT = r'"((?:[^"\\]|\\.)*)"'
PATTERN = r"^(\S+) (\S+) (\S+) \[([^\]]+)\] " + TEXT + r" (\d{3}) (\d+|-)(?: " + TEXT + " " + TEXT + ")?"
GROUPS = ("ip", "identity", "user_name", "logged_at", "request", "status", "bytes", "referrer", "user_agent")

# What robots call themselves, and what every browser begins with. Measured against the crawler-user-agents
# collection by a test. A company's own app that names itself otherwise is told apart in its map.
BOTS = (
    r"bot\b|bot[^a-z]|crawl|spider|slurp|archiv|scrap|fetch|monitor|uptime|preview|validator|check|scan|grab|"
    r"headless|phantomjs|selenium|puppeteer|playwright|lighthouse|pagespeed|facebookexternalhit|whatsapp|index|"
    r"client|java\)|python|perl|https?://|feed|rss|reader|\.com\b|@[a-z]|synthetic|watcher"
)
BROWSER = r"^(mozilla|opera)/"
AGENT = "lower(m.user_agent)"
COLUMNS = {
    "ip": "m.ip",
    "identity": "nullif(m.identity, '-')",
    "user_name": "nullif(m.user_name, '-')",
    # 10/Oct/2000:13:55:36 -0700, as ISO 8601 with its offset
    "occurred_at": "strftime(try_strptime(split_part(m.logged_at, ' ', 1), '%d/%b/%Y:%H:%M:%S'), "
    "'%Y-%m-%dT%H:%M:%S') || coalesce(nullif(split_part(m.logged_at, ' ', 2), ''), '+0000')",
    "method": "nullif(split_part(m.request, ' ', 1), '')",
    "url": "nullif(split_part(m.request, ' ', 2), '')",
    "protocol": "nullif(split_part(m.request, ' ', 3), '')",
    "status_code": "m.status",
    "bytes": "nullif(m.bytes, '-')",
    "referrer": "nullif(nullif(m.referrer, '-'), '')",
    "user_agent": "nullif(nullif(m.user_agent, '-'), '')",
    # A common-format line names no agent: nothing is known, so it is no robot's.
    "is_bot": f"(m.user_agent <> '' and (not regexp_matches({AGENT}, {quote(BROWSER)}) "
    f"or regexp_matches({AGENT}, {quote(BOTS)})))::varchar",
}


class WebLogSettings(TextSettings):
    """Common or combined log format, told apart by line."""

    kind: Literal["web_log"]


class WebLogConnector(LineConnector):
    """Tables of a folder of logs; a request by a robot has `is_bot` true."""

    suffixes = (".log", ".txt")
    what = "log file"
    reason = NO_LOG_LINE

    def lines_to_skip(self, table: str) -> int:  # noqa: ARG002 - the interface's
        """None."""
        return 0

    def columns(self, table: str) -> dict[str, str]:
        """The same for every log; a table without files is still an error."""
        self.files(table)
        return dict.fromkeys(COLUMNS, "VARCHAR")

    def good(self, table: str) -> str:  # noqa: ARG002 - the interface's
        """Whether the line is of the format."""
        return f"regexp_matches(line, {quote(PATTERN)})"

    def parsed(self, table: str, names: list[str]) -> str:  # noqa: ARG002 - the interface's
        """Parts of the line."""
        return f"regexp_extract(line, {quote(PATTERN)}, [{', '.join(quote(g) for g in GROUPS)}])"

    def fields(self, table: str, names: list[str]) -> str:  # noqa: ARG002 - the interface's
        """The parts, cleaned."""
        return ", ".join(f"{COLUMNS[name]} as {name}" for name in names)

"""Keep secrets out of whatever is written or printed: run logs, the journal, error messages."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

HIDDEN = "•••"
WORDS = (
    r"password|passwd|passphrase|secret|token|credentials?|"
    r"(?:api|access|account|private|shared|signing|encryption|pseudonym)[_-]?key"
)
# DB_PASS, MYSQL_PWD, PGPASSWORD, CRM_API_TOKEN, SHOP_KEY: a word that tells, or one of the short ones standing alone.
SECRET_NAME = re.compile(rf"({WORDS})|(^|_)(pass|pwd|pw|pin|pat|keys?|auth)(_|$)|pass$", re.I)
NO_SECRETS = frozenset({"PWD", "OLDPWD", "HOME", "PATH", "SSH_AUTH_SOCK"})
SHORTEST = 4  # a shorter value would blank out ordinary text
DIGITS = 6  # a shorter number is a year or a count
LONG = 8  # a shorter value is hidden where it stands alone, not inside of words
# Values that are no secret to anybody and stand in many messages; after `password=` they are hidden all the same.
COMMON = {
    "true", "false", "none", "null", "default", "admin", "administrator", "root", "user", "guest", "test", "demo",
    "local", "localhost", "postgres", "postgresql", "mysql", "mariadb", "sqlite", "duckdb", "oracle", "sqlserver",
    "database", "public", "password", "passwd", "secret", "token", "changeme", "regulars",
}  # fmt: skip
# Alone, `pass` is dbt's count of tests that passed, and `key` a column.
ASSIGNED = rf"(?:[a-z0-9]+[_-])*(?:[a-z0-9]*(?:{WORDS})|pwd|pw|(?<=[_-])pass)"
PATTERNS = (
    # the password in a URL: scheme://user:password@host
    re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s:/@]*:)(?P<value>[^\s@]+)(?=@)", re.I),
    # key=value and "key": "value" of connection strings, environments and JSON
    re.compile(rf"(?P<keep>\b{ASSIGNED}[\"']?\s*[=:]\s*[\"']?)(?P<value>[^\s\"';,&}}]+)", re.I),
    re.compile(r"(?P<keep>\bauthorization:\s*(?:bearer|basic)\s+)(?P<value>\S+)", re.I),
)


def is_path(value: str) -> bool:
    """Whether a value is a file or folder of this machine rather than a secret that begins like one."""
    if not value.startswith(("/", "~", "./", "../")):
        return False
    try:
        return Path(value).expanduser().exists()
    except (OSError, ValueError, RuntimeError):
        return False


def is_secret(name: str, value: str) -> bool:
    """Whether an environment variable's value is to be hidden wherever it stands."""
    if name.upper() in NO_SECRETS or not SECRET_NAME.search(name):
        return False
    if len(value) < SHORTEST or (value.isdigit() and len(value) < DIGITS) or value.lower() in COMMON:
        return False
    return not is_path(value)


def secrets() -> list[str]:
    """Values of environment variables whose names say that they are secret, also as a URL has them; longest first."""
    found = {value.strip() for name, value in os.environ.items() if is_secret(name, value.strip())}
    found |= {
        spelling
        for text in os.environ.values()
        if "://" in text or "=" in text  # a connection string
        for pattern in PATTERNS[:2]
        for match in pattern.finditer(text)
        for spelling in (match["value"], unquote(match["value"]))
        if is_secret("PASSWORD", spelling)
    }
    return sorted(found | {quote(value, safe="") for value in found}, key=len, reverse=True)


def hide(match: re.Match[str]) -> str:
    """What stands for a match of a pattern: its secret hidden, a path left as it is."""
    return match[0] if is_path(match["value"]) else match["keep"] + HIDDEN


def redact(text: str) -> str:
    """The text without secrets: values of secret environment variables, and passwords wherever they look like one."""
    for value in secrets():
        if len(value) < LONG and value.isalnum():
            text = re.sub(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", HIDDEN, text)
        else:
            text = text.replace(value, HIDDEN)
    for pattern in PATTERNS:
        text = pattern.sub(hide, text)
    return text


def redact_all(value: Any) -> Any:
    """The same for every text in lists and dictionaries."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(redact_all(item) for item in value)
    return value

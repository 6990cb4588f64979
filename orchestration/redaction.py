"""Keep secrets out of whatever is written or printed: run logs, the journal, error messages."""

from __future__ import annotations

import os
import re
from typing import Any

HIDDEN = "•••"
SECRET_NAME = re.compile(r"(PASSWORD|PASSWD|PWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY|PSEUDONYM_KEY)", re.I)
SHORTEST = 4  # a shorter value would blank out ordinary text
PATTERNS = (
    # the password in a URL: scheme://user:password@host
    (re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@]+(?=@)", re.I), r"\g<keep>" + HIDDEN),
    # key=value and "key": "value" of connection strings and JSON
    (
        re.compile(
            r"(?P<keep>\b(?:password|passwd|pwd|secret|token|api_?key|access_?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"';,&}]+",
            re.I,
        ),
        r"\g<keep>" + HIDDEN,
    ),
    (re.compile(r"(?P<keep>\bauthorization:\s*(?:bearer|basic)\s+)\S+", re.I), r"\g<keep>" + HIDDEN),
)


def secrets() -> list[str]:
    """Values of environment variables whose names say that they are secret, longest first."""
    found = {value for name, value in os.environ.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST}
    return sorted(found, key=len, reverse=True)


def redact(text: str) -> str:
    """The text without secrets: values of secret environment variables, and passwords wherever they look like one."""
    for value in secrets():
        text = text.replace(value, HIDDEN)
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
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

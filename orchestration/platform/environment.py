"""Settings and secrets from the checkout's `.env`, for every way in which the product starts.

The file is read before any configuration. A variable of the real environment wins, also where it is empty; an empty
value in the file leaves the variable unset, as the template has it. Only the checkout's own file is read: one that came
with a folder of data could otherwise say where sources may lie.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import PROJECT

ENV_FILE = "REGULARS_ENV_FILE"  # another file instead of the checkout's
FOLDERS = ("REGULARS_HOME", "REGULARS_COMPANIES")  # relative to the file, wherever the command is run
SETTINGS = (*FOLDERS, "REGULARS_COMPANY", "REGULARS_ROOTS", "REGULARS_PSEUDONYM_KEY", "REGULARS_DEBUG")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def env_file() -> Path:
    """The file of the variables, whether or not it is there."""
    return Path(os.environ.get(ENV_FILE) or PROJECT / ".env").expanduser().absolute()


def read_env_file(path: Path) -> dict[str, str]:
    """Variables that a file sets, in the notation of python-dotenv; `${NAME}` in a value stays as it is written.

    Raises:
        ConfigError: it cannot be read, or a line is wrong; says file and line, never the value.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", "Check its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 at byte {error.start}", "Save it as UTF-8") from error
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text)):
        original = binding.original.string
        line = binding.original.line + original[: len(original) - len(original.lstrip())].count("\n")
        if binding.key is None and not binding.error:
            continue  # blank or a comment
        key = binding.key or ""
        problem = problem_of(key, binding.value)
        if key in lines:
            problem = f"{key} is set in line {lines[key]} already"
        if problem:
            raise ConfigError(
                f"{path}, line {line}: {problem}", "Write NAME=value, or NAME='value with a # or a quote'"
            )
        lines[key] = line
        if binding.value:
            values[key] = binding.value
    return values


def problem_of(key: str, value: str | None) -> str | None:
    """What is wrong with a line of the file; None where nothing is."""
    if not NAME.fullmatch(key) or value is None:
        return "is not of the form NAME=value"
    if "\0" in value:
        return f"the value of {key} holds a zero byte"
    if key.startswith("REGULARS_") and key not in SETTINGS:
        return f"there is no setting {key}; settings: {', '.join(SETTINGS)}"
    return None


def load_environment() -> None:
    """Set what the file sets and the environment does not, for this process and those that it starts.

    Raises:
        ConfigError: the file is wrong, or one that `REGULARS_ENV_FILE` names is absent.
    """
    path = env_file()
    if not path.exists() and not os.environ.get(ENV_FILE):
        return
    for name, value in read_env_file(path).items():
        placed = str(path.parent / Path(value).expanduser()) if name in FOLDERS else value
        os.environ.setdefault(name, placed)

"""Read a YAML file into a pydantic model; every error says file, key, value and what was expected."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.platform.errors import ConfigError
from orchestration.platform.paths import PROJECT

ENV = re.compile(r"\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
MAX_VALUE = 80


class Strict(BaseModel):
    """Base of all configuration: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


BOOLEAN = "tag:yaml.org,2002:bool"
MAX_ALIASED = 10_000  # values that aliases may stand for together: a person writes dozens, a trap billions
MAX_DEPTH = 100  # collections inside each other


class UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A loader that refuses a key written twice, which plain YAML silently resolves to the last one.

    In C where PyYAML was built so: the contracts take five times as long in Python.
    """

    # YAML 1.1 reads no, on and their like as booleans; a column may be called so.
    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != BOOLEAN]
        for first, resolvers in getattr(yaml, "CSafeLoader", yaml.SafeLoader).yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: str) -> None:
        check_depth(stream)
        super().__init__(stream)

    def get_single_node(self) -> yaml.Node | None:
        """The document's tree; raise where aliases or nesting make it a trap."""
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            check_size(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping; raise on a repeated key."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' is written twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def check_depth(text: str) -> None:
    """Whether collections are nested as people nest them: the composer in C ends the process at some 100,000 levels.

    Raises:
        yaml.YAMLError: they are not; or the text is no YAML.
    """
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problem = f"more than {MAX_DEPTH} levels"
            raise yaml.constructor.ConstructorError(None, None, problem, event.start_mark)  # type: ignore[arg-type]


def check_size(root: yaml.Node) -> None:
    """Whether a document's tree stays small with its aliases written out.

    Raises:
        yaml.constructor.ConstructorError: they stand for too many values, or for what they stand in.
    """
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, above: tuple[int, ...]) -> int:
        if id(node) in above:
            raise yaml.constructor.ConstructorError(None, None, "an alias that holds itself", node.start_mark)
        if id(node) not in sizes:
            parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
            inner = parts if isinstance(node, yaml.CollectionNode) else ()
            sizes[id(node)] = 1 + sum(size(part, (*above, id(node))) for part in inner)
        return sizes[id(node)]

    whole = size(root, ())
    if whole - len(sizes) > MAX_ALIASED:
        problem = f"aliases that stand for {whole:,} values; at most {MAX_ALIASED:,}"
        raise yaml.constructor.ConstructorError(None, None, problem, root.start_mark)


UniqueKeyLoader.add_implicit_resolver(BOOLEAN, re.compile(r"(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def display(path: Path) -> str:
    """The path as a user would type it from the project's folder."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def without_env(text: str) -> str:
    """A text of somebody else, such as a header, that names no environment variable: `${NAME}` becomes `$${NAME}`."""
    return ENV.sub(lambda match: "$" + match[0], text)


def substitute_env(value: Any, missing: set[str]) -> Any:
    """Replace `${NAME}` in strings, lists and mappings, and `$${NAME}` by `${NAME}`; collect the names not set."""
    if isinstance(value, str):

        def lookup(match: re.Match[str]) -> str:
            if match[0].startswith("$$"):
                return match[0][1:]
            if match[1] not in os.environ:
                missing.add(match[1])
            return os.environ.get(match[1], match[0])

        return ENV.sub(lookup, value)
    if isinstance(value, dict):
        return {key: substitute_env(item, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute_env(item, missing) for item in value]
    return value


def read_yaml(path: Path, model: type[Model], env: bool = False, need_env: bool = True) -> Model:
    """Read and validate one file.

    Args:
        path: the file.
        model: the pydantic model that it must fit.
        env: whether `${NAME}` stands for an environment variable.
        need_env: refuse variables that are not set; a command that reads no source leaves them as they stand.

    Raises:
        ConfigError: file absent, not YAML, or not what the model expects.
    """
    name = display(path)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeyLoader)
    except FileNotFoundError:
        raise ConfigError(f"{name}: no such file", "Create it, or check the name") from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}", "Check its permissions") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: is not UTF-8 at byte {error.start}", "Save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"{name}{place}: not valid YAML: {problem}", "Mend the line") from error
    except (ValueError, TypeError) as error:  # a date such as 2024-13-01, a number of thousands of digits
        raise ConfigError(f"{name}: holds a value that cannot be read: {error}", "Put the value in quotes") from error
    missing: set[str] = set()
    if env:
        raw = substitute_env(raw, missing)
    if missing and need_env:
        names = ", ".join(sorted(missing))
        raise ConfigError(
            f"{name}: environment variable {names} is not set", f"Set it: export {names}=…, or write it into .env"
        )
    try:
        return model.model_validate(raw if raw is not None else {})
    except ValidationError as error:
        raise ConfigError("; ".join(explain(name, item) for item in error.errors()[:5])) from error


def explain(name: str, item: Any) -> str:
    """One pydantic error as `file: key 'a.b': value 'x': expected …`."""
    key = ".".join(str(part) for part in item["loc"]) or "(the whole file)"
    if item["type"] == "missing":
        return f"{name}: key '{key}' is missing; add it"
    if item["type"] == "extra_forbidden":
        return f"{name}: key '{key}' is not known here; remove it or mend its spelling"
    value = str(item["input"])
    value = value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    return f"{name}: key '{key}': value '{value}': expected: {item['msg'].removeprefix('Value error, ')}"

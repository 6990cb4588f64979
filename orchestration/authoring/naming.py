"""Names of tables and columns as configuration and SQL write them."""

from __future__ import annotations

import re
import unicodedata

from orchestration.config.contracts import NAME
from orchestration.platform.literals import quote_name, reserved


def expression(name: str) -> str:
    """A column as SQL of a map: quoted where it is no plain name."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in reserved() else quote_name(name)


def table_name(found: str, taken: set[str]) -> str:
    """A file's or sheet's name as a table's: snake case without accents, no word of SQL, and not taken."""
    plain = unicodedata.normalize("NFKD", found.lower()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    name = name if NAME.fullmatch(name) and name not in reserved() else f"t_{name}".rstrip("_")
    base, again = name, 1
    while name in taken:
        again += 1
        name = f"{base}_{again}"
    taken.add(name)
    return name

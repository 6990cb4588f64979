"""The secret of customer keys and published ids: where it is kept, and how it is read."""

from __future__ import annotations

from pathlib import Path

from orchestration.platform.errors import RegularsError

PSEUDONYM_ENV, PSEUDONYM_FILE = "REGULARS_PSEUDONYM_KEY", "pseudonym.key"


def secret_in(path: Path) -> str | None:
    """The secret that a file holds; None where there is no file.

    Raises:
        RegularsError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip() if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise RegularsError(
            f"{path}: cannot be read: {error.strerror if isinstance(error, OSError) else 'it is no text'}",
            "Bring the file back from where you keep it, or with: regulars restore; without it, delete it: the next "
            "refresh makes another key, under which published ids are other ones",
        ) from error

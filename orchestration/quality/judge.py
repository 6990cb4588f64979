"""The process in which Great Expectations judges: it ends with the refresh that wants its answer, however that ends.

Usage: python -m orchestration.quality.judge PIPE       (see `orchestration.quality.expectations`)
"""

from __future__ import annotations

import os
import sys
import threading

from orchestration.platform.custody import harden


def end_with_parent(pipe: int) -> None:
    """End this process as soon as nobody holds the other end of a pipe: the refresh was killed, and the next one needs
    the database."""

    def watch() -> None:
        os.read(pipe, 1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Watch the parent before the imports, which take seconds; then judge."""
    end_with_parent(int(sys.argv[1]))
    harden()
    from orchestration.quality import expectations

    expectations.main()


if __name__ == "__main__":
    main()

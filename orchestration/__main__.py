"""The `regulars` command from its first moment on: a Ctrl-C while modules are imported ends it like any later one."""

from __future__ import annotations

import sys

from orchestration.errors import Stopped


def main() -> None:
    """Import and run the command line."""
    try:
        from orchestration.cli import main as run

        run()
    except KeyboardInterrupt:
        stopped = Stopped()
        print(f"Error: {stopped}", file=sys.stderr)
        sys.exit(stopped.exit_code)


if __name__ == "__main__":
    main()

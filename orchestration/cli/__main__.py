"""The `regulars` command from its first moment on: a Ctrl-C while modules are imported ends it like any later one."""

import sys


def main() -> None:
    """Import and run the command line."""
    try:
        from orchestration.cli.main import main as run

        run()
    except KeyboardInterrupt:
        from orchestration.platform.errors import Stopped

        stopped = Stopped()
        print(f"Error: {stopped}", file=sys.stderr)
        sys.exit(stopped.exit_code)


if __name__ == "__main__":
    main()

"""Dagster's server behind `platform.loopback`: `python -m orchestration.instance.webserver dev …` for `dagster dev …`.

Dagster has no place for middleware: `dagster dev` starts `python -m dagster_webserver`, which makes its application in
one function. Both are wrapped here and nowhere else; `tests/integration/test_servers.py` fails where a new version goes
around them.
"""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

from orchestration.platform.loopback import LoopbackOnly

MODULE = "orchestration.instance.webserver"


def run_dev() -> None:
    """`dagster dev`, whose web server is this module's."""
    dev: Any = importlib.import_module("dagster._cli.dev")
    start = dev.open_ipc_subprocess

    def start_guarded(parts: list[str], **how: Any) -> Any:
        return start([MODULE if part == "dagster_webserver" else part for part in parts], **how)

    dev.open_ipc_subprocess = start_guarded
    dev.dev_command(args=sys.argv[2:], prog_name="dagster dev")


def run_webserver() -> None:
    """`dagster-webserver`, behind the guard of its port."""
    cli: Any = importlib.import_module("dagster_webserver.cli")
    make, port = cli.create_app_from_workspace_process_context, int(sys.argv[sys.argv.index("--port") + 1])

    def make_guarded(*given: Any, **how: Any) -> Any:
        return LoopbackOnly(make(*given, **how), port)

    cli.create_app_from_workspace_process_context = make_guarded
    cli.main()


if __name__ == "__main__":
    # Started in the background, a shell has it ignore Ctrl-C, and Dagster makes SIGTERM whatever Ctrl-C is.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.argv[1:2] == ["dev"]:
        run_dev()
    else:
        run_webserver()

"""`regulars` in a process that is forked from one in which Dagster, dbt and scikit-learn are imported already.

A quarter of a small refresh is the import of libraries, and a test run starts some two hundred commands. So a server
process per worker imports the libraries once, and none of the product's modules, and forks a child for each command,
which then starts as any other. Tests of the start itself, and of kills, run `python -m orchestration.cli`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = (
    "dagster", "dagster_dbt", "dbt.cli.main", "dbt.adapters.duckdb", "pandas", "pyarrow", "rich.console", "scipy.stats",
    "skops.io", "sklearn.ensemble", "sklearn.linear_model", "typer",
)  # fmt: skip


def serve() -> None:
    """Fork a child for each request of the standard input, a line of JSON each; answer with its return code."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print while they are imported is no answer
    for name in LIBRARIES:
        importlib.import_module(name)
    assert not any(name.partition(".")[0] in ("orchestration", "models_ml") for name in sys.modules)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            become(request)
        print(json.dumps(ended(child, time.monotonic() + request["timeout"])), file=answers, flush=True)


def ended(child: int, deadline: float) -> int | None:
    """Return code of a child, as `subprocess` has it; None where it was killed because its time was over."""
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def become(request: dict[str, Any]) -> NoReturn:
    """Be the command: its environment, folder, arguments and outputs; never returns."""
    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        handle = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.path[0] = request["folder"]
    sys.argv = ["orchestration.cli", *request["arguments"]]
    code: Any = 1
    try:
        runpy.run_module("orchestration.cli", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - told as the interpreter would
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        os._exit(code)


@functools.cache
def server() -> subprocess.Popen[str]:
    """This process's own server; it ends when its input does."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.support.warm"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    atexit.register(stop, started)
    return started


def stop(process: subprocess.Popen[str]) -> None:
    """End a server."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait(timeout=30)


def regulars(arguments: tuple[str, ...], environment: dict[str, str], timeout: int) -> subprocess.CompletedProcess[str]:
    """Run `regulars` to its end, as `subprocess.run` with captured text does.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    process = server()
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        out.touch()
        err.touch()
        request = {
            "arguments": arguments, "environment": environment, "timeout": timeout, "folder": str(Path.cwd()),
            "out": str(out), "err": str(err),
        }  # fmt: skip
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        code = json.loads(process.stdout.readline())
        said = out.read_text(), err.read_text()
    command = ["regulars", *arguments]
    if code is None:
        raise subprocess.TimeoutExpired(command, timeout, *said)
    return subprocess.CompletedProcess(command, code, *said)


if __name__ == "__main__":
    serve()

"""Every error reaches the user as one line with a cure."""

from __future__ import annotations

import errno
import re
import sqlite3
import subprocess
import sys

import duckdb
import pytest

from orchestration.platform.errors import QualityStop, RegularsError, Stopped, in_plain_words
from orchestration.platform.paths import PROJECT
from orchestration.warehouse.dbt import BuildError, DbtResult, NodeResult, TestStop, failure


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/var/x"),
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("disk I/O error"),
        duckdb.IOException("IO Error: Could not write file: No space left on device\nmore"),
    ],
)
def test_a_full_disk(error: Exception) -> None:
    text = str(in_plain_words(error))
    assert text.startswith("the disk is full or failing: ")
    assert "REGULARS_HOME" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("error", "said", "cure"),
    [
        (OSError(errno.EFBIG, "File too large", "/var/x"), "a file would be larger than this process", "ulimit -f"),
        (duckdb.IOException("IO Error: Could not write file: File too large"), "a file would be larger", "ulimit -f"),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate 1 GiB"),
            "the memory is not",
            "memory_limit",
        ),
        (MemoryError(), "the memory is not enough: MemoryError", "Give the process more memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "the memory is not enough", "resources.threads"),
    ],
)
def test_a_limit_of_the_machine_is_told_by_what_it_is(error: Exception, said: str, cure: str) -> None:
    found = in_plain_words(error)
    assert found.message.startswith(said)
    assert cure in found.cure
    assert "Nobody foresaw" not in str(found)


def test_no_permission() -> None:
    text = str(in_plain_words(PermissionError(errno.EACCES, "Permission denied", "/var/x")))
    assert "/var/x" in text
    assert "Give this user permission" in text


def test_what_nobody_foresaw_says_how_to_report_it() -> None:
    assert "REGULARS_DEBUG=1" in str(in_plain_words(ZeroDivisionError("division by zero")))


def test_known_errors_pass_unchanged() -> None:
    stop = QualityStop("broken", "mend it")
    assert in_plain_words(stop) is stop
    assert str(RegularsError("two\nlines", "a  cure")) == "two lines. a cure"


def node(kind: str, status: str) -> NodeResult:
    return NodeResult(f"{kind}.regulars.x", kind, "x", status, 0.1, None, "because")


def test_a_failed_data_test_is_a_quality_stop_and_a_failed_model_is_not() -> None:
    stop = failure(DbtResult([node("model", "success"), node("test", "fail")]))
    assert isinstance(stop, TestStop)
    assert stop.exit_code == 3
    broken = failure(DbtResult([node("test", "fail"), node("model", "error")]))
    assert isinstance(broken, BuildError)
    assert broken.exit_code == 1
    assert "model x failed: because" in str(broken)


def test_a_warning_is_no_failure() -> None:
    assert DbtResult([node("test", "warn"), node("test", "pass")]).failed == []


# Ctrl-C as the named module is imported: from then on a command's own code runs, before then Python's alone.
INTERRUPTED = """
import sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
sys.argv = ["regulars", "source", "test", "--json"]
from orchestration.cli.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["orchestration.cli", "yaml", "orchestration.authoring.preview"])
def test_a_ctrl_c_at_any_moment_is_one_line_and_130(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(module=module)],
        capture_output=True, text=True, timeout=60, check=False, cwd=PROJECT,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "Error: stopped by Ctrl-C. Run it again to go on from what was committed\n"


def test_the_readme_names_every_exit_code() -> None:
    [line] = re.findall(r"Exit codes of `regulars`: ([^.]*)", (PROJECT / "README.md").read_text())
    codes = {kind.exit_code for kind in (RegularsError, *kinds_below(RegularsError))}
    assert {int(code) for code in re.findall(r"\d+", line)} == codes | {0}
    assert Stopped.exit_code in codes


def kinds_below(kind: type[RegularsError]) -> set[type[RegularsError]]:
    return {below for direct in kind.__subclasses__() for below in {direct} | kinds_below(direct)}

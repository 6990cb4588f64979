"""Errors that a user can act on. Each is one line: what, where, and the cure."""

from __future__ import annotations


class RegularsError(Exception):
    """Something failed that the user can mend; the published version is untouched.

    Args:
        message: what went wrong: file, table, key, value.
        cure: what to do about it, as an imperative sentence.
    """

    exit_code = 1

    def __init__(self, message: str, cure: str = "") -> None:
        self.message = " ".join(message.split())
        self.cure = " ".join(cure.split())
        super().__init__(f"{self.message}. {self.cure}" if self.cure else self.message)


class UsageError(RegularsError):
    """The command was called in a way that cannot work (exit code 2)."""

    exit_code = 2


class ConfigError(RegularsError):
    """A configuration file is wrong: says file, key, value and what was expected."""


class QualityStop(RegularsError):
    """A blocking data-quality check failed, so nothing was published (exit code 3)."""

    exit_code = 3


class Stopped(RegularsError):
    """The user stopped the command; what was committed stays (exit code 130, as shells have it)."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("stopped by Ctrl-C", "Run it again to go on from what was committed")


FULL = ("no space left", "disk is full", "disk quota exceeded", "disk i/o error")
TOO_LARGE = ("file too large",)  # than the process may write, whatever the disk has: ulimit -f
MEMORY = ("out of memory", "cannot allocate memory", "bad_alloc", "failed to allocate",
          "bad allocation", "memoryerror", "could not allocate")  # fmt: skip
REFUSED = ("permission denied", "read-only file system", "operation not permitted")


def limit_of(error: BaseException) -> tuple[str, str] | None:
    """Which limit of the machine an error says was met, and what helps; None where it is another kind of error."""
    text = str(error).lower()
    if isinstance(error, MemoryError) or any(part in text for part in MEMORY):
        return "the memory is not enough", (
            "Give the process more memory, lower resources.threads in company.yml, or close other programs; "
            "resources.memory_limit says how much of it may be used"
        )
    if any(part in text for part in TOO_LARGE):
        return (
            "a file would be larger than this process may write",
            "Raise the limit of file sizes: ulimit -f unlimited",
        )
    if any(part in text for part in FULL):
        return "the disk is full or failing", "Free space or set REGULARS_HOME to another disk"
    return None


# What a Ctrl-C is to Python, Dagster and DuckDB; told by name, so that none of them is imported for it.
INTERRUPTS = frozenset({"KeyboardInterrupt", "DagsterExecutionInterruptedError", "InterruptException"})


def is_interrupt(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is a Ctrl-C."""
    while error is not None:
        if type(error).__name__ in INTERRUPTS:
            return True
        error = error.__cause__ or error.__context__
    return False


def in_plain_words(error: BaseException) -> RegularsError:
    """Any error as one line with a cure; what the machine refuses is told apart from what nobody foresaw."""
    if is_interrupt(error):
        return error if isinstance(error, Stopped) else Stopped()
    if isinstance(error, RegularsError):
        return error
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    if limit := limit_of(error):
        return RegularsError(
            f"{limit[0]}: {text}", f"{limit[1]}, then run it again; the published version is untouched"
        )
    if any(part in text.lower() for part in REFUSED):
        return RegularsError(text, "Give this user permission there, or set REGULARS_HOME to a folder that is writable")
    return RegularsError(
        f"{type(error).__name__}: {text}",
        "Nobody foresaw this: set REGULARS_DEBUG=1 to see where it came from, and report it",
    )

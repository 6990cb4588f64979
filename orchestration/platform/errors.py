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
# A folder where a file should be, and the like.
WRONG_KIND = (IsADirectoryError, NotADirectoryError, FileExistsError)
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


def in_the_way(path: object, what: str) -> RegularsError:
    """The error of a path of the product's own where something else lies."""
    cure = "Move it away and run it again; what is lacking then is made again, or named with its cure"
    return RegularsError(f"{path}: {what}", cure)


def refused_by_system(error: OSError, path: object) -> RegularsError:
    """What the system would not do with a file, with the cure that fits.

    Args:
        error: as the system raised it.
        path: what to name where the error names nothing.
    """
    if isinstance(error, WRONG_KIND):
        return in_the_way(error.filename or path, (error.strerror or type(error).__name__).lower())
    limit = limit_of(error)
    cure = f"{limit[1]}, then run it again" if limit else "Check disk space and permission"
    return RegularsError(f"{error.filename or path}: {error.strerror or error}", cure)


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
    if isinstance(error, WRONG_KIND) and error.filename:
        return refused_by_system(error, error.filename)
    if any(part in text.lower() for part in REFUSED):
        return RegularsError(text, "Give this user permission there, or set REGULARS_HOME to a folder that is writable")
    return RegularsError(
        f"{type(error).__name__}: {text}",
        "Nobody foresaw this: set REGULARS_DEBUG=1 to see where it came from, and report it",
    )

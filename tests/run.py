"""Every check of the project, phase by phase, with the time of each. Called by `make test`.

Usage: python tests/run.py [PHASE ...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

# phase → (budget in seconds on two cores, commands)
PHASES: dict[str, tuple[int, list[list[str]]]] = {
    "lint": (
        60,
        [
            ["ruff", "check", "."],
            ["ruff", "format", "--check", "--quiet", "."],
            ["sqlfluff", "lint", "--disable-progress-bar", "dbt_project/models", "dbt_project/tests"],
            ["lint-imports", "--no-cache"],
        ],
    ),
    "types": (120, [["mypy"]]),
    "unit": (600, [["pytest", "-q", "-n", "2", "tests/unit"]]),
    "architecture": (150, [["pytest", "-q", "tests/architecture"]]),
    "integration": (
        720,
        [["pytest", "-q", "-n", "2", "--dist", "loadgroup", "--durations", "12", "tests/integration"]],
    ),
    "golden": (150, [["pytest", "-q", "tests/golden"]]),
}


def main(wanted: list[str]) -> int:
    """Run the phases in order; stop at the first that fails."""
    unknown = [name for name in wanted if name not in PHASES]
    if unknown:
        print(f"no phase {', '.join(unknown)}; phases: {', '.join(PHASES)}", file=sys.stderr)
        return 2
    times: dict[str, float] = {}
    failed = ""
    for name in wanted or PHASES:
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        for tool, *arguments in PHASES[name][1]:
            done = subprocess.run([str(BIN / tool), *arguments], cwd=ROOT, env=dict(os.environ), check=False)
            if done.returncode:
                failed = f"{name}: {tool} {' '.join(arguments)}"
                break
        times[name] = time.monotonic() - started
        if failed:
            break
    print("\nphase          seconds   budget")
    for name, seconds in times.items():
        over = "  over budget" if seconds > PHASES[name][0] else ""
        print(f"{name:<14} {seconds:>7.0f}  {PHASES[name][0]:>7}{over}")
    if failed:
        print(f"\nfailed in {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

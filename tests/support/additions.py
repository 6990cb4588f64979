"""A copy of the project that has grown by what the how-to pages print: blocks that name their own path are files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from orchestration.platform.paths import PROJECT

PARTS = ("orchestration", "models_ml", "data", "dbt_project", "dagster.yaml", "workspace.yaml", ".streamlit")
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.M | re.S)


def printed(page: str) -> dict[str, str]:
    """Files that a how-to page prints, by path."""
    found = dict(BLOCK.findall((PROJECT / "docs" / "how-to" / page).read_text(encoding="utf-8")))
    assert found, f"{page} prints no file: a block with title=…"
    return found


def run(root: Path, *arguments: str, **environment: str) -> str:
    """Run a Python module of the copy; its output.

    Raises:
        AssertionError: it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def grown(root: Path, pages: list[str]) -> Path:
    """Copy the project to a folder and put into it, as new files, what the pages print."""
    for part in PARTS:
        source, target = PROJECT / part, root / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("target", "__pycache__"))
        else:
            root.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for page in pages:
        for path, text in printed(page).items():
            assert not (root / path).exists(), f"{page}: {path} is no new file"
            (root / path).write_text(text, encoding="utf-8")
    run(root, "orchestration.warehouse.staging")
    return root

"""A copy of the project that has grown by what the how-to pages print: blocks that name their own path are files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from orchestration.platform.paths import PROJECT

PARTS = ("orchestration", "models_ml", "data", "dbt_project", "dagster.yaml", "workspace.yaml", ".streamlit")
BLOCK = re.compile(r'^( *)```\w+ title="([^"]+)"\n(.*?)^\1```$', re.M | re.S)


def printed(page: str) -> dict[str, str]:
    """Files that a how-to page prints, by path."""
    text = (PROJECT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    found = {path: textwrap.dedent(block) for _, path, block in BLOCK.findall(text)}
    assert found, f"{page} prints no file: a block with title=…"
    return found


def run(root: Path, *arguments: str, **environment: str) -> str:
    """Run a Python module of the copy; its output.

    Raises:
        AssertionError: it failed.
    """
    return python(root, "-m", *arguments, **environment)


def python(root: Path, *arguments: str, **environment: str) -> str:
    """Run Python in the copy; its output. As `run`."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def with_entries(text: str, addition: str) -> str:
    """A file of entries, one section, with those of a printed block: each in place of the one of its name, else at the
    section's end."""
    head, _, entries = addition.partition("\n")
    before, section, body = text.partition(f"{head}\n")
    assert section, f"no section {head}"
    for entry in re.split(r"^(?=  \w)", entries, flags=re.M)[1:]:
        name = entry.partition(":")[0]
        there = re.compile(rf"^{name}:.*\n(?:    .*\n)*", re.M)
        body = there.sub(lambda _, entry=entry: entry, body) if there.search(body) else body + entry
    return before + section + body


def grown(root: Path, pages: list[str]) -> Path:
    """Copy the project to a folder and put into it what the pages print: new files, and entries of the dictionaries."""
    for part in PARTS:
        source, target = PROJECT / part, root / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("target", "__pycache__"))
        else:
            root.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for page in pages:
        for path, text in printed(page).items():
            target, whole = root / path, text
            target.parent.mkdir(exist_ok=True)
            if path.startswith("data/kpi/"):
                whole = with_entries(target.read_text(encoding="utf-8"), text)
            else:
                assert not target.exists(), f"{page}: {path} is no new file"
            target.write_text(whole, encoding="utf-8")
    for generator in ("orchestration.warehouse.staging", "orchestration.scoring.dbt_files"):  # of `make reference`
        run(root, generator)
    return root

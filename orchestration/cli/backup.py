"""Commands backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, as_called, escape, out
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.clock import utc_now


def backup(
    file: Annotated[Path, typer.Argument(help="Archive to write (.tar).", dir_okay=False)],
    company: CompanyOption = DEFAULT_COMPANY,
) -> None:
    """Write lake, state and pseudonym key to one archive that only its owner can read.

    Everything else is made from them. A key given by REGULARS_PSEUDONYM_KEY is not in it: keep that one yourself.
    """
    from orchestration.platform.custody import in_charge
    from orchestration.serving.backup import backup as write

    config = load_company(company, need_env=False)
    now = utc_now().isoformat()
    with in_charge(config.paths):
        contents = write(config, file, now)
    out.print(f"{len(contents['files'])} files, {contents['bytes'] / 1e6:.1f} MB in {escape(str(file))}")


def restore(
    file: Annotated[Path, typer.Argument(help="Archive of: regulars backup.", exists=True, dir_okay=False)],
    company: CompanyOption = DEFAULT_COMPANY,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of what the company has loaded.")] = False,
) -> None:
    """Put a backup back, after checking it whole. Then run: regulars refresh --full."""
    from orchestration.platform.custody import in_charge
    from orchestration.serving.backup import restore as put_back

    config = load_company(company, need_env=False)
    with in_charge(config.paths):
        contents = put_back(config, file, replace)
    when = contents["created_at"][:19].replace("T", " ")
    said = f"{len(contents['files'])} files of {when} are back. To build and publish: regulars refresh --full"
    out.print(escape(as_called(said)))


COMMANDS = (
    Command(backup, Panel.VERSIONS, 50),
    Command(restore, Panel.VERSIONS, 60),
)

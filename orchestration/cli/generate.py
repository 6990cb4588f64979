"""The command that makes the demo company's source systems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.cli.console import JsonOption, escape, out
from orchestration.platform.errors import UsageError


def generate(
    company: Annotated[
        str, typer.Argument(help="The company to make; there is one: telecom_retail.")
    ] = "telecom_retail",
    customers: Annotated[int, typer.Option(help="People and organisations.", min=10, max=10_000_000)] = 10_000,
    days: Annotated[int, typer.Option(help="Days from 1 January 2024.", min=1, max=3_650)] = 730,
    seed: Annotated[int, typer.Option(help="Another seed is another company.", min=0)] = 1,
    folder: Annotated[
        Path, typer.Option("--out", help="Folder to write; more --days add the days that it lacks.", file_okay=False)
    ] = Path("telecom_retail_data"),
    form: Annotated[
        Literal["mixed", "parquet"],
        typer.Option("--format", help="mixed: each system as it keeps its data. parquet: large companies, faster."),
    ] = "mixed",
    as_json: JsonOption = False,
) -> None:
    """Make a company with every subject: eleven source systems, their dirt, and the truth about them."""
    from orchestration.generator.run import COMPANY, MANIFEST, generate

    if company != COMPANY:
        raise UsageError(f"no company '{company}' can be generated", f"Known: {COMPANY}")
    said = (lambda _: None) if as_json else (lambda text: out.print(f"[dim]{escape(text)}[/]"))
    done, seconds = generate(folder, customers, days, seed, form, said)
    rows = sum(done.rows.values())
    if as_json:
        print(json.dumps(done.model_dump() | {"seconds": round(seconds, 1), "out": str(folder)}))
        return
    if not rows:
        out.print(f"{escape(str(folder))} holds these {days} days already ({MANIFEST}); nothing was written.")
    else:
        out.print(f"Wrote {rows:,} rows of {len(done.rows)} tables in {seconds:.1f} s to {escape(str(folder))}")
    settings = f"export TELECOM_RETAIL_DATA={folder.absolute()}"
    if form == "parquet":
        settings += f" REGULARS_COMPANIES={folder.absolute() / 'companies'}"
    out.print(f"\nNext: {escape(settings)}\n      regulars refresh --company {COMPANY}")

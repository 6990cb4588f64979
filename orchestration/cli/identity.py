"""Commands on identity: explain, review export, review import."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, JsonOption, as_called, escape, out, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.clock import utc_now

review_app = typer.Typer(help="Pairs of records that may be one customer: a work list, and decisions on it.",
                         no_args_is_help=True)  # fmt: skip


def explain(
    left: Annotated[str, typer.Argument(help="A record as SYSTEM:ID, or a customer_key.")],
    right: Annotated[str | None, typer.Argument(help="Another record as SYSTEM:ID: why they are one customer.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
    as_json: JsonOption = False,
) -> None:
    """Say why records are one customer: all records of a customer, or what two records are weighed by."""
    from orchestration.identity.explain import explain_pair, moves_of, parse_record, records_of
    from orchestration.landing.lake import Lake
    from orchestration.warehouse.connections import locked_warehouse

    config = load_company(company, need_env=False)
    with locked_warehouse(config) as con:
        if right is None:
            rows = records_of(con, left)
            moves = moves_of(con, rows[0]["customer_key"])
            if as_json:
                print(json.dumps({"records": rows, "events": moves}, default=str, indent=1))
                return
            out.print(f"Customer [bold]{rows[0]['customer_key']}[/], {len(rows)} record(s)")
            show([{k: v for k, v in row.items() if k != "customer_key"} for row in rows], False, "")
            if moves:
                out.print("\nMerges and splits")
                show(moves, False, "")
            return
        found = explain_pair(con, Lake(config.paths.lake), parse_record(left), parse_record(right))
    if as_json:
        print(json.dumps(found, default=str, indent=1))
        return
    out.print(f"{escape(found['left'])} and {escape(found['right'])}: [bold]{found['verdict']}[/]")
    if found["comparisons"]:
        out.print(f"weight {found['weight']:.2f}, probability {found['probability']:.4f}; before any comparison "
                  f"{found['prior']:.2f}\n")  # fmt: skip
        show(found["comparisons"], False, "")


@review_app.command("export")
def review_export(
    file: Annotated[Path, typer.Argument(help="File to write, .csv or .xlsx.", dir_okay=False)],
    company: CompanyOption = DEFAULT_COMPANY,
    limit: Annotated[int, typer.Option(help="Most pairs; 0 is all.", min=0)] = 200,
) -> None:
    """Write the pairs to decide on, side by side; those that a decision gains most come first.

    The file shows clear personal data. Fill the column decision with same, different or withdrawn, and give the file
    to: regulars review import.
    """
    from orchestration.identity.review import work_list, write_list
    from orchestration.warehouse.connections import locked_warehouse

    config = load_company(company, need_env=False)
    with locked_warehouse(config) as con:
        rows = work_list(con, limit)
    write_list(rows, file)
    file.chmod(0o600)
    out.print(f"{len(rows)} pair(s) in {escape(str(file))}")


@review_app.command("import")
def review_import(
    file: Annotated[Path, typer.Argument(help="The work list with decisions.", exists=True, dir_okay=False)],
    company: CompanyOption = DEFAULT_COMPANY,
    by: Annotated[str | None, typer.Option(help="Who decided; default: the user of this machine.")] = None,
) -> None:
    """Take decisions in. They are kept for ever and take effect at the next refresh; withdrawn takes one back."""
    from orchestration.identity.review import read_decisions
    from orchestration.run.refresh import open_session

    config = load_company(company, need_env=False)
    found = read_decisions(file, by or getpass.getuser(), utc_now())
    if not found.num_rows:
        out.print("No row holds a decision; nothing was kept.")
        return
    with open_session(config, "review import") as session:
        session.decide(found)
    out.print(as_called(f"{found.num_rows} decision(s) kept. To apply them: regulars refresh"))


COMMANDS = (
    Command(explain, Panel.CUSTOMERS, 10),
    Command(review_app, Panel.CUSTOMERS, 20, name="review"),
)

"""Commands forget and access-report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, JsonOption, Progress, as_called, escape, out, run_refresh, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.clock import utc_now
from orchestration.platform.errors import RegularsError, UsageError

KeyArgument = Annotated[str, typer.Argument(help="A customer_key, or a record of the person as SYSTEM:ID.")]


def forget(
    key: KeyArgument,
    company: CompanyOption = DEFAULT_COMPANY,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase one person everywhere: lake, warehouse, published versions, scores, logs; and search for what is left.

    Orders stay as anonymous ones. The person's ids and values go on a sealed suppression list, so that neither the next
    load nor a restored backup brings them back. It cannot be undone. Exit code 1 where the search finds something.
    """
    from orchestration.privacy.person import find_person
    from orchestration.run.refresh import open_session
    from orchestration.warehouse.connections import locked_warehouse

    config = load_company(company)
    with locked_warehouse(config, "regulars forget") as con:
        person = find_person(con, config, key)
    records = ", ".join(f"{system}:{customer_id}" for system, customer_id in person.ids)
    if not as_json:
        out.print(
            f"Customer [bold]{person.customer_key}[/]: {len(person.ids)} record(s), {escape(records)}; "
            f"{len(person.values)} text(s) that nobody else has, {person.shared} that others have, too"
        )
        if person.birth_dates > 1:
            out.print(
                f"[yellow]Mind:[/] the records give {person.birth_dates} birth dates. Are they one person? "
                + as_called(f"See: regulars explain {escape(key)}; two are parted by: regulars review import")
            )
    if not yes:
        if as_json:
            raise UsageError("forget asks before it erases", "With --json add --yes")
        typer.confirm("Erase this person for ever?", abort=True)
    with open_session(config, "forget", (Progress(as_json),)) as session:
        tally = session.forget(person)
        run_refresh(session, as_json)
    texts, found = session.proved, session.proof
    if found is None:
        raise RegularsError("nothing was published, so nothing is proved yet", "Run: regulars refresh, which ends it")
    left: list[dict[str, Any]] = [
        {"file": str(hit.path.relative_to(config.paths.root)), "place": hit.place,
         "text": texts[hit.number] if hit.number >= 0 else None}
        for hit in found.hits
    ]  # fmt: skip
    erased = [{"table": name} | vars(e) for name, e in sorted(tally.tables.items())]
    if as_json:
        result: dict[str, Any] = {
            "status": "left" if left else "forgotten",
            "version": session.published,
            "erased": erased,
        }
        result |= {"searched_files": found.files, "searched_texts": len(texts), "left": left}
        print(json.dumps(result, indent=1))
    else:
        show(erased, False, "Nothing of the lake named this person.")
        out.print(
            f"\nPublished version [bold]{session.published}[/]; older versions are deleted.\n"
            f"Searched {found.files} files for {len(texts)} texts: {len(left)} found.\n"
            "The source systems still hold this person: delete there, too. Loads leave the person out from now on; "
            "backups made before are cleaned when they are restored."
        )
    if left:
        if not as_json:
            show(left, False, "")
        raise RegularsError(
            f"{len(left)} place(s) still hold a text of the person, or cannot be read",
            "See the list above; remove them",
        )


def access_report(
    key: KeyArgument,
    file: Annotated[Path, typer.Argument(help="File to write (.json), readable by you only.", dir_okay=False)],
    company: CompanyOption = DEFAULT_COMPANY,
) -> None:
    """Write everything that is held of one person: as received, as understood, as published."""
    from orchestration.landing.lake import Lake
    from orchestration.privacy.person import find_person
    from orchestration.privacy.report import access_report as make
    from orchestration.serving.publish import current_file
    from orchestration.warehouse.connections import locked_warehouse

    config = load_company(company, need_env=False)
    published = current_file(config.paths)
    with locked_warehouse(config, "regulars access-report") as con:
        person = find_person(con, config, key)
        report = make(con, config, Lake(config.paths.lake), person, published, utc_now())
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            json.dump(report, target, indent=1, default=str, ensure_ascii=False)
        file.chmod(0o600)
    except OSError as error:
        raise RegularsError(f"{file}: {error.strerror}", "Give a file in a folder that you can write to") from error
    rows = {part: sum(len(rows) for rows in report[part].values())
            for part in ("as_received", "as_understood", "as_published")}  # fmt: skip
    out.print(
        f"Customer [bold]{person.customer_key}[/]: {rows['as_received']} rows as received, "
        f"{rows['as_understood']} as understood, {rows['as_published']} as published, in {escape(str(file))}"
    )


COMMANDS = (
    Command(access_report, Panel.CUSTOMERS, 30),
    Command(forget, Panel.CUSTOMERS, 40),
)

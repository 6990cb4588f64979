"""Commands on published versions: versions, rollback, publish."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestration.cli.command import Command, Panel
from orchestration.cli.console import CompanyOption, JsonOption, as_called, out, show
from orchestration.config.company import DEFAULT_COMPANY, load_company
from orchestration.platform.errors import UsageError


def versions(company: CompanyOption = DEFAULT_COMPANY, as_json: JsonOption = False) -> None:
    """List the published versions that are kept."""
    from orchestration.serving.publish import versions as published_versions

    config = load_company(company, need_env=False)
    rows = [
        {
            "version": v.name,
            "current": "yes" if v.is_current else "",
            "built_at": v.built_at,
            "as_of": v.as_of,
            "megabytes": round(v.bytes / 1e6, 1),
        }
        for v in published_versions(config.paths)
    ]
    show(rows, as_json, as_called("Nothing is published yet; run: regulars refresh"))


def rollback(
    version: Annotated[str | None, typer.Argument(help="Default: the version before the current one.")] = None,
    company: CompanyOption = DEFAULT_COMPANY,
) -> None:
    """Let readers see an older version; the next refresh with something new publishes again."""
    from orchestration.platform.custody import in_charge
    from orchestration.privacy.erasure import refuse_pending
    from orchestration.serving.publish import rollback as roll_back

    config = load_company(company, need_env=False)
    if not config.paths.versions.exists():
        raise UsageError(f"nothing is published in {config.paths.published}", "Run: regulars refresh")
    with in_charge(config.paths):
        refuse_pending(config)
        out.print(f"Readers now see version [bold]{roll_back(config.paths, version)}[/].")


def publish(company: CompanyOption = DEFAULT_COMPANY) -> None:
    """Publish what was built last, for instance after a rollback."""
    from orchestration.platform.custody import in_charge
    from orchestration.privacy.erasure import refuse_pending
    from orchestration.serving.contacts import write_contacts
    from orchestration.serving.publish import publish as publish_built
    from orchestration.warehouse import dbt

    config = load_company(company)
    dbt.ensure_manifest()
    with in_charge(config.paths):
        refuse_pending(config)
        out.print(f"Readers now see version [bold]{publish_built(config, dbt.public_tables(), write_contacts)}[/].")


COMMANDS = (
    Command(versions, Panel.VERSIONS, 10),
    Command(rollback, Panel.VERSIONS, 20),
    Command(publish, Panel.VERSIONS, 30),
)

"""Where things are: the project's files, and one company's runtime state."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
CONTRACTS = PROJECT / "data" / "contracts"
DBT_PROJECT = PROJECT / "dbt_project"


def home() -> Path:
    """Folder of the runtime state: `REGULARS_HOME`, else `var/` in the project."""
    return Path(os.environ.get("REGULARS_HOME") or PROJECT / "var").expanduser().absolute()


def companies_folder() -> Path:
    """Folder of the company configurations: `REGULARS_COMPANIES`, else `data/companies/`."""
    return Path(os.environ.get("REGULARS_COMPANIES") or PROJECT / "data" / "companies").expanduser().absolute()


@dataclass(frozen=True)
class CompanyPaths:
    """Runtime state of one company, below `home()/<company>`."""

    root: Path

    @classmethod
    def of(cls, company: str) -> CompanyPaths:
        """Paths of the company by name."""
        return cls(home() / company)

    def as_of(self, day: dt.date) -> CompanyPaths:
        """Databases of a build as of a past day, beside the company's own."""
        return CompanyPaths(self.root / "as_of" / day.isoformat())

    def make_root(self) -> None:
        """Make the company's folder: others may pass through to what is published, and see nothing else. A folder that
        is there keeps the mode that the company chose."""
        for folder in (self.root.parent, self.root):
            if not folder.exists():
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o711)

    @property
    def aside(self) -> Path:
        """What was damaged and may still be of use: loads of the lake, state; nothing reads it."""
        return self.root / "set-aside"

    @property
    def lake(self) -> Path:
        """Immutable raw loads."""
        return self.root / "lake"

    @property
    def state(self) -> Path:
        """SQLite: run journal, source fingerprints, audits."""
        return self.root / "state.sqlite"

    @property
    def lock(self) -> Path:
        """Advisory lock: one refresh at a time."""
        return self.root / "refresh.lock"

    @property
    def warehouse(self) -> Path:
        """DuckDB file of input, quarantine, identity, staging and intermediate models."""
        return self.root / "warehouse.duckdb"

    @property
    def serve(self) -> Path:
        """DuckDB file of core and marts; what publishing copies."""
        return self.root / "serve.duckdb"

    @property
    def published(self) -> Path:
        """Published versions and the `current` link."""
        return self.root / "published"

    @property
    def versions(self) -> Path:
        """One folder per published version."""
        return self.published / "versions"

    @property
    def current(self) -> Path:
        """Link to the folder of the version that readers see."""
        return self.published / "current"

    @property
    def current_database(self) -> Path:
        """The database that readers open."""
        return self.current / "regulars.duckdb"

    @property
    def translation(self) -> Path:
        """Old and new customer keys of the last change of the pseudonym key (decision 0032)."""
        return self.root / "rekeyed.parquet"

    @property
    def models(self) -> Path:
        """Model cards."""
        return self.root / "models"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME."""
        return self.root / "dagster"

    @property
    def dbt(self) -> Path:
        """dbt's target folder: compiled SQL, run results."""
        return self.root / "dbt"

    @property
    def logs(self) -> Path:
        """JSON logs, one file per run."""
        return self.root / "logs"

    @property
    def temp(self) -> Path:
        """Spill files of DuckDB and all other scratch; emptied by the next command after a kill."""
        return self.root / "tmp"

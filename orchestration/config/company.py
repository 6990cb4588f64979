"""A company's configuration: `company.yml`, `sources/*.yml` and seeds, validated as a whole."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from models_ml.common.declare import Block
from orchestration.config.contracts import NAME, Contract, Quality, Years, load_contracts
from orchestration.config.dictionary.survivorship import Rules, survivorship
from orchestration.config.matrix import Matrix
from orchestration.config.questions import CURE, where_asked
from orchestration.connectors.base import Settings, System, TableAt
from orchestration.connectors.numbers import as_written
from orchestration.connectors.registry import AnySettings
from orchestration.platform.errors import ConfigError, UsageError
from orchestration.platform.paths import CompanyPaths, companies_folder
from orchestration.platform.yaml_model import Strict, display, read_yaml
from orchestration.scoring.registry import scores

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
DEFAULT_COMPANY = "complete_journey"
NO_VALUE = ("null", "''")  # expressions of a map that give nothing


def check_timezone(value: str) -> str:
    """An IANA time zone name, as DuckDB and Python both know it."""
    if value not in zoneinfo.available_timezones():
        raise ValueError("an IANA time zone such as Europe/Berlin or UTC")
    return value


class Lifecycle(Strict):
    """Windows of the life-cycle states, in days since the last purchase."""

    new_days: int = Field(default=45, ge=1, description="the only purchase this many days ago or less: new")
    at_risk_after_days: int = Field(default=45, ge=1, description="no purchase for longer: at risk")
    lost_after_days: int = Field(default=90, ge=2, description="no purchase for longer: lost")

    @model_validator(mode="after")
    def check(self) -> Lifecycle:
        """A customer is at risk before being lost."""
        if self.lost_after_days <= self.at_risk_after_days:
            raise ValueError("lost_after_days greater than at_risk_after_days")
        return self


class Publish(Strict):
    """What is kept of published versions."""

    keep: int = Field(default=5, ge=1, description="published versions kept for rollback")


class Resources(Strict):
    """Limits of the machine that a refresh may use."""

    memory_limit: str = Field(default="40%", pattern=r"^\d+(\.\d+)?\s*(%|[KMGT]i?B)$")
    threads: int | None = Field(default=None, ge=1, description="default: one per core")
    disk_headroom: str = Field(default="1GB", pattern=r"^\d+(\.\d+)?\s*[MGT]B$")

    @property
    def disk_headroom_bytes(self) -> int:
        """Free bytes that must remain before a refresh starts."""
        unit = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
        return int(float(self.disk_headroom[:-2]) * unit[self.disk_headroom[-2:]])


class Retention(Strict):
    """How long what runs leave behind is kept. The lake is the memory and is kept whole."""

    logs_days: int = Field(default=90, ge=1, description="JSON run logs")
    dagster_days: int = Field(default=90, ge=1, description="runs and events in Dagster's own store")
    as_of_days: int = Field(default=30, ge=1, description="builds as of a past day")


class Identity(Strict):
    """How several records of one customer become one."""

    source_priority: tuple[str, ...] = Field(
        default=(), description="source systems, the most trusted first; those not named come after them"
    )
    survivorship: dict[str, Rules] = Field(
        default_factory=dict,
        description="field group → rules in order, of which the first that tells two records apart decides; the fields "
        "of a group are taken from one record together",
    )

    @field_validator("survivorship")
    @classmethod
    def groups(cls, value: dict[str, Rules]) -> dict[str, Rules]:
        """Known groups, one to three rules each."""
        known = survivorship().groups
        for group, rules in value.items():
            if group not in known or not 1 <= len(rules) <= 3:
                raise ValueError(f"one of {', '.join(known)}, each with one to three rules")
        return value

    @property
    def rules(self) -> dict[str, Rules]:
        """The rules of every field group."""
        return survivorship().rules(self.survivorship)


class Privacy(Strict):
    """What published tables may show."""

    clear_keys: bool = Field(default=False, description="publish the sources' own customer ids unhashed")
    free_text: Literal["masked", "left_out", "clear"] = Field(
        default="masked", description="what published text that may speak of a person says (reasons, topics, summaries)"
    )
    attributes: tuple[str, ...] = Field(
        default=(), description="keys of customers' further attributes that are published; others are left out"
    )
    never_masked: tuple[str, ...] = Field(
        default=(), description="texts that name things although a person is called the same, such as brands"
    )


Bounds = tuple[float, float, float, float]


class Rfm(Strict):
    """Fixed bounds of the scores 5, 4, 3 and 2 of recency, frequency and monetary value; who earns none has 1."""

    recency: Bounds = Field(default=(30, 60, 90, 180), description="days since the last purchase, at most")
    frequency: Bounds = Field(default=(20, 10, 5, 2), description="orders, at least")
    monetary: Bounds = Field(default=(2000, 1000, 500, 100), description="company currency, at least")

    @model_validator(mode="after")
    def check(self) -> Rfm:
        """A higher score asks for more."""
        if list(self.recency) != sorted(set(self.recency)):
            raise ValueError("recency: four bounds, each greater than the one before")
        for name in ("frequency", "monetary"):
            if list(getattr(self, name)) != sorted(set(getattr(self, name)), reverse=True):
                raise ValueError(f"{name}: four bounds, each less than the one before")
        return self

    def thresholds(self) -> list[tuple[str, int, float]]:
        """(measure, score, bound) of every bound."""
        return [
            (name, 5 - place, bound)
            for name in ("recency", "frequency", "monetary")
            for place, bound in enumerate(getattr(self, name))
        ]


class Channel(Strict):
    """Preferred channels."""

    min_contacts: int = Field(
        default=10, ge=1, description="orders and contacts of a customer's own accord from which a channel is preferred"
    )


class Credit(Strict):
    """Who is a credit risk, beside those with invoices long overdue."""

    risky_grades: tuple[str, ...] = Field(default=("D", "E", "F"), description="credit grades that say so")
    risky_score_below: float | None = Field(
        default=None, description="credit score below which a customer is one; default: scores say nothing"
    )
    risky_score_above: float | None = Field(
        default=None, description="credit score above which a customer is one, where a high score is a bad one"
    )

    @field_validator("risky_grades")
    @classmethod
    def plain(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Grades are compared in upper case."""
        if any("|" in grade or not grade.strip() for grade in value):
            raise ValueError("grades such as D, without |")
        return tuple(grade.strip().upper() for grade in value)


class Refunds(Strict):
    """Which records lower sales beside credit notes and lines of goods taken back, which always do (decision 0028)."""

    returns: bool = Field(default=True, description="product returns")
    payments: bool = Field(default=True, description="payments below zero, as far as no return or credit note says so")


class CompanyBase(Strict):
    """`company.yml`, but for the scores' own blocks."""

    name: str
    title: str
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")
    timezone: str
    week_start: Weekday = "monday"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    business_day_cut: str = Field(
        default="00:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
        description="local time at which a business day ends",
    )
    lifecycle: Lifecycle = Lifecycle()
    matrix: Matrix = Matrix()
    fresh_within_hours: int = Field(
        default=48, ge=1, description="age at which Dagster calls a load or the publication stale; it warns at half"
    )
    publish: Publish = Publish()
    retention: Retention = Retention()
    resources: Resources = Resources()
    exchange_rate_max_age_days: int = Field(
        default=7, ge=0, description="days for which an exchange rate holds where none is known for the day itself"
    )
    refunds: Refunds = Refunds()
    rfm: Rfm = Rfm()
    channel: Channel = Channel()
    credit: Credit = Credit()
    privacy: Privacy = Privacy()
    identity: Identity = Identity()
    phone_country: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{2}$",
        description="ISO 3166 code of the country that local telephone numbers are dialled in; default: only "
        "international numbers are understood",
    )
    years: dict[str, dict[str, Years]] = Field(
        default_factory=dict, description="input entity → column → least and greatest plausible year; see sources"
    )
    terms: str = Field(default="", description="terms of the data, printed after a demo run")

    check_timezone = field_validator("timezone")(check_timezone)

    def block(self, score: str) -> Block:
        """A score's settings; its defaults where the company sets none."""
        found: Block = getattr(self, score)
        return found

    @property
    def week_start_iso(self) -> int:
        """ISO number of the first day of the week: Monday is 1, Sunday 7."""
        return WEEKDAYS.index(self.week_start) + 1

    @property
    def business_day_cut_minutes(self) -> int:
        """Minutes after local midnight at which a business day ends."""
        hours, minutes = self.business_day_cut.split(":")
        return int(hours) * 60 + int(minutes)


def score_blocks() -> dict[str, Any]:
    """A field of `company.yml` for each score.

    Raises:
        ConfigError: a score is called like another key.
    """
    if taken := set(scores()) & set(CompanyBase.model_fields):
        raise ConfigError(f"scores {', '.join(sorted(taken))}: expected: names that are no other key of company.yml")
    return {name: (score.settings, score.settings()) for name, score in scores().items()}


if TYPE_CHECKING:

    class Company(CompanyBase):
        """`company.yml`: `block` gives the scores' own settings."""
else:
    Company = create_model("Company", __base__=CompanyBase, **score_blocks())


SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Load(Strict):
    """How a table is loaded.

    full: each changed state of the table is landed whole, as a new load. incremental: rows from the greatest
    value of a cursor column on, less a lag for rows that arrive late. files: files whose content is new.
    """

    mode: Literal["full", "incremental", "files"] = "full"
    cursor: str | None = Field(default=None, description="column that grows with time: a time stamp, date or number")
    lag: str = Field(
        default="0",
        pattern=r"^\d+[smhdw]?$",
        description="how far back each load reads again: 2d, 6h; a bare number for a cursor that is a number",
    )

    @property
    def lag_amount(self) -> int:
        """The lag in seconds, or in the cursor's own unit where it has none."""
        return int(self.lag.rstrip("smhdw")) * SECONDS.get(self.lag[-1], 1)

    @model_validator(mode="after")
    def check(self) -> Load:
        """A cursor goes with mode incremental, and only with it."""
        if (self.mode == "incremental") != (self.cursor is not None):
            raise ValueError("a cursor, with mode incremental and with no other mode")
        if self.mode != "incremental" and self.lag_amount:
            raise ValueError("a lag only with mode incremental")
        return self


DIRECTIVE = re.compile("%-?.?", re.DOTALL)
KNOWN_DIRECTIVE = re.compile("%(-?[djmyHIMS]|[abcfghnpuwxzABGTUVWXYZ%])")

DriftPolicy = Literal["evolve", "freeze", "discard"]


class SourceTable(Strict):
    """One table of a source system."""

    path: str | None = Field(
        default=None, description="file or glob below the connector's path, or the table's name in a database"
    )
    format: dict[str, Any] = Field(
        default_factory=dict, description="settings of the connector's kind that differ for this table"
    )
    load: Load = Load()
    key: tuple[str, ...] = Field(default=(), description="columns that name a row; of several loads the newest counts")
    overlap: tuple[str, ...] | None = Field(
        default=None,
        description="columns that name an order in files that overlap: a later file that holds all lines of an order "
        "replaces them; [] where every row counts; default: what the map makes its order id of",
    )
    deletes: bool = Field(
        default=False,
        description="rows whose key is gone from the source are ended; each load then reads all keys",
    )
    drift: DriftPolicy | None = Field(default=None, description="default: the system's")
    customer_columns: tuple[str, ...] = Field(
        default=(), description="columns with a customer's id that no map reads: an erasure finds a person by them, too"
    )
    may_lack: tuple[str, ...] = Field(
        default=(),
        description="mapped columns that a file need not have, and is then empty in: keys that JSON leaves out, "
        "columns that came later; any other is refused where a file lacks it",
    )
    optional: bool = Field(
        default=False, description="loaded only once asked for: regulars refresh --include SYSTEM.TABLE"
    )

    @model_validator(mode="after")
    def check(self) -> SourceTable:
        """What is gone is told by keys, of a table that is all there."""
        if self.deletes and (not self.key or self.load.mode == "files"):
            raise ValueError("deletes with a key, and with load mode full or incremental")
        if self.overlap and (self.key or self.load.mode == "incremental"):
            raise ValueError("overlap without a key, and with load mode full or files")
        return self


class Formats(Strict):
    """How a source writes numbers and dates as text; what is not written so goes to quarantine."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = Field(default="", description="mark between groups of three digits")
    grouping: Literal["thousands", "lakhs"] = Field(
        default="thousands",
        description="where the mark stands: thousands in 1,234,567.50; lakhs, as in India, in 12,34,567.50",
    )
    date: tuple[str, ...] = Field(default=(), description="strptime formats of dates; default: ISO")
    timestamp: tuple[str, ...] = Field(default=(), description="strptime formats of time stamps; default: ISO")

    @field_validator("date", "timestamp")
    @classmethod
    def directives(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """DuckDB's strptime directives, a year among them: without one every date would be of 1900."""
        for pattern in value:
            unknown = [sign for sign in DIRECTIVE.findall(pattern) if not KNOWN_DIRECTIVE.fullmatch(sign)]
            if unknown:
                raise ValueError(f"strptime directives such as %d.%m.%Y; {unknown[0]} is none")
            if not re.search("%-?[YyGcx]", pattern):
                raise ValueError(f"formats with a year, such as %d.%m.%Y, not '{pattern}'")
        return value

    @model_validator(mode="after")
    def check(self) -> Formats:
        """The two marks differ."""
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands two different marks")
        return self


class Map(Strict):
    """How a system's raw tables fill one input entity."""

    source: str = Field(alias="from", min_length=1, description="a table, or a SQL query over the raw tables")
    columns: dict[str, str] = Field(min_length=1, description="input column → DuckDB SQL expression")
    where: str | None = Field(default=None, description="rows kept; the others are counted as filtered")
    timezone: str | None = Field(default=None, description="zone of this map's local times; default: system's")
    formats: Formats | None = Field(default=None, description="default: the system's")

    @field_validator("columns", mode="before")
    @classmethod
    def as_text(cls, value: object) -> object:
        """YAML reads a bare constant as a number or boolean; an expression is text."""
        if not isinstance(value, dict):
            return value
        return {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in value.items() if v is not None}

    @field_validator("timezone")
    @classmethod
    def zone(cls, value: str | None) -> str | None:
        """See `check_timezone`."""
        return check_timezone(value) if value else value


class Source(Strict):
    """`sources/<system>.yml`."""

    system: str
    title: str = ""
    timezone: str
    connector: AnySettings
    formats: Formats = Formats()
    customer_ids_of: str | None = Field(
        default=None, description="source system whose customer ids this one uses; default: its own"
    )
    one_record_per_customer: bool = Field(
        default=False,
        description="the system holds each customer once, so that two of its records are never matched",
    )
    drift: DriftPolicy = Field(
        default="evolve",
        description="what a changed set of columns does: evolve lands it, freeze refuses the load, "
        "discard leaves new columns out",
    )
    tables: dict[str, SourceTable] = Field(min_length=1)
    maps: dict[str, Map] = Field(default_factory=dict, description="input entity → map")
    quality: dict[str, Quality] = Field(
        default_factory=dict, description="input entity → bounds other than its contract's"
    )
    years: dict[str, dict[str, Years]] = Field(
        default_factory=dict,
        description="input entity → column → least and greatest plausible year, other than its contract's",
    )

    check_timezone = field_validator("timezone")(check_timezone)

    @field_validator("system")
    @classmethod
    def system_name(cls, value: str) -> str:
        """Snake case; a leading underscore is the product's own (`_regulars`)."""
        if not NAME.fullmatch(value):
            raise ValueError("a snake-case name such as web_shop")
        return value

    @field_validator("tables", mode="before")
    @classmethod
    def bare_tables(cls, value: object) -> object:
        """`transactions:` with nothing below means all defaults."""
        return {k: v if v is not None else {} for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("tables")
    @classmethod
    def table_names(cls, value: dict[str, SourceTable]) -> dict[str, SourceTable]:
        """Table names become folders and view names."""
        for name in value:
            if not NAME.fullmatch(name):
                raise ValueError(f"table name '{name}' in snake case")
        return value

    def drift_of(self, table: str) -> DriftPolicy:
        """What a changed set of columns of the table does."""
        return self.tables[table].drift or self.drift

    @model_validator(mode="after")
    def formats_of_tables(self) -> Source:
        """What a table sets is known to its kind; and a cursor needs a kind whose columns have types."""
        for name, table in self.tables.items():
            self.settings_of(name)
            if table.load.mode == "incremental" and not self.connector.has_cursor:
                raise ValueError(
                    f"tables.{name}.load.mode full or files: columns of kind {self.connector.kind} are text, "
                    "which a cursor cannot be compared by"
                )
            if table.load.mode == "files" and "path" not in type(self.connector).of_system:
                raise ValueError(f"tables.{name}.load.mode full or incremental: there are no files")
        return self

    def settings_of(self, table: str) -> Settings:
        """The connector's settings, with what the table sets otherwise."""
        own = self.tables[table].format
        if not own:
            return self.connector
        kind = type(self.connector)
        for key in own:
            if key in kind.of_system or key not in {f.alias or n for n, f in kind.model_fields.items()}:
                known = sorted({f.alias or n for n, f in kind.model_fields.items()} - set(kind.of_system))
                raise ValueError(f"tables.{table}.format of kind {self.connector.kind}: one of {', '.join(known)}")
        given = {name: getattr(self.connector, name) for name in kind.model_fields}
        aliases = {f.alias or n: n for n, f in kind.model_fields.items()}
        merged = {kind.model_fields[n].alias or n: v for n, v in given.items()} | own
        return kind.model_validate({key: merged[key] for key in aliases})

    def as_system(self) -> System:
        """The system as its connector sees it."""
        tables = {name: TableAt(table.path, self.settings_of(name)) for name, table in self.tables.items()}
        return System(self.system, self.connector, tables)

    def formats_of(self, entity: str) -> Formats:
        """How the map's text is read as numbers and dates."""
        return self.maps[entity].formats or self.formats

    def as_written(self, rows: str, columns: dict[str, str], formats: Formats) -> str:
        """SQL of landed rows of a table as maps see them: numbers and dates of typed cells in the source's formats."""
        if not self.connector.has_numbers:
            return rows
        day = next(iter(formats.date), None) if self.connector.has_dates else None
        moment = next(iter(formats.timestamp), None) if self.connector.has_dates else None
        return as_written(rows, columns, formats.decimal, day, moment)

    def timezone_of(self, entity: str) -> str:
        """Zone in which the map's local times are read."""
        return self.maps[entity].timezone or self.timezone


class CompanyConfig(Strict):
    """Everything about one company, validated together."""

    folder: Path
    company: Company
    sources: dict[str, Source]
    contracts: dict[str, Contract]

    @property
    def paths(self) -> CompanyPaths:
        """Its runtime state."""
        return CompanyPaths.of(self.company.name)

    def business_day_before(self, moment: dt.datetime) -> dt.date:
        """The last business day that had ended at the moment (UTC)."""
        local = moment.astimezone(zoneinfo.ZoneInfo(self.company.timezone))
        return (local - dt.timedelta(minutes=self.company.business_day_cut_minutes)).date() - dt.timedelta(days=1)

    def quality_of(self, system: str, entity: str) -> Quality:
        """Bounds of a system's rows of an entity: the contract's, with what the source sets."""
        own = self.sources[system].quality.get(entity)
        bounds = self.contracts[entity].quality
        given = {name: getattr(own, name) for name in own.model_fields_set} if own else {}
        if "stop" in given:  # one bound of its own does not do away with the others
            given["stop"] = bounds.stop | given["stop"]
        return bounds.model_copy(update=given)

    def years_of(self, system: str, entity: str) -> dict[str, tuple[int, int]]:
        """Plausible years that a source sets for columns of an entity, or else the company."""
        return self.company.years.get(entity, {}) | self.sources[system].years.get(entity, {})

    def fillers(self, entity: str, columns: Iterable[str]) -> list[str]:
        """Source systems whose map of an entity fills one of the columns, be it empty in every row."""
        return [
            name
            for name, source in self.sources.items()
            if entity in source.maps
            and any(source.maps[entity].columns.get(c, "null").strip().lower() not in NO_VALUE for c in columns)
        ]

    @property
    def has_unbounded_scores(self) -> bool:
        """Whether sources state credit scores, and nothing says which of them are a risk."""
        credit = self.company.credit
        is_bound = credit.risky_score_below is not None or credit.risky_score_above is not None
        return not is_bound and bool(self.fillers("customer", ["credit_score"]))

    def source_file(self, system: str) -> str:
        """The source's file as a user would type it."""
        return display(self.folder / "sources" / f"{system}.yml")


def company_names() -> list[str]:
    """Names of the configured companies."""
    return sorted(path.parent.name for path in companies_folder().glob("*/company.yml"))


def load_company(name: str, need_env: bool = True) -> CompanyConfig:
    """Read and validate a company's whole folder.

    Args:
        name: its folder's name.
        need_env: refuse environment variables that are not set; commands that read no source do without them.

    Raises:
        UsageError: there is no such company.
        ConfigError: a file is wrong; says file, key, value and what was expected.
    """
    folder = companies_folder() / name
    if not NAME.fullmatch(name) or not (folder / "company.yml").is_file():
        known = ", ".join(company_names()) or "none"
        raise UsageError(f"no company '{name}' in {display(companies_folder())}", f"Known companies: {known}")
    company = read_yaml(folder / "company.yml", Company)
    if company.name != name:
        raise ConfigError(
            f"{display(folder / 'company.yml')}: key 'name': value '{company.name}': expected: the folder's name"
        )
    contracts = load_contracts()
    check_years_set(display(folder / "company.yml"), company.years, contracts)
    sources: dict[str, Source] = {}
    for path in sorted((folder / "sources").glob("*.yml")):
        source = read_yaml(path, Source, env=True, need_env=need_env)
        if source.system != path.stem:
            raise ConfigError(
                f"{display(path)}: key 'system': value '{source.system}': expected: {path.stem}, the file's name"
            )
        check_maps(display(path), source, contracts)
        check_years_set(display(path), source.years, contracts)
        sources[source.system] = source
    if not sources:
        raise ConfigError(f"{display(folder / 'sources')}: holds no source", "Add sources/<system>.yml")
    for system in company.identity.source_priority:
        if system not in sources:
            raise ConfigError(
                f"{display(folder / 'company.yml')}: key 'identity.source_priority': value '{system}': expected: "
                f"one of {', '.join(sorted(sources))}"
            )
    for source in sources.values():
        check_customer_ids(display(folder / "sources" / f"{source.system}.yml"), source, sources)
    return CompanyConfig(folder=folder, company=company, sources=sources, contracts=contracts)


def check_customer_ids(name: str, source: Source, sources: dict[str, Source]) -> None:
    """A system that uses another's customer ids has no customers of its own, and the other is the ids' owner.

    Raises:
        ConfigError: says file, key, value and what was expected.
    """
    owner = source.customer_ids_of
    if owner is None:
        return
    owners = sorted(n for n, s in sources.items() if s.customer_ids_of is None and n != source.system)
    if owner not in owners:
        raise ConfigError(
            f"{name}: key 'customer_ids_of': value '{owner}': expected: another source system with customer ids of its "
            f"own, one of: {', '.join(owners) or 'none'}"
        )
    if "customer" in source.maps:
        raise ConfigError(
            f"{name}: key 'maps.customer': a source with customer_ids_of: {owner} has no customers of its own",
            "Leave the map out, or customer_ids_of: records of one person are joined by identity",
        )


def check_years_set(name: str, years: dict[str, dict[str, Years]], contracts: dict[str, Contract]) -> None:
    """Plausible years are set for columns that hold dates.

    Raises:
        ConfigError: says file, key and what was expected.
    """
    for entity, columns in years.items():
        if entity not in contracts:
            raise ConfigError(f"{name}: key 'years.{entity}': no such entity; expected one of: {', '.join(contracts)}")
        dates = [n for n, spec in contracts[entity].columns.items() if spec.type in ("date", "timestamp")]
        for column in columns:
            if column not in dates:
                raise ConfigError(
                    f"{name}: key 'years.{entity}.{column}': no date of {entity}; "
                    f"expected one of: {', '.join(dates) or 'none'}"
                )


def check_maps(name: str, source: Source, contracts: dict[str, Contract]) -> None:
    """Maps name known entities and columns, and give every required column.

    Raises:
        ConfigError: says file, key, value and what was expected.
    """
    for entity, quality in source.quality.items():
        if entity not in source.maps:
            raise ConfigError(
                f"{name}: key 'quality.{entity}': this source has no such map; "
                f"expected one of: {', '.join(source.maps) or 'none'}"
            )
        for column in (*quality.completeness, *quality.distinct):
            if entity in contracts and column not in contracts[entity].columns:
                raise ConfigError(f"{name}: key 'quality.{entity}': no column '{column}' of {entity}")
    for entity, mapping in source.maps.items():
        contract = contracts.get(entity)
        if contract is None:
            raise ConfigError(
                f"{name}: key 'maps.{entity}': no such entity; expected one of: {', '.join(sorted(contracts))}"
            )
        for column in mapping.columns:
            if column not in contract.columns:
                raise ConfigError(
                    f"{name}: key 'maps.{entity}.columns.{column}': no such column of {entity}; "
                    f"expected one of: {', '.join(contract.columns)}"
                )
        lacking = [c for c, spec in contract.columns.items() if spec.required and c not in mapping.columns]
        if lacking:
            asked = where_asked(name, entity, lacking)
            raise ConfigError(
                f"{name}: key 'maps.{entity}.columns': required column {', '.join(lacking)} is missing"
                + (f"; it is asked for in {asked}" if asked else ""),
                CURE if asked else "",
            )

"""One refresh: the lock, the two clocks, the journal, and the steps that the Dagster assets call."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pyarrow as pa

from orchestration.config.company import CompanyConfig
from orchestration.conform.batch import Audit
from orchestration.conform.corrections import store
from orchestration.conform.run import check_columns, conform, write_load_audit
from orchestration.conform.tables import prepare
from orchestration.conform.workbench import corrections_of, waiting
from orchestration.identity import IdentityResult, resolve_identity
from orchestration.identity.decisions import remember_decisions
from orchestration.identity.ledger import known_pseudonym_key, pseudonym_key
from orchestration.landing.lake import MANIFEST, Erased, Lake, Manifest
from orchestration.landing.load import LoadRequest, TableId, changed_tables, load_tables, wanted_tables
from orchestration.landing.lost import recover, settle_erasure
from orchestration.platform import swap
from orchestration.platform.clock import moment_of, naive_utc, stamp, utc_now
from orchestration.platform.custody import in_charge
from orchestration.platform.damage import damage_of, tells_damage
from orchestration.platform.errors import QualityStop, RegularsError, Stopped, is_interrupt
from orchestration.platform.lock import busy, is_free
from orchestration.platform.paths import PROJECT, CompanyPaths
from orchestration.platform.redaction import redact
from orchestration.platform.report import STEPS, Reporter, Sink
from orchestration.platform.state import DAMAGED, INPUTS, DamagedState, State, set_aside
from orchestration.privacy import erasure
from orchestration.privacy.masking import mask_published
from orchestration.privacy.person import Person
from orchestration.privacy.scrub import Tally, clear_runtime, eraser, scrub_lake
from orchestration.privacy.search import Found
from orchestration.privacy.suppression import Suppression
from orchestration.quality.run import Judge, Result, measure_all, order_of, remember, results_of, scores
from orchestration.run import clocks
from orchestration.scoring.run import horizon_in_use, run_scores
from orchestration.scoring.step import Scored, Step
from orchestration.serving.contacts import write_contacts
from orchestration.serving.publish import build_info, current_version, drop_others, publish, table_counts
from orchestration.serving.seal import broken, is_as_published, marks_of
from orchestration.warehouse import dbt
from orchestration.warehouse.connections import check_disk, open_warehouse, remove_damaged, remove_database

AS_OF, NEXT_DAY = "as_of", "following_business_day"
SEEN = "published_marks"  # sizes and times of the published files, as they were after publishing
ERASURE = "erasure"  # set by versions of before the journal: the lake is to be cleaned again
CODE_FOLDERS = ("orchestration", "models_ml", "data/contracts")  # dbt's fingerprint holds the dictionaries


def inputs_fingerprint(config: CompanyConfig) -> str:
    """Hash of everything but the source data that a published version depends on."""
    digest = hashlib.sha256(dbt.project_fingerprint().encode())
    roots = [PROJECT / folder for folder in CODE_FOLDERS]
    files = [p for root in roots for p in root.rglob("*") if p.suffix in (".py", ".yml", ".sql")]
    files += [PROJECT / "uv.lock", *config.folder.rglob("*.yml"), *config.folder.rglob("*.csv")]
    for path in sorted(files):
        if path.is_file() and not path.is_relative_to(PROJECT / "orchestration" / "dashboard"):
            digest.update(path.name.encode() + path.read_bytes())
    # Environment variables may stand in the sources; the validated result holds their values. Where a source is
    # does not matter here: the stamps of its tables tell whether it holds something else.
    for source in config.sources.values():
        digest.update(source.model_dump_json(exclude={"connector"}).encode())
    digest.update(hashlib.sha256((known_pseudonym_key(config) or "").encode()).digest())
    return digest.hexdigest()


def nothing_new(config: CompanyConfig, now: dt.datetime) -> str | None:
    """The published version, if a refresh would make the same again. Writes nothing.

    Raises:
        RegularsError: a refresh is running; names its process.
    """
    paths = config.paths
    if not is_free(paths.lock):
        raise busy(paths.lock)
    version = current_version(paths)
    if version is None or not paths.state.exists() or swap.is_pending(paths.root):
        return None
    try:
        return found_unchanged(config, now, version)
    except (DamagedState, ValueError):  # the refresh makes another; what it remembers is no day
        return None


def found_unchanged(config: CompanyConfig, now: dt.datetime, version: str) -> str | None:
    """See `nothing_new`.

    Raises:
        DamagedState: the state cannot be read.
    """
    paths = config.paths
    with State(paths.state, read_only=True) as state:
        last = state.last_run()
        if last is None or last.status != "succeeded" or last.version is None or state.fact(ERASURE):
            return None
        if erasure.is_pending(config):
            return None
        if state.fact(INPUTS) != inputs_fingerprint(config):
            return None
        if not is_as_published(paths.versions / version, state.fact(SEEN)) or not has_loads(paths.lake, state):
            return None
        as_of, following = state.fact(AS_OF), state.fact(NEXT_DAY)
        ended = config.business_day_before(now)
        if as_of is None or following is None or dt.date.fromisoformat(as_of) > ended:
            return None
        if following and dt.date.fromisoformat(following) <= ended:
            return None
        return None if changed_tables(config, state.fingerprints()) else version


def damaged_version(paths: CompanyPaths, state: State) -> list[str]:
    """What to say of the version that readers see, where it is not as it was published."""
    version = current_version(paths)
    if version is None or is_as_published(paths.versions / version, state.fact(SEEN)):
        return []
    problem = broken(paths.versions / version) or "its database is gone"
    return [f"version {version}, which readers see, is damaged: {problem}; another is built and published"]


def has_loads(lake: Path, state: State) -> bool:
    """Whether every load that the books know has its manifest. Reads no content."""
    known = state.known_loads()
    return all((lake / row["source_system"] / row["table_name"] / row["load_id"] / MANIFEST).exists() for row in known)


@dataclass(frozen=True)
class Replay:
    """What a replay did: ids of rows that left quarantine, and what is wrong with those that are in it now."""

    moved: list[str]
    still: dict[str, str]


def spoken(error: BaseException) -> str:
    """An error's text without secrets; its kind where it has none."""
    if is_interrupt(error):
        return Stopped().message
    return redact(str(error)) or type(error).__name__


@dataclass
class Session:
    """A refresh in progress. Opening one takes the company's lock and cleans up after a killed run."""

    config: CompanyConfig
    now: dt.datetime
    command: str
    reporter: Reporter
    state: State
    lake: Lake
    inputs: str
    include: tuple[TableId, ...] = ()
    again: tuple[dt.date, dt.date] | None = None
    as_of: dt.date | None = None
    published: str | None = None
    errors: list[BaseException] = field(default_factory=list)
    judge: Judge | None = None
    retrain: bool = False
    times: clocks.Clocks | None = None
    is_interrupted: Callable[[], bool] = lambda: False  # whether a Ctrl-C came that some library kept to itself
    proof: Found | None = None
    proved: tuple[str, ...] = ()

    active: ClassVar[Session | None] = None

    @property
    def run_id(self) -> str:
        """Name of the run, its loads and its version: the time at which it started."""
        return stamp(self.now)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Journal a stage; the yielded dictionary takes its figures."""
        figures: dict[str, Any] = {}
        started = time.monotonic()
        try:
            self.state.start_stage(self.run_id, name, utc_now())
            self.reporter.say(name, "started")
            if self.is_interrupted():
                raise KeyboardInterrupt
            yield figures
        except BaseException as raised:
            error = self.explained(raised)
            self.errors.append(error)
            with contextlib.suppress(sqlite3.Error, OSError):  # a full disk must not hide the error itself
                self.state.finish_stage(self.run_id, name, utc_now(), "failed", {"error": spoken(error)})
                self.reporter.say(name, f"failed: {spoken(error)}")
            if error is raised:
                raise
            raise error from raised
        figures["seconds"] = round(time.monotonic() - started, 2)
        self.state.finish_stage(self.run_id, name, utc_now(), "succeeded", figures)
        self.reporter.say(name, "done", **figures)

    def explained(self, error: BaseException) -> BaseException:
        """An error that comes of a damaged database as one that names the file; the next refresh makes it again."""
        if not isinstance(error, Exception) or not tells_damage(error):
            return error
        for path in (self.config.paths.warehouse, self.config.paths.serve):
            if problem := damage_of(path, deep=True):
                with contextlib.suppress(sqlite3.Error, OSError):
                    self.state.set_fact(DAMAGED, path.name)
                cure = "Run: regulars refresh; it makes the file again from the lake"
                return RegularsError(f"{path}: {problem}", cure)
        return error

    def mend(self, said: Iterable[str], full: bool, accept_loss: bool) -> None:
        """End what a killed run left, make lake and books agree, and delete databases that are to be made anew.

        Args:
            said: what was found before the session was there.
            full: make everything from the lake again.
            accept_loss: go on without loads that no source has any more.

        Raises:
            RegularsError: a load is lost.
        """
        paths = self.config.paths
        for text in said:
            self.reporter.say("refresh", text)
        is_erasing = bool(self.state.fact(ERASURE)) or erasure.is_pending(self.config)
        if is_erasing:
            settle_erasure(self.lake)
        recovered = recover(self.config, self.lake, self.state, self.now, accept_loss, deep=full)
        for text in recovered.said:
            self.reporter.say("refresh", text)
        if recovered.removed:
            self.reporter.say("refresh", "removed half-written loads", loads=recovered.removed)
        prune_runtime(self.config, self.now)
        if is_erasing:
            self.reporter.say("refresh", "an erasure was not ended; going on with it")
            self.erase()
        if full or self.state.fact(DAMAGED):
            remove_database(paths.warehouse)
            remove_database(paths.serve)
            self.state.set_fact(DAMAGED, "")
        for text in (*remove_damaged(self.config), *damaged_version(paths, self.state)):
            self.reporter.say("refresh", text)

    # steps ----------------------------------------------------------------------------------------

    def start_judge(self) -> Judge:
        """Start Great Expectations, if it is not: it imports while this process does other things."""
        self.judge = self.judge or Judge()
        return self.judge

    def load_request(self) -> LoadRequest:
        """What the load step is asked for."""
        again = None
        if self.again:
            first, last = self.again
            again = (str(first), str(last + dt.timedelta(days=1)))

        def check(system: str, table: str, columns: dict[str, str]) -> None:
            check_columns(self.config, self.lake, system, table, columns)

        def said(table: str, message: str) -> None:
            self.reporter.say("load", f"{table}: {message}")

        erase = eraser(self.config, self.lake, Suppression(self.config.paths.root))
        return LoadRequest(self.run_id, self.now, again, check, said=said, erase=erase)

    def load(self, tables: Iterable[TableId] | None = None) -> dict[TableId, Manifest | None]:
        """Land changed tables; returns each table's new load, or None where nothing was new."""
        found: dict[TableId, Manifest | None] = {}

        def done(table_id: TableId, manifest: Manifest | None) -> None:
            found[table_id] = manifest
            name = ".".join(table_id)
            if manifest:
                figures: dict[str, Any] = {
                    "rows": manifest.rows_landed,
                    "rejected": manifest.rows_rejected,
                    "bytes": manifest.bytes,
                }
                rate = round(manifest.rows_landed / manifest.seconds) if manifest.seconds else None
                figures |= {"seconds": manifest.seconds, "rows_per_second": rate}
                self.reporter.say("load", name, **{k: v for k, v in figures.items() if v})
                if manifest.drift:
                    self.reporter.say("load", f"{name}: {manifest.drift}")
            else:
                self.reporter.say("load", f"{name}: unchanged")

        self.start_judge()
        with self.stage("load") as figures:
            known = self.state.fingerprints()
            wanted = list(tables) if tables is not None else wanted_tables(self.config, known, self.include)
            self.reporter.say("load", STEPS, steps=len(wanted))
            load_tables(self.config, self.lake, self.state, wanted, self.load_request(), done)
            figures["tables"] = len(wanted)
            figures["rows"] = sum(m.rows_landed for m in found.values() if m)
        return found

    def conform(self, entities: Iterable[str] | None = None) -> tuple[list[Audit], dict[str, int]]:
        """Bring input tables up to the lake; returns the new audits and all row counts by entity."""
        audits: list[Audit] = []

        def done(audit: Audit) -> None:
            audits.append(audit)
            figures = {k: v for k, v in audit.row().items() if isinstance(v, int) and v}
            self.reporter.say("conform", f"{audit.source_system}.{audit.entity}", **figures)

        def said(table: str, message: str) -> None:
            self.reporter.say("conform", f"{table}: {message}")

        with self.stage("conform") as figures, open_warehouse(self.config) as con:
            if entities is None:
                self.reporter.say("conform", STEPS, steps=sum(len(s.maps) for s in self.config.sources.values()))
            conform(con, self.config, self.lake, done, entities, said)
            write_load_audit(con, self.lake)
            cursor = con.execute("select * from audit.conform_audit")
            columns = [column[0] for column in cursor.description or []]
            self.state.set_conform_audit(dict(zip(columns, row, strict=True)) for row in cursor.fetchall())
            counts = {}
            for entity in self.config.contracts:
                found = con.execute(f"select count(*) from input.{entity}").fetchone()
                counts[entity] = int(found[0]) if found else 0
            figures["accepted"] = sum(a.accepted for a in audits)
            figures["quarantined"] = sum(a.quarantined for a in audits)
        return audits, counts

    def replay(self, entity: str, wanted: list[tuple[str, str, str | None]]) -> Replay:
        """Keep corrected values of quarantined rows in the lake, and conform the entity again with them.

        Raises:
            UsageError: no such entity, row or column.
        """
        with open_warehouse(self.config) as con:
            prepare(con, self.config.contracts)
            before = waiting(con, entity)
            corrections = corrections_of(con, self.config.contracts[entity], wanted)
        if corrections:
            store(self.lake, corrections, self.run_id, self.now)
            self.state.put_load_audit(m.audit() for m in self.lake.manifests())
        self.conform([entity])
        with open_warehouse(self.config) as con:
            after = waiting(con, entity)
        self.state.set_fact(INPUTS, "")  # the published version does not have these rows yet
        return Replay(moved=sorted(before.keys() - after.keys()), still=after)

    def identity(self) -> IdentityResult:
        """Give every source record its customer."""
        with self.stage("identity") as figures, open_warehouse(self.config) as con:
            result = resolve_identity(con, self.config, self.lake, self.run_id, self.now, self.retrain)
            write_load_audit(con, self.lake)
            figures.update(result.figures())
            if result.rekeyed:
                self.reporter.say(
                    "identity",
                    f"the pseudonym key is another one: {result.rekeyed} customer keys were minted again under it; "
                    f"lists by the keys of before are translated by {self.config.paths.translation}. If that "
                    "was not meant, set the old key again and refresh",
                )
            for kind in result.trained:
                self.reporter.say("identity", f"weights of {kind} records trained")
        self.state.put_load_audit(m.audit() for m in self.lake.manifests())
        return result

    def decide(self, decisions: pa.Table) -> None:
        """Keep analysts' decisions; the next refresh applies them."""
        remember_decisions(self.lake, decisions, self.run_id, self.now)
        self.state.put_load_audit(m.audit() for m in self.lake.manifests())
        self.state.set_fact(INPUTS, "")

    def forget(self, person: Person) -> Tally:
        """Take a person out of the lake for ever, and clear away what was made of it; then build and publish.

        A kill in between is mended by the next session: who is forgotten stands in a journal before anything else.
        """
        with self.stage("forget") as figures:
            texts = (*person.values, *(str(key) for key in person.keys))
            erasure.begin(self.config, erasure.Erasure(tuple(person.sealed()), texts))
            tally = self.erase()
            erased = list(tally.tables.values())
            figures.update(loads=tally.loads, rows_deleted=sum(e.deleted for e in erased),
                           rows_blanked=sum(e.blanked for e in erased))  # fmt: skip
        return tally

    def erase(self) -> Tally:
        """Do what the journal of an erasure says, from its beginning."""
        pending = erasure.pending(self.config)
        if pending is None:
            return self.scrub()
        Suppression(self.config.paths.root).add(pending.sealed, naive_utc(self.now))
        return self.scrub(pending.texts)

    def prove(self) -> Found | None:
        """Search for what is left of an erasure whose version is published; None where there is none to prove."""
        pending = erasure.pending(self.config)
        if pending is None or not self.published:
            return None
        self.proof = erasure.prove(self.config, pending.texts)
        self.proved = pending.texts
        return self.proof

    def scrub(self, texts: Sequence[str] = ()) -> Tally:
        """Take forgotten persons out of the lake, and everything away that was made of it and can be made again."""

        def done(table: str, erased: Erased) -> None:
            self.reporter.say("forget", table, **{k: v for k, v in vars(erased).items() if v})

        tally = scrub_lake(self.config, self.lake, Suppression(self.config.paths.root), texts, done)
        self.state.put_load_audit(m.audit() for m in self.lake.manifests())
        clear_runtime(self.config, self.state, texts)
        shutil.rmtree(self.config.paths.aside, ignore_errors=True)  # nobody looks for persons in what is damaged
        return tally

    def quality(self) -> list[Result]:
        """Judge the input tables; call after conform.

        A failure that stops the refresh is noted as the session's error: the caller shows the results first.
        """
        with self.stage("quality") as figures:
            judge = self.start_judge()
            with open_warehouse(self.config) as con:
                as_of = clocks.default_as_of(con, self.config, self.now)
                measured = measure_all(con, self.config, as_of, self.now)
                con.execute("checkpoint")
            order, checks = order_of(self.config, measured)
            results = results_of(checks, judge.judge(order), measured, as_of)
            with open_warehouse(self.config) as con:
                remember(con, self.lake, scores(con, measured, results, as_of), results, self.run_id, self.now)
                write_load_audit(con, self.lake)
            self.state.set_quality(r.row() | {"message": str(r), "day": str(r.day)} for r in results)
            failed = [result for result in results if not result.passed]
            for result in failed:
                self.reporter.say("quality", ("STOP " if result.check.stops else "warning ") + str(result))
            figures.update(checks=len(results), failed=len(failed))
        stops = [str(result) for result in failed if result.check.stops]
        if stops:
            self.errors.append(
                QualityStop(
                    f"{len(stops)} quality check(s) stopped the refresh, first {stops[0]}",
                    "Nothing was published. See: regulars check. Mend the source or the map, or set the bound in "
                    "quality.stop, and refresh again",
                )
            )
        return results

    def build_warehouse(self, select: Sequence[str] | None = None) -> tuple[dbt.DbtResult, dict[str, int]]:
        """Set the clocks and build what comes before the scores; returns the nodes, and the rows of core.

        A whole build that continues the last one makes only the changed months of the facts again.
        """
        with self.stage("dbt") as figures:
            with open_warehouse(self.config) as con:
                times = self.clocks(con, whole=select is None)
                clocks.write_settings(con, self.config, times, horizon_in_use(self.lake, times.as_of))
                clocks.forget_built(con)  # until this build has ended well
            full_refresh = times.built_known_at is None
            result = dbt.build(self.config, self.report_node, "warehouse", select, full_refresh)
            self.times = times if select is None else None
            # Before the marts are made of it: a text counts as one whether it was masked now or by an earlier build.
            masked = mask_published(self.config, self.config.paths, dbt.text_classes(), "core")
            figures.update(
                texts_masked=masked,
                models=sum(n.kind == "model" for n in result.nodes),
                as_of=str(self.as_of),
                facts="all" if full_refresh else "changed months",
            )
        return result, self.serve_counts()

    def score(self) -> Scored:
        """Train the models where that is due, and score; call after build_warehouse.

        Where another horizon was tried in vain, the features are built again with that of the model in use.
        """
        with self.stage("score") as figures:
            scored = self.run_scores()
            if scored.horizon_wanted:
                said = f"another horizon does not take the place of {scored.horizon_wanted} days: features again"
                self.reporter.say("score", said)
                with open_warehouse(self.config) as con:
                    clocks.keep_horizon(con, scored.horizon_wanted)
                dbt.build(self.config, self.report_node, "warehouse", ["fqn:regulars.features"])
                scored = self.run_scores()
            for model in scored.models:
                figures[model["model"]] = model["status"]
                version = "" if model["version"] in (None, "none") else f" {model['version']}"
                self.reporter.say("score", f"{model['model']}{version}: {model['message']}")
        self.state.put_load_audit(m.audit() for m in self.lake.manifests())
        self.state.set_models(
            {"model": m["model"], "version": m["version"], "status": m["status"], "message": m["message"]}
            | {name: str(m[name]) if m.get(name) else None for name in ("trained_as_of", "scores_as_of")}
            for m in scored.models
        )
        return scored

    def run_scores(self) -> Scored:
        """Every score on the features that there are."""
        with open_warehouse(self.config) as con:
            as_of = self.as_of or clocks.default_as_of(con, self.config, self.now)
            step = Step(con, self.config, self.lake, self.config.paths, as_of, self.run_id, self.now, self.retrain)
            scored = run_scores(step)
            write_load_audit(con, self.lake)
        return scored

    def build_marts(self, select: Sequence[str] | None = None) -> tuple[dbt.DbtResult, dict[str, int]]:
        """Build what comes after the scores; returns the nodes, and the rows of core and marts."""
        with self.stage("marts") as figures:
            result = dbt.build(self.config, self.report_node, "marts", select)
            figures["texts_masked"] = mask_published(self.config, self.config.paths, dbt.text_classes(), "marts")
            if select is None and self.times is not None:
                with open_warehouse(self.config) as con:
                    clocks.note_built(con, self.times, self.inputs)
            figures["models"] = sum(n.kind == "model" for n in result.nodes)
        return result, self.serve_counts()

    def serve_counts(self) -> dict[str, int]:
        """Rows of every table that a reader will see."""
        with duckdb.connect(str(self.config.paths.serve), read_only=True) as con:
            return table_counts(con, self.config.paths.serve.stem)

    def clocks(self, con: duckdb.DuckDBPyConnection, whole: bool) -> clocks.Clocks:
        """The coming build's times; remembers them for `nothing_new`."""
        ended = self.config.business_day_before(self.now)
        days = clocks.business_days(con, self.config, ended)
        self.as_of = days.last or ended
        self.state.set_fact(AS_OF, str(self.as_of))
        self.state.set_fact(NEXT_DAY, str(days.following or ""))
        before = None
        if whole and self.config.paths.serve.exists():
            with contextlib.suppress(RegularsError):  # an unreadable file is simply made anew
                serving = build_info(self.config.paths.serve)[0]
                before = clocks.built_before(con, self.inputs, serving, self.as_of)
        known_at, as_of = before or (None, None)
        return clocks.Clocks(self.as_of, self.now, self.run_id, known_at, as_of, self.again)

    def report_node(self, node: dbt.NodeResult) -> None:
        """Report the end of a dbt node."""
        self.reporter.say("dbt", f"{node.kind} {node.name}: {node.status}", seconds=node.seconds)

    def publish(self) -> str:
        """Publish what was built; returns the version."""
        with self.stage("publish") as figures:
            self.published = publish(self.config, dbt.public_tables(), write_contacts)
            figures["version"] = self.published
            if self.state.fact(ERASURE) or erasure.is_pending(self.config):
                drop_others(self.config.paths)  # nobody can roll back to a version that holds a forgotten person
                self.state.set_fact(ERASURE, "")
        return self.published


@contextlib.contextmanager
def open_session(
    config: CompanyConfig,
    command: str,
    sinks: tuple[Sink, ...] = (),
    full: bool = False,
    include: tuple[TableId, ...] = (),
    again: tuple[dt.date, dt.date] | None = None,
    retrain: bool = False,
    accept_loss: bool = False,
) -> Iterator[Session]:
    """Open a session: lock, check the machine, mend what a kill left, journal the run.

    Args:
        config: the company.
        command: what the journal says the run was.
        sinks: listeners to progress.
        full: drop the warehouse first, so that everything is made from the lake again.
        include: optional tables to load from now on.
        again: first and last day that incremental tables are read again for, and whose facts are made again.
        retrain: train the models also where that is not due.
        accept_loss: go on without loads that are lost and that no source has any more.

    Raises:
        RegularsError: another refresh runs, disk or permissions do not allow one, or a load is lost.
    """
    paths = config.paths
    check_disk(config)
    with in_charge(paths, f"regulars {command}") as mended, opened_state(config, mended) as state:
        now = after_newest(paths, state, utc_now(), mended)
        reporter = Reporter(paths.logs / f"{stamp(now)}.jsonl", sinks)
        pseudonym_key(config)  # made now, so that the next refresh finds the inputs as they were
        session = Session(config, now, command, reporter, state, Lake(paths.lake), inputs_fingerprint(config),
                          include, again, retrain=retrain)  # fmt: skip
        killed = state.mark_killed(now)
        state.start_run(session.run_id, command, now)
        Session.active = session
        try:
            if killed:
                mended.append("the last run was killed; going on from what it committed")
            session.mend(mended, full, accept_loss)
            yield session
            failed = session.errors[0] if session.errors else None
        except BaseException as error:
            failed = session.errors[0] if session.errors else error
            raise
        finally:
            Session.active = None
            if session.judge:
                session.judge.close()
            with contextlib.suppress(*(sqlite3.Error, OSError) if failed else ()):
                finish(session, failed)
        if not failed and (found := session.prove()) and found.hits and command != "forget":
            raise RegularsError(
                f"{len(found.hits)} place(s) still hold a text of a person who was forgotten, or cannot be read: "
                + "; ".join(sorted({f"{hit.path}, {hit.place}" for hit in found.hits})[:5]),
                "The erasure that was killed is ended but for them: remove them",
            )


@contextlib.contextmanager
def opened_state(config: CompanyConfig, said: list[str]) -> Iterator[State]:
    """The state for writing; one that is damaged is set aside, and another made with what warehouse and lake know.

    Args:
        config: the company.
        said: takes what to tell the user.
    """
    paths = config.paths
    is_new = not paths.state.exists() or paths.state.stat().st_size == 0
    try:
        state = State(paths.state)
        state.check()
    except DamagedState as error:
        is_new = True
        set_aside(paths.state, paths.aside, stamp(utc_now()))
        said.append(f"{error.message}; it is set aside and made again from the lake")
        state = State(paths.state)
    with state:
        if is_new and (books := books_of(paths.warehouse)):
            state.put_load_audit(books)
            said.append("the state was lost: the books of loads are the warehouse's")
        if is_new and Suppression(paths.root):
            state.set_fact(ERASURE, "unknown")  # whether one was going on stood in the state
        yield state


def books_of(warehouse: Path) -> list[dict[str, Any]]:
    """The books of loads that the warehouse keeps, too; none where it cannot be read."""
    if not warehouse.exists():
        return []
    with contextlib.suppress(duckdb.Error), duckdb.connect(str(warehouse), read_only=True) as con:
        cursor = con.execute("select * replace (loaded_at::varchar as loaded_at) from audit.load_audit")
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return []


def after_newest(paths: CompanyPaths, state: State, now: dt.datetime, said: list[str]) -> dt.datetime:
    """The run's time: the clock's, unless that was set back behind what is there already.

    Loads, runs and versions are named by it, and the newest counts: one that is named before others would be lost.

    Args:
        paths: the company's.
        state: its journal.
        now: the machine's clock.
        said: takes what to tell the user.
    """
    names = [folder.name for folder in Lake(paths.lake).folders()]
    names += [folder.name for folder in paths.versions.glob("[!.]*")]
    names += [name for name in (state.newest_run(),) if name]
    newest = max((moment for name in names if (moment := moment_of(name))), default=None)
    if newest is None or newest < now:
        return now
    after = newest + dt.timedelta(milliseconds=1)
    if (newest - now).total_seconds() > 1:
        said.append(
            f"the machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC, but the newest run is of "
            f"{newest:%Y-%m-%d %H:%M:%S} UTC: this one is dated after it; set the clock right"
        )
    return after


def prune_runtime(config: CompanyConfig, now: dt.datetime) -> None:
    """Delete run logs and builds aside that are older than the company keeps them."""
    keep, paths = config.company.retention, config.paths
    oldest_log = (now - dt.timedelta(days=keep.logs_days)).timestamp()
    for path in paths.logs.glob("*.jsonl"):
        if path.stat().st_mtime < oldest_log:
            path.unlink()
    oldest_build = (now - dt.timedelta(days=keep.as_of_days)).timestamp()
    for folder in (paths.root / "as_of").glob("*"):
        if folder.is_dir() and folder.stat().st_mtime < oldest_build:
            shutil.rmtree(folder)


def finish(session: Session, error: BaseException | None) -> None:
    """Close the run in the journal; a whole refresh also notes what it was made from."""
    status = "failed" if error else "succeeded"
    session.state.forget_loads(session.lake.pruned())
    if not error and session.published:
        session.state.set_fact(INPUTS, session.inputs)
        session.state.set_fact(SEEN, marks_of(session.config.paths.versions / session.published))
    session.state.finish_run(
        session.run_id, status, utc_now(), session.published, str(session.as_of or "") or None,
        spoken(error) if error else None,
    )  # fmt: skip
    session.reporter.say("refresh", status, **({"error": spoken(error)} if error else {}))


def dagster_home(config: CompanyConfig) -> Path:
    """Prepare DAGSTER_HOME with the project's dagster.yaml; returns it."""
    home = config.paths.dagster
    home.mkdir(parents=True, exist_ok=True)
    wanted = (PROJECT / "dagster.yaml").read_text(encoding="utf-8")
    target = home / "dagster.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != wanted:
        target.write_text(wanted, encoding="utf-8")
    greeting = home / ".nux" / "nux.yaml"  # its existence spares the user a form about a newsletter
    if not greeting.exists():
        greeting.parent.mkdir(exist_ok=True)
        greeting.write_text("seen: 1\n", encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["REGULARS_COMPANY"] = config.company.name
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
    return home

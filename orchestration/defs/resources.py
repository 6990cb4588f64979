"""The session of a Dagster run: one lock, one journal entry, one set of clocks for all its assets."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from orchestration.config.company import CompanyConfig
from orchestration.instance.orphans import fail_orphans, own_tags
from orchestration.platform.clock import utc_now
from orchestration.platform.errors import RegularsError
from orchestration.run.refresh import Session, nothing_new, open_session

REFRESH = "refresh"  # the job that is the command of that name
PUBLISHED = dg.AssetKey(["published", "current"])
OWNERS = ["team:data-engineering"]


def freshness(config: CompanyConfig) -> dg.FreshnessPolicy:
    """Loads and the publication are to be looked at once within the company's promise."""
    hours = config.company.fresh_within_hours
    return dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(hours=hours), warn_window=dt.timedelta(hours=hours / 2)
    )


class SessionHandle:
    """Opens the session at its first use: Dagster initializes resources once more when a run is over.

    Args:
        open_now: opens the session.
        look: tells the published version where the run would make the same again.
    """

    def __init__(
        self, open_now: Callable[[], contextlib.AbstractContextManager[Session]], look: Callable[[], str | None]
    ) -> None:
        self._open = open_now
        self._look = look
        self._stack = contextlib.ExitStack()
        self._session: Session | None = None
        self.unchanged: str | None = None

    def look(self) -> str | None:
        """The published version where the run would make the same again, kept as `unchanged` for later steps.

        Raises:
            RegularsError: a refresh is running.
        """
        self.unchanged = self._look()
        return self.unchanged

    def get(self) -> Session:
        """The run's session.

        Raises:
            RegularsError: another refresh runs, or disk or permissions do not allow one.
        """
        if self._session is None:
            self._session = self._stack.enter_context(self._open())
        return self._session

    def close(self) -> None:
        """Close the session, if one was opened."""
        self._stack.close()


def session_resource(config: CompanyConfig) -> dg.ResourceDefinition:
    """A resource that opens a session for the run, or joins the one that the CLI opened in this process."""

    @dg.resource(description="The refresh that the run is: lock, clocks, journal, progress")
    def session(context: dg.InitResourceContext) -> Iterator[SessionHandle]:
        run, instance, log = context.run, context.instance, context.log

        def to_dagster(stage: str, message: str, figures: dict[str, Any]) -> None:
            if log:
                log.info(f"{stage}: {message} {figures or ''}".rstrip())

        @contextlib.contextmanager
        def opened() -> Iterator[Session]:
            # Dagster names the job of hand-picked assets __ASSET_JOB.
            job = run.job_name if run and not run.job_name.startswith("__") else "materialize"
            command = f"{job} (Dagster)"
            with open_session(config, command, (to_dagster,), retrain=job == "retrain") as session:
                if run and instance:
                    fail_orphans(instance, own=run.run_id)
                yield session

        def open_now() -> contextlib.AbstractContextManager[Session]:
            return opened() if Session.active is None else contextlib.nullcontext(Session.active)

        def look() -> str | None:
            # Only the job that is the command `refresh` ends early; assets that were picked by hand are meant.
            if Session.active is not None or run is None or run.job_name != REFRESH:
                return None
            if run.asset_selection is not None and PUBLISHED not in run.asset_selection:
                return None
            return nothing_new(config, utc_now())

        if run and instance and Session.active is None:
            instance.add_run_tags(run.run_id, own_tags())
        handle = SessionHandle(open_now, look)
        try:
            yield handle
        finally:
            handle.close()

    return session


def build(config: CompanyConfig) -> dg.Definitions:
    """The resource `session`."""
    return dg.Definitions(resources={"session": session_resource(config)})


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Show an error that the user can mend as one line, and do not retry it."""
    try:
        yield
    except RegularsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error

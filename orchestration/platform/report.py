"""What a run says while it works: lines for a person, JSON lines in the run's log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestration.platform.clock import utc_now
from orchestration.platform.redaction import redact, redact_all

STEPS = "steps"  # message of a stage that says in a figure of this name how many steps it will take
Sink = Callable[[str, str, dict[str, Any]], None]  # stage, message, figures


class Reporter:
    """Sends each message to the run's JSON log and to whoever else listens."""

    def __init__(self, log: Path | None = None, sinks: tuple[Sink, ...] = ()) -> None:
        self.log = log
        self.sinks = list(sinks)
        if log:
            log.parent.mkdir(parents=True, exist_ok=True)

    def say(self, stage: str, message: str, **figures: Any) -> None:
        """Report one thing.

        Args:
            stage: load, conform, identity, dbt, publish or refresh.
            message: a short sentence.
            figures: rows, seconds and the like.
        """
        message, figures = redact(message), redact_all(figures)
        if self.log:
            entry = {"at": utc_now().isoformat(), "run_id": self.log.stem, "stage": stage, "message": message}
            with self.log.open("a", encoding="utf-8") as handle:
                handle.write(json.dumps(entry | figures, default=str) + "\n")
        for sink in self.sinks:
            sink(stage, message, figures)

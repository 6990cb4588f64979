"""A standalone Spark cluster on loopback: a master, two one-core workers and a Spark Connect server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pyspark

HOME = Path(pyspark.__file__).parent
PATIENCE = 120


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Cluster:
    """Starts on entry, ends its own processes on exit. Tables lie below `root/tables`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tables = root / "tables"
        self.connect = free_port()
        self._master, self._web = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def remote(self) -> str:
        """Address of Spark Connect, for SPARK_REMOTE."""
        return f"sc://127.0.0.1:{self.connect}"

    def __enter__(self) -> Cluster:
        self.root.mkdir(parents=True, exist_ok=True)
        address = f"spark://127.0.0.1:{self._master}"
        deploy = "org.apache.spark.deploy"
        try:
            self._start(
                "master", f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(self._master),
                "--webui-port", str(self._web),
            )  # fmt: skip
            self._await(self._master)
            for number in (1, 2):
                self._start(
                    f"worker{number}", f"{deploy}.worker.Worker", "--host", "127.0.0.1", "-c", "1", "-m", "1500m",
                    "--webui-port", str(free_port()), "-d", str(self.root / f"work{number}"), address,
                )  # fmt: skip
            settings = {
                "spark.connect.grpc.binding.address": "127.0.0.1",
                "spark.connect.grpc.binding.port": str(self.connect),
                "spark.sql.catalogImplementation": "hive",
                "spark.hadoop.javax.jdo.option.ConnectionURL": (
                    f"jdbc:derby:;databaseName={self.root / 'metastore'};create=true"
                ),
                "spark.sql.warehouse.dir": str(self.tables),
                "spark.sql.session.timeZone": "UTC",
                "spark.sql.shuffle.partitions": "2",
                "spark.sql.ansi.enabled": "true",
                "spark.executor.memory": "1000m",
                "spark.ui.enabled": "false",
            }
            pairs = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
            self._start(
                "connect", f"{deploy}.SparkSubmit", "--master", address, "--driver-memory", "2g", *pairs,
                "--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal",
            )  # fmt: skip
            self._await(self.connect)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, name: str, *command: str) -> None:
        """Start a Java process of Spark's, its output in a log file."""
        environment = os.environ | {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1"}
        with (self.root / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [str(HOME / "bin" / "spark-class"), *command],
                    env=environment,
                    cwd=self.root,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def _await(self, port: int) -> None:
        """Wait until a server listens."""
        deadline = time.monotonic() + PATIENCE
        while not is_open(port):
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-2000:] for path in sorted(self.root.glob("*.log")))
                raise RuntimeError(f"Spark did not start:\n{logs}")
            time.sleep(0.2)

    def status(self) -> dict[str, Any]:
        """What the master says of its workers and applications."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._web}/json/") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

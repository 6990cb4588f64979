"""Real database servers from Debian's packages, on a free port of loopback, below a temporary folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "pl4nted-s3cret"  # searched for in everything that is written


@dataclass(frozen=True)
class Server:
    """Where a server listens, and how to speak to it as its owner."""

    kind: str
    port: int
    process: subprocess.Popen[bytes]
    client: tuple[str, ...]

    def run(self, sql: str, database: str = "") -> str:
        """Execute statements as the owner."""
        arguments = [*self.client, *([database] if database else [])]
        done = subprocess.run(arguments, input=sql, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def settings(self, **changes: object) -> dict[str, object]:
        """Settings of a connector that reads it."""
        own = {"kind": self.kind, "host": "127.0.0.1", "port": self.port, "database": "shop", "user": "reader"}
        return own | {"password": PASSWORD} | changes


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Cut:
    """A line to a server on loopback that is cut once so many bytes came back over it, and stays dead."""

    def __init__(self, server_port: int, after: int) -> None:
        self.server_port, self.left = server_port, after
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.lines: list[socket.socket] = []

    def __enter__(self) -> Cut:
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()
        for line in self.lines:
            line.close()

    def accept(self) -> None:
        """Join each caller to the server."""
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port))
                self.lines += [caller, server]
                threading.Thread(target=self.pump, args=(caller, server, False), daemon=True).start()
                threading.Thread(target=self.pump, args=(server, caller, True), daemon=True).start()

    def pump(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        """Carry bytes one way until either end closes, or the line is cut."""
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                if counted:
                    self.left -= len(data)
                if self.left < 0:
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def wait_for(server: Server, sql: str) -> None:
    """Until it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.process.poll() is None, f"{server.kind} ended with {server.process.returncode}"
        done = subprocess.run([*server.client], input=sql, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError(f"{server.kind} does not answer: {done.stderr}")


def postgres_program(name: str) -> str | None:
    """A server program of Debian's newest PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


def as_user(user: str) -> list[str]:
    """Prefix that runs a program as a server's own user, since neither server runs as root."""
    return ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []


def give(folder: Path, user: str) -> None:
    """Let a server's user own its folder and reach it."""
    if os.geteuid() == 0:
        shutil.chown(folder, user)
        for parent in folder.parents:
            if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """PostgreSQL with an empty database `shop` and a user that may only read."""
    initdb, program = postgres_program("initdb"), postgres_program("postgres")
    assert initdb is not None
    assert program is not None
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    give(data, "postgres")
    user = as_user("postgres")
    subprocess.run(
        [*user, initdb, "-D", str(data), "-U", "owner", "--auth-local=trust", "--auth-host=scram-sha-256", "-E", "UTF8",
         "--no-sync"], check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    port = free_port()
    process = subprocess.Popen(
        [*user, program, "-D", str(data), "-p", str(port), "-k", str(data), "-c", "listen_addresses=127.0.0.1", "-c",
         "fsync=off"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    client = ("psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(data), "-p", str(port), "-U", "owner", "-d")
    server = Server("postgres", port, process, (*client, "postgres"))
    try:
        wait_for(server, "select 1")
        server.run(f"create database shop; create user reader password '{PASSWORD}'; grant pg_read_all_data to reader;")
        yield Server("postgres", port, process, (*client, "shop"))
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def mariadb(folder: Path) -> Iterator[Server]:
    """MariaDB with an empty database `shop` and a user that may only read."""
    data = folder / "mariadb"
    data.mkdir(mode=0o700)
    give(data, "mysql")
    user = as_user("mysql")
    subprocess.run(
        [*user, "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db"], check=True, capture_output=True, cwd="/",
    )  # fmt: skip
    port = free_port()
    process = subprocess.Popen(
        [*user, shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}",
         f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/s", "--innodb-flush-log-at-trx-commit=0",
         f"--pid-file={data}/pid"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    server = Server("mysql", port, process, ("mariadb", "--no-defaults", f"--socket={data}/s", "-u", "root"))
    try:
        wait_for(server, "select 1")
        server.run(
            "create database shop character set utf8mb4; "
            f"create user reader@'%' identified by '{PASSWORD}'; grant select on shop.* to reader@'%';"
        )
        yield server
    finally:
        process.terminate()
        process.wait(30)

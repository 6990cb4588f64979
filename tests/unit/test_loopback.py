"""The guard before the servers of this machine: Host, Origin, links to GraphQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from orchestration.platform.loopback import LoopbackOnly, refusal

PORT = 3000


def request(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    kind: str = "http",
    host: str | None = "127.0.0.1:3000",
    **headers: str,
) -> dict[str, Any]:
    """A request as a server sees it."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if host is not None:
        given["host"] = host
    return {"type": kind, "method": method, "path": path, "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()]}  # fmt: skip


ANSWERED = [
    request(),
    request(host="localhost:3000"),
    request(host="[::1]:3000"),
    request("POST", "/graphql", origin="http://127.0.0.1:3000", sec_fetch_site="same-origin"),
    request("POST", "/graphql"),  # a program of this machine
    request("GET", "/graphql", accept="text/html"),  # the page on which queries are typed
    request(kind="websocket", path="/graphql", origin="http://localhost:3000"),
    request(sec_fetch_site="none", sec_fetch_mode="navigate", sec_fetch_dest="document"),
    request(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document"),  # a link from elsewhere
]
REFUSED = [
    request(host=None),
    request(host="evil.test:3000"),
    request(host="127.0.0.1.evil.test:3000"),
    request(host="127.0.0.1:3001"),
    request(host="127.0.0.1"),
    request(host="evil@127.0.0.1:3000"),
    request(host="127.0.0.1:3000/x"),
    request(host="127.0.0.1:port"),
    request(host="0.0.0.0:3000"),
    request("POST", "/graphql", origin="http://evil.test"),
    request("POST", "/graphql", origin="null"),
    request("POST", "/graphql", origin="http://127.0.0.1:8501"),
    request("POST", "/graphql", origin="http://127.0.0.1:3000.evil.test"),
    request("POST", "/graphql", origin="chrome-extension://127.0.0.1:3000"),
    request(kind="websocket", path="/graphql", origin="http://evil.test"),
    request(kind="websocket", path="/graphql", host="evil.test:3000"),
    request("GET", "/graphql", "query=mutation%7Bx%7D"),
    request("GET", "/graphql", "query="),
    request("GET", "/graphql/", "variables=1"),
    request("HEAD", "/graphql", "query=x"),
    request("PUT", "/graphql"),
    request("GET", "/any", sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="image"),
    request("GET", "/any", sec_fetch_site="same-site", sec_fetch_mode="navigate", sec_fetch_dest="iframe"),
    request("POST", "/report_asset_check/x", sec_fetch_site="cross-site", sec_fetch_mode="navigate",
            sec_fetch_dest="document"),
]  # fmt: skip


@pytest.mark.parametrize("scope", ANSWERED, ids=range(len(ANSWERED)))
def test_own_pages_and_programs_are_answered(scope: dict[str, Any]) -> None:
    assert refusal(scope, PORT) is None


@pytest.mark.parametrize("scope", REFUSED, ids=range(len(REFUSED)))
def test_others_are_refused(scope: dict[str, Any]) -> None:
    assert refusal(scope, PORT) is not None


def test_two_hosts_are_none() -> None:
    scope = request()
    scope["headers"].append((b"Host", b"127.0.0.1:3000"))
    assert refusal(scope, PORT) is not None


def run(scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What the guard sends for a request; an empty list where the server answers."""
    sent: list[dict[str, Any]] = []

    async def server(*_: Any) -> None:
        await asyncio.sleep(0)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(LoopbackOnly(server, PORT)(scope, receive, send))
    return sent


def test_a_refusal_is_a_403_and_a_closed_socket() -> None:
    assert run(request()) == []
    assert run({"type": "lifespan"}) == []
    start, body = run(request(host="evil.test"))
    assert (start["status"], body["body"]) == (403, b"Refused: this server answers to 127.0.0.1 and localhost only.\n")
    assert run(request(kind="websocket", host="evil.test")) == [{"type": "websocket.close", "code": 1008}]

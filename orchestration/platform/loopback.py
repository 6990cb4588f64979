"""What stands before the servers of this machine: only its own pages are answered, and nothing is changed by a link.

A server on 127.0.0.1 is reached by every page that the same browser shows. A page on another site may send requests to
it (an `Origin` that is not the server's), may let its own name point to 127.0.0.1 (DNS rebinding: a `Host` that is not
the server's), or may only hold a link or an image (a GET).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
QUERIES = ("query", "variables", "operationName", "extensions")  # a GraphQL request in an address


def header(scope: Scope, name: bytes) -> list[str]:
    """Values of a header, which may be sent more than once."""
    return [value.decode("latin-1") for key, value in scope.get("headers", []) if key.lower() == name]


def is_own(address: str, port: int) -> bool:
    """Whether `host:port`, as a Host header has it, is this server."""
    try:
        parts = urlsplit(f"//{address}")
        plain = parts.netloc == address and not parts.username and parts.password is None
        return plain and parts.hostname in NAMES and (parts.port or 80) == port
    except ValueError:
        return False


def refusal(scope: Scope, port: int) -> str | None:
    """Why a request is refused; None where it is answered."""
    hosts, origins = header(scope, b"host"), header(scope, b"origin")
    if len(hosts) != 1 or not is_own(hosts[0], port):
        return "this server answers to 127.0.0.1 and localhost only"
    for origin in origins:
        scheme, _, address = origin.partition("://")
        if scheme not in ("http", "https") or not is_own(address, port):
            return "requests of other pages are refused"
    if not origins and header(scope, b"sec-fetch-site") not in ([], ["same-origin"], ["none"]):
        is_link = scope["type"] == "http" and scope["method"] == "GET"
        is_link = is_link and header(scope, b"sec-fetch-dest") == ["document"]  # not an image, a script or a frame
        if not is_link:
            return "requests of other pages are refused"
    if scope["type"] == "http" and scope["path"].rstrip("/").endswith("/graphql") and scope["method"] != "POST":
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if scope["method"] not in ("GET", "HEAD") or set(asked) & set(QUERIES):
            return "GraphQL is answered to POST only, so that no link can change anything"
    return None


class LoopbackOnly:
    """ASGI middleware that refuses what did not come from this server's own pages or from a program of this machine.

    Args:
        app: the server.
        port: at which it listens.
    """

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or close a web socket, where the request is refused."""
        why = refusal(scope, self.port) if scope["type"] in ("http", "websocket") else None
        if why is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = f"Refused: {why}.\n".encode()
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

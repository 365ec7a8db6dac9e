"""The door: who may ask, how much may come in, and what browsers are told to forbid.

Another page in the same browser can send requests to a server on loopback, and by DNS rebinding even under a
name of its own. So the Host must be a name of ours, the Origin (where a browser sends one) must be that same
host, and from any address but loopback a token is needed. Bodies are read here, whole and bounded: behind
the door nothing has to count.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "ilk-token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",  # the first address holds the token
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Refused(Exception):
    def __init__(self, status: int, error: str, do: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.do = status, error, do


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Guard:
    """Wraps an application. `host`: the address listened on; `most(path)`: bytes of a body at most."""

    def __init__(self, app: App, *, host: str, token: str | None, most: Callable[[str], int]) -> None:
        self.app, self.host, self.token, self.most = app, host.lower(), token, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the start and end of the server; there are no web sockets
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *extra]
            await send(message)

        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in reversed(scope["headers"])}
        try:
            self._check_host([v for k, v in scope["headers"] if k.lower() == b"host"])
            self._check_origin(scope["path"], headers)
            cookie_name = f"{COOKIE}-{scope['server'][1]}"  # cookies do not tell ports apart
            if self.token is not None and not self._known(headers, cookie_name):
                cookie = self._admitted(scope, cookie_name)
                await _answer(marked, 303, b"", [(b"location", b"/"), (b"set-cookie", cookie)])
                return
            body = await self._body(scope["path"], headers, receive)
        except Refused as e:
            told = json.dumps({"error": e.error, "do": e.do}).encode()
            await _answer(marked, e.status, told, [(b"content-type", b"application/json")])
            return
        await self.app(scope, _once(body, receive), marked)

    def _check_host(self, given: list[bytes]) -> None:
        name = _hostname(given[0].decode("latin-1")) if len(given) == 1 else ""
        if not self._ours(name):
            raise Refused(
                403,
                f"this server does not answer to the name {name!r}",
                "Open the address that `ilk look` printed.",
            )

    def _ours(self, name: str) -> bool:
        if name in LOOPBACK or (name and name == self.host):
            return True
        if is_loopback(self.host):
            return False
        # A rebound name is a name: an address cannot be rebound.
        return _is_address(name) or name in (socket.gethostname().lower(), socket.getfqdn().lower())

    def _check_origin(self, path: str, headers: dict[str, str]) -> None:
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        foreign = origin is not None and not _same(origin, headers["host"])
        # A link from elsewhere may lead to the page itself, to nothing else.
        if foreign or (site not in ("same-origin", "none") and path != "/"):
            raise Refused(
                403, "this request comes from another page", "Open the address printed by `ilk look`."
            )

    def _known(self, headers: dict[str, str], name: str) -> bool:
        given = [headers.get("authorization", "").removeprefix("Bearer ")]
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        if name in cookies:
            given.append(cookies[name].value)
        return any(self._right(g) for g in given)

    def _admitted(self, scope: Scope, name: str) -> bytes:
        """The cookie for who brings the token in the first address."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] != "GET" or scope["path"] != "/" or not self._right(given):
            raise Refused(
                401, "a token is needed here", "Open the address with ?token=... that `ilk look` printed."
            )
        return f"{name}={self.token}; Path=/; HttpOnly; SameSite=Lax".encode()

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), (self.token or "").encode())

    async def _body(self, path: str, headers: dict[str, str], receive: Receive) -> bytes:
        most = self.most(path)
        length = headers.get("content-length", "0")
        parts, size, more = [], 0, True
        while more:
            if size > most or not length.isdigit() or int(length) > most:
                raise Refused(413, f"more than {most:,} bytes were sent", "Send less at once.")
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "the request ended before it was complete")
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > most:
            raise Refused(413, f"more than {most:,} bytes were sent", "Send less at once.")
        return b"".join(parts)


def _hostname(host: str) -> str:
    """Without the port, which a tunnel may change; lower case; "" where it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        plain = parts.netloc == host and parts.username is None and (parts.port is None or parts.port >= 0)
        return (parts.hostname or "") if plain else ""
    except ValueError:
        return ""


def _same(origin: str, host: str) -> bool:
    return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _once(body: bytes, receive: Receive) -> Receive:
    """What was read already, then whatever the connection brings."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})

"""`ilk look`: a space in the browser. The addresses are in _server/; here they are put together."""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from .. import __version__
from ..errors import DiskFull, FormatError, IlkError, OptionError, SpaceBusy, UnknownName
from ._server import answers, asking, drawing, marking, routes
from ._server.desk import Desk
from ._server.guard import Guard, Refused, is_loopback
from ._server.pages import Page, pages
from ._server.upload import MOST_BYTES, UnknownKind

PORT = 8377
SMALL = 64 << 10  # bytes of a request that brings neither rows nor a picture
MOST_AT_ONCE = 64  # connections, each with a body in memory
SHORTEST = 16  # letters of a token that a person chose
STATUS = {UnknownName: 404, SpaceBusy: 409, UnknownKind: 415, DiskFull: 507, FormatError: 500}
TOLD: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.Error} for status in (400, 401, 403, 404, 409, 413, 415, 422)
}


def application(desk: Desk, *, host: str = "127.0.0.1", token: str | None = None) -> Guard:
    """The server as an ASGI application, behind its door."""
    app = addresses(desk)
    _serve_pages(app, pages())

    def most(path: str) -> int:
        if path == "/api/search/picture":
            return MOST_BYTES
        return max(SMALL, 4 * len(desk.at.shown))

    return Guard(app, host=host, token=token, most=most)


def addresses(desk: Desk) -> FastAPI:
    """All that can be asked, without a door: for who asks within this process."""
    app = FastAPI(
        title="ilk look",
        version=__version__,
        description="A space in the browser. A set of rows travels as unsigned 32-bit little-endian numbers.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # that page would load scripts from elsewhere
        redoc_url=None,
        responses=TOLD,
    )
    app.state.desk = desk
    for part in (routes, asking, drawing, marking):
        app.include_router(part.router)
    _tell_errors(app, desk)
    return app


def _tell_errors(app: FastAPI, desk: Desk) -> None:
    """Every error as {error, do}."""

    @app.exception_handler(IlkError)
    def ours(_: Request, e: IlkError) -> JSONResponse:
        if isinstance(e, FormatError) and desk.replaced():
            return _error(409, "another space lies there now", "Load the page again to see it.")
        return _error(next((s for kind, s in STATUS.items() if isinstance(e, kind)), 400), e.what, e.do)

    @app.exception_handler(Refused)
    def refused(_: Request, e: Refused) -> JSONResponse:
        return _error(e.status, e.error, e.do)

    @app.exception_handler(HTTPException)
    def http(_: Request, e: HTTPException) -> JSONResponse:
        return _error(e.status_code, str(e.detail), headers=dict(e.headers or {}))

    @app.exception_handler(RequestValidationError)
    def malformed(_: Request, e: RequestValidationError) -> JSONResponse:
        told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in e.errors())
        return _error(422, "; ".join(told), "See /api/openapi.json for what is expected.")


def _error(status: int, error: str, do: str = "", headers: dict[str, str] | None = None) -> JSONResponse:
    # Text that came in may hold half characters, which UTF-8 has no bytes for.
    plain = {"error": error, "do": do}
    clean = {k: v.encode("utf-8", "replace").decode() for k, v in plain.items()}
    return JSONResponse(clean, status, headers)


def _serve_pages(app: FastAPI, known: dict[str, Page]) -> None:
    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str, request: Request) -> Response:
        found = known.get(path)
        if found is None and not path:
            found = Page(b"The page is not built: run `make web`.", "text/plain; charset=utf-8", '""')
        if found is None:
            return _error(404, "there is no such page")
        headers = {"cache-control": "no-cache", "etag": found.tag}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.data, media_type=found.kind, headers=headers)


def serve(
    space: str | os.PathLike[str],
    *,
    data: str | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    token: str | None = None,
    open_browser: bool = False,
    ready: Callable[[str], None] = print,
) -> None:
    """Serves until Ctrl-C. `ready` is told the address. Without a `port`, the first free one from 8377 on.

    `data`: what the space was filled from, to show its pictures in full; default: NAME beside NAME.space.
    From any address but loopback a `token` is needed; one is made where none is given.
    """
    if token is None and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    if token is not None and not (len(token) >= SHORTEST and re.fullmatch(r"[\w-]+", token, re.ASCII)):
        raise OptionError(
            f"a token of {len(token)} characters",
            f"Give {SHORTEST} or more letters, digits, - and _; or none.",
        )
    listening = _listening(host, port)
    desk = Desk(Path(space), data)
    threading.Thread(target=desk.warm, daemon=True).start()
    app = application(desk, host=host, token=token)
    url = _address(host, listening.getsockname()[1], token)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, ws="none",
        timeout_graceful_shutdown=3, limit_concurrency=MOST_AT_ONCE,
    )  # fmt: skip

    class Told(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready(url)
            if open_browser:
                webbrowser.open(url)

    try:
        Told(config).run([listening])
    except KeyboardInterrupt:  # how a person ends it
        pass
    finally:
        listening.close()


def _listening(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port is not None and not 0 <= port <= 65535:
        raise OptionError(f"port {port}", "Give 0 to 65535 (0: any that is free).")
    tried = range(PORT, PORT + 20) if port is None else [port]
    for one in tried:
        try:
            return socket.create_server((host, one), family=family)
        except OSError as e:
            why = e.strerror or str(e)
    shown = f"{host} port {tried[0]}" if port is not None else f"{host} ports {tried[0]} to {tried[-1]}"
    raise OptionError(f"cannot listen on {shown}: {why}", "Give another --port or --host (--port 0: any).")


def _address(host: str, port: int, token: str | None) -> str:
    """What a person opens: everywhere (0.0.0.0, ::) is reached under this machine's name."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")

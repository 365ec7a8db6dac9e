"""A space's map in a notebook. No server: the map's questions come as messages from the notebook's page.

They are those that the page of `ilk look` asks, and the same code answers them, within this process.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from ..errors import MissingExtra, OptionError, UnknownName

try:
    import anywidget
    import traitlets

    from ._server.desk import Desk
    from ._server.pages import FOLDER
    from .server import addresses
except ModuleNotFoundError as e:
    if e.name not in ("anywidget", "traitlets", "fastapi", "pydantic", "starlette", "uvicorn"):
        raise
    raise MissingExtra(e.name, "notebook", "ilk.widget") from e

if TYPE_CHECKING:
    from ..space import Space


class Widget(anywidget.AnyWidget):
    """The map. `selection` is what is selected, there or from here; `colour` the column it is coloured by.

    It shows the space as it was when the widget was made; make another one for rows that came since.
    """

    _esm = FOLDER / "widget.js"
    selection = traitlets.List(traitlets.Unicode(), help="Ids, in the order of the space.")
    colour = traitlets.Unicode(None, allow_none=True, help="A column; None: all points alike.").tag(sync=True)
    height = traitlets.Int(480, min=200, help="Pixels.").tag(sync=True)
    rows = traitlets.Bytes(b"", help="The selection as it travels: row numbers, u32 little-endian.")
    rows.tag(sync=True, from_json=lambda data, _: bytes(data))  # memory of the message otherwise

    def __init__(self, desk: Desk, **traits: Any) -> None:
        self._desk, self._shown, self._app = desk, desk.at.shown, addresses(desk)
        super().__init__(**traits)
        self.on_msg(self._answer)

    @traitlets.validate("selection")
    def _check_selection(self, proposal: Any) -> list[str]:
        asked = [str(i) for i in proposal["value"]]
        found = self._shown.names(np.sort(self._shown.rows(asked)))
        for id_ in asked if len(found) < len(set(asked)) else []:
            if not len(self._shown.rows([id_])):
                raise UnknownName("id", id_, found)
        return found

    @traitlets.validate("rows")
    def _check_rows(self, proposal: Any) -> bytes:
        data = bytes(proposal["value"])
        if len(data) % 4 or (data and int(np.frombuffer(data, "<u4").max()) >= len(self._shown)):
            raise OptionError(f"{len(data)} bytes are no rows of this space", "Set `selection` instead.")
        return data

    @traitlets.validate("colour")
    def _check_colour(self, proposal: Any) -> str | None:
        name: str | None = proposal["value"]
        known = [c.name for c in self._shown.listed()]
        if name is not None and name not in known:
            raise UnknownName("column", name, known)
        return name

    @traitlets.observe("selection")
    def _send_rows(self, _: Any) -> None:
        self.rows = np.sort(self._shown.rows(list(self.selection))).astype("<u4").tobytes()

    @traitlets.observe("rows")
    def _take_rows(self, _: Any) -> None:
        self.selection = self._shown.names(np.frombuffer(self.rows, "<u4").astype(np.int64))

    def _answer(self, _: Any, asked: Any, __: Any) -> None:
        """One question of the map: {id, address}. The answer bears the id, its body is a binary buffer."""
        if not isinstance(asked, dict) or not isinstance(asked.get("address"), str):
            return
        # The notebook's own event loop runs in this thread already.
        with ThreadPoolExecutor(1) as other:
            status, kind, body = other.submit(asyncio.run, _get(self._app, asked["address"])).result()
        self.send({"id": asked.get("id"), "status": status, "type": kind}, [body])


async def _get(app: Any, address: str) -> tuple[int, str, bytes]:
    """What the application answers at that address: status, type, body."""
    path, _, query = address.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/" + unquote(path), "query_string": query.encode(), "root_path": "", "headers": [],
    }  # fmt: skip
    told: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    kind = dict(told[0]["headers"]).get(b"content-type", b"").decode()
    return told[0]["status"], kind, b"".join(m.get("body", b"") for m in told[1:])


def widget(
    space: Space | str | os.PathLike[str],
    *,
    height: int = 480,
    colour: str | None = None,
    data: str | None = None,
) -> Widget:
    """The map of `space` in a notebook; its `selection` is a list of ids, to be read and to be set.

    colour   the column to colour by (default: the clusters, where they have been looked for)
    data     what the space was filled from, as for `ilk look`
    """
    from ..space import Space

    path = space.path if isinstance(space, Space) else Space.open(space).path
    return Widget(Desk(Path(path), data), height=height, colour=colour)

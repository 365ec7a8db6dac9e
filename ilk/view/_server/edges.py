"""The edges of the graph whose nodes the rows are: read again from where it lay, when first asked for."""

from __future__ import annotations

from threading import Lock

import numpy as np
from pydantic import BaseModel, Field

from ...analysis.again import lies
from ...errors import FormatError
from .shown import Shown

MOST = 1_000_000  # that a page is sent: of more, as many by chance


class Counted(BaseModel):
    edges: int
    sent: int = Field(description="of more than a million, as many by chance")


class Edges:
    """`data`: the graph again; None: where `ilk learn` found it."""

    def __init__(self, shown: Shown, data: str | None) -> None:
        self.shown, self.data = shown, data
        self._lock = Lock()
        self._pairs: np.ndarray | None = None

    @property
    def there(self) -> bool:
        """Whether there is a graph to ask; that it can be read is found out when it is."""
        reading = self.shown.space.reading
        return reading.get("reader") == "graphs" and not reading.get("many") and self._lies()

    def _lies(self) -> bool:
        try:
            return self.data is not None or lies(self.shown.space) is not None
        except FormatError:  # a damaged record: pictures are looked for without it, too
            return False

    def pairs(self) -> np.ndarray:  # (m, 2)
        """Rows that are linked, in random order."""
        with self._lock:  # read once, however many ask
            if self._pairs is None:
                from ...analysis import linked  # brings torch: only where there is a graph

                graph = linked.graph_of(self.shown.space, self.data)
                self._pairs = linked.edges(self.shown.ids, graph).astype("<u4")
            return self._pairs

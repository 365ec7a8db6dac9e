"""Many small spaces in one: each part with a model of its own, and search by what is near inside a part.

A row's part is the one that `route` gives for its vector, so rows that came after the split have theirs too;
the layer `part` only remembers it.

Legend: n rows, p parts, D dimensions, d axes of each part, q queries, m rows of some parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import files
from ..console import progress
from ..errors import OptionError, SpaceError, UnknownName
from . import layers
from .local import BLOCK, Local, read
from .marks import marked
from .query import Neighbours, question

if TYPE_CHECKING:
    from .snapshot import Snapshot
    from .space import Space

LAYER = "part"
WRITTEN = 8192  # rows of a part written in one step


class Parts:
    """The parts of a space, as `split` made them; it follows the space's writes."""

    def __init__(self, space: Space, local: Local) -> None:
        self.space = space
        self.local = local
        self._seen: tuple[Snapshot, np.ndarray, list[np.ndarray]] | None = None

    @classmethod
    def open(cls, space: Space) -> Parts | None:
        """None where the space was never split."""
        local = read(space.path)
        if local is None:
            return None
        here, there = (local.means.shape[1], local.metric.name), (space.dim, space.metric)
        if here != there:
            raise SpaceError(
                f"the parts in {space.path} are of {here[0]} dimensions ({here[1]}), the space of "
                f"{there[0]} ({there[1]})",
                "Split the space again.",
            )
        return cls(space, local)

    def __len__(self) -> int:
        return len(self.local.means)

    @property
    def labels(self) -> np.ndarray:
        """(n,) the part of each row, in the order of the space's ids."""
        return self._now()[0]

    @property
    def sizes(self) -> np.ndarray:  # (p,)
        return np.array([len(rows) for rows in self._now()[1]])

    def __iter__(self) -> Iterator[Part]:
        return (Part(self, number) for number in range(len(self)))

    def part(self, number: int) -> Part:
        if not 0 <= number < len(self):
            raise UnknownName("part", str(number), map(str, range(len(self))))
        return Part(self, number)

    def route(self, vectors: np.ndarray) -> np.ndarray:
        """(q,) the part in which each vector lies."""
        return self.local.route(np.atleast_2d(vectors))[:, 0]

    def search(self, query: Any, k: int = 10, *, parts: int = 3, where: str | None = None) -> Neighbours:
        """The k nearest rows as the part sees them in which the query lies, among its nearest `parts` parts.

        More parts are looked at where those hold fewer than k rows. Queries, `where` and answers as in the
        search of the space; so are distances where `local.shrink` is 1.
        """
        if k < 1 or parts < 1:
            raise OptionError(f"k={k} in {parts} parts", "Ask for 1 or more, in 1 part or more.")
        space = self.space
        asked = question(query, space._at, space._maker, space.encode, space.in_words)
        labels, rows = self._now()
        kept = np.ones(len(labels), bool)
        if where is not None:
            kept[:] = False
            kept[space.matching(where)] = True
        if asked.itself is not None:  # an id: not its own neighbour
            kept[pc.index(space._at.rows.ids, query).as_py()] = False
        k = min(k, int(np.count_nonzero(kept)))
        routes = self.local.route(asked.vectors, len(self))  # (q, p)
        held = np.bincount(labels[kept], minlength=len(self))[routes].cumsum(1)  # rows in so many parts
        wide = np.maximum(min(parts, len(self)), 1 + (held < k).sum(1))
        places, distances = np.zeros((len(routes), k), np.int64), np.zeros((len(routes), k), np.float32)
        for i, (route, w) in enumerate(zip(routes, wide) if k else ()):
            some = np.concatenate([rows[p] for p in route[:w]])
            places[i], distances[i] = self._nearest(asked.vectors[i], some[kept[some]], int(route[0]), k)
        ids = space._at.rows.ids.take(places.reshape(-1)).to_pylist()
        return Neighbours(np.array(ids, dtype=str).reshape(places.shape), distances)

    def table(self) -> pa.Table:
        """One row a part."""
        about, sizes = self.local.about, self.sizes
        return pa.table(
            {
                "part": pa.array(range(len(self)), pa.int32()),
                "rows": pa.array(sizes, pa.int64()),
                "share": sizes / max(1, sizes.sum()),
                "dims": pa.array(about["dims"], pa.int64()),
                "spread": pa.array([float(np.sqrt(v)) for v in about["variance"]], pa.float64()),
                "typical": pa.array([next(iter(part.typical(1)), None) for part in self], pa.string()),
            }
        )

    def sentence(self) -> str:
        return str(self.local.about["says"])

    def write(self) -> None:
        """The model into the space's folder; each row's part, also of late ones, into the layer `part`."""
        at = self.space._at
        self.local.write(self.space.path)
        table = {"id": at.rows.ids, "part": pa.array(self.labels, pa.int32()), "mark": marked(at.vectors)}
        self.space.write_layer(LAYER, pa.table(table), self.local.about)

    def _now(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """The part of each row, and the rows of each part, of the version that the space shows."""
        at = self.space._at
        if self._seen is None or self._seen[0] is not at:
            labels = self._routed(at)
            order, sizes = np.argsort(labels, kind="stable"), np.bincount(labels, minlength=len(self))
            self._seen = at, labels, np.split(order, sizes.cumsum()[:-1])
        return self._seen[1:]

    def _routed(self, at: Snapshot) -> np.ndarray:
        """From the layer where it knows the vector, else by the model."""
        found = np.full(len(at.rows), -1, np.int64)
        if LAYER in self.space.layers() and self._is_ours():
            layer = self.space.layer(LAYER)
            found_at = pc.index_in(at.rows.ids, value_set=layer["id"].combine_chunks())
            where = np.asarray(found_at.fill_null(-1), np.int64)
            same = where >= 0
            same[same] = layer["mark"].to_numpy()[where[same]] == marked(at.vectors[same])
            found[same] = layer["part"].to_numpy()[where[same]]
        new = np.flatnonzero(found < 0)
        found[new] = self.local.route(at.vectors[new])[:, 0]
        return found

    def _is_ours(self) -> bool:
        made: dict[str, Any] = layers.made(self.space.path, LAYER)["parameters"]
        return made == self.local.about  # a split that was interrupted leaves the layer of the last one

    def _nearest(
        self, query: np.ndarray, rows: np.ndarray, part: int, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places and local distances (k,) of the nearest of some rows."""
        at, local = self.space._at, self.local
        near = rows[local.nearest(query, at.vectors, rows, part, k)]
        step = local.inside(at.vectors[near], part) - local.inside(query[None], part)  # (c, D)
        distances = local.metric.told(np.einsum("cd,cd->c", step, step)).astype(np.float32)
        names = at.rows.ids.take(near).to_pylist()
        first = sorted(range(len(near)), key=lambda i: (distances[i], names[i]))[:k]
        return near[first], distances[first]


@dataclass(frozen=True)
class Part:
    """One of the parts of a space."""

    of: Parts
    number: int

    @property
    def rows(self) -> np.ndarray:
        """Places in the order of the space's ids."""
        return self.of._now()[1][self.number]

    @property
    def ids(self) -> list[str]:
        return [str(i) for i in self.of.space._at.rows.ids.take(self.rows).to_pylist()]

    @property
    def mean(self) -> np.ndarray:
        """(D,) of vectors as they are compared: of length 1 for the cosine, by their spread for whitened."""
        return np.asarray(self.of.local.means[self.number])

    @property
    def axes(self) -> np.ndarray:
        """(d, D) orthonormal: the directions in which the part is widest, the widest first."""
        return np.asarray(self.of.local.axes[self.number])

    @property
    def spread(self) -> np.ndarray:
        """(d,) standard deviation along each axis."""
        return np.asarray(np.sqrt(self.of.local.variances[self.number]))

    def typical(self, count: int = 5) -> list[str]:
        """The ids nearest to the mean."""
        rows, local = self.rows, self.of.local
        x = self.of.space.vectors()
        far = [
            ((local.ready(x[rows[s : s + BLOCK]]) - self.mean) ** 2).sum(1)
            for s in range(0, len(rows), BLOCK)
        ]
        near = rows[np.argsort(np.concatenate(far), kind="stable")[:count]] if len(rows) else rows
        return [str(i) for i in self.of.space._at.rows.ids.take(near).to_pylist()]

    def space(self, path: str | os.PathLike[str]) -> Space:
        """A space of its own with this part's rows, their metadata and pictures, and the same encoder.

        The folder is whole or absent.
        """
        from .space import Space

        path, whole = Path(path), self.of.space
        if path.exists():
            raise SpaceError(f"{path} exists already", "Choose another path, or remove it.")
        with files.replacing_folder(path) as folder:
            new = Space.create(
                folder, whole.encoder, reading=whole.reading, decoder=whole.decoder, metric=whole.metric
            )
            self._fill(new)
        return Space.open(path)

    def _fill(self, new: Space) -> None:
        whole, rows = self.of.space, self.rows
        ids, metadata = self.ids, whole.metadata()
        with progress(f"writing part {self.number}", len(rows)) as bar:
            for start in range(0, len(rows), WRITTEN):
                some = rows[start : start + WRITTEN]
                names = ids[start : start + WRITTEN]
                columns = metadata.take(some) if metadata.num_columns else None
                new.upsert_vectors(names, whole.vectors()[some], columns, whole.pictures(names))
                bar.advance(len(some))

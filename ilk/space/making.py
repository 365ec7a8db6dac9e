"""Making a base from the rows, catching up with it, and taking new rows into its index.

Legend: m slots, D numbers a vector.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import console
from . import _lock, fragments, plan
from . import base as bases
from .base import Base
from .index import exact, tuning
from .index.family import Approximate
from .index.metric import Metric, whitened
from .index.tuning import FAMILIES, K, Measured
from .plan import Plan
from .rows import Rows
from .slots import Ids, Slots, empty, matrix
from .spread import Spread, spread

_SMALL = 1 << 20  # numbers: so few are read from the rows in no time, and no base is kept
_LATE = 4096  # slots beside the base that are never worth a new one
_BATCH = 8192


def caught_up(space: Path, rows: Rows, metric: str, known: tuple[Base, Slots] | None) -> tuple[Base, Slots]:
    """A base, and the slots of this version: from what is known, else from the disk, else from the rows."""
    planned = plan.read(space) if known is None else None
    found = _standing(space, rows, known, planned)
    if found is not None:
        return found
    if (planned is None or planned.kind == "flat" or not len(rows)) and len(rows) * rows.dim <= _SMALL:
        base = _in_memory(rows, metric)  # not worth its files
        return base, base.slots
    with _lock.making(space):
        planned = plan.read(space)
        found = _standing(space, rows, None, planned)  # another may have made it meanwhile
        if found is None:
            base = _kept(space, rows, metric, planned if len(rows) else Plan()) or _in_memory(rows, metric)
            found = base, base.slots
    return found


def _standing(
    space: Path, rows: Rows, known: tuple[Base, Slots] | None, planned: Plan | None
) -> tuple[Base, Slots] | None:
    """What is known, or on the disk, brought to this version, unless it is better made anew."""
    if known is None and planned is not None:
        kept = bases.newest(space)
        # What was planned last counts, whoever wrote a base since.
        known = None if kept is None or kept.kind != planned.kind else (kept, kept.slots)
    if known is None:
        return None
    base = known[0]
    with rows.at.reading():
        slots = known[1].moved(rows.data)
    if not _worn(base, slots):
        return base, slots
    return None if base.near is None else _lighter(space, rows, base, slots)


def _lighter(space: Path, rows: Rows, base: Base, slots: Slots) -> tuple[Base, Slots]:
    """Who only follows a writer would carry every slot that ever was: it takes what was kept since.

    Where there is nothing newer, the slots that came and went since the base are left out, unless the index
    here knows them by their numbers.
    """
    names = {folder.name for folder in (space / "index").glob("base-*")}
    if names and base.folder is not None and max(names) != base.folder.name:
        kept = bases.newest(space)
        if kept is not None and kept.kind == plan.read(space).kind:
            with rows.at.reading():
                return kept, kept.slots.moved(rows.data)
    assert base.near is not None
    here = len(base.slots)
    gone = len(slots) - here - int(np.count_nonzero(slots.alive[here:]))
    if base.near.covered > here or gone <= max(_LATE, here // 4):
        return base, slots
    with rows.at.reading():
        return base, base.slots.moved(rows.data)


def make(space: Path, rows: Rows, metric: str, planned: Plan, *, seed: int = 0) -> tuple[Base, Plan]:
    """A base of the planned kind over all rows, kept; how hard it looks is found by trying."""

    def fill(new: Path) -> dict[str, Any]:
        nonlocal planned
        slots, how, found = _written(new, rows, metric)
        if planned.kind == "flat":
            if metric != "l2":
                bases.write_ready(new, slots.parts[0], how)
            return bases.about("flat", how, found, slots.fragments, None)
        near, planned = indexed(slots, how, planned, seed)
        near.family.save(near.index, new)
        return bases.about(planned.kind, how, found, slots.fragments, near)

    return bases.read(bases.write(space, rows.version, fill), fresh=True), planned


def extended(space: Path, version: int, base: Base, slots: Slots) -> Base:
    """The base with the slots that came since, which its index holds by now; numbers stay as they are."""
    assert base.near is not None
    near = base.near
    # Of what is in the slots, dead or alive, as a snapshot expects it.
    found = None if base.spread is None else base.spread.with_(slots.parts[1])

    def fill(new: Path) -> dict[str, Any]:
        batches = (
            (slots.some(at), slots.vectors(at), slots.addresses[at])
            for at in (np.arange(i, min(i + _BATCH, len(slots))) for i in range(0, len(slots), _BATCH))
        )
        bases.write_slots(new, slots.parts[0].shape[1], batches)
        near.family.save(near.index, new)
        return bases.about(base.kind, base.metric, found, slots.fragments, near)

    kept = bases.read(bases.write(space, version, fill), fresh=True)
    return replace(kept, near=near)  # the one that goes on growing


def indexed(slots: Slots, metric: Metric, planned: Plan, seed: int) -> tuple[Approximate, Plan]:
    """An index over all slots, which looks as hard as is planned, or as is found to be enough."""
    m, dim = len(slots), slots.parts[0].shape[1]
    family, began = FAMILIES[planned.kind], time.perf_counter()
    ready = _ready_at(slots, metric)
    with console.progress(f"building {family.kind}", m) as bar:
        near = tuning.build(family, ready, m, dim, seed, bar.advance)
    planned = replace(planned, rows=m, seconds=round(time.perf_counter() - began, 1))
    if planned.effort is not None and planned.wider is not None:
        near.look(effort=planned.effort, wider=planned.wider)
        return near, planned
    measured = examined(slots, metric, near, planned.wished, seed)
    return near, planned.found(near.effort, near.wider, measured)


def examined(slots: Slots, metric: Metric, near: Approximate, wished: float, seed: int) -> Measured:
    """Sets how hard the index looks, so that it finds the wished share of the neighbours."""
    asked, truth = questions(slots, metric, slots.order, near.family.moved, seed)
    return tuning.tune(near, asked, truth, _search(slots, metric, near), wished)


def recall(slots: Slots, metric: Metric, near: Approximate, among: np.ndarray, seed: int) -> float:
    """As it is now, for questions that lie about rows in some of the slots."""
    asked, truth = questions(slots, metric, among, near.family.moved, seed)
    return tuning.share(_search(slots, metric, near)(asked, K), truth)


def questions(
    slots: Slots, metric: Metric, among: np.ndarray, moved: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vectors (q, D) that lie among the rows as new ones would, and the slots of their neighbours (q, K).

    They are rows, `moved` by some of the way from one neighbour to another.
    """
    chosen = among[tuning.sample(len(among), seed)]
    rows = slots.vectors(chosen)
    beside = _nearest(slots, metric, rows)
    rng = np.random.default_rng(seed)
    one, other = (
        np.take_along_axis(beside, rng.integers(beside.shape[1], size=(len(rows), 1)), 1) for _ in "ab"
    )
    asked = rows + np.float32(moved) * (slots.vectors(one[:, 0]) - slots.vectors(other[:, 0]))
    return asked, _nearest(slots, metric, asked)


def _nearest(slots: Slots, metric: Metric, queries: np.ndarray) -> np.ndarray:  # (q, D) -> (q, <= K)
    parts: list[exact.Part] = [(0, slots.parts[0], metric), (len(slots.parts[0]), slots.parts[1], metric)]
    return exact.search(slots, parts, slots.alive, metric, queries, K)[0]


def _search(slots: Slots, metric: Metric, near: Approximate) -> Callable[[np.ndarray, int], np.ndarray]:
    """As the space will search."""

    def search(queries: np.ndarray, k: int) -> np.ndarray:
        found = near.candidates(metric.ready(queries), k)
        return exact.settle(slots, metric, queries, found, k, slots.alive)[0]

    return search


def _ready_at(slots: Slots, metric: Metric) -> Callable[[np.ndarray], np.ndarray]:
    return lambda at: metric.ready(slots.vectors(at))


def _written(new: Path, rows: Rows, metric: str) -> tuple[Slots, Metric, Spread | None]:
    """All rows into the slots' files, read back memory-mapped."""
    now = fragments.fragments(rows.data)
    bases.write_slots(new, rows.dim, _batches(rows))
    slots = bases.read_slots(new, now)
    vectors = slots.parts[0]
    if metric != "whitened":
        return slots, Metric(metric), None
    found = spread((vectors[i : i + _BATCH] for i in range(0, len(vectors), _BATCH)), rows.dim)
    return slots, whitened(found.deviations()), found


def _batches(rows: Rows) -> Iterator[tuple[Ids, np.ndarray, np.ndarray]]:
    with rows.at.reading():
        scanner = rows.data.scanner(columns=["id", "vector"], with_row_address=True, batch_size=_BATCH)
        for batch in scanner.to_batches():
            vectors = matrix(pa.chunked_array([batch["vector"]]), rows.dim)
            yield batch["id"], vectors, batch["_rowaddr"].to_numpy()


def _kept(space: Path, rows: Rows, metric: str, planned: Plan) -> Base | None:
    """A new base, unless its files cannot be written."""
    try:
        return make(space, rows, metric, planned)[0]
    except OSError:  # no room, or a space that may only be read
        return None


def _in_memory(rows: Rows, metric: str) -> Base:
    with rows.at.reading():
        slots = empty(rows.dim).moved(rows.data)
    slots = replace(slots, ids=slots.ids[::-1], parts=slots.parts[::-1])
    vectors = slots.parts[0]
    found = spread(iter([vectors]), rows.dim) if metric == "whitened" else None
    how = Metric(metric) if found is None else whitened(found.deviations())
    return Base(slots, how, how.ready(vectors), None, found)


def _worn(base: Base, slots: Slots) -> bool:
    """Whether so much has changed that a newer base is worth looking for, or, an exact one, making."""
    return len(slots.parts[1]) + len(slots) - slots.count > max(_LATE, len(base.slots) // 4)

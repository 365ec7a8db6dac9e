"""What is stored in one step: a source encoded a chunk at a time, and a chunk as a table of rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from .. import console
from ..errors import OptionError
from ..source import Source
from .columns import clean

if TYPE_CHECKING:
    from ..encoders import Encoder

BATCH = 256  # samples through the encoder at a time
ROWS, PICTURES, SECONDS = 8192, 64 << 20, 30.0  # a chunk ends at the first of these (rows, bytes, seconds)

Encoded: TypeAlias = Callable[[Iterator[Any]], Iterator[np.ndarray]]  # batches to vectors, in order
Chunk: TypeAlias = tuple[list[str], np.ndarray, pa.Table | None, list[bytes | None]]


@contextmanager
def here(encoder: Encoder) -> Iterator[Encoded]:
    """In this process; the next batch is read meanwhile."""
    from ..encoders import encode
    from ..source._prefetch import prefetched

    with ExitStack() as stack:

        def encoded(batches: Iterator[Any]) -> Iterator[np.ndarray]:
            ready = stack.enter_context(prefetched(batches))
            return (encode(encoder, batch).numpy() for batch in ready)

        yield encoded


def chunks(source: Source, encoded: Encoded) -> Iterator[Chunk]:
    """Ids, vectors, metadata and pictures of the whole source, in order."""
    metadata = source.metadata()
    start, began, vectors, pictures = 0, time.monotonic(), [], []
    batches = [np.arange(at, min(at + BATCH, len(source))) for at in range(0, len(source), BATCH)]
    for rows, found in zip(batches, encoded(source.batch(rows) for rows in batches)):
        vectors.append(found)
        pictures += [source.picture(int(i)) for i in rows]
        end = int(rows[-1]) + 1
        size = sum(len(p) for p in pictures if p is not None)
        full = end - start >= ROWS or size >= PICTURES or time.monotonic() - began >= SECONDS
        if full or end == len(source):
            ids = [source.id(i) for i in range(start, end)]
            columns = None if metadata is None else metadata.slice(start, end - start)
            yield ids, np.concatenate(vectors), columns, pictures
            start, began, vectors, pictures = end, time.monotonic(), [], []


def stored(source: Source, encoder: Encoder, put: Callable[..., tuple[int, int]]) -> tuple[int, int]:
    """How many rows `put` added and replaced, chunk by chunk: what is put stays, whatever comes after."""
    added = replaced = 0
    try:
        with here(encoder) as encoded, console.progress("adding", len(source)) as bar:
            for chunk in chunks(source, encoded):
                new, old = put(*chunk)
                added, replaced = added + new, replaced + old
                bar.advance(len(chunk[0]))
    except BaseException:  # Ctrl-C too
        if added + replaced:
            console.say(f"stopped early: {added:,} added and {replaced:,} replaced rows are kept")
        raise
    return added, replaced


def table(
    ids: list[str],
    vectors: np.ndarray,  # (n, D) float32
    metadata: pa.Table | None,
    pictures: Sequence[bytes | None] | None,
    fingerprint: str,
) -> pa.Table:
    """The rows to store: where an id comes twice, the last one."""
    pictures = [None] * len(ids) if pictures is None else pictures
    if len(pictures) != len(ids):
        raise OptionError(f"{len(pictures)} pictures for {len(ids)} rows", "Give one, or None, for each row.")
    names = pa.array(ids, pa.string())
    whole = clean(metadata, names)
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
    ours = {
        "id": names,
        "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        "encoder": pa.repeat(fingerprint, len(ids)),
        "picture": pa.array(pictures, pa.binary()),
    }
    rows = pa.table({**ours, **{name: whole[name] for name in whole.column_names}})
    last = latest(ids)
    return rows if len(last) == len(ids) else rows.take(last)


def latest(ids: list[str]) -> np.ndarray:
    """Their places, ascending: of an id that comes twice, the last."""
    last = np.array(sorted({name: i for i, name in enumerate(ids)}.values()), np.int64)
    if len(last) < len(ids):
        console.say(f"{len(ids) - len(last):,} ids came twice or more; the last of each is kept")
    return last

"""Listed files -> pixels in memory or in the cache: known ones are looked up, new ones decoded in parallel.

Threads, not processes: decoders and resamplers mostly let go of the interpreter, a stack can be read on by
whichever thread is free, and nothing is copied. (Two processes against two threads, two shared cores: 1.17
times as fast on PNGs of 64 pixels, 0.94 times on JPEGs of 12 megapixels.) What waits is bounded: a few
blocks of prepared pictures a thread.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pyarrow as pa

from ...cluster import cores
from ...console import Bar, progress
from ...errors import MissingExtra, UnreadableSample
from .. import formats
from .._base import Skipped
from ..cache import END, WHOLE, Entry, Store
from .file import Item, Pictures
from .listing import Listing
from .prepare import Form, prepare

BLOCK, BLOCK_BYTES = 64, 2**24  # pictures a task, at most
Change = Callable[[np.ndarray], tuple[np.ndarray, pa.Table]]  # pixels (b, C, S, S) -> the same shape, columns


class Memory:
    """The same, kept nowhere."""

    path = None

    def __init__(self, form: Form) -> None:
        self.blocks: list[np.ndarray] = []
        self.extra: list[pa.Table] = []
        self.form, self.rows = form, 0

    def known(self, item: Item) -> list[Entry]:
        return []

    def append(self, block: np.ndarray, extra: pa.Table | None, entries: list[Entry]) -> None:
        self.blocks.append(block)
        self.extra += [] if extra is None else [extra]
        self.rows += len(block)

    def commit(self) -> None:
        pass

    def pixels(self) -> np.ndarray:
        return (
            np.concatenate(self.blocks) if self.blocks else np.zeros((0, *self.form.shape), self.form.dtype)
        )

    def columns(self) -> pa.Table | None:
        return pa.concat_tables(self.extra) if self.extra else None


@dataclass(slots=True)
class _Sample:
    item: Item
    part: int
    row: int = -1
    pixels: np.ndarray | None = None  # freshly decoded
    why: str = ""
    fresh: bool = True  # not in the index yet


@dataclass
class _Job:
    """Files still to decode; the first may be a stack read halfway."""

    items: deque[Item]
    starts: deque[int]
    reading: Pictures | None = None


@dataclass
class Gathered:
    rows: array[int] = field(default_factory=lambda: array("q"))  # of the pixels, one a sample
    origins: array[int] = field(default_factory=lambda: array("q"))  # of the metadata
    ids: list[pa.StringArray] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, samples: list[_Sample]) -> None:
        good = [s for s in samples if s.row >= 0]
        self.rows.extend(s.row for s in good)
        self.origins.extend(s.part if s.item.spread else s.item.row for s in good)
        self.ids.append(pa.array([_id(s) for s in good], pa.string()))
        self.skipped += [Skipped(_id(s), s.why) for s in samples if s.row < 0 and s.part != END]


def _id(s: _Sample) -> str:
    if s.item.digits:
        return f"{max(s.part, 0):0{s.item.digits}d}"
    return s.item.id if s.part == WHOLE else f"{s.item.id}#{s.part}"


def gather(
    listing: Listing,
    form: Form,
    store: Store | Memory,
    *,
    channels: int | None,
    change: Change | None,
    strict: bool,
) -> Gathered:
    """Every listed picture, in the order of the listing. `channels` as the person gave them."""
    out = Gathered()
    workers = cores()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="ilk-decode")
    waiting: deque[list[_Sample] | Future[tuple[list[_Sample], _Job | None]]] = deque()
    jobs = _jobs(listing.items, store)
    try:
        with progress("decode", listing.total) as bar:
            while True:
                for job in islice(jobs, max(0, 3 * workers - len(waiting))):
                    waiting.append(
                        job if isinstance(job, list) else pool.submit(_decode, job, form, channels)
                    )
                if not waiting:
                    return out
                first = waiting.popleft()
                if isinstance(first, Future):
                    samples, left = first.result()
                    if left is not None:
                        waiting.appendleft(pool.submit(_decode, left, form, channels))
                else:
                    samples = first
                _keep(samples, store, change)
                out.add(samples)
                _tell(bar, out, samples, counted=listing.total is not None)
                if strict and out.skipped:
                    bad = out.skipped[0]
                    raise UnreadableSample(
                        f"{bad.id}: {bad.why}", "Repair or remove it; without strict it is left out."
                    )
    finally:
        pool.shutdown(cancel_futures=True)


def _tell(bar: Bar, out: Gathered, samples: list[_Sample], *, counted: bool) -> None:
    bar.advance(sum(s.part in (WHOLE, END) for s in samples))
    done = "" if counted else f"{len(out.rows):,} pictures"
    bad = f"{len(out.skipped):,} unreadable" if out.skipped else ""
    bar.note(", ".join(filter(None, (done, bad))))


def _jobs(items: Iterator[Item], store: Store | Memory) -> Iterator[list[_Sample] | _Job]:
    """Runs of known and of new files, in order."""
    known: list[_Sample] = []
    new = _Job(deque(), deque())
    for item in items:
        entries = store.known(item)
        if item.why:
            entries = [Entry(item.name, item.size, item.mtime, WHOLE, -1, item.why)]
        whole = bool(entries) and (entries[-1].part in (WHOLE, END))
        if entries:
            if new.items:
                yield new
                new = _Job(deque(), deque())
            known += [_Sample(item, e.part, e.row, why=e.why, fresh=False) for e in entries]
        if not whole:
            if known:
                yield known
                known = []
            new.items.append(item)
            new.starts.append(entries[-1].part + 1 if entries else 0)
        if len(new.items) >= BLOCK:
            yield new
            new = _Job(deque(), deque())
        if len(known) >= 1024:
            yield known
            known = []
    if known:
        yield known
    if new.items:
        yield new


def _decode(job: _Job, form: Form, channels: int | None) -> tuple[list[_Sample], _Job | None]:
    """A block of prepared pictures, and what of the job is left."""
    most = max(1, min(BLOCK, BLOCK_BYTES // (int(np.prod(form.shape)) * 4)))
    done: list[_Sample] = []
    while job.items:
        if len(done) >= most:
            return done, job
        item = job.items[0]
        if job.reading is None:
            job.reading = formats.read(item.file, size=form.size, channels=channels, start=job.starts[0])
        sample = _next(item, job.reading, form, job.starts[0])
        done.append(sample)
        job.starts[0] = sample.part + 1
        if sample.part in (WHOLE, END):
            job.items.popleft()
            job.starts.popleft()
            job.reading = None
    return done, None


def _next(item: Item, reading: Pictures, form: Form, start: int) -> _Sample:
    try:
        part, x = next(reading)
    except StopIteration:
        return _Sample(item, END) if start else _Sample(item, WHOLE, why="holds no picture")
    except MissingExtra:
        raise
    except Exception as e:  # whatever a decoder chokes on concerns this one file
        return _Sample(item, WHOLE, why=_why(e))
    try:
        return _Sample(item, part, pixels=prepare(x, form))
    except UnreadableSample as e:
        return _Sample(item, part, why=e.what)


def _why(e: Exception) -> str:
    text = e.strerror.lower() if isinstance(e, OSError) and e.strerror else str(e)
    text = text.split("\n")[0].strip() or type(e).__name__
    return text if len(text) <= 200 else text[:200] + "…"


def _keep(samples: list[_Sample], store: Store | Memory, change: Change | None) -> None:
    """Fresh samples go to the store, and learn their rows."""
    fresh = [s for s in samples if s.fresh]
    if not fresh:
        return
    good = [s for s in fresh if s.pixels is not None]
    block = np.zeros((0, *store.form.shape), store.form.dtype)
    if good:
        block = np.stack([s.pixels for s in good if s.pixels is not None])
    extra = None
    if change is not None and good:
        block, extra = change(block)
    for row, s in enumerate(good, store.rows):
        s.row, s.pixels = row, None
    entries = [Entry(s.item.name, s.item.size, s.item.mtime, s.part, s.row, s.why) for s in fresh]
    store.append(block, extra, entries)

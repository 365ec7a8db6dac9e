"""Encoding on many machines: Ray's workers read, encode and write files of rows; one step makes these rows.

The data are cut into pieces. A worker writes a piece as a fragment of the Lance dataset, which nobody sees
yet; this process notes it in the space's folder. When all are there, one transaction takes them in, in the
order of the data. So each sample is stored once, whatever was lost and done again: of a piece that was
written twice one fragment is taken in, the other is swept up as what a write that was cut short leaves. After
a kill the same call goes on with the pieces that are not noted.

Actors, not Ray Data: a piece is all there is to plan, its fragment's name is all that comes back, and the
order of the rows is that of one process.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lance
import numpy as np
import pyarrow as pa

from .. import console, files, saved
from ..cluster import AGAIN, free, joined
from ..errors import IlkError, SpaceError
from ..source import Source, arrived, sent
from . import _chunks, columns
from .query import vectors as checked

if TYPE_CHECKING:
    from ..encoders import Encoder
    from .current import Current
    from .rows import Rows

AHEAD = 2  # pieces for each worker: one at work, one that waits for it
FRESH = 24 * 3600  # seconds: what is older may have been swept up


class Worker:
    """Lives in a process of its own, on any machine of the cluster."""

    def __init__(self) -> None:
        self.job: Any = None  # what the rest belongs to
        self.encoder: Encoder | None = None
        self.source: Source | None = None

    def write(self, jobs: list[Any], at: np.ndarray, ids: list[str], metadata: pa.Table | None) -> list[str]:
        """One piece; `jobs`: where Ray keeps what all pieces have in common, which is fetched once."""
        import ray

        if self.job != jobs[0]:
            self.common = ray.get(jobs[0])
            self.encoder, self.source = _loaded(*self.common["encoder"]), arrived(self.common["source"])
            self.job = jobs[0]
        assert self.encoder is not None
        assert self.source is not None
        source, common = self.source, self.common
        parts = [at[i : i + common["batch"]] for i in range(0, len(at), common["batch"])]
        with _chunks.here(self.encoder) as encoded:
            found = np.concatenate(list(encoded(source.batch(part) for part in parts)))
        vectors = checked(found, self.encoder.dim, common["maker"], ids)
        pictures = [source.picture(int(i)) for i in at]
        table = columns.fit(
            _chunks.table(ids, vectors, metadata, pictures, common["fingerprint"]), common["schema"]
        )
        pieces = lance.fragment.write_fragments(table, common["uri"])
        if common["local"]:
            _sync(_files(common["uri"], pieces))
        return [json.dumps(piece.to_json()) for piece in pieces]


def store(now: Current, source: Source, encoder: Encoder, maker: str, address: str) -> tuple[int, int]:
    """How many rows were added and replaced: all of the source, or an error and none."""
    with now.writing(), console.progress("adding", len(source)) as bar:
        rows, added, replaced = _stored(now.at.rows, source, encoder, maker, address, bar)
        now.show(rows, written=added + replaced)
    return added, replaced


def _stored(
    rows: Rows, source: Source, encoder: Encoder, maker: str, address: str, bar: console.Bar
) -> tuple[Rows, int, int]:
    given = columns.texts([source.id(i) for i in range(len(source))])
    at = _chunks.latest(given)
    ids = pa.array([given[i] for i in at], pa.string())
    metadata = columns.clean(source.metadata(), pa.array(given, pa.string()))
    rows = rows.with_columns(list(metadata.schema))
    common = {
        "encoder": _kept(encoder),
        "source": sent(source),
        "reading": source.reading,
        "maker": maker,
        "fingerprint": saved.fingerprint(encoder),
        "schema": rows.schema,
        "uri": rows.data.uri if rows.at.folder is None else str(rows.at.folder.absolute()),
        "local": rows.at.folder is not None,
        "batch": _chunks.BATCH,
    }
    pieces = [at[i : i + _chunks.ROWS] for i in range(0, len(at), _chunks.ROWS)]
    ledger = Ledger(rows.at.space, common, ids)
    to_do = [k for k in range(len(pieces)) if not ledger.has(k)]
    bar.advance(len(at) - sum(len(pieces[k]) for k in to_do))
    with joined(address) as ray:
        try:
            for k, found in Workers(ray).written(common, pieces, ids, metadata, to_do):
                ledger.note(k, found)
                bar.advance(len(pieces[k]))
        except ray.exceptions.RayError as e:
            cause = e.cause if isinstance(e, ray.exceptions.RayTaskError) else e
            why = cause.what if isinstance(cause, IlkError) else str(cause).strip().splitlines()[-1]
            do = "No row has changed; the same call goes on where it stopped."
            raise SpaceError(f"Ray could not encode: {why}", do) from e
    after, added, replaced = rows.adopted(ledger.fragments(len(pieces)), ids)
    ledger.forget()
    return after, added, replaced


class Ledger:
    """Which pieces are written: SPACE/adding/WHAT/K.json, a folder for each thing to be added."""

    def __init__(self, space: Path, common: dict[str, Any], ids: pa.Array[Any]) -> None:
        what = [common["fingerprint"], common["reading"], str(common["schema"])]
        digest = hashlib.sha256(json.dumps([*what, common["uri"], _chunks.ROWS]).encode())
        for name in ids.to_pylist():
            digest.update(f"{name}\0".encode())
        self.above = space / "adding"
        self.folder = self.above / digest.hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.uri, self.local = common["uri"], common["local"]

    def has(self, k: int) -> bool:
        """Whether it is noted, and its files are still there: who wrote meanwhile may have swept them up."""
        path = self._path(k)
        if not path.exists() or time.time() - path.stat().st_mtime > FRESH:
            return False
        return not self.local or all(p.exists() for p in _files(self.uri, self._read(k)))

    def note(self, k: int, found: list[str]) -> None:
        files.write(self._path(k), json.dumps(found).encode())

    def fragments(self, n: int) -> list[Any]:
        return [piece for k in range(n) for piece in self._read(k)]

    def forget(self) -> None:
        """That of other adds that never ended, too."""
        shutil.rmtree(self.above, ignore_errors=True)

    def _read(self, k: int) -> list[Any]:
        noted = json.loads(self._path(k).read_bytes())
        return [lance.fragment.FragmentMetadata.from_json(piece) for piece in noted]

    def _path(self, k: int) -> Path:
        return self.folder / f"{k:06d}.json"


class Workers:
    """As many as the cluster has free GPUs, or else cores; one that dies is started again."""

    def __init__(self, ray: Any) -> None:
        self.ray = ray
        many, gpus = free(ray)
        kind = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0, max_restarts=AGAIN, max_task_retries=AGAIN)(
            Worker
        )
        self.all = [kind.remote() for _ in range(many)]

    def written(
        self,
        common: dict[str, Any],
        pieces: list[np.ndarray],
        ids: pa.Array[Any],
        metadata: pa.Table,
        to_do: list[int],
    ) -> Iterator[tuple[int, list[str]]]:
        """Number and fragments of each of the pieces `to_do`, as they are done."""
        jobs = [self.ray.put(common)]
        starts = np.cumsum([0, *map(len, pieces)])
        at_work: dict[Any, tuple[int, Any]] = {}
        idle = [worker for _ in range(AHEAD) for worker in self.all]
        waiting = list(to_do)
        while waiting or at_work:
            while waiting and idle:
                k, worker = waiting.pop(0), idle.pop(0)
                first, n = int(starts[k]), len(pieces[k])
                names = ids.slice(first, n).to_pylist()
                table = metadata.take(pa.array(pieces[k])) if metadata.column_names else None
                at_work[worker.write.remote(jobs, pieces[k], names, table)] = (k, worker)
            done, _ = self.ray.wait(list(at_work))
            k, worker = at_work.pop(done[0])
            idle.append(worker)
            yield k, self.ray.get(done[0])


def _kept(encoder: Encoder) -> tuple[bytes, bytes]:
    """The two files that a space keeps of it."""
    from ..encoders import Encoder

    with tempfile.TemporaryDirectory() as folder:
        saved.save(encoder, Path(folder), Encoder)
        description, weights = (Path(folder) / f"encoder.{kind}" for kind in ("json", "safetensors"))
        return description.read_bytes(), weights.read_bytes()


def _loaded(description: bytes, weights: bytes) -> Encoder:
    import torch

    from ..encoders import Encoder

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "encoder.json").write_bytes(description)
        (Path(folder) / "encoder.safetensors").write_bytes(weights)
        encoder: Encoder = saved.load(Path(folder), Encoder)  # type: ignore[type-abstract]
    return encoder.to("cuda" if torch.cuda.is_available() else "cpu")


def _files(uri: str, pieces: list[Any]) -> list[Path]:
    return [Path(uri) / "data" / file.path for piece in pieces for file in piece.files]


def _sync(paths: list[Path]) -> None:
    for path in paths:
        with open(path, "r+b") as f:
            os.fsync(f.fileno())
    for folder in {path.parent for path in paths}:
        files.sync_folder(folder)

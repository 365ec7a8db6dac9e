"""The base: slots and an index over them, kept in `index/base-VERSION-.../`.

    vectors.npy, ids.arrow, addresses.npy   what is in the slots, memory-mapped
    ready.npy                               for exact search by cosine or whitened distance
    index.faiss, index.safetensors          of another family
    base.json                               version, fragments, checksums of all; written last

All of it is derived: it may be deleted at any time. A folder is written beside, then named, and never
changes; one that is cut short or damaged is known by its checksums, told, and made again from the rows.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy

from .. import console
from .fragments import Fragment
from .index.family import Approximate
from .index.metric import Metric
from .index.tuning import FAMILIES
from .slots import Ids, Slots
from .spread import Spread

FORMAT = 2
_BLOCK = 65_536  # rows at a time
_CHECKED = 1 << 20  # bytes
_LEFT = 3600  # seconds after which a folder that nobody writes to was left by a kill


@dataclass(frozen=True)
class Base:
    """Slots as they stood at one version, and an index over them."""

    slots: Slots
    metric: Metric  # of the ready vectors, which the index holds
    ready: np.ndarray | None  # (m, D), where every vector is looked at
    near: Approximate | None  # where some are
    spread: Spread | None = None  # of the rows, where the metric asks for it
    folder: Path | None = None  # None: in memory only

    @property
    def kind(self) -> str:
        return self.near.family.kind if self.near else "flat"


def newest(space: Path) -> Base | None:
    """The newest base that is whole; a damaged one is named, and goes."""
    found = sorted((space / "index").glob("base-*"), reverse=True)
    for folder in found:
        try:
            return read(folder)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as e:
            if set((space / "index").glob("base-*")) - set(
                found
            ):  # a writer has put a newer one in its place
                return newest(space)
            if folder.exists():
                missing = isinstance(e, FileNotFoundError)
                _lost(folder, "a file is missing" if missing else f"{e}".partition("\n")[0])
    return None


def _lost(folder: Path, why: str) -> None:
    console.say(f"{folder} is damaged ({why}); it is made again from the rows")
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path, *, fresh: bool = False) -> Base:
    """Raises OSError, ValueError, ... where a file is not as it was written; one that is `fresh` is."""
    about = json.loads((folder / "base.json").read_bytes())
    if about["format"] != FORMAT:
        raise ValueError(f"format {about['format']}, not {FORMAT}")
    if about.pop("sum") != _sum(about):
        raise ValueError("base.json is not as it was written")
    for name, known in [] if fresh else about["files"].items():
        if checksum(folder / name) != known:
            raise ValueError(f"{name} is not as it was written")
    slots = read_slots(folder, {int(n): Fragment(*f) for n, f in about["fragments"].items()})
    metric = Metric(about["metric"], _array(about["weights"]))
    spread = about["spread"] and Spread(about["spread"][0], *map(np.array, about["spread"][1:]))
    if about["kind"] == "flat":
        vectors = slots.parts[0]
        ready = vectors if metric.name == "l2" else mapped(folder / "ready.npy")
        return Base(slots, metric, ready, None, spread, folder)
    family = FAMILIES[about["kind"]]
    near = Approximate(family, family.load(folder), effort=about["effort"], wider=about["wider"])
    return Base(slots, metric, None, near, spread, folder)


def write(space: Path, version: int, fill: Callable[[Path], dict[str, Any]]) -> Path:
    """A new base: `fill` writes its files into a folder, and returns what base.json says of them."""
    index = space / "index"
    index.mkdir(exist_ok=True)
    new = index / f"new-{uuid.uuid4().hex}"
    new.mkdir()
    try:
        about = fill(new)
        sums = {p.name: checksum(p) for p in sorted(new.iterdir())}
        # As it will be read: JSON turns numbers that are names into text.
        note = json.loads(json.dumps({"format": FORMAT, **about, "files": sums}))
        (new / "base.json").write_text(json.dumps({**note, "sum": _sum(note)}))
        target = index / f"base-{version:012d}-{time.time_ns():020d}"
        os.replace(new, target)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    for old in index.iterdir():
        left = old.name.startswith("new-") and time.time() - old.stat().st_mtime > _LEFT
        if left or (old.name.startswith("base-") and old.name < target.name):
            shutil.rmtree(old, ignore_errors=True)  # whoever has it open keeps its pages
        elif old.name.startswith("scratch-"):  # it loses its name as soon as it is written
            old.unlink(missing_ok=True)
    return target


def about(
    kind: str,
    metric: Metric,
    spread: Spread | None,
    fragments: dict[int, Fragment],
    near: Approximate | None,
) -> dict[str, Any]:
    numbers = None if spread is None else [spread.point, spread.sums, spread.squares]
    return {
        "kind": kind,
        "metric": metric.name,
        "weights": None if metric.weights is None else metric.weights.tolist(),
        "spread": None if spread is None else [spread.n, *(x.tolist() for x in numbers or [])],
        "fragments": fragments,
        "effort": near and near.effort,
        "wider": near and near.wider,
    }


def read_slots(folder: Path, fragments: dict[int, Fragment]) -> Slots:
    with pa.memory_map(str(folder / "ids.arrow")) as source:
        ids = pa.ipc.open_file(source).get_batch(0)["id"]
    vectors = mapped(folder / "vectors.npy")
    addresses = np.load(folder / "addresses.npy", allow_pickle=False)
    return Slots((ids, ids.slice(0, 0)), (vectors, vectors[:0]), addresses, fragments)


def write_slots(folder: Path, dim: int, batches: Iterable[tuple[Ids, np.ndarray, np.ndarray]]) -> None:
    """Ids, vectors and addresses, a batch at a time, into their files."""
    ids: list[Ids] = [pa.array([], pa.string())]
    addresses, n = [np.zeros(0, np.uint64)], 0
    with open(folder / "vectors.npy", "wb") as f:
        # Written, not memory-mapped: a full disk is then an error and not the end of the process.
        _head(f, (0, dim))
        for names, vectors, theirs in batches:
            f.write(np.ascontiguousarray(vectors, "<f4").data)
            ids.append(names)
            addresses.append(theirs)
            n += len(vectors)
        f.seek(0)
        _head(f, (n, dim))  # numpy leaves room for the first number to grow
    np.save(folder / "addresses.npy", np.concatenate(addresses))
    with pa.ipc.new_file(str(folder / "ids.arrow"), pa.schema([("id", pa.string())])) as out:
        out.write_batch(pa.record_batch([pa.concat_arrays(ids)], names=["id"]))


def write_ready(folder: Path, vectors: np.ndarray, metric: Metric) -> None:
    with open(folder / "ready.npy", "wb") as f:
        _head(f, vectors.shape)
        for start in range(0, len(vectors), _BLOCK):
            f.write(np.ascontiguousarray(metric.ready(vectors[start : start + _BLOCK]), "<f4").data)


def checksum(path: Path) -> str:
    """Of every byte, as fast as memory is read: the CRC of the sums of all blocks."""
    size = path.stat().st_size
    data = np.memmap(path, np.uint8, "r") if size else np.zeros(0, np.uint8)
    whole = size // _CHECKED * _CHECKED
    sums = data[:whole].view(np.uint64).reshape(-1, _CHECKED // 8).sum(axis=1, dtype=np.uint64)
    return f"{size}-{zlib.crc32(data[whole:].tobytes(), zlib.crc32(sums.tobytes())):08x}"


def _sum(about: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(about).encode())


def mapped(path: Path) -> np.ndarray:
    """A plain array, as quick as any; numpy's own class for mapped files costs at each use."""
    return npy.open_memmap(path, mode="r").view(np.ndarray)  # refuses pickled objects


def _head(f: Any, shape: tuple[int, ...]) -> None:
    npy.write_array_header_1_0(f, {"descr": "<f4", "fortran_order": False, "shape": shape})


def _array(numbers: list[float] | None) -> np.ndarray | None:
    return None if numbers is None else np.array(numbers)

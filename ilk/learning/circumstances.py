"""What a run was made with: data, versions, machine. Kept beside it, so that it can be made again."""

import hashlib
import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse

from ..source import Source
from ..source._part import evenly

_LIBRARIES = ("torch", "numpy", "numba", "scikit-learn", "faiss-cpu", "pylance")
_LOOKED_AT = 64  # samples, spread over the data
_ALL_IDS = 100_000  # of more samples, the ids of so many


def circumstances(run: Path) -> dict[str, Any]:
    """Versions, machine and processors, and the git commit of the folder the run lies in, if any."""
    from .. import __version__

    return {
        "ilk": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "system": platform.platform(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "commit": _commit(run),
    }


def fingerprint(source: Source) -> str:
    """Of the data: how many samples, their ids, and what some of them hold."""
    n, of = len(source), hashlib.sha256()
    of.update(json.dumps([n, source.reading], sort_keys=True).encode())
    for row in evenly(n, _ALL_IDS):
        of.update(source.id(int(row)).encode() + b"\0")
    if n:
        of.update(_bytes(source.batch(evenly(n, _LOOKED_AT))))
    return of.hexdigest()[:16]


def _bytes(batch: Any) -> bytes:
    """Of whatever a source gives: numbers, texts, or several of them side by side, by name."""
    if isinstance(batch, torch.Tensor):
        return batch.contiguous().numpy().tobytes()
    if isinstance(batch, np.ndarray):
        return batch.tobytes() if batch.dtype.kind != "O" else _bytes(batch.tolist())
    if isinstance(batch, list | tuple):
        return b"\0".join(_bytes(part) for part in batch)
    if issparse(batch):
        sparse: Any = batch
        return _bytes([sparse.data, sparse.indices, sparse.indptr])
    if batch is None or isinstance(batch, str | int | float | np.generic):
        return repr(batch).encode()
    parts = batch if isinstance(batch, dict) else vars(batch)
    return b"\0".join(key.encode() + _bytes(parts[key]) for key in sorted(parts) if key[0] != "_")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not on Linux
        return platform.processor() or platform.machine()


def _commit(folder: Path) -> str | None:
    try:
        asked = ["git", "-C", str(folder.absolute().parent), "rev-parse", "HEAD"]
        found = subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()

"""Encoding on many machines: Ray's workers encode batches, this process reads them and stores the rows.

What reaches the rows is what this process alone would have stored, in the same order: the batches are the
same, and a batch whose worker was lost is encoded by another. Workers get the encoder as the two files that
a space keeps of it, so they need ilk installed, but no folder in common.
"""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import saved
from ..errors import MissingExtra, SpaceError

if TYPE_CHECKING:
    from ..encoders import Encoder
    from ._chunks import Encoded

AHEAD = 2  # batches for each worker: one at work, one that waits for it
AGAIN = 3  # times that a lost worker is started anew


class Worker:
    """Lives in a process of its own, on any machine of the cluster."""

    def __init__(self, description: bytes, weights: bytes) -> None:
        import torch

        from ..encoders import Encoder

        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "encoder.json").write_bytes(description)
            (Path(folder) / "encoder.safetensors").write_bytes(weights)
            encoder: Encoder = saved.load(Path(folder), Encoder)  # type: ignore[type-abstract]
        self.encoder = encoder.to("cuda" if torch.cuda.is_available() else "cpu")

    def encode(self, batch: Any) -> np.ndarray:
        from ..encoders import encode

        return encode(self.encoder, batch).numpy()


@contextmanager
def everywhere(encoder: Encoder) -> Iterator[Encoded]:
    """On the cluster that RAY_ADDRESS names, or that runs already here; else on all cores of this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing phones home
    try:
        import ray
    except ImportError as e:
        raise MissingExtra("ray", "scale", "--ray") from e
    ours = not ray.is_initialized()
    if ours:
        new: dict[str, Any] = {} if "RAY_ADDRESS" in os.environ else {"include_dashboard": False}
        ray.init(log_to_driver=False, configure_logging=False, **new)
    try:
        workers = _started(ray, encoder)
        yield lambda batches: _encoded(ray, workers, batches)
    except ray.exceptions.RayError as e:
        raise SpaceError(
            f"Ray could not encode: {str(e).strip().splitlines()[-1]}",
            "What was stored is kept; the same call goes on where it stopped.",
        ) from e
    finally:
        if ours:
            ray.shutdown()


def _started(ray: Any, encoder: Encoder) -> list[Any]:
    from ..encoders import Encoder

    with tempfile.TemporaryDirectory() as folder:
        saved.save(encoder, Path(folder), Encoder)
        files = [(Path(folder) / f"encoder.{kind}").read_bytes() for kind in ("json", "safetensors")]
    free = ray.available_resources()
    gpus = int(free.get("GPU", 0))
    kind = ray.remote(num_cpus=1, num_gpus=min(gpus, 1), max_restarts=AGAIN, max_task_retries=AGAIN)(Worker)
    kept = [ray.put(file) for file in files]
    return [kind.remote(*kept) for _ in range(max(1, gpus or int(free.get("CPU", 1))))]


def _encoded(ray: Any, workers: list[Any], batches: Iterator[Any]) -> Iterator[np.ndarray]:
    """In the order of the batches, of which only a few are read ahead."""
    at_work: deque[Any] = deque()
    for i, batch in enumerate(batches):
        if len(at_work) == AHEAD * len(workers):
            yield ray.get(at_work.popleft())
        at_work.append(workers[i % len(workers)].encode.remote(batch))
    while at_work:
        yield ray.get(at_work.popleft())

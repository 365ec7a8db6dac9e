"""Encoding on many machines: Ray's workers encode batches, this process reads them and stores the rows.

What reaches the rows is what this process alone would have stored, in the same order: the batches are the
same, and a batch whose worker was lost is encoded by another. Workers get the encoder as the two files that
a space keeps of it, so they need ilk installed, but no folder in common.
"""

from __future__ import annotations

import os
import tempfile
import warnings
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

    def __init__(self) -> None:
        self.encoder: Encoder | None = None

    def encode(self, batch: Any, files: list[Any]) -> np.ndarray:
        """`files`: where Ray keeps the encoder's, which are fetched once."""
        from ..encoders import encode

        if self.encoder is None:
            import ray

            self.encoder = _loaded(*ray.get(files))
        return encode(self.encoder, batch).numpy()


def _loaded(description: bytes, weights: bytes) -> Encoder:
    import torch

    from ..encoders import Encoder

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "encoder.json").write_bytes(description)
        (Path(folder) / "encoder.safetensors").write_bytes(weights)
        encoder: Encoder = saved.load(Path(folder), Encoder)  # type: ignore[type-abstract]
    return encoder.to("cuda" if torch.cuda.is_available() else "cpu")


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
        _join(ray)
    try:
        yield Workers(ray, encoder).encoded
    except ray.exceptions.RayError as e:
        raise SpaceError(
            f"Ray could not encode: {str(e).strip().splitlines()[-1]}",
            "What was stored is kept; the same call goes on where it stopped.",
        ) from e
    finally:
        if ours:
            ray.shutdown()


def _join(ray: Any, **options: Any) -> None:
    if "RAY_ADDRESS" not in os.environ:
        options["include_dashboard"] = False
    with warnings.catch_warnings():
        # Lance may not be used after a fork; Ray forks to start other programs.
        warnings.filterwarnings("ignore", "lance is not fork-safe")
        ray.init(log_to_driver=False, configure_logging=False, **options)


class Workers:
    """As many as the cluster has free GPUs, or else cores."""

    def __init__(self, ray: Any, encoder: Encoder) -> None:
        from ..encoders import Encoder

        with tempfile.TemporaryDirectory() as folder:
            saved.save(encoder, Path(folder), Encoder)
            files = [(Path(folder) / f"encoder.{kind}").read_bytes() for kind in ("json", "safetensors")]
        self.ray = ray
        self.files = [ray.put(file) for file in files]
        free = ray.available_resources()
        gpus = int(free.get("GPU", 0))
        kind = ray.remote(num_cpus=1, num_gpus=min(gpus, 1), max_restarts=AGAIN, max_task_retries=AGAIN)(
            Worker
        )
        self.all = [kind.remote() for _ in range(max(1, gpus or int(free.get("CPU", 1))))]

    def encoded(self, batches: Iterator[Any]) -> Iterator[np.ndarray]:
        """In the order of the batches, of which only a few are read ahead."""
        at_work: deque[Any] = deque()
        for i, batch in enumerate(batches):
            if len(at_work) == AHEAD * len(self.all):
                yield self.ray.get(at_work.popleft())
            at_work.append(self.all[i % len(self.all)].encode.remote(batch, self.files))
        while at_work:
            yield self.ray.get(at_work.popleft())

"""A whole source through an encoder, a batch at a time."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..source import Source
from ..source._prefetch import prefetched
from . import _precision
from ._base import Encoder


def batches(source: Source, size: int, rows: np.ndarray | None = None) -> Iterator[Any]:
    """The samples (all, or those at `rows`) in order, `size` at a time."""
    rows = np.arange(len(source)) if rows is None else rows
    for start in range(0, len(rows), size):
        yield source.batch(rows[start : start + size])


@torch.inference_mode()
def encode(encoder: Encoder, batch: Any, *, precision: str = "float32") -> Tensor:
    """One batch -> (B, D) float32 on the CPU, in evaluation mode; the encoder's mode is restored.

    `precision` of products: float32, bfloat16, or auto: the latter where there are units for it.
    """
    was_training = encoder.training
    encoder.eval()
    device = device_of(encoder)
    try:
        with _precision.precision(device, precision):
            vectors: Tensor = encoder(move(batch, device))
        return vectors.float().cpu()
    except (RuntimeError, MemoryError) as e:
        if not out_of_memory(e) or size(batch) < 2:
            raise
    finally:
        encoder.train(was_training)
    half = size(batch) // 2  # less at once, the same vectors
    ends = (part(batch, slice(None, half)), part(batch, slice(half, None)))
    return torch.cat([encode(encoder, end, precision=precision) for end in ends])


def embed(
    encoder: Encoder,
    source: Source,
    rows: np.ndarray | None = None,
    *,
    batch: int = 256,
    precision: str = "float32",
) -> np.ndarray:
    """All vectors at once, (n, D) float32. For more than memory holds, go through `batches` and `encode`."""
    with prefetched(batches(source, batch, rows)) as ready:
        parts = [encode(encoder, b, precision=precision).numpy() for b in ready]
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dim), np.float32)


def out_of_memory(e: BaseException) -> bool:
    """Whether that is what torch means; on a CPU it has no class for it."""
    return isinstance(e, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(e)


def size(batch: Any) -> int:
    """How many samples."""
    return size(batch[0]) if isinstance(batch, tuple) else len(batch)


def part(batch: Any, rows: slice) -> Any:
    """Some of its samples; a tuple has a part of each beside the other."""
    return tuple(part(one, rows) for one in batch) if isinstance(batch, tuple) else batch[rows]


def device_of(network: torch.nn.Module) -> torch.device:
    for tensor in network.state_dict().values():
        return torch.device(tensor.device)
    return torch.device("cpu")


def move(batch: Any, device: torch.device) -> Any:
    """A batch (a tensor, or tuples, lists and dictionaries of them) on `device`."""
    if isinstance(batch, Tensor):
        if device.type == "cuda" and batch.device.type == "cpu":
            batch = batch.pin_memory()  # only so does the copy not hold up what the GPU works on
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {k: move(v, device) for k, v in batch.items()}
    if isinstance(batch, list | tuple):
        return type(batch)(move(v, device) for v in batch)
    return batch

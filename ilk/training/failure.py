"""When the loss is not a number: the batch is kept, and the error says what to try."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from .. import files
from ..encoders._embed import out_of_memory
from ..errors import TrainingError
from ..source import Source
from .order import Order
from .recipe import Recipe


def not_a_number(
    run: Path,
    source: Source,
    order: Order,
    recipe: Recipe,
    step: int,
    rank: int,
    parts: Sequence[dict[str, float]],
) -> TrainingError:
    """The error to raise, the batch written. `parts`: this process's losses of the step."""
    bad = [i for i, terms in enumerate(parts) if not all(map(math.isfinite, terms.values()))]
    part = bad[0] if bad else 0
    rows = order.rows(step, part, rank)
    batch = source.batch(rows)
    tensors = _tensors(batch)
    name = f"bad_batch{rank or ''}"
    told = {
        "step": step,
        "part": part,
        "rank": rank,
        "seed": recipe.seed,
        "terms": {k: v if math.isfinite(v) else str(v) for k, v in parts[part].items()},
        "rows": rows.tolist(),
        "ids": [source.id(int(i)) for i in rows],
    }
    files.write(run / f"{name}.safetensors", save_tensors(tensors))
    files.write(run / f"{name}.json", json.dumps(told, indent=1).encode())
    what = ", ".join(f"{k} is {parts[part][k]}" for k in parts[part] if not math.isfinite(parts[part][k]))
    broken = [source.id(int(rows[i])) for t in tensors.values() for i in _broken_rows(t, len(rows))]
    cause = (
        f"The samples {', '.join(broken[:5])} hold numbers that are not finite: leave them out."
        if broken
        else f"Start anew (resume=False) with a lower learning_rate (it is {recipe.learning_rate:g}) or clip."
    )
    return TrainingError(
        f"learning stopped at step {step}: {what or 'the gradient is not finite'}",
        f"{cause} The batch is kept in {run / name}.json and .safetensors.",
    )


@contextmanager
def enough_memory(recipe: Recipe, step: int) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as e:
        if not out_of_memory(e):
            raise
        fewer = recipe.batch // 2
        raise TrainingError(
            f"no memory left at step {step}, with {recipe.batch} samples a step",
            f"Start anew with fewer (--batch {fewer} --replace; batch={fewer}), smaller pictures or a "
            "narrower network. `accumulate` adds up the gradients of several batches.",
        ) from e


def _tensors(batch: Any, name: str = "batch") -> dict[str, Tensor]:
    if isinstance(batch, Tensor):
        return {name: batch.detach().cpu().contiguous().clone()}
    if isinstance(batch, dict):
        return {k: v for key in batch for k, v in _tensors(batch[key], f"{name}.{key}").items()}
    if isinstance(batch, list | tuple):
        return {k: v for i, one in enumerate(batch) for k, v in _tensors(one, f"{name}.{i}").items()}
    return {}


def _broken_rows(t: Tensor, n: int) -> list[int]:
    if t.ndim == 0 or len(t) != n or not t.is_floating_point():
        return []
    return torch.nonzero(~torch.isfinite(t).reshape(n, -1).all(1))[:, 0].tolist()

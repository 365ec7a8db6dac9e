"""How surprised a model is at what comes next: what all that write texts learn from.

Legend: B texts, W windows of T pieces, U pieces to be written, N pieces told, V pieces in the vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..decoders.text import Writer
from ..encoders import batches
from ..encoders._embed import device_of, move
from ..source import Source, Views
from ._base import Objective
from ._gather import gather

Told: TypeAlias = tuple[Tensor, Tensor]  # surprise in nats, summed, and the number of pieces
_BATCH = 64  # held-out texts at a time


def surprise(logits: Tensor, truth: Tensor) -> Told:  # (N, V), (N,)
    return F.cross_entropy(logits.float(), truth, reduction="sum"), torch.tensor(len(truth)).to(truth)


def written(
    decoder: Writer, ids: Tensor, context: Tensor, allowed: Tensor | None
) -> Told:  # (B, 1 + U): the start, then what is to be written
    known = ids[:, 1:] != decoder.words.pad
    z = decoder.writing(ids[:, :-1], context=context, context_allowed=allowed)[known]  # (N, W)
    return surprise(decoder.writing.logits(z), ids[:, 1:][known])


def mean(told: Told) -> Tensor:
    """Nats a piece. A process that was told more pieces weighs more: the loop takes the processes' mean."""
    nats, pieces = told
    return nats / gather(pieces[None].float()).mean().clamp(min=1)


@torch.inference_mode()
def perplexity(
    objective: Objective, told: Callable[..., Told], views: Views, source: Source, rows: np.ndarray
) -> float:
    """exp of the mean surprise at these samples: among how many pieces it wavers."""
    was_training = objective.training
    objective.eval()
    parts = [
        told(*views(move(batch, device_of(objective.encoder)))) for batch in batches(source, _BATCH, rows)
    ]
    objective.train(was_training)
    nats, pieces = (float(sum(part)) for part in zip(*parts))
    return float(np.exp(nats / max(pieces, 1)))


def windows(
    texts: Sequence[Sequence[int]], length: int, fill: int, *, apart: bool = False
) -> tuple[Tensor, Tensor]:
    """Pieces (W, T + 1), and of which text each is (W, T + 1), -1 where the window is filled up.

    The texts stand one behind the other and are cut every T pieces, the piece at a cut being in both
    windows: looked at in the one, told in the other. `apart`: each text begins a window of its own.
    """
    if apart:
        runs = [(list(text), [i] * len(text)) for i, text in enumerate(texts)]
    else:
        runs = [([p for t in texts for p in t], [i for i, t in enumerate(texts) for _ in t])]
    cut = [
        (pieces[at : at + length + 1], of[at : at + length + 1])
        for pieces, of in runs
        for at in range(0, max(len(pieces) - 1, 1), length)
    ]
    return filled([p for p, _ in cut], fill), filled([of for _, of in cut], -1)


def filled(rows: Sequence[Sequence[int]], fill: int) -> Tensor:  # (B, longest)
    """Rows of numbers, the shorter ones filled up."""
    table = np.full((len(rows), max(map(len, rows), default=0)), fill, np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return torch.from_numpy(table)

"""What each latent dimension holds, the directions in which known columns grow, and steps along them.

Legend: n rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...errors import OptionError, SpaceError, UnknownName
from ...source._part import evenly
from .answers import Dimension
from .shown import Shown

SAMPLED = 10_000_000  # numbers for histograms
ASKED, FEW = 3000, 50  # rows for directions, rows that are too few for one
BINS = 24
WORTH = 0.1  # R2 from which a column is offered as a direction


@dataclass(frozen=True)
class Direction:
    name: str
    r2: float  # of the column, read linearly off vectors held out
    step: np.ndarray  # (D,) how the vector changes where the column grows by one standard deviation


def dimensions(shown: Shown) -> list[Dimension]:
    """The widest first."""
    x = np.asarray(shown.vectors[evenly(len(shown), SAMPLED // shown.space.dim + 1)], np.float64)
    if not len(x):
        return []
    sd, mean, (low, high) = x.std(0), x.mean(0), np.percentile(x, (1, 99), axis=0)
    found = []
    for i in np.argsort(-sd, kind="stable"):
        first, last = float(x[:, i].min()), float(x[:, i].max())
        counts, edges = np.histogram(x[:, i], BINS, (first, last if last > first else first + 1))
        found.append(
            Dimension(
                index=int(i),
                mean=float(mean[i]),
                sd=float(sd[i]),
                low=float(low[i]),
                high=float(high[i]),
                edges=edges.tolist(),
                counts=counts.tolist(),
            )
        )
    return found


def directions(shown: Shown) -> list[Direction]:
    """Amounts among the metadata that the vectors tell, the best told first."""
    from ...analysis.parameters import step
    from ...analysis.probe import r2  # scikit-learn takes a second to load: not of the page's start

    rows = evenly(len(shown), ASKED)
    x, found = np.asarray(shown.vectors[rows], np.float64), []
    for listed in shown.listed():
        if listed.layer is not None or listed.kind != "number" or len(rows) < FEW:
            continue
        values = shown.values(listed).take(pa.array(rows)).cast(pa.float64()).to_numpy()
        known = np.isfinite(values)
        told = r2(x, values, how="linear") if known.sum() >= FEW else float("nan")
        if told >= WORTH:
            found.append(Direction(listed.name, told, step(x[known], values[known])))
    return sorted(found, key=lambda d: -d.r2)


@dataclass(frozen=True)
class Move:
    amount: float  # standard deviations
    dimension: int | None = None
    direction: str | None = None


def moved(
    start: np.ndarray, moves: Sequence[Move], spread: dict[int, float], steps: dict[str, np.ndarray]
) -> np.ndarray:  # (D,) -> (D,)
    """`spread`: the standard deviation of each dimension; `steps`: that of each direction."""
    z = np.array(start, np.float64)
    for move in moves:
        if (move.dimension is None) == (move.direction is None):
            raise OptionError("a move without one aim", "Name either a dimension or a direction.")
        if move.dimension is not None:
            if move.dimension not in spread:
                raise OptionError(f"dimension {move.dimension}", f"This space has {len(z)}, counted from 0.")
            z[move.dimension] += move.amount * spread[move.dimension]
        elif move.direction is not None:
            if move.direction not in steps:
                raise UnknownName("direction", move.direction, steps)
            z += move.amount * steps[move.direction]
    return z.astype(np.float32)


def decoded(shown: Shown, vectors: np.ndarray) -> np.ndarray:  # (q, D) -> (q, C, H, W)
    import torch

    decoder = shown.space.decoder
    if decoder is None:
        raise SpaceError(
            "this space has no decoder", "Learn with an objective that rebuilds, e.g. autoencoder."
        )
    with torch.inference_mode():
        found = decoder.eval()(torch.from_numpy(vectors))
    if not isinstance(found, torch.Tensor):
        raise SpaceError("the decoder of this space draws no pictures", "ilk generate writes its texts.")
    return np.asarray(found.float().numpy())

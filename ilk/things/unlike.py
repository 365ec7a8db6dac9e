"""Things as what is unlike the ground, by the features of an encoder that nobody has told what things are.

Most of a picture is ground. Its features have a mean and a spread, found from the places that lie nearest to
them, and how far a place is from these (Mahalanobis) says how little it is ground. A normalised cut through
the graph of alike places (TokenCut, Wang et al. 2022) was tried first: it parts one large thing from the
ground, not many small ones.

Legend: D features, h x w cells, P = h w.
"""

import numpy as np

from .blobs import blobs
from .found import Found

GROUND = 0.7  # of the cells, at most, are taken for ground
ROUNDS = 3  # of telling what is ground, and how it spreads
FLOOR = 1e-3  # of the mean spread, added to that of each feature: some hardly differ


def unlike(features: np.ndarray) -> np.ndarray:  # (D, h, w) -> (h, w)
    """How far each cell is from the ground, in units of the ground's own spread."""
    depth, high, wide = features.shape
    x = features.reshape(depth, -1).T.astype(np.float64)  # (P, D)
    ground = np.linalg.norm(x - np.median(x, 0), axis=1)
    for _ in range(ROUNDS):
        near = x[ground <= np.quantile(ground, GROUND)]
        off = x - near.mean(0)
        spread = np.cov(near.T).reshape(depth, depth)
        spread += FLOOR * max(float(np.trace(spread)) / depth, 1e-12) * np.eye(depth)
        ground = np.sqrt(np.einsum("pd,pd->p", off @ np.linalg.inv(spread), off))
    far: np.ndarray = ground.reshape(high, wide)
    return far


def stand_out(
    features: np.ndarray,  # (D, h, w)
    stride: float,
    *,
    smallest: float = 4.0,
    largest: float | None = None,
    least: float = 5.0,
) -> Found:
    """The connected parts of a picture that are unlike its ground, boxes in its pixels; see `blobs`."""
    cells = max(1.5, smallest / stride)
    most = None if largest is None else max(cells, largest / stride)
    found = blobs(unlike(features)[None], smallest=cells, largest=most, least=least)
    return Found(found.boxes * np.float32(stride), found.scores, found.classes)

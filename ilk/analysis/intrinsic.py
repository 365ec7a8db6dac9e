"""How many numbers a sample really needs: the dimension of the cloud, whatever that of its vectors.

Legend: n rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ..errors import DataError
from ._drawn import parameters as _drawn
from ._neighbours import nearest
from ._result import Picture, Result

SOME = 5000  # rows
_TRIMMED = 0.1  # of the ratios, the largest: there the cloud is no longer even (Facco et al. 2017)


@dataclass(frozen=True)
class Intrinsic(Result):
    near: float  # by the two nearest neighbours
    low: float  # its 95% interval
    high: float
    axes: int  # main axes that hold nine tenths of the spread
    effective: float  # (sum of variances)^2 / sum of their squares
    spectrum: np.ndarray = field(compare=False)  # (D,) the share of the spread along each main axis

    def sentence(self) -> str:
        return (
            f"The cloud has {self.near:.1f} dimensions where it is looked at closely ({self.low:.1f} to "
            f"{self.high:.1f}, by the two nearest neighbours); {self.axes} main axes hold 90% of its spread."
        )

    def table(self) -> pa.Table:
        """One row a main axis."""
        held = np.cumsum(self.spectrum)
        return pa.table({"axis": np.arange(1, len(held) + 1), "share": self.spectrum, "held": held})

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_intrinsic(self)


def intrinsic(vectors: np.ndarray, *, seed: int = 0) -> Intrinsic:
    """The two-NN estimate of Facco et al. (2017), on rows drawn by `seed`, beside that of main axes.

    In d dimensions the ratio of the distances to the second and first neighbour exceeds m with chance m^-d.
    Copies are left out. Noise adds dimensions where it is as large as the distance between neighbours.
    """
    x = np.unique(np.asarray(vectors, np.float64), axis=0)
    x = x[np.random.default_rng(seed).permutation(len(x))[:SOME]]
    if len(x) < 20:
        raise DataError(f"{len(x)} different vectors", "To count dimensions it takes 20 or more.")
    _, far = nearest(np.ascontiguousarray(x, np.float32), 2)
    apart = far[:, 0] > 0  # single precision may bring two together
    ratios = np.sort(np.log(far[apart, 1] / far[apart, 0]))
    kept = max(2, int((1 - _TRIMMED) * len(ratios)))
    # The largest likelihood of an exponential of which the rest is known to lie beyond the last kept.
    total = ratios[:kept].sum() + (len(ratios) - kept) * ratios[kept - 1]
    d = (kept - 1) / total if total > 0 else np.inf
    half = 1.96 / np.sqrt(kept)
    variances = np.linalg.eigvalsh(np.cov(x.T).reshape(x.shape[1], -1))[::-1].clip(0)
    spectrum = variances / variances.sum()
    return Intrinsic(
        float(d),
        float(d * (1 - half)),
        float(d * (1 + half)),
        int(np.searchsorted(np.cumsum(spectrum), 0.9) + 1),
        float(1 / (spectrum**2).sum()),
        spectrum,
    )

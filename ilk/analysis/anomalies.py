"""Oddities: rows far from every neighbour, outside every group, or badly rebuilt from their vector.

Legend: n rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import faiss
import numpy as np
import pyarrow as pa
from scipy.stats import rankdata
from sklearn.covariance import LedoitWolf

from ..errors import DataError, SpaceError
from ._neighbours import nearest

if TYPE_CHECKING:
    from ..source import Source
    from ..space import Space

WORDS = {
    "neighbours": "far from every neighbour",
    "groups": "outside every group",
    "rebuilt": "badly rebuilt from its vector",
}
ODD = 0.98  # a part is named as a reason from this percentile on


@dataclass(frozen=True)
class Anomalies:
    """How odd each row is. Percentiles: 1 is the oddest row there is; a set without oddities has one too."""

    ids: Sequence[str]
    score: np.ndarray  # (n,) percentile of all parts together
    parts: dict[str, np.ndarray]  # percentile by each part; NaN where it could not be measured
    times: dict[str, np.ndarray]  # the part's measure as a multiple of its median: what is usual is 1
    order: np.ndarray  # (n,) rows, the oddest first

    def why(self, row: int) -> str:
        """In words."""
        reasons = [
            f"{WORDS[p]} ({self.times[p][row]:.1f}x the usual)"
            for p, v in self.parts.items()
            if v[row] >= ODD
        ]
        return ", ".join(reasons) or "nothing unusual"

    def table(self, most: int | None = None) -> pa.Table:
        """One row a sample, the oddest first; the first `most` of them."""
        top = self.order[:most]
        return pa.table(
            {
                "id": pa.array([str(self.ids[i]) for i in top], pa.string()),
                "score": pa.array(self.score[top], pa.float32()),
                **{
                    name: pa.array(part[top], pa.float32(), from_pandas=True)
                    for name, part in self.parts.items()
                },
                "why": pa.array([self.why(int(i)) for i in top], pa.string()),
            }
        )

    def sentence(self) -> str:
        first = int(self.order[0])
        return f"The oddest of {len(self.ids):,}: {self.ids[first]}, {self.why(first)}."


def score(parts: dict[str, np.ndarray], ids: Sequence[str]) -> Anomalies:
    """Puts measures of different kinds (n,) on one scale, the rank among all rows, and joins them.

    A rank r of n counts as the surprise -log(1 - r): one part that stands out far weighs more than two
    that hardly do, as in Fisher's way to join tests.
    """
    n = len(ids)
    ranks = {name: _percentile(p) for name, p in parts.items()}
    surprise = np.stack([-np.log1p(-r * n / (n + 1)) for r in ranks.values()])  # (parts, n)
    usual = np.where(np.isnan(surprise), np.nanmean(surprise, 0), surprise).mean(0)
    medians = {name: float(np.nanmedian(p)) for name, p in parts.items()}
    times = {name: p / (medians[name] or 1.0) for name, p in parts.items()}
    return Anomalies(ids, _percentile(usual), ranks, times, np.argsort(-usual, kind="stable"))


def _percentile(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    out = np.full(len(values), np.nan)
    out[known] = rankdata(values[known]) / max(1, known.sum())
    return out


def neighbour_distance(vectors: np.ndarray, k: int = 10, *, metric: str = "l2") -> np.ndarray:
    """(n,) mean distance to the k nearest other rows."""
    x = np.array(vectors, np.float32)
    if metric == "cosine":
        faiss.normalize_L2(x)
    _, distances = nearest(x, min(k, len(x) - 1), exact=True)
    return np.asarray(distances.mean(1))


def group_distance(vectors: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """(n,) Mahalanobis distance to the nearest group; without labels all rows are one; -1 shapes none.

    Each Gaussian is fitted twice, the second time without the tenth of its rows that lies farthest out:
    else the oddities would widen the very measure they are measured by.
    """
    x = np.asarray(vectors, np.float64)
    labels = np.zeros(len(x), int) if labels is None else labels
    names, counts = np.unique(labels, return_counts=True)
    names, counts = names[names >= 0], counts[names >= 0]
    large = names[counts >= 5] if (counts >= 5).any() else names
    return np.asarray(np.min([_mahalanobis(x, x[labels == name]) for name in large], axis=0))


def _mahalanobis(x: np.ndarray, own: np.ndarray) -> np.ndarray:
    gauss = LedoitWolf().fit(own)  # shrunk: a group may have fewer rows than there are dimensions
    far = gauss.mahalanobis(own)
    core = own[far <= np.quantile(far, 0.9)]
    gauss = LedoitWolf().fit(core) if len(core) > 1 else gauss
    return np.asarray(np.sqrt(np.maximum(gauss.mahalanobis(x), 0)))


def rebuilding_error(space: Space, source: Source, batch: int = 256) -> np.ndarray:
    """(n,) mean squared difference between a sample and what the space's decoder makes of its vector.

    NaN for rows whose id is not in the source.
    """
    import torch

    if space.decoder is None:
        raise SpaceError(
            "this space has no decoder", "Learn with an objective that rebuilds, e.g. autoencoder."
        )
    if not isinstance(source.batch(np.arange(min(1, len(source)))), torch.Tensor):
        raise SpaceError("what the decoder gives back are no numbers to compare", "Leave the source away.")
    at = {source.id(i): i for i in range(len(source))}
    places = np.array([at.get(i, -1) for i in space.ids()])
    vectors, error = space.vectors(), np.full(len(places), np.nan)
    rows = np.flatnonzero(places >= 0)
    with torch.inference_mode():
        for start in range(0, len(rows), batch):
            some = rows[start : start + batch]
            rebuilt = space.decoder(torch.from_numpy(np.array(vectors[some], np.float32)))
            off = (rebuilt - source.batch(places[some])) ** 2
            error[some] = off.flatten(1).mean(1).numpy()
    return error


def anomalies(space: Space, *, neighbours: int = 10, source: Source | None = None) -> Anomalies:
    """The rows of a space by how odd they are, written into its layer "anomaly".

    Groups are those of the layer "cluster" where there is one. Give the `source` of the space to ask its
    decoder too.
    """
    ids, vectors = space.ids(), np.asarray(space.vectors())
    if len(ids) < 3:
        raise DataError(f"{len(ids)} rows are too few to call one of them odd", "Add more samples first.")
    parts = {
        "neighbours": neighbour_distance(vectors, neighbours, metric=space.metric),
        "groups": group_distance(vectors, _groups(space, ids)),
    }
    if source is not None:
        parts["rebuilt"] = rebuilding_error(space, source)
    found = score(parts, ids)
    made = {"by": "anomalies", "neighbours": neighbours, "parts": list(parts), "says": found.sentence()}
    space.write_layer("anomaly", found.table(), made)
    return found


def _groups(space: Space, ids: Sequence[str]) -> np.ndarray | None:
    if "cluster" not in space.layers():
        return None
    layer = space.layer("cluster")
    known = dict(zip(layer["id"].to_pylist(), layer["cluster"].to_pylist()))
    # a row that came after the groups were made belongs to none of them: it is measured, but shapes none
    return np.array([known.get(i, -1) for i in ids])

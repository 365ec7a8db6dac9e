"""Many small spaces from one: a local model of each group, or of patches of rows that lie near one another.

Legend: n rows, D dimensions, p parts, d axes of each part, m rows of a sample.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import faiss
import numpy as np
from sklearn.cluster import kmeans_plusplus
from threadpoolctl import threadpool_limits

from ..console import progress
from ..errors import DataError, OptionError
from ..space.index.metric import Metric
from ..space.local import Local
from ..space.parts import Parts
from ._neighbours import blocks
from .clusters import clusters

if TYPE_CHECKING:
    from ..space import Space

AXES = 32  # of a part, unless asked: along further ones the estimates differ more than the parts do
ROWS, MOST = 500, 64  # rows of a patch and patches, where their number is not given
SAMPLE = 20_000  # rows of a part that say what it looks like
CARRIED = 0.95  # of a part's variance, by the dimensions that are told
TRIED = (0.8, 0.5)  # shrinkages beside 1, which is the space's own distance; less was never clearly better
# Of what neighbours by the space's own distance leave open. In benchmarks/local_spaces.py gains of up to .07
# went with neighbours that were worse by .02, gains of .14 and more with none worse by more than .001.
GAIN = 0.1
AMONG, ASKED, NEAR, SEEN = 3000, 500, 10, 16  # rows, of which so many ask for so many neighbours; parts
HALVES = 2  # ways to cut the dimensions into halves


def split(space: Space, k: int | None = None, *, dim: int | None = None, seed: int = 0) -> Parts:
    """Parts the space: keeps a model of each part in its folder, the part of each row in its layer "part".

    k     so many patches of rows near one another. None: the groups of the layer "cluster", which is made
          where there is none; and where there are no clear groups, patches of about 500 rows.
    dim   the axes kept of each part (up to 32)

    How far the local distance departs from the space's own is settled on the rows: see `shrinkage`.
    """
    x, metric = space.vectors(), space.measure
    _check(len(x), k, dim)
    labels, by = _first(space, k, metric, seed)
    with threadpool_limits(1), progress("parts", 3) as bar:  # on more threads the last bits would differ
        labels = _by_size(_local(x, labels, metric, dim).route(x)[:, 0])  # a row's part is where it is routed
        bar.advance()
        shrink, gain = shrinkage(x, labels, metric, seed)
        bar.advance()
        local = _local(x, labels, metric, dim, shrink)
        says = f"{len(local.means)} {by}. {_told(shrink, gain)}"
        made = {
            "by": "split",
            "given": k,
            "dim": dim,
            "seed": seed,
            "shrink": shrink,
            "gain": gain,
            "says": says,
        }
        parts = Parts(space, replace(local, about=made | local.about))
        parts.write()
    return parts


def shrinkage(x: np.ndarray, labels: np.ndarray, metric: Metric, seed: int = 0) -> tuple[float, float]:
    """How far a part's own shape may rule distances there, 1 not at all, 0 entirely; and the most to gain.

    Nobody says which rows ought to be near. But one half of the dimensions can be asked to foretell the
    other: a distance is good if the neighbours that it finds in one half are like the row in the other half.
    A shrinkage that does not leave clearly less open than the space's own distance is not taken.
    """
    D = x.shape[1]
    if D < 4:
        return 1.0, 0.0
    rng = np.random.default_rng(seed)
    cuts = [rng.permutation(D) for _ in range(HALVES)]
    among = np.sort(rng.permutation(len(x))[:AMONG])
    y, asked = metric.ready(x[among]).astype(np.float64), np.sort(rng.permutation(len(among))[:ASKED])
    off = np.zeros(1 + len(TRIED))  # summed squares left open
    for part, _, _, shape in _shapes(x, labels, metric, SEEN):
        own = asked[labels[among[asked]] == part]
        for halves in (h for cut in cuts for h in (cut, cut[::-1])):
            seen, hidden = halves[: D // 2], halves[D // 2 :]
            for i, shrink in enumerate((1.0, *TRIED)):
                off[i] += _left_open(y, own, shape[np.ix_(seen, seen)], shrink, seen, hidden)
    gains = 1 - off / (off[0] or 1.0)
    best = int(gains.argmax())
    return ((1.0, *TRIED)[best] if gains[best] >= GAIN else 1.0), float(gains[best])


def _left_open(
    y: np.ndarray, own: np.ndarray, shape: np.ndarray, shrink: float, seen: np.ndarray, hidden: np.ndarray
) -> float:
    """Of the hidden dimensions of some rows, by the mean of the neighbours that the seen ones give."""
    if not len(own):
        return 0.0
    near = np.concatenate([n for _, n, _ in blocks(y[:, seen] @ _root(shape, shrink), NEAR, rows=own)])
    told = y[near][..., hidden].mean(1)
    return float(((told - y[own][:, hidden]) ** 2).sum())


def _root(shape: np.ndarray, shrink: float) -> np.ndarray:
    """The matrix after which the Euclidean distance is Mahalanobis's for the shrunk covariance."""
    v, axes = np.linalg.eigh(shape)
    mean = v.mean() or 1.0
    return np.asarray((axes * np.sqrt(mean / ((1 - shrink) * np.maximum(v, 0) + shrink * mean))) @ axes.T)


def _check(n: int, k: int | None, dim: int | None) -> None:
    if n < 2:
        raise DataError(f"a space of {n} rows cannot be split", "Add more samples first.")
    if k is not None and not 1 <= k <= n:
        raise OptionError(f"{k} parts of {n} rows", "Give a number from 1 to the number of rows.")
    if dim is not None and dim < 1:
        raise OptionError(f"{dim} axes a part", "Give 1 or more.")


def _first(space: Space, k: int | None, metric: Metric, seed: int) -> tuple[np.ndarray, str]:
    """A part for each row to begin with, -1 where there is none; and what the parts are."""
    if k is not None:
        return _patches(space.vectors(), k, metric, seed), f"patch{'es' * (k > 1)} of rows near one another"
    if "cluster" not in space.layers():
        clusters(space, seed=seed)
    layer = space.layer("cluster")
    known = dict(zip(layer["id"].to_pylist(), layer["cluster"].to_pylist()))
    labels = np.array([known.get(i, -1) for i in space.ids()], np.int64)
    groups = np.unique(labels[labels >= 0])
    if len(groups) > 1:
        return labels, "parts, one for each group"
    k = max(2, min(MOST, len(labels) // ROWS))
    return _patches(
        space.vectors(), k, metric, seed
    ), "patches of rows near one another, as there are no clear groups"


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Numbered anew, the largest 0; parts without a row are no more."""
    _, same, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(np.argsort(np.argsort(-counts, kind="stable"))[same])


def _patches(x: np.ndarray, k: int, metric: Metric, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).permutation(len(x))[: 1000 * k]
    some = metric.ready(x[rows])
    k = min(k, len(np.unique(some, axis=0)))  # copies of few rows would leave cells without any
    cells = faiss.Kmeans(x.shape[1], k, niter=20, seed=seed + 1, min_points_per_centroid=1)
    with threadpool_limits(1):
        # From rows far apart (Arthur & Vassilvitskii 2007): from any rows, two clear groups may share a cell
        cells.train(some, init_centroids=kmeans_plusplus(some[:SAMPLE], k, random_state=seed)[0])
        found = [
            cells.index.search(metric.ready(x[s : s + ROWS]), 1)[1][:, 0] for s in range(0, len(x), ROWS)
        ]
    return np.concatenate(found)


def _local(x: np.ndarray, labels: np.ndarray, metric: Metric, dim: int | None, shrink: float = 1.0) -> Local:
    D = x.shape[1]
    d = min(D, AXES if dim is None else dim)
    found, about = [], []
    for part, mean, own, shape in _shapes(x, labels, metric):
        v, axes = np.linalg.eigh(shape)
        v, axes = np.maximum(v[::-1], 0), axes[:, ::-1].T
        rest = v[d:].mean() if d < D else v[-1]
        found.append((mean, axes[:d], v[:d], rest, (labels == part).mean()))
        about.append((_dims(own), float(np.trace(own))))
    means, axes, variances, rest, shares = (np.stack(a).astype(np.float32) for a in zip(*found))
    told = {"dims": [a for a, _ in about], "variance": [b for _, b in about]}
    return Local(means, axes, variances, rest, shares, metric, shrink, told)


def _dims(covariance: np.ndarray) -> int:
    """Directions that carry 95% of the variance."""
    v = np.linalg.eigvalsh(covariance)[::-1]
    return int(np.searchsorted(np.cumsum(v), CARRIED * v.sum()) + 1) if v[0] > 0 else 0


def _shapes(
    x: np.ndarray, labels: np.ndarray, metric: Metric, most: int | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """For each part (the largest `most`) its number, mean, covariance, and covariance steadied.

    Steadied by what all parts have in common: the fewer rows a part has for its dimensions, the more
    (Friedman 1989). Covariances are computed twice, so that not all of them are held at once.
    """
    numbers, counts = np.unique(labels[labels >= 0], return_counts=True)
    D, total = x.shape[1], counts.sum()
    common = np.zeros((D, D))
    for part, count in zip(numbers, counts):
        common += count / total * _moments(x, labels, part, metric)[1]
    if not np.trace(common):
        common = np.eye(D)  # copies only
    wanted = numbers if most is None else np.sort(numbers[np.argsort(-counts, kind="stable")[:most]])
    for part in wanted:
        mean, own = _moments(x, labels, part, metric)
        count = counts[numbers == part][0]
        yield int(part), mean, own, (count * own + D * common) / (count + D)


def _moments(x: np.ndarray, labels: np.ndarray, part: int, metric: Metric) -> tuple[np.ndarray, np.ndarray]:
    rows = np.flatnonzero(labels == part)
    y = metric.ready(x[rows[:: max(1, len(rows) // SAMPLE)]]).astype(np.float64)
    mean = y.mean(0)
    return mean, (y - mean).T @ (y - mean) / len(y)


def _told(shrink: float, gain: float) -> str:
    if shrink == 1:
        return "Distances inside a part are the space's own: no local ones foretold the rows clearly better."
    return (
        f"Distances inside a part go by its own shape (shrinkage {shrink:g}): "
        f"they leave {gain:.0%} less open of what half of the dimensions tell of the other half."
    )

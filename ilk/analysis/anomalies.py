"""Anomalies: rows that are odd beyond chance, of which kind, and how many of those named may be none.

A set without oddities has an oddest row too. Most sets have none here.

Legend: n rows, D dimensions, m odd rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.stats import false_discovery_control

from ..errors import DataError, OptionError, SpaceError
from . import _odd
from ._drawn import anomalies as _drawn
from ._neighbours import nearest
from ._result import Picture, Result

if TYPE_CHECKING:
    from ..source import Source
    from ..space import Space

REBUILT = "badly rebuilt from its vector"
# How many times the usual: of each measure, what it is that is larger.
WORDS = {
    "neighbours": "as far from its neighbours",
    "density": "as far out of the groups",
    "rebuilt": "as badly rebuilt",
}


@dataclass(frozen=True)
class Anomalies(Result):
    ids: Sequence[str]
    p: np.ndarray  # (n,) how likely so odd a row is where none is odd; NaN: trusted, and not asked
    q: np.ndarray  # (n,) of the rows up to this one, the share that may be there by chance
    kinds: list[str]  # (n,) of odd rows, in words; empty: not odd
    groups: np.ndarray  # (n,) odd rows that lie together have a number from 0; -1: none
    parts: dict[str, np.ndarray]  # p by each measure (n,)
    times: dict[str, np.ndarray]  # each measure (n,) as a multiple of what is usual
    level: float
    trusted: int  # rows that said what is usual; 0: all did, by how they thin out

    @property
    def order(self) -> np.ndarray:
        """The rows that were asked, the least likely first."""
        far = np.fmax.reduce(list(self.times.values()))
        rows = np.flatnonzero(np.isfinite(self.p))
        return np.asarray(rows[np.lexsort((-far[rows], self.p[rows]))])

    @property
    def odd(self) -> np.ndarray:
        """(m,) those that are odd beyond chance, the least likely first."""
        return np.asarray([i for i in self.order if self.kinds[i]], int)

    @property
    def score(self) -> np.ndarray:
        """(n,) percentile of unlikeliness: 1 is the oddest row, odd beyond chance or not."""
        out, order = np.full(len(self.p), np.nan), self.order
        out[order] = 1 - np.arange(len(order)) / max(1, len(order))
        return out

    def why(self, row: int) -> str:
        """In words."""
        if not np.isfinite(self.p[row]):
            return "trusted"
        measure = min(self.parts, key=lambda m: np.nan_to_num(self.parts[m][row], nan=2.0))
        times = f"{self.times[measure][row]:.1f}x {WORDS[measure]} as usual"
        return f"{self.kinds[row] or 'not odd beyond chance'}: {times}"

    def table(self, most: int | None = None) -> pa.Table:
        """One row a sample, the least likely first; the first `most` of them."""
        rows = self.order[:most]
        return pa.table(
            {"id": pa.array([str(self.ids[i]) for i in rows], pa.string()), **self._columns(rows)}
        )

    def layer(self) -> pa.Table:
        """One row a sample; columns by names that metadata hardly have."""
        rows = np.arange(len(self.ids))
        columns = self._columns(rows)
        kept = {f"anomaly_{name}": columns[name] for name in ("p", "q")}
        kept |= {name: columns[name] for name in self.times}
        return pa.table(
            {
                "id": pa.array(list(self.ids), pa.string()),
                "score": pa.array(self.score, pa.float32(), from_pandas=True),
                "anomaly": columns["kind"],
                **kept,
                "why": columns["why"],
            }
        )

    def _columns(self, rows: np.ndarray) -> dict[str, pa.Array]:  # type: ignore[type-arg]
        return {
            "p": pa.array(self.p[rows], pa.float64(), from_pandas=True),
            "q": pa.array(self.q[rows], pa.float64(), from_pandas=True),
            "kind": pa.array([self.kinds[i] for i in rows], pa.string()),
            "group": pa.array([None if g < 0 else int(g) for g in self.groups[rows]], pa.int64()),
            **{name: pa.array(t[rows], pa.float32(), from_pandas=True) for name, t in self.times.items()},
            "why": pa.array([self.why(int(i)) for i in rows], pa.string()),
        }

    def sentence(self) -> str:
        order, asked = self.order, f"{len(self.order):,}"
        by = f" by {self.trusted:,} trusted ones" if self.trusted else ""
        if len(self.odd):
            kinds = Counter(self.kinds[i] for i in self.odd)
            told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
            are = "is" if len(self.odd) == 1 else "are"
            return (
                f"{len(self.odd):,} of {asked} rows {are} odd{by}, of which {self.level:.0%} may be so by "
                f"chance: {told}."
            )
        if not len(order):
            return "All rows are trusted: none was asked."
        least = 1 / (1 + self.trusted // 2)
        few = self.trusted and least * len(order) > self.level
        hint = f" (p is at least {least:.2g}: trust more rows)" if few else ""
        chance = -np.expm1(len(order) * np.log1p(-min(1 - 1e-12, self.p[order[0]])))
        return (
            f"None of {asked} rows is odd beyond chance{by}{hint}. The least likely is {self.ids[order[0]]}: "
            f"of sets of that size without odd rows, {chance:.0%} have one as unlikely."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self)


def anomalies(
    space: Space,
    *,
    trusted: str | None = None,
    level: float = 0.1,
    neighbours: int = _odd.NEAR,
    source: Source | None = None,
    write: bool = True,
    seed: int = 0,
) -> Anomalies:
    """The rows that lie in emptier places than chance explains, kept as the layer "anomaly".

    trusted   a condition as of `where`: these rows are as they should be, and say what is usual. p is then
              conformal: right whatever the vectors are, if a usual row is a draw like the trusted ones
    level     of the rows that are named, the share that may be there by chance (Benjamini & Hochberg 1995)
    source    the samples, to ask the space's decoder too

    Thin places are asked of the nearest neighbours, and of Gaussians: one for each group of the layer
    "cluster" where there is one, else one for all. Without trusted rows, p is read off the way in which all
    rows thin out: see `_odd.by_tail`.
    """
    if not 0 < level < 1:
        raise OptionError(f"level is {level}", "Give a share between 0 and 1, such as 0.1.")
    if neighbours < 1:
        raise OptionError(f"{neighbours} neighbours", "Give 1 or more.")
    x = np.ascontiguousarray(space.measure.ready(space.vectors()), np.float32)
    if len(x) < 3:
        raise DataError(f"{len(x)} rows are too few to call one of them odd", "Add more samples first.")
    known = np.array([], int) if trusted is None else space.matching(trusted)
    if trusted is not None and len(known) < _odd.LEAST:
        raise DataError(
            f"{len(known)} rows are trusted by {trusted}", f"To say what is usual it takes {_odd.LEAST}."
        )
    error = None if source is None else rebuilding_error(space, source)
    times, parts = _measured(x, _groups(space), known, neighbours, error, seed)
    least = np.fmin.reduce(list(parts.values()))
    least = np.minimum(1, len(parts) * least)  # the least of several is small so many times as often
    q, asked = np.full(len(x), np.nan), np.isfinite(least)
    q[asked] = false_discovery_control(least[asked])
    kinds, groups = _kinds(x, np.flatnonzero(q <= level), parts)
    found = Anomalies(space.ids(), least, q, kinds, groups, parts, times, level, len(known))
    if write:
        made = {"by": "anomalies", "level": level, "neighbours": neighbours, "trusted": trusted, "seed": seed}
        space.write_layer("anomaly", found.layer(), made | {"parts": list(parts), "says": found.sentence()})
    return found


_Parts = dict[str, np.ndarray]


def _measured(
    x: np.ndarray, labels: np.ndarray, trusted: np.ndarray, k: int, error: np.ndarray | None, seed: int
) -> tuple[_Parts, _Parts]:
    """By measure, (n,) as a multiple of the usual, and its p."""
    ways = {"neighbours": _odd.neighbours(x, k), "density": _odd.density(x, labels, seed)}
    times, p = {}, {}
    if len(trusted):
        for name, far in ways.items():
            times[name], p[name] = _odd.by_trusted(far, trusted, len(x), seed)
    else:
        some = max(1, min(k, len(x) // 10))
        measures = {
            "neighbours": nearest(x, some)[1][:, -1],
            "density": _odd.among_all(ways["density"], len(x), seed),
        }
        for name, values in measures.items():
            times[name], p[name] = values / (np.median(values) or 1.0), _odd.by_tail(values)
    if error is not None:
        usual = error if not len(trusted) else error[trusted]
        times["rebuilt"] = error / (np.nanmedian(usual) or 1.0)
        p["rebuilt"] = _odd.by_tail(error) if not len(trusted) else _beside(error, trusted)
    return times, p


def _beside(error: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """(n,) conformal p of a measure that owes nothing to the trusted rows; of these NaN."""
    usual = error[trusted]
    out = _odd.conformal(usual[np.isfinite(usual)], error)
    out[~np.isfinite(error)] = np.nan
    out[trusted] = np.nan
    return out


def _kinds(x: np.ndarray, odd: np.ndarray, p: _Parts) -> tuple[list[str], np.ndarray]:
    kinds, groups = [""] * len(x), np.full(len(x), -1)
    for row, kind, group in zip(odd, *_odd.kinds(x, odd)):
        by = {name: part[row] for name, part in p.items() if np.isfinite(part[row])}
        rebuilt = min(by, key=lambda name: by[name]) == "rebuilt"
        kinds[row], groups[row] = (REBUILT, -1) if rebuilt else (kind, group)
    return kinds, groups


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


def _groups(space: Space) -> np.ndarray:
    """(n,) of the layer "cluster"; -1: a row that came after, which is measured but shapes no group."""
    if "cluster" not in space.layers():
        return np.zeros(len(space), int)
    layer = space.layer("cluster")
    known = dict(zip(layer["id"].to_pylist(), layer["cluster"].to_pylist()))
    found = np.array([known.get(i, -1) for i in space.ids()])
    return found if (found >= 0).sum() >= 5 else np.zeros(len(space), int)

"""Which rows are odd beyond chance: p-values of sparseness, and a bound on how many of those named are none.

`anomalies` ranks: a set without oddities has an oddest row too. Here most sets have none.

Legend: n rows, D dimensions, m odd rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import false_discovery_control

from ..errors import DataError, OptionError
from ._neighbours import among, nearest
from .anomalies import WORDS, rebuilding_error

if TYPE_CHECKING:
    from ..source import Source
    from ..space import Space

NEAR = 20  # neighbours: without trusted rows, larger groups are not odd
LEAST = 60  # rows, from which on the rarest quarter says how rows thin out
EDGE, ODD = 0.75, 0.95  # between these shares of the rows it is read off; what lies beyond may be odd
ALONE, GROUP, LARGE = "isolated", "in a small group of its own", "in a large group of its own"


@dataclass(frozen=True)
class Oddities:
    ids: Sequence[str]
    p: np.ndarray  # (n,) how likely so odd a row is where none is odd; NaN: trusted, and not asked
    q: np.ndarray  # (n,) of the rows up to this one, the share that may be there by chance
    kinds: list[str]  # (n,) of odd rows, in words; empty: not odd
    groups: np.ndarray  # (n,) the group of the row, from 0; -1: none
    level: float
    trusted: int  # rows that said what is usual; 0: all did, by how they thin out

    @property
    def odd(self) -> np.ndarray:
        """(m,) places, the least likely first."""
        rows = np.flatnonzero([bool(k) for k in self.kinds])
        return np.asarray(rows[np.argsort(self.p[rows], kind="stable")])

    def table(self, most: int | None = None) -> pa.Table:
        """One row an odd sample, the first `most` of them."""
        rows = self.odd[:most]
        return pa.table(
            {
                "id": pa.array([self.ids[i] for i in rows], pa.string()),
                "p": self.p[rows],
                "q": self.q[rows],
                "kind": pa.array([self.kinds[i] for i in rows], pa.string()),
                "group": pa.array([None if g < 0 else int(g) for g in self.groups[rows]], pa.int64()),
            }
        )

    def sentence(self) -> str:
        asked = int(np.isfinite(self.p).sum())
        by = f" by {self.trusted:,} trusted ones" if self.trusted else ""
        if not len(self.odd):
            least = 1 / (1 + self.trusted // 2)
            few = f" (p is at least {least:.2g}: trust more rows)" if least * asked > self.level else ""
            return f"None of {asked:,} rows is odd beyond chance{by}{few if self.trusted else ''}."
        kinds = Counter(self.kinds[i] for i in self.odd)
        told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())
        return (
            f"{len(self.odd):,} of {asked:,} rows are odd{by}, of which {self.level:.0%} "
            f"may be so by chance: {told}."
        )


def oddities(
    space: Space,
    *,
    trusted: str | None = None,
    level: float = 0.1,
    neighbours: int = NEAR,
    source: Source | None = None,
    seed: int = 0,
) -> Oddities:
    """The rows that lie in emptier places than chance explains, kept as the layer "oddity".

    trusted   a condition as of `where`: these rows are as they should be, and say what is usual. p is then
              conformal: right whatever the vectors are, if a usual row is a draw like the trusted ones
    level     of the rows that are named, the share that may be there by chance (Benjamini & Hochberg 1995)
    source    the samples, to ask the space's decoder too

    Without trusted rows, p is read off the way in which all of them thin out: see `by_tail`.
    """
    if not 0 < level < 1:
        raise OptionError(f"level is {level}", "Give a share between 0 and 1, such as 0.1.")
    if neighbours < 1:
        raise OptionError(f"{neighbours} neighbours", "Give 1 or more.")
    x = np.ascontiguousarray(space.measure.ready(space.vectors()), np.float32)
    known = np.array([], int) if trusted is None else space.matching(trusted)
    if (few := len(x) if trusted is None else len(known)) < LEAST:
        what = "rows" if trusted is None else f"rows are trusted by {trusted}"
        raise DataError(f"{few} {what}", f"To say what is usual it takes {LEAST} or more.")
    p = {"neighbours": sparse(x, neighbours, known, seed)}
    if source is not None:
        error = rebuilding_error(space, source)
        p["rebuilt"] = by_tail(error) if trusted is None else _by_half(error, known)
    least = np.fmin.reduce(list(p.values()))
    least = np.minimum(1, len(p) * least)  # the least of two is small twice as often
    q = np.full(len(x), np.nan)
    asked = np.isfinite(least)
    q[asked] = false_discovery_control(least[asked])
    odd = np.flatnonzero(q <= level)
    kinds, groups = _kinds(x, odd, {name: part[odd] for name, part in p.items()})
    found = Oddities(space.ids(), least, q, kinds, groups, level, len(known))
    columns = {"oddity": pa.array(kinds, pa.string()), "oddity_p": least, "oddity_q": q}
    made = {"by": "oddities", "level": level, "neighbours": neighbours, "trusted": trusted, "seed": seed}
    space.write_layer("oddity", pa.table({"id": pa.array(found.ids, pa.string()), **columns}), made)
    return found


def sparse(x: np.ndarray, k: int, trusted: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """(n,) p of so far a k-th neighbour; of trusted rows, if any, NaN: they say what is usual.

    Half of the trusted rows are the neighbours, the other half is asked as the others are: then those and a
    usual row differ in nothing (Bates et al. 2023).
    """
    if trusted is None or not len(trusted):
        return by_tail(nearest(x, min(k, len(x) // 10))[1][:, -1])
    mixed = np.random.default_rng(seed).permutation(trusted)
    base, usual = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
    asked = np.setdiff1d(np.arange(len(x)), trusted)
    near = min(k, len(base))
    out = np.full(len(x), np.nan)
    far = {"usual": usual, "asked": asked}
    told = {name: among(x[base], x[rows], near)[1][:, -1] for name, rows in far.items()}
    out[asked] = conformal(told["usual"], told["asked"])
    return out


def conformal(usual: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """(q,) of each asked, its rank from above among the usual: even in 0 to 1 where it is one of them."""
    above = len(usual) - np.searchsorted(np.sort(usual), asked, "left")
    return np.asarray((1 + above) / (1 + len(usual)))


def by_tail(far: np.ndarray) -> np.ndarray:
    """(n,) p of measures above 0, by how the upper quarter thins out; NaN stays.

    The logarithm of the distance to a neighbour has an exponential tail or a lighter one in clouds as
    different as Gaussian, even and heavy-tailed ones: a power law of distances is the worst there is. Its
    rate is that of the rows between EDGE and ODD, as those above may be the odd ones: they count as known
    to lie above ODD. As the rate is estimated, p is that of the next draw: (1 + excess / total)^-kept.
    """
    p = np.full(len(far), np.nan)
    known = np.isfinite(far)
    s = np.log(np.maximum(far[known], np.finfo(np.float32).tiny))
    ranked, n = np.sort(s), len(s)
    edge, top = ranked[int(EDGE * n)], ranked[int(ODD * n)]
    above = s > edge
    kept = above & (s <= top)
    total = float((s[kept] - edge).sum() + (above.sum() - kept.sum()) * (top - edge))
    rank = (n - np.searchsorted(ranked, s, "left")) / n
    tail = np.full(n, 1.0 if total == 0 else above.mean())  # total is 0 where most are the same
    tail[above] *= (1 + (s[above] - edge) / total) ** -kept.sum() if total else 1
    p[known] = np.where(above, tail, rank)
    return p


def _by_half(far: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """(n,) conformal p of a measure that owes nothing to the trusted rows; of these NaN."""
    out = conformal(far[trusted][np.isfinite(far[trusted])], far)
    out[~np.isfinite(far)] = np.nan
    out[trusted] = np.nan
    return out


def _kinds(x: np.ndarray, odd: np.ndarray, p: dict[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Odd rows that lie nearer to one another than to any other row are a group; up to NEAR, a small one."""
    kinds, groups = [""] * len(x), np.full(len(x), -1)
    if not len(odd):
        return kinds, groups
    others = np.setdiff1d(np.arange(len(x)), odd)
    away = among(x[others], x[odd], 1)[1][:, 0]  # (m,)
    label = np.arange(len(odd))
    if len(odd) > 1:
        near, far = nearest(x[odd], min(NEAR, len(odd) - 1))
        one, j = np.nonzero(far < np.minimum(away[:, None], away[near]))
        links = coo_array((np.ones(len(one), np.int8), (one, near[one, j])), shape=(len(odd), len(odd)))
        label = np.asarray(connected_components(links, directed=False)[1], np.int64)
    sizes = np.bincount(label)
    several = np.flatnonzero(sizes > 1)
    for i, (row, own) in enumerate(zip(odd, label)):
        lies = ALONE if sizes[own] == 1 else GROUP if sizes[own] <= NEAR else LARGE
        rebuilt = "rebuilt" in p and not p["neighbours"][i] <= p["rebuilt"][i]
        kinds[row] = WORDS["rebuilt"] if rebuilt else lies
        groups[row] = -1 if rebuilt or sizes[own] == 1 else int(np.searchsorted(several, own))
    return kinds, groups

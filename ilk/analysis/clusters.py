"""Groups: a Gaussian each, their number given or found, and "there are none" as an honest answer.

Legend: n rows, k groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ._drawn import clusters as _drawn
from ._result import Picture, Result
from .mixture import DEEP, WHOLE, Covariance, Mixture, Trial, mixture

if TYPE_CHECKING:
    from ..space import Space


@dataclass(frozen=True)
class Clusters(Result):
    """The groups of a space; 0 is the largest. With one group, there are no clear ones."""

    ids: Sequence[str]
    mixture: Mixture

    @property
    def k(self) -> int:
        return self.mixture.k

    @property
    def labels(self) -> np.ndarray:
        return self.mixture.labels

    @property
    def sizes(self) -> np.ndarray:  # (k,)
        return np.bincount(self.labels, minlength=self.k)

    def representatives(self, cluster: int, count: int = 5) -> list[str]:
        """The ids nearest to the middle of a group, among its own."""
        own = np.flatnonzero(self.labels == cluster)
        near = own[np.argsort(self.mixture.distances[own, cluster], kind="stable")[:count]]
        return [str(self.ids[i]) for i in near]

    def table(self) -> pa.Table:
        """One row a cluster."""
        sure = self.mixture.memberships.max(1)
        rows = range(self.k)
        return pa.table(
            {
                "cluster": pa.array(rows, pa.int32()),
                "size": pa.array(self.sizes, pa.int64()),
                "share": self.sizes / max(1, len(self.labels)),
                "probability": [
                    float(sure[self.labels == c].mean()) if self.sizes[c] else None for c in rows
                ],
                "spread": [float(np.sqrt(np.trace(c))) for c in self.mixture.covariances],
                "representatives": pa.array([self.representatives(c) for c in rows], pa.list_(pa.string())),
            }
        )

    def layer(self) -> pa.Table:
        """One row a sample."""
        return pa.table(
            {
                "id": pa.array(list(self.ids), pa.string()),
                "cluster": pa.array(self.labels, pa.int32()),
                "probability": pa.array(self.mixture.memberships.max(1), pa.float32()),
                "log_likelihood": pa.array(self.mixture.log_likelihood, pa.float32()),
            }
        )

    def memberships(self) -> pa.Table:
        """One row a sample: the chance that it belongs to each group."""
        share = self.mixture.memberships
        columns = {f"cluster_{c}": pa.array(share[:, c], pa.float32()) for c in range(self.k)}
        return pa.table({"id": pa.array(list(self.ids), pa.string()), **columns})

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.pictures(self.mixture)

    def trials(self) -> pa.Table:
        """One row for each number of groups that was tried, with what spoke for and against it."""
        return pa.Table.from_pylist([vars(t) for t in self.mixture.trials])

    def sentence(self) -> str:
        m = self.mixture
        if m.found and m.k == 1:
            return f"No clear groups: {_why_none(m.trials)}."
        again = (
            f"; two halves of the data agree on them by {m.stability:.0%}" if np.isfinite(m.stability) else ""
        )
        told = (
            "" if m.found or m.k == 1 or any(t.held for t in m.trials) else ", but they are not clearly apart"
        )
        return f"{m.k} group{'s' * (m.k > 1)}{again}{told}."


def _why_none(trials: Sequence[Trial]) -> str:
    tried = [t for t in trials if t.k > 1]
    if not tried:
        return "there are too few samples to tell"
    if all(t.valley > DEEP for t in tried):
        return "the samples run into one another, with no thinner place between any two groups"
    if all(t.valley > DEEP or t.torn > WHOLE for t in tried):
        return "every way to part the samples into round groups cuts through a place where they lie dense"
    return "another half of the data gives other groups"


def clusters(
    space: Space,
    k: int | None = None,
    *,
    covariance: Covariance = "full",
    starts: int = 10,
    write: bool = True,
    seed: int = 0,
) -> Clusters:
    """Groups of a space, kept as its layer "cluster". k=None finds how many, or that there are none.

    covariance  shape of a group: full (any), tied (one for all) or diag (along the axes)
    starts      the likeliest of so many fits is taken
    """
    found = Clusters(
        space.ids(), mixture(np.asarray(space.vectors()), k, covariance=covariance, starts=starts, seed=seed)
    )
    made = {
        "by": "clusters", "k": found.k, "given": k, "covariance": covariance, "starts": starts, "seed": seed,
        "dims": int(found.mixture.axes.shape[1]), "says": found.sentence(),
    }  # fmt: skip
    if write:
        space.write_layer("cluster", found.layer(), made)
    return found

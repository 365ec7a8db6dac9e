"""Labels that are likelier a slip than what was meant, by what lines that had not seen a row say of it.

Legend: n rows, c labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

LEVEL = 0.1  # of the labels called wrong, so many may be right


def suspects(
    ids: Sequence[str], names: Sequence[str], y: np.ndarray, right: np.ndarray, likeliest: np.ndarray
) -> pa.Table:
    """Rows whose label is likelier a slip than what was meant, with at most LEVEL of them right after all."""
    rows = np.argsort(right, kind="stable")
    rows = rows[np.cumsum(right[rows]) / np.arange(1, len(rows) + 1) <= LEVEL]  # the means ascend
    told = likeliest[rows]
    rows, told = rows[told != y[rows]], told[told != y[rows]]
    return pa.table(
        {
            "id": pa.array([ids[i] for i in rows], pa.string()),
            "label": pa.array([names[y[i]] for i in rows], pa.string()),
            "told": pa.array([names[t] for t in told], pa.string()),
            "wrong": 1 - right[rows],
        }
    )


def slips(chances: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """A power and a share, of the chances (n, c) that held-out rows get for each label.

    A share of the labels is taken to have been dealt out blindly, the others by the chances raised to some
    power: these say too much or too little. Share and power are those that make the labels likeliest: where
    groups overlap and nothing is wrong, the share comes out as nought.
    """

    def unlikely(at: np.ndarray) -> float:
        share = expit(at[1])
        return -float(
            np.log((1 - share) * _meant(chances, y, np.exp(at[0])) + share / chances.shape[1]).sum()
        )

    best = minimize(unlikely, [0.0, -4.0], method="Nelder-Mead", bounds=[(-4, 3), (-20, 1)]).x
    return float(np.exp(best[0])), float(expit(best[1]))


def doubts(chances: np.ndarray, y: np.ndarray, law: tuple[float, float]) -> np.ndarray:
    """(n,) the chance that each label is right, by the power and share that `slips` found."""
    power, share = law
    own = (1 - share) * _meant(chances, y, power)
    return np.asarray(own / (own + share / chances.shape[1]))


def _meant(chances: np.ndarray, y: np.ndarray, power: float) -> np.ndarray:
    """(n,) of the label that is there."""
    logs = power * np.log(np.maximum(chances, 1e-12))
    return np.asarray(np.exp(logs[np.arange(len(y)), y] - logsumexp(logs, axis=1)))

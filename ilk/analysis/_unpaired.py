"""The way between two clouds of vectors whose samples are not known to correspond.

Both are whitened, so that any linear way becomes a turn. Of many first turns (one by the profiles of
distances that each sample sees, the others by chance) each is refined: samples that are then each other's
nearest are taken as pairs, and the turn that fits them best is found, again and again. From the best of them
an adversary goes on, who learns to tell turned vectors of the one cloud from those of the other while the
turn learns to deceive it (Conneau et al. 2018, "Word translation without parallel data"). The turn that
leaves the two clouds closest is kept.

Legend: n and m samples, D and E numbers a vector, r axes, b samples at a time.
"""

from __future__ import annotations

import numpy as np

from ..console import say
from ..errors import DataError
from ._maps import Affine, whitener

SOME = 1000  # samples of each that are compared with one another
FEW = 300  # of them, to look over many first turns
TRIED = 60
STEPS = 300
BATCH = 128
KEEP = 0.9999  # of the spread: axes with less hold but noise
LEAST = 50  # samples of each


def unpaired(x: np.ndarray, y: np.ndarray, *, seed: int = 0) -> Affine:
    """From x (n, D) to y (m, E); the more the clouds are shapeless, the less there is to find it by."""
    if min(len(x), len(y)) < LEAST:
        raise DataError(
            f"{len(x)} and {len(y)} samples, and no pairs",
            f"Without pairs it takes {LEAST} of each, or more.",
        )
    rng = np.random.default_rng(seed)
    r = min(_axes(x), _axes(y))
    (before, down, _), (after, other, up) = _white(x, r), _white(y, r)
    a, b = (x - before) @ down, (y - after) @ other  # (n, r), (m, r)
    a, b = (_some(rng, v).astype(np.float32) for v in (a, b))
    few = (a[:FEW], b[:FEW])
    tried = [_by_profile(a, b), *(_turn(rng.standard_normal((r, r))) for _ in range(TRIED))]
    tried = sorted((_refined(*few, w, 8) for w in tried), key=lambda w: _apart(few[0] @ w, few[1]))
    say("Aligning without pairs.")
    turns = [tried[0], _adversarial(a, b, tried[0], seed)]
    turn = min((_refined(a, b, w, 30) for w in turns), key=lambda w: _apart(a @ w, b))
    return Affine(before, down @ turn @ up, after)


def _axes(x: np.ndarray) -> int:
    variances = np.linalg.eigvalsh(np.cov(np.asarray(x, np.float64).T).reshape(x.shape[1], -1))[::-1]
    share = np.cumsum(np.maximum(variances, 0)) / max(float(variances.sum()), np.finfo(float).tiny)
    return int(np.searchsorted(share, KEEP) + 1) if variances[0] > 0 else 1


def _white(x: np.ndarray, r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean, the way to the r widest axes made equally wide (D, r), and the way back (r, D)."""
    mean, root = whitener(x, 1e-9)
    wide = np.linalg.norm(root, axis=0)  # of each axis one by its spread
    axes = np.argsort(wide)[:r]
    return mean, root[:, axes], (root[:, axes] / wide[axes] ** 2).T


def _some(rng: np.random.Generator, v: np.ndarray) -> np.ndarray:
    return v[rng.permutation(len(v))[:SOME]]


def _turn(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix)
    out: np.ndarray = (left @ right).astype(np.float32)
    return out


def _by_profile(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Samples that see the same distances around them are taken as pairs (Artetxe et al. 2018)."""
    quantiles = np.linspace(0, 1, 50)
    seen = [np.quantile(np.sqrt(_squared(v, v)), quantiles, axis=1).T for v in (a, b)]  # (n, 50), (m, 50)
    return _turn(a.T @ b[_squared(*seen).argmin(1)])


def _adversarial(a: np.ndarray, b: np.ndarray, first: np.ndarray, seed: int) -> np.ndarray:
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits as unlike

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        one, other, r = torch.from_numpy(a), torch.from_numpy(b), a.shape[1]
        turn = torch.from_numpy(first.copy()).requires_grad_()
        judge = nn.Sequential(nn.Linear(r, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2))
        judge.append(nn.Linear(128, 1))
        learns, deceives = torch.optim.Adam(judge.parameters(), 1e-3), torch.optim.Adam([turn], 5e-3)
        # Not quite sure of themselves: labels of 0.1 and 0.9 keep the adversary's slope alive.
        sides = torch.tensor([0.1, 0.9]).repeat_interleave(BATCH)[:, None]
        for _ in range(STEPS):
            for optimiser, wanted in ((learns, sides), (deceives, 1 - sides)):
                mine = one[torch.randint(len(one), (BATCH,))] @ turn
                theirs = other[torch.randint(len(other), (BATCH,))]
                loss = unlike(judge(torch.cat([mine, theirs])), wanted)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            with torch.no_grad():  # back towards a turn
                turn.mul_(1.01).sub_(0.01 * turn @ turn.T @ turn)
        return _turn(turn.detach().numpy())


def _refined(a: np.ndarray, b: np.ndarray, turn: np.ndarray, rounds: int) -> np.ndarray:
    for _ in range(rounds):
        apart = _unhubbed(_squared(a @ turn, b))
        near, back = apart.argmin(1), apart.argmin(0)
        rows = np.flatnonzero(back[near] == np.arange(len(a)))  # each other's nearest
        if len(rows) < a.shape[1]:
            break
        turn = _turn(a[rows].T @ b[near[rows]])
    return turn


def _unhubbed(squared: np.ndarray, k: int = 10) -> np.ndarray:  # (n, m)
    """Less to those that are near to everything (CSLS)."""
    k = min(k, *squared.shape)
    rows = np.partition(squared, k - 1, axis=1)[:, :k].mean(1, keepdims=True)
    columns = np.partition(squared, k - 1, axis=0)[:k].mean(0, keepdims=True)
    out: np.ndarray = 2 * squared - rows - columns
    return out


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    squared = _squared(a, b)
    return float(squared.min(1).mean() + squared.min(0).mean())


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (n, r), (m, r) -> (n, m)
    out: np.ndarray = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return out.clip(0)

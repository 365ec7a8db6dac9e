"""Is the representation any good? Figures that need no labels, and one that does.

Pure functions on float vectors (arrays or tensors). Legend: n vectors of D dimensions.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import OptionError

Vectors: TypeAlias = np.ndarray | Tensor

_BLOCK = 1024  # rows compared at a time: with 20,000 others that is 80 MB of float32


def rankme(z: Vectors) -> float:
    """Effective rank, from 1 to min(n, D): exp of the entropy of the singular values (Garrido et al. 2023).

    Vectors that are all the same have rank 1; all zero, 0.
    """
    s = _spectrum(_tensor(z)).sqrt()
    total = s.sum()
    if not total > 0:
        return 0.0
    p = s / total
    return float(torch.special.entr(p).sum().exp())


def alpha_req(z: Vectors) -> float:
    """How fast the covariance's eigenvalues fall, as j^-alpha (Agrawal et al. 2022); near 1 is good.

    Least squares of log(eigenvalue) on log(j), weighted by 1/j so that every octave counts the same
    (Stringer et al. 2019). Eigenvalues below float32's rounding are left out; nan where all vectors
    are the same.
    """
    z = _tensor(z)
    values = _spectrum(z - z.mean(0))
    values = values[values > 1e-7 * values.max()]
    if len(values) < 2:
        return float("nan")
    weight = 1 / torch.arange(1, len(values) + 1, dtype=values.dtype, device=values.device)
    x, y = weight.log(), values.log()  # x = -log(j)
    x, y = (v - (weight * v).sum() / weight.sum() for v in (x, y))
    return float((weight * x * y).sum() / (weight * x * x).sum())


def alignment(a: Vectors, b: Vectors) -> float:
    """Mean squared distance of two views on the unit sphere: 0 same, 4 opposite (Wang & Isola 2020)."""
    return float((_unit(a) - _unit(b)).square().sum(1).mean())


def uniformity(z: Vectors) -> float:
    """log of the mean exp(-2 d^2) over pairs on the unit sphere: 0 all the same, less is more even."""
    z = _unit(z)
    n = len(z)
    if n < 2:
        return 0.0
    total = 0.0
    for rows in _blocks(n):
        d2 = (2 - 2 * z[rows] @ z.T).clamp(min=0)  # (block, n)
        total += float((-2 * d2).exp().sum(dtype=torch.float64)) - len(d2)  # less each with itself: exp(0)
    return float(np.log(max(total, np.finfo(float).tiny) / (n * (n - 1))))


def view_retrieval(a: Vectors, b: Vectors) -> float:
    """Share of rows of `a` whose nearest in `b`, by cosine, is their own other view.

    It must be nearer than every other: when all vectors are the same, nobody is found.
    """
    a, b = _unit(a), _unit(b)
    found = 0
    for rows in _blocks(len(a)):
        similarity = a[rows] @ b.T  # (block, n)
        own = torch.arange(len(a), device=a.device)[rows, None]
        mine = similarity.gather(1, own)
        found += int((similarity.scatter(1, own, -torch.inf).amax(1, keepdim=True) < mine).sum())
    return found / len(a)


def knn_accuracy(
    bank: Vectors,
    bank_labels: np.ndarray,
    queries: Vectors,
    labels: np.ndarray,
    *,
    k: int = 20,
    temperature: float = 0.07,
) -> float:
    """Share of queries whose k nearest by cosine, each voting exp(similarity / temperature), name its label.

    The protocol of Wu et al. 2018, as DINO uses it. Exact.
    """
    bank, queries = _unit(bank), _unit(queries)
    names, numbers = np.unique(np.asarray(bank_labels), return_inverse=True)
    known = torch.from_numpy(numbers).to(bank.device)
    right = 0
    for rows in _blocks(len(queries)):
        similarity, near = (queries[rows] @ bank.T).topk(min(k, len(bank)), dim=1)  # (block, k)
        votes = similarity.new_zeros(len(near), len(names))
        votes.scatter_add_(1, known[near], ((similarity - 1) / temperature).exp())  # - 1: cannot overflow
        right += int((names[votes.argmax(1).cpu().numpy()] == np.asarray(labels)[rows]).sum())
    return right / len(queries)


class Likeness(NamedTuple):
    """How made things lie among true ones: all 0 to 1 but density, and high where both are alike."""

    precision: float  # share of the made ones that lie within reach of a true one
    recall: float  # share of the true ones within reach of a made one
    density: float  # true ones in whose reach a made one lies, over how many that is among true ones
    coverage: float  # share of the true ones that have a made one within their reach


def likeness(real: Vectors, made: Vectors, k: int = 5) -> Likeness:
    """Precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

    A thing's reach is the distance to the k-th nearest of its own kind. Euclidean, exact.
    """
    a, b = _tensor(real), _tensor(made)
    k = min(k, len(a) - 1, len(b) - 1)
    if k < 1:
        raise OptionError(f"{len(a)} true and {len(b)} made", "Two of each can be compared, or more.")
    reach_a, reach_b = _reach(a, k), _reach(b, k)
    inside = a.new_zeros(len(b))  # in how many true ones' reach
    recalled = covered = 0
    for rows in _blocks(len(a)):
        far = torch.cdist(a[rows], b)  # (block, made)
        within = far <= reach_a[rows, None]
        inside += within.sum(0)
        covered += int(within.any(1).sum())
        recalled += int((far <= reach_b).any(1).sum())
    return Likeness(
        float((inside > 0).float().mean()), recalled / len(a), float(inside.mean()) / k, covered / len(a)
    )


def frechet(real: np.ndarray, made: np.ndarray) -> float:
    """Between the Gaussians of vectors (n, D) and (m, D), over the variance of the first: 0 is the same.

    |mean - mean'|^2 + tr(C + C' - 2 (C C')^1/2), as Heusel et al. (2017) take it of another network's
    vectors; divided so that it does not hang on their scale. Fewer vectors than some times D make it larger.
    """
    a, b = np.asarray(real, np.float64), np.asarray(made, np.float64)
    one, other = (np.atleast_2d(np.cov(v, rowvar=False)) for v in (a, b))
    values, axes = np.linalg.eigh(one)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    both = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other @ root), 0)).sum()  # tr of the root of C C'
    off = float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(one) + np.trace(other) - 2 * both)
    return max(0.0, off) / float(np.trace(one) or 1.0)


def _reach(z: Tensor, k: int) -> Tensor:  # (n, D) -> (n,)
    # k + 1: itself is the nearest
    return torch.cat([torch.cdist(z[rows], z).kthvalue(k + 1, dim=1).values for rows in _blocks(len(z))])


def _tensor(z: Vectors) -> Tensor:
    if isinstance(z, np.ndarray):
        z = torch.from_numpy(np.require(z, np.float32, ["C", "W"]))  # W: a read-only map is copied
    return z.detach().float()


def _unit(z: Vectors) -> Tensor:
    return F.normalize(_tensor(z), dim=1)


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK))


def _spectrum(z: Tensor) -> Tensor:
    """Squared singular values, falling, from the smaller Gram matrix: cheap for many rows."""
    z = z.double()
    gram = z.T @ z if z.shape[1] <= z.shape[0] else z @ z.T
    values: Tensor = torch.linalg.eigvalsh(gram)
    return values.clamp(min=0).flip(0)

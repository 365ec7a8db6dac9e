"""Clusters and oddities as the page lists them: from the layers, with pictures that stand for them.

Legend: n rows, D dimensions, k groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import columns, inside
from .shown import Shown

SHOWN = 8  # representatives
LARGEST = 255  # groups whose numbers fit into a byte beside the points


@dataclass(frozen=True)
class Group:
    name: str
    size: int
    representatives: np.ndarray  # rows
    centre: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Odd:
    row: int
    score: float
    why: str


def says(shown: Shown, layer: str) -> str | None:
    """The sentence that the layer was written with."""
    if shown.layer(layer) is None:
        return None
    told = inside.layer_made(shown.space, layer).get("parameters", {}).get("says")
    return told if isinstance(told, str) else None


def codes(shown: Shown) -> tuple[np.ndarray, list[tuple[str, int]]] | None:
    """(n,) the group of each row, -1 for none, and the groups' names with their sizes."""
    layer = shown.layer("cluster")
    if layer is None or "cluster" not in layer.column_names:
        return None
    return columns.codes(layer["cluster"], columns.kind_of(layer["cluster"]))


def clusters(shown: Shown) -> list[Group]:
    found = codes(shown)
    if found is None:
        return []
    at, names = found
    typical = _typical(shown, at, len(names))
    order = np.argsort(at, kind="stable")
    ends = np.searchsorted(at[order], np.arange(len(names) + 1))
    groups = []
    for c, (name, size) in enumerate(names):
        own = order[ends[c] : ends[c + 1]]
        first = own[np.argsort(-typical[own], kind="stable")[:SHOWN]]
        (x, y), ((a, b), (_, d)) = _ellipse(shown.xy[own])
        groups.append(Group(name, size, first, (x, y), ((a, b), (b, d))))
    return groups


def _ellipse(xy: np.ndarray) -> tuple[tuple[float, float], tuple[tuple[float, float], tuple[float, float]]]:
    """Centre and covariance of places (n, 2)."""
    centre = xy.mean(0, dtype=np.float64)
    off = xy - centre
    (a, b), (_, d) = (off.T @ off / len(xy)).tolist()
    return (float(centre[0]), float(centre[1])), ((a, b), (b, d))


def _typical(shown: Shown, at: np.ndarray, k: int) -> np.ndarray:
    """(n,) the more, the nearer to the middle of the row's group."""
    layer = shown.layer("cluster")
    if layer is not None and "log_likelihood" in layer.column_names:
        return np.asarray(layer["log_likelihood"].to_numpy(), np.float64)
    return -from_middle(shown.vectors, at, k)


def from_middle(vectors: np.ndarray, at: np.ndarray, k: int) -> np.ndarray:
    """(n,) squared distance of each row to the mean of its group; 0 for rows without one."""
    total = np.zeros((k, vectors.shape[1]))
    for start in range(0, len(at), 65_536):
        some, rows = at[start : start + 65_536], np.asarray(vectors[start : start + 65_536], np.float64)
        np.add.at(total, some[some >= 0], rows[some >= 0])
    means = total / np.maximum(np.bincount(at[at >= 0], minlength=k), 1)[:, None]
    out = np.zeros(len(at))
    for start in range(0, len(at), 65_536):
        some = at[start : start + 65_536]
        off = np.asarray(vectors[start : start + 65_536], np.float64) - means[np.maximum(some, 0)]
        out[start : start + 65_536] = np.where(some >= 0, (off**2).sum(1), 0)
    return out


def oddest(shown: Shown, top: int) -> list[Odd]:
    layer = shown.layer("anomaly")
    if layer is None or "score" not in layer.column_names:
        return []
    score = np.nan_to_num(np.asarray(layer["score"].to_numpy(), np.float64), nan=-np.inf)
    first = np.argsort(-score, kind="stable")[:top]
    first = first[np.isfinite(score[first])]
    why: list[Any] = (
        layer["why"].cast(pa.string()).take(first).to_pylist()
        if "why" in layer.column_names
        else [""] * len(first)
    )
    return [Odd(int(r), float(score[r]), str(w or "")) for r, w in zip(first, why)]

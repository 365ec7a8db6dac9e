"""Many graphs as one whose parts do not touch. Legend: n nodes of all together, g graphs, m edges."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from scipy.sparse import csr_array

from ...errors import DataError, UnreadableSample
from .._base import Skipped
from .formats import columns_of
from .found import GRAPHS, Found, check_ids, names_of

FILES = (*GRAPHS, ".npz")  # of a folder, each a graph


@dataclass
class Many:
    found: Found  # all nodes, those of a graph together
    starts: np.ndarray  # (g + 1,): where each graph's begin
    ids: list[str]
    columns: pa.Table | None  # g rows
    skipped: list[Skipped]
    edges: np.ndarray | None = None  # (g,) how many were met before each graph's; None: they are mixed

    def edge(self, i: int) -> str:
        """What the i-th edge is called."""
        if self.edges is None:
            return str(i)
        graph = int(np.searchsorted(self.edges, i, side="right")) - 1
        return f"{i - self.edges[graph]} of {self.ids[graph]}"


def files_of(data: Any) -> list[tuple[str, str]] | None:
    """The ids and paths of a folder's or pattern's graphs; None: it is neither."""
    path = os.fspath(data)
    if os.path.isdir(path):
        names = [p.relative_to(path).as_posix() for p in Path(path).rglob("*") if p.is_file()]
        found = [(n, os.path.join(path, n)) for n in sorted(names) if not os.path.basename(n).startswith(".")]
    elif glob.has_magic(path) and not os.path.exists(path):
        found = [(p, p) for p in sorted(glob.glob(path, recursive=True))]
    else:
        return None
    kept = [(n, p) for n, p in found if n.lower().endswith(FILES)]
    if not kept:
        raise DataError(f"no graph in {path}", f"Expected files that end in {', '.join(FILES)}.")
    return kept


def read(named: Sequence[tuple[str, Any]], one: Callable[[Any], Found], strict: bool) -> Many:
    """Each by `one`; what cannot be read, or has no node, is left out, and told."""
    good: list[tuple[str, Found]] = []
    skipped: list[Skipped] = []
    for name, data in named:
        try:
            found = one(data)
            if not len(found.ids):
                raise DataError(f"{name} is a graph without nodes")
            good.append((name, found))
        except DataError as e:
            if strict:
                raise UnreadableSample(f"{name}: {e.what}", e.do) from e
            skipped.append(Skipped(name, e.what))
    if not good:
        why = skipped[0].why if skipped else "the list is empty"
        raise DataError(f"none of {len(named):,} graphs can be read: {why}", "Give one at least.")
    return joined(good, skipped)


def joined(parts: Sequence[tuple[str, Found]], skipped: list[Skipped]) -> Many:
    founds = _alike(parts)
    sizes = [len(f.ids) for f in founds]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    ends = [np.where(f.ends < 0, -1, f.ends + at) for f, at in zip(founds, starts)]
    weights = None
    if any(f.weights is not None for f in founds):
        weights = np.concatenate([np.ones(len(f.ends)) if f.weights is None else f.weights for f in founds])
    features = [f.features for f in founds if f.features is not None]
    edges = [f.edge_features for f in founds if f.edge_features is not None]
    whole = Found(
        [i for f in founds for i in f.ids],
        np.concatenate(ends),
        weights,
        _stacked([f.columns for f in founds], sizes),
        features=csr_array(sparse.vstack(features, format="csr")) if features else None,
        directed=founds[0].directed,
        twice=founds[0].twice,
        edge_columns=_stacked([f.edge_columns for f in founds], [len(f.ends) for f in founds]),
        edge_features=np.concatenate(edges) if edges else None,
    )
    columns = columns_of([{k: v[0] for k, v in f.about.items() if len(v) == 1} for f in founds])
    before = np.cumsum([0, *(len(f.ends) for f in founds[:-1])])
    return Many(whole, starts, [name for name, _ in parts], columns, skipped, before)


def _alike(parts: Sequence[tuple[str, Found]]) -> list[Found]:
    """All directed or none, with as many features each; edges given from one end or from both made alike."""
    first, whole = parts[0]
    ways = {bool(f.directed) for _, f in parts}
    if len(ways) > 1:
        raise DataError(
            "some of these graphs are directed, others are not", "Say which: directed=True or False."
        )
    for name, found in parts:
        for what in ("features", "edge_features"):
            one, other = (_width(getattr(f, what)) for f in (whole, found))
            if one != other:
                say = f"{first} has {one} {what}, {name} has {other}".replace(
                    "edge_features", "features an edge"
                )
                raise DataError(say, "Give all graphs the same.")
    twice = any(f.twice for _, f in parts)
    return [_mirrored(f) if twice and not (f.twice or f.directed) else f for _, f in parts]


def _width(features: Any) -> int:
    return 0 if features is None else int(features.shape[1])


def _mirrored(found: Found) -> Found:
    found.ends = np.concatenate([found.ends, found.ends[:, ::-1]])
    if found.weights is not None:
        found.weights = np.tile(found.weights, 2)
    if found.edge_features is not None:
        found.edge_features = np.tile(found.edge_features, (2, 1))
    if found.edge_columns is not None:
        found.edge_columns = pa.concat_tables([found.edge_columns] * 2)
    found.twice = True
    return found


def _stacked(tables: Sequence[pa.Table | None], sizes: Sequence[int]) -> pa.Table | None:
    """One below the other; empty where one lacks a column, text where their kinds do not agree."""
    names = list(dict.fromkeys(n for t in tables if t is not None for n in t.column_names))
    if not names:
        return None
    filled = [
        pa.table({n: t[n] if t is not None and n in t.column_names else pa.nulls(size) for n in names})
        for t, size in zip(tables, sizes)
    ]
    try:
        return pa.concat_tables(filled, promote_options="permissive")
    except pa.ArrowTypeError:
        texts = [pa.table({n: pc.cast(t[n], pa.string()) for n in names}) for t in filled]
        return pa.concat_tables(texts)


def grouped(found: Found) -> Many:
    """One graph whose nodes say which of several graphs they are of."""
    assert found.graph is not None
    order = np.argsort(found.graph, kind="stable")
    names, first = np.unique(found.graph[order], return_index=True)
    if (np.diff(found.graph[found.ends], axis=1)[(found.ends >= 0).all(1)] != 0).any():
        raise DataError("an edge leads from one graph to another", "Each edge must lie within one graph.")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    found.ends = np.where(found.ends < 0, -1, place[found.ends])
    found.ids = [found.ids[i] for i in order]
    found.features = None if found.features is None else found.features[order]
    rows: Any = pa.array(order)
    found.columns = None if found.columns is None else found.columns.take(rows)
    for name, values in found.about.items():
        if len(values) != len(names):
            what = f"{len(values):,} values of {name} for {len(names):,} graphs"
            raise DataError(what, "Give one for each; a graph without nodes cannot be told of.")
    columns = pa.table(found.about) if found.about else None
    return Many(found, np.append(first, len(order)), [str(n) for n in names], columns, [])


def told(many: Many, about: pa.Table | None) -> pa.Table | None:
    """What is said of each graph, with what a table says (its `id`, or first column, names the graph)."""
    if about is None:
        return many.columns
    called = "id" if "id" in about.column_names else about.column_names[0]
    names = names_of(about[called])
    check_ids(names)
    at: Any = pc.index_in(pa.array(many.ids, pa.large_string()), value_set=names.combine_chunks())
    if at.null_count == len(at):
        what = f"none of the {len(many.ids):,} graphs (the first is {many.ids[0]}) is in the table of graphs"
        raise DataError(what, f"Its column {called} must name them.")
    found = about.drop_columns([called]).take(at)
    for name in many.columns.column_names if many.columns is not None else ():
        if name not in found.column_names and many.columns is not None:
            found = found.append_column(name, many.columns[name])
    return found

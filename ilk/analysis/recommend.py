"""Which items suit a user: the space of items is asked with the user's vector; and how well that was, later.

Legend: q users, k items found for each, U and I users and items of the spaces, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from ..console import say
from ..errors import DataError, EncoderMismatch, OptionError, SpaceError, UnknownName
from ..source.interactions import HISTORY, Interactions, interactions
from ..space import Space
from ..space.query import Neighbours
from ._drawn import recall as _drawn
from ._factors import factors, popularity
from ._result import Picture, Result

if TYPE_CHECKING:
    from ..encoders.towers import Towers

POOL = 200  # items that a network sorts, of those that the index found
BLOCK = 1024  # users at a time


@dataclass(frozen=True)
class Quality:
    """Of lists of k items, against what was chosen later."""

    way: str
    recall: float  # share of the items chosen that are in the list (of k, where more were chosen)
    ndcg: float  # the same, an item counting less the later it stands: 1 / log2(1 + rank)
    coverage: float  # share of all items that are in anybody's list


@dataclass(frozen=True)
class Hindsight(Result):
    k: int
    users: int  # that chose something later
    ways: list[Quality]  # the space first

    def table(self) -> pa.Table:
        return pa.table(
            {
                "way": [w.way for w in self.ways],
                f"recall@{self.k}": [w.recall for w in self.ways],
                f"NDCG@{self.k}": [w.ndcg for w in self.ways],
                "coverage": [w.coverage for w in self.ways],
            }
        )

    def sentence(self) -> str:
        ours, best = self.ways[0], max(self.ways[1:], key=lambda w: w.recall)
        return (
            f"Of what {self.users:,} users chose later, {ours.recall:.1%} stands among the {self.k} that the "
            f"space would have shown them; {best.way} would have had {best.recall:.1%}."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_hindsight(self)


def users_beside(space: Path) -> Path:
    """Where the users of the items in that space are."""
    return space.with_name(f"{space.stem}.users.space")


def users_of(space: Space) -> Space:
    path = users_beside(space.path)
    if not path.exists():
        raise SpaceError(f"no space of users {path}", "Learn one (--objective two_tower), or name it.")
    return Space.open(path)


def recommend(
    space: Space,
    who: str | Sequence[str],
    k: int = 10,
    *,
    users: Space | str | Path | None = None,
    again: bool = False,
) -> Neighbours:
    """The k items of `space` that suit each of these users best.

    users  the space of the users (default: NAME.users.space beside NAME.space)
    again  items that the user chose before may come again
    """
    if k < 1:
        raise OptionError(f"k={k}: there is no such number of items", "Ask for 1 or more.")
    asking = _asking(space, users)
    names = [who] if isinstance(who, str) else list(who)
    places = {name: i for i, name in enumerate(asking.ids())}
    for name in names:
        if name not in places:
            raise UnknownName("user", name, list(places)[:5])
    rows = np.array([places[name] for name in names], np.int64)
    vectors = np.array(asking.vectors()[rows])
    before = [[] if again else one for one in _before(asking, names)]
    merge = _merge(space)
    wanted = min(len(space), max(k, 0 if merge is None else POOL) + max(map(len, before), default=0))
    found = space.search(vectors, wanted)
    ids, far = found.ids, found.distances
    if merge is not None:
        ids, far = _sorted(space, vectors, ids, merge)
    return _without(ids, far, before, k)


def hindsight(
    space: Space, later: Any, k: int = 10, *, users: Space | str | Path | None = None, seed: int = 0
) -> Hindsight:
    """How much of what users chose `later` (interactions that nothing was learnt from) would have been shown.

    Beside the space: what is popular, and matrix factorisation, from the same choices as the space. Users and
    items that the spaces do not hold are left out, and told.
    """
    asking = _asking(space, users)
    chosen = later if isinstance(later, Interactions) else interactions(later)
    names, things = asking.ids(), space.ids()
    truth, some = _truth(chosen, names, things)
    who = [names[i] for i in some]
    seen = _matrix(_before(asking, names), things)
    found = recommend(space, who, k, users=asking)
    place = {name: i for i, name in enumerate(things)}
    ours = np.array([[place[str(i)] for i in row] for row in found.ids])
    liked, (u, v) = popularity(seen), factors(seen, space.dim, seed=seed)
    ways = {
        "the space": ours,
        "matrix factorisation": best(lambda rows: u[some[rows]] @ v.T, seen[some], k),
        "popularity": best(lambda rows: np.tile(liked, (len(rows), 1)), seen[some], k),
    }
    return Hindsight(k, len(who), [quality(way, lists, truth) for way, lists in ways.items()])


def quality(way: str, found: np.ndarray, truth: csr_array) -> Quality:
    """`found` (q, k): places of items, the best first; `truth` (q, I): a one where it was chosen later."""
    q, k = found.shape
    hit = np.stack(
        [np.isin(found[i], truth.indices[truth.indptr[i] : truth.indptr[i + 1]]) for i in range(q)]
    )
    wanted = np.minimum(np.diff(truth.indptr), k)  # (q,)
    worth = 1 / np.log2(np.arange(2, k + 2))  # (k,)
    ideal = np.concatenate([[0], np.cumsum(worth)])[wanted]
    return Quality(
        way,
        recall=float((hit.sum(1) / wanted).mean()),
        ndcg=float(((hit * worth).sum(1) / ideal).mean()),
        coverage=len(np.unique(found)) / truth.shape[1],
    )


def best(score: Callable[[np.ndarray], np.ndarray], seen: csr_array, k: int) -> np.ndarray:
    """(q, k) the places of the highest scores of each row, without those seen; `score`: rows -> (b, I)."""
    q, k = seen.shape[0], min(k, seen.shape[1])
    found = np.zeros((q, k), np.int64)
    for start in range(0, q, BLOCK):
        rows = np.arange(start, min(start + BLOCK, q))
        scores = np.array(score(rows), np.float32)
        known = seen[rows]
        scores[np.repeat(np.arange(len(rows)), np.diff(known.indptr)), known.indices] = -np.inf
        found[rows] = np.argsort(-scores, 1, kind="stable")[:, :k]
    return found


def _asking(space: Space, users: Space | str | Path | None) -> Space:
    asking = users_of(space) if users is None else users if isinstance(users, Space) else Space.open(users)
    if asking.fingerprint != space.fingerprint:
        raise EncoderMismatch(
            f"{asking.path} was made by {asking.fingerprint}, {space.path} by {space.fingerprint}",
            "Give the two spaces of one run.",
        )
    if asking.reading.get("side") != "users" or space.reading.get("side") != "items":
        raise SpaceError(f"{space.path} and {asking.path} are no items and users", "Give the items' space.")
    return asking


def _before(asking: Space, names: Sequence[str]) -> list[list[str]]:
    """What each chose, as far as the space of users knows."""
    columns = asking.metadata(names)
    if HISTORY not in columns.column_names:
        return [[] for _ in names]
    return [one or [] for one in columns[HISTORY].to_pylist()]


def _merge(space: Space) -> Towers | None:
    """The encoder, where it has a network that sorts."""
    from ..encoders.towers import Towers

    encoder = space.encoder
    return encoder if isinstance(encoder, Towers) and encoder.merged is not None else None


def _sorted(
    space: Space, vectors: np.ndarray, ids: np.ndarray, merge: Towers
) -> tuple[np.ndarray, np.ndarray]:
    """The same items (q, wanted) by the network's scores, the highest first."""
    import torch

    place = {name: i for i, name in enumerate(space.ids())}
    rows = np.array([[place[str(i)] for i in row] for row in ids])
    with torch.inference_mode():
        items = torch.from_numpy(space.vectors()[rows])  # (q, wanted, D)
        far = -merge.score(torch.from_numpy(vectors)[:, None], items).numpy()  # (q, wanted)
    order = np.argsort(far, 1, kind="stable")
    return np.take_along_axis(ids, order, 1), np.take_along_axis(far, order, 1)


def _without(ids: np.ndarray, far: np.ndarray, before: list[list[str]], k: int) -> Neighbours:
    """The first k that did not come before (fewer where there are fewer)."""
    kept = [np.flatnonzero(~np.isin(row, known))[:k] for row, known in zip(ids, before)]
    k = min(map(len, kept))
    at = np.stack([row[:k] for row in kept])
    return Neighbours(np.take_along_axis(ids, at, 1), np.take_along_axis(far, at, 1))


def _matrix(lists: list[list[str]], things: list[str]) -> csr_array:
    """(U, I) a one for each item in a user's list."""
    place = {name: i for i, name in enumerate(things)}
    rows = [[place[name] for name in one if name in place] for one in lists]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.array([i for one in rows for i in one], np.int64)
    return csr_array((np.ones(len(columns), np.float32), columns, ends), (len(lists), len(things)))


def _truth(later: Interactions, names: list[str], things: list[str]) -> tuple[csr_array, np.ndarray]:
    """What was chosen (q, I), and by which users of the space (q,)."""
    ends = []
    for table, known, end in ((later.users, names, 0), (later.items, things, 1)):
        place = {name: i for i, name in enumerate(known)}
        ends.append(np.array([place.get(name, -1) for name in table.ids], np.int64)[later.ends[:, end]])
    known = (ends[0] >= 0) & (ends[1] >= 0)
    if not known.any():
        raise DataError("no user and item of these interactions is in the spaces", "Are the ids the same?")
    if not known.all():
        say(
            f"{int((~known).sum()):,} of {len(known):,} later choices are of users or items not in the space."
        )
    some, rows = np.unique(ends[0][known], return_inverse=True)
    ones = np.ones(len(rows), np.float32)
    return csr_array((ones, (rows, ends[1][known])), (len(some), len(things))), some

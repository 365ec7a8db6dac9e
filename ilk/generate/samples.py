"""How good made pictures are, by the vectors of a space: alike, as varied, and no copies.

`compare` asks the space's own encoder, so the figures are those of what that encoder sees. Each stands beside
what as many true pictures get: no made ones can be expected to do better.

Legend: n rows of the space, m made pictures, D dimensions, k neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import torch
from scipy.stats import false_discovery_control

from ..analysis._neighbours import among, nearest
from ..encoders import encode
from ..errors import DataError, OptionError
from ..space import Space
from ..training.health import Likeness, frechet, likeness
from ._points import thumbnail
from .pictures import Pictures

LEAST = 50  # of each kind: of fewer, the figures say little
MOST = 5000  # compared pair by pair
LEVEL = 0.1  # of those called copies, the share that may be none
BATCH = 256


@dataclass(frozen=True)
class Compared:
    pictures: Pictures
    distance: float  # see `frechet` in training/health.py
    made: Likeness
    true_distance: float  # of as many true ones, from others
    true: Likeness
    ids: Sequence[str]  # (m,) the nearest row of each
    far: np.ndarray  # (m,) how far that is
    p: np.ndarray  # (m,) the share of rows that have another one as near
    copies: np.ndarray  # places of those that are nearer to a row than rows are to one another
    space: Space

    def table(self) -> pa.Table:
        rows = [
            {"pictures": name, "distance": far, **figures._asdict()}
            for name, far, figures in (
                ("made", self.distance, self.made),
                ("true", self.true_distance, self.true),
            )
        ]
        return pa.Table.from_pylist(rows)

    def neighbours(self) -> pa.Table:
        """One row a made picture: its nearest row."""
        copy = np.zeros(len(self.far), bool)
        copy[self.copies] = True
        columns = {"nearest": pa.array(self.ids, pa.string()), "distance": self.far, "p": self.p}
        return pa.table({"picture": range(len(copy)), **columns, "copy": copy})

    def sentence(self) -> str:
        m = len(self.far)
        told = (
            f"{self.made.precision:.0%} of {m:,} made pictures lie among the true ones, of which they cover "
        )
        told += (
            f"{self.made.coverage:.0%} (true ones {self.true.precision:.0%} and {self.true.coverage:.0%}). "
        )
        if not len(self.copies):
            return told + "None is a copy."
        some = ", ".join(f"{i} of {self.ids[i]}" for i in self.copies[:3])
        return told + f"{len(self.copies):,} are copies of what was learnt from: {some}."

    def beside(self, n: int = 8) -> Pictures:
        """The n made pictures nearest to a row, each beside the space's own small picture of that row."""
        first = np.argsort(self.p, kind="stable")[:n]
        pairs, captions = [], []
        for i in first:
            found = thumbnail(self.space, self.ids[i])
            if found is None:
                raise DataError(f"the space keeps no picture of {self.ids[i]}", "See neighbours().")
            pairs += [self.pictures.pixels[i], found.numpy()[0]]
            captions += [f"made, {i}", self.ids[i]]
        return Pictures(np.stack(pairs), captions, across=min(8, len(pairs)), title="Made, and the nearest")


def compare(space: Space, made: Pictures, *, k: int = 5, seed: int = 0) -> Compared:
    """Made pictures beside the rows of a space whose encoder takes such, best those that were learnt from."""
    if min(len(made), len(space) // 2) < LEAST:
        raise OptionError(
            f"{len(made):,} made pictures and {len(space):,} true ones",
            f"Make {LEAST} or more, and compare with a space of {2 * LEAST} or more.",
        )
    x = np.ascontiguousarray(space.measure.ready(space.vectors()), np.float32)
    y = np.ascontiguousarray(space.measure.ready(_vectors(space, made)), np.float32)
    m = min(len(y), len(x) // 2, MOST)
    rows = np.random.default_rng(seed).permutation(len(x))
    true, other = x[rows[:m]], x[rows[m : 2 * m]]
    near, far = (a[:, 0] for a in among(x, y, 1))
    p = as_near(x, far)
    return Compared(
        made,
        frechet(true, y),
        likeness(true, y[:m], k),
        frechet(true, other),
        likeness(true, other, k),
        [str(i) for i in space.id_array().take(pa.array(near)).to_pylist()],
        far,
        p,
        np.flatnonzero(false_discovery_control(p) <= LEVEL),
        space,
    )


def as_near(x: np.ndarray, far: np.ndarray) -> np.ndarray:  # (n, D), (m,) -> (m,)
    """The share of rows whose nearest other one is as near: small for a copy, unless the rows have twins too.

    Pictures that are new draws of what the rows are drawn from have any p equally often.
    """
    own = np.sort(nearest(x, 1)[1][:, 0])
    return np.asarray((1 + np.searchsorted(own, far, side="right")) / (1 + len(own)))


def _vectors(space: Space, made: Pictures) -> np.ndarray:  # (m, D)
    channels, size = space.reading.get("channels"), space.reading.get("size")
    if made.pixels.shape[1:] != (channels, size, size):
        raise OptionError(
            f"made pictures of shape {made.pixels.shape[1:]}, and a space of {(channels, size, size)}",
            "Compare with a space of pictures read alike.",
        )
    found = [encode(space.encoder, some) for some in torch.split(torch.from_numpy(made.pixels), BATCH)]
    return torch.cat(found).numpy()

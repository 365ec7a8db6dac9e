"""Pictures from vectors: with the decoder that an autoencoder, a vae or a gan has left.

    tool = ilk.latent("digits.space")
    tool.sample(16, of="digit = 7").save("sevens.png")
    tool.walk("0042.png", along="digit").save("walk.png")

Legend: n pictures, D dimensions, s steps.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from .. import decoders, saved
from ..analysis.parameters import step
from ..decoders import Decoder
from ..encoders._embed import device_of
from ..errors import OptionError, UnknownName
from ..find import parameters
from ..source import Source
from ..space import Space
from ..space._folder import class_of
from ._folders import LEARN, folders, nothing, several
from ._gaussian import linear, spherical
from ._points import Known, Point, learnt, named, of_space
from .pictures import DOES, Maker, Pictures

BATCH = 256
Each: TypeAlias = float | Sequence[float] | np.ndarray | Mapping[int, float]  # one for all, or by dimension


@dataclass(frozen=True)
class Latent:
    """A decoder, and what is known of the vectors that it takes.

    Where a `Point` is asked for, give an id of the space, the path of a picture, a condition as of `where`
    (the mean of its rows is meant), or a vector (D,).
    """

    decoder: Decoder
    known: Known

    def sample(
        self, n: int = 16, *, of: str | None = None, truncation: float = 1.0, seed: int = 0
    ) -> Pictures:
        """New pictures, of vectors drawn from a Gaussian.

        of          a condition: the Gaussian of these rows, such as "cluster = 3", "part = 2" or "digit = 7";
                    None: of all, or the standard one where the run has learnt to decode that
        truncation  below 1: nearer to the mean
        """
        if n < 1 or not truncation >= 0:
            raise OptionError(
                f"n is {n}, truncation {truncation}", "Give 1 or more, and a truncation of 0 or more."
            )
        drawn = self.known.gaussian(of).draw(n, seed, truncation)
        return self.decoded(drawn, title=f"Samples of {self.known.name}{f', {of}' if of else ''}")

    def reconstruct(self, data: Source | Sequence[Point]) -> Pictures:
        """Pictures, each beside what the decoder makes of its vector."""
        pixels, vectors, names = self.known.pairs(data)
        back = self.decoded(vectors).pixels
        if back.shape != pixels.shape:
            raise OptionError(
                f"pictures of shape {pixels.shape[1:]}, and the decoder makes {back.shape[1:]}",
                "Read them as those it has learnt from: ilk.source.read(space.reading, data).",
            )
        both = np.stack([pixels, back], 1).reshape(-1, *back.shape[1:])
        captions = [text for name in names for text in (name, "given back")]
        return Pictures(both, captions, across=min(8, len(both)), title="Given back")

    def interpolate(self, one: Point, other: Point, steps: int = 8, *, how: str = "spherical") -> Pictures:
        """From one to the other, both included: straight (linear), or about the mean (spherical).

        The middle of a straight way lies nearer to the mean than vectors usually do, where pictures are
        bland; the spherical way keeps the distance.
        """
        if steps < 2:
            raise OptionError(f"{steps} steps", "Give 2 or more.")
        a, b, at = self.vector(one), self.vector(other), np.linspace(0, 1, steps)
        if how not in ("linear", "spherical"):
            raise UnknownName("way between two", how, ("linear", "spherical"))
        way = linear(a, b, at) if how == "linear" else spherical(a, b, at, self.known.all.mean)
        captions = [named(one), *(f"{t:.0%}" for t in at[1:-1]), named(other)]
        return self.decoded(
            way, captions, across=steps if steps <= 12 else None, title=f"Interpolated, {how}"
        )

    def walk(
        self,
        start: Point | None = None,
        *,
        dimension: int | None = None,
        along: str | np.ndarray | None = None,
        reach: float = 3.0,
        steps: int = 7,
    ) -> Pictures:
        """From a point (None: the mean) to both sides, `reach` standard deviations of the rows each way.

        dimension  of the vector
        along      a metadata column of numbers: the direction in which it grows; or a direction (D,)
        """
        if (dimension is None) == (along is None):
            raise OptionError("a walk without one aim", "Give either a dimension, or what to walk along.")
        if steps < 2 or not reach > 0:
            raise OptionError(f"{steps} steps over a reach of {reach}", "Give 2 or more, and more than 0.")
        name, stride = self._stride(dimension, along)
        at = np.linspace(-reach, reach, steps)
        where = "the mean" if start is None else named(start)
        return self.decoded(
            linear(z := self.vector(start), z + stride, at),
            [f"{t:+.1f} sd" if t else "as it is" for t in at],
            across=steps if steps <= 12 else None,
            title=f"From {where} along {name}",
        )

    def modulate(self, start: Point | None = None, *, scale: Each = 1.0, shift: Each = 0.0) -> Pictures:
        """A point, and with its elements changed: each one's distance from the mean times `scale`, and
        `shift` standard deviations on. Of a mapping {dimension: number} the other dimensions stay.
        """
        z, all_ = self.vector(start), self.known.all
        times, more = self._each(scale, 1.0), self._each(shift, 0.0)
        changed = all_.mean + times * (z - all_.mean) + more * all_.spread
        return self.decoded(np.stack([z, changed]), ["as it is", "changed"], title="Modulated")

    def arithmetic(
        self,
        start: Point,
        *,
        plus: Point | Sequence[Point] = (),
        minus: Point | Sequence[Point] = (),
        times: Sequence[float] = (0.0, 0.5, 1.0),
    ) -> Pictures:
        """What comes of a point where some are added and others taken away, such as the means of groups.

        Each counts by what sets it off from the mean of all, `times` over.
        """
        added, taken = _several(plus), _several(minus)
        if not (added or taken) or not len(times):
            raise OptionError("nothing to add or to take away", 'Give plus="digit = 3", minus="digit = 5".')
        mean = self.known.all.mean
        way = sum((self.vector(p) - mean for p in added), np.zeros(len(mean)))
        way = way - sum((self.vector(p) - mean for p in taken), np.zeros(len(mean)))
        told = "".join([*(f" + {named(p)}" for p in added), *(f" - {named(p)}" for p in taken)])
        z = self.vector(start)
        return self.decoded(
            linear(z, z + way, np.asarray(times)), [f"{t:g} x" for t in times], title=f"{named(start)}{told}"
        )

    def vector(self, point: Point | None) -> np.ndarray:
        """(D,) of a point; of None: the mean of all."""
        return self.known.all.mean if point is None else self.known.vector(point)

    def decoded(
        self, vectors: np.ndarray, captions: Sequence[str] = (), *, across: int | None = None, title: str = ""
    ) -> Pictures:
        """What the decoder makes of vectors (n, D)."""
        z = torch.from_numpy(np.ascontiguousarray(vectors, np.float32))
        if z.ndim != 2 or z.shape[1] != self.decoder.dim or not z.isfinite().all():
            raise OptionError(
                f"vectors of shape {tuple(z.shape)}", f"Give finite ones, (n, {self.decoder.dim})."
            )
        with torch.inference_mode():
            found = [self.decoder(some.to(device_of(self.decoder))) for some in torch.split(z, BATCH)]
        if not isinstance(found[0], Tensor) or found[0].ndim != 4:
            raise OptionError(f"the decoder of {self.known.name} draws no pictures", LEARN)
        pixels = torch.cat(found).float().cpu().numpy()
        return Pictures(pixels, captions, across=across, title=title, vectors=z.numpy())

    def _stride(self, dimension: int | None, along: str | np.ndarray | None) -> tuple[str, np.ndarray]:
        """What is walked along in words, and one standard deviation of it (D,)."""
        all_, dim = self.known.all, self.decoder.dim
        if dimension is not None:
            if not 0 <= dimension < dim:
                raise OptionError(f"dimension {dimension}", f"The vectors have {dim}, counted from 0.")
            return f"dimension {dimension}", all_.spread[dimension] * np.eye(dim)[dimension]
        if isinstance(along, str):
            vectors, values = self.known.amounts(along)
            return along, step(vectors, values)
        length = np.linalg.norm(direction := np.asarray(along, np.float64))
        if direction.shape != (dim,) or not np.isfinite(length) or not length:
            raise OptionError(f"a direction of shape {direction.shape}", f"Give {dim} numbers, not all 0.")
        return "a direction", all_.along(direction / length) * direction / length

    def _each(self, given: Each, usual: float) -> np.ndarray:  # (D,)
        dim = self.decoder.dim
        if isinstance(given, Mapping):
            if any(not 0 <= d < dim for d in given):
                raise OptionError(f"dimensions {[*given]}", f"The vectors have {dim}, counted from 0.")
            out = np.full(dim, usual)
            out[list(given)] = list(given.values())
            return out
        told = np.asarray(given, np.float64)
        if told.shape not in ((), (dim,)):
            raise OptionError(f"{len(told)} numbers", f"Give one, {dim}, or a mapping of dimensions.")
        return np.broadcast_to(told, dim)


def latent(of: str | os.PathLike[str] | Space) -> Latent:
    """The tools for a space, a run, or an objective's folder in one, whose decoder draws pictures."""
    if isinstance(of, Space):
        if of.decoder is None:
            raise OptionError(f"{of.path} has no decoder", LEARN)
        return Latent(of.decoder, of_space(of))
    found = [folder for folder in folders(of) if _draws(folder)]
    if not found:
        raise nothing(of, DOES)
    if len(found) > 1:
        raise several(of, "make pictures", found)
    decoder: Decoder = saved.load(found[0], Decoder)  # type: ignore[type-abstract]
    return Latent(decoder, learnt(found[0]))


def maker(folder: Path) -> Maker | None:
    """See pictures.py."""
    if not _draws(folder):
        return None

    def make(*, n: int = 16, seed: int = 0, of: str | None = None, truncation: float = 1.0) -> Pictures:
        return latent(folder).sample(n, of=of, truncation=truncation, seed=seed)

    return make


def _draws(folder: Path) -> bool:
    """Whether the model there has a decoder of pictures; of one from outside, that is seen when it draws."""
    if not (folder / "decoder.json").exists():
        return False
    name = class_of(folder / "decoder.json")
    return name not in decoders.names() or "channels" in parameters(decoders.find(name))


def _several(points: Point | Sequence[Point]) -> list[Point]:
    return [points] if isinstance(points, str | os.PathLike | np.ndarray) else list(points)

"""What may have been under the noise: draws of all that a picture allows, by a decoder and a noise model.

    found = ilk.posterior("holes.run", "one.png", 0.1, columns=["inclination", "r_in"])
    print(found.sentence())
    found.save("intervals.png")

Before the picture is seen, vectors are taken to be spread as the decoder knows them (`ilk.latent`): as a
standard normal cloud for a vae, else as the rows of the space. After it, they are drawn by Hamiltonian
dynamics (_hamiltonian.py) under the likelihood of _likelihood.py; numbers beside the rows follow (_local.py).

Legend: P pictures, n numbers in each (C x H x W), c chains, s draws of each, D dimensions, p columns.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from ..analysis import _result
from ..analysis.parameters import is_amount
from ..encoders import encode
from ..encoders._embed import device_of
from ..errors import DataError, OptionError
from ..source import Source, read
from ..source._part import evenly
from ..space import Space
from . import _intervals
from ._asked import Picture
from ._chains import disagreement, worth
from ._gaussian import Gaussian
from ._hamiltonian import sample
from ._likelihood import Likelihood, Unseen
from ._local import beside
from ._points import Known, thumbnail
from .latent import BATCH, Latent, latent
from .pictures import Pictures

TRIED = 32  # starts of a chain, of which the likeliest is taken
SOME = 400  # pictures that tell what the decoder cannot give
FEW = 16
APART = 1.05  # of R-hat, from which on chains have not seen the same
SIDES = (0.05, 0.95)

Noise: TypeAlias = float | str | os.PathLike[str] | np.ndarray


@dataclass(frozen=True)
class Posterior(_result.Result):
    names: list[str]  # of the columns; of none asked for: dimensions
    values: np.ndarray  # (c, s, p)
    vectors: np.ndarray  # (c, s, D)
    before: np.ndarray  # (., p) the same before the picture was seen
    picture: np.ndarray  # (C, H, W)
    unseen: float  # root mean square of what the decoder cannot give
    accepted: float  # share of the paths
    tool: Latent

    @property
    def apart(self) -> float:
        """R-hat of the dimension in which chains differ most: 1 where none do."""
        return max(disagreement(self.vectors[..., j]) for j in range(self.vectors.shape[2]))

    @property
    def worth(self) -> float:
        """Of the dimension least well drawn, so many draws that do not hang together would say as much."""
        return min(worth(self.vectors[..., j]) for j in range(self.vectors.shape[2]))

    def table(self) -> pa.Table:
        rows = []
        for j, name in enumerate(self.names):
            x = self.values[..., j].ravel()
            low, middle, high = np.quantile(x, (SIDES[0], 0.5, SIDES[1]))
            row = {"name": name, "mean": x.mean(), "sd": x.std(), "low": low, "median": middle, "high": high}
            rows.append(row | {"sd before": self.before[:, j].std()})
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        told = [f"{r['name']} {r['median']:.3g} ({r['low']:.3g} to {r['high']:.3g})" for r in self._rows()]
        chains, draws, _ = self.vectors.shape
        apart = self.apart
        how = f"{chains} chains of {draws} draws, worth {self.worth:.0f}"
        if apart < APART:
            return f"{', '.join(told)}: the middle 90%. {how}; they agree (R-hat {apart:.2f})."
        do = "Draw longer (--draws, --warmup) before you trust these."
        return f"{', '.join(told)}. {how}; they do not agree (R-hat {apart:.2f}). {do}"

    def _rows(self) -> list[dict[str, float]]:
        found: list[dict[str, float]] = self.table().to_pylist()
        return found

    def pictures(self) -> Mapping[str, _result.Picture]:
        return _intervals.pictures(self.names, self.values.reshape(-1, len(self.names)), self.before)

    def drawn(self, n: int = 8, seed: int = 0) -> Pictures:
        """The picture, the mean of what may lie under it, how far that varies, and n that may."""
        all_ = self.vectors.reshape(-1, self.vectors.shape[2])
        some = np.random.default_rng(seed).permutation(len(all_))[: max(n, 200)]
        may = self.tool.decoded(all_[some]).pixels
        spread = may.std(0) / max(1e-12, may.std(0).max())
        captions = ["as it came", "mean", "spread", *["may be"] * n]
        pixels = np.stack([self.picture, may.mean(0), spread, *may[:n]])
        return Pictures(pixels, captions, across=min(len(pixels), 11), title="What may lie under it")


def posterior(
    of: str | os.PathLike[str] | Space | Latent,
    picture: Picture,
    noise: Noise,
    *,
    columns: Sequence[str] = (),
    data: Picture | None = None,
    draws: int = 500,
    warmup: int = 400,
    chains: int = 4,
    seed: int = 0,
) -> Posterior:
    """Of one picture.

    of       a space, a run or an objective's folder in one, whose decoder makes pictures
    noise    its standard deviation, on the scale of the pictures as they are read (0 black, 1 white): a
             number, or one a pixel (an array or a .npy, (H, W) or (C, H, W)), infinite where nothing was seen
    columns  numbers beside the rows of the space; none named: all of its metadata, or the dimensions
    data     pictures without noise that tell what the decoder cannot give; None: those that the space keeps,
             if it keeps them as they were
    """
    tool = of if isinstance(of, Latent) else latent(of)
    known = tool.known
    source = picture if isinstance(picture, Source) else read(known.reading, picture)
    if len(source) != 1:
        raise DataError(f"{len(source):,} pictures", "Give one; in Python `posteriors` takes several.")
    others = None if data is None else data if isinstance(data, Source) else read(known.reading, data)
    unseen = misfit(tool, others)
    how = {"draws": draws, "warmup": warmup, "chains": chains, "seed": seed}
    return posteriors(tool, np.asarray(source.batch(np.arange(1))), noise, unseen, columns=columns, **how)[0]


def posteriors(
    tool: Latent,
    pixels: np.ndarray,
    noise: Noise,
    unseen: Unseen | None = None,
    *,
    columns: Sequence[str] = (),
    draws: int = 500,
    warmup: int = 400,
    chains: int = 4,
    seed: int = 0,
) -> list[Posterior]:
    """Of pictures (P, C, H, W) at once. `unseen`: as `misfit` tells it; None: the decoder gives all."""
    if min(draws, warmup) < 20 or chains < 2:
        what = f"{draws} draws after {warmup}, {chains} chains"
        raise OptionError(what, "Give 20 or more of both, and two chains or more: one cannot be checked.")
    flat = pixels.reshape(len(pixels), -1).astype(np.float64)  # (P, n)
    strength = noise_of(noise, pixels.shape[1:])
    unseen = unseen or Unseen.nothing(flat.shape[1])
    names, x, y = _columns(tool.known, columns)
    target = _Target(tool, Likelihood(flat, strength.ravel(), unseen), pixels.shape)
    chance = torch.Generator().manual_seed(seed)
    start = target.begin(len(flat), chains, chance)
    found = sample(target.energy, start, warmup=warmup, draws=draws, chance=chance)
    vectors = target.vectors(found.points).numpy()  # (P, c, s, D)
    rng = np.random.default_rng(seed)
    made = []
    for i, drawn in enumerate(vectors):
        values, before = drawn, target.prior.draw(1000, seed)
        if names:
            values = beside(x, y, _seen(tool, drawn), rng).reshape(*drawn.shape[:2], len(names))
            before = y
        called = names or [f"dimension {j}" for j in range(drawn.shape[2])]
        rest = (pixels[i], unseen.size, float(found.accepted[i]), tool)
        made.append(Posterior(called, values, drawn, before, *rest))
    return made


def misfit(tool: Latent, source: Source | None = None) -> Unseen:
    """What the decoder cannot give, by pictures without noise, best some that it has not learnt from."""
    pixels, vectors = _pairs(tool.known, source)
    if len(pixels) < FEW:
        if source is not None:
            raise DataError(f"{len(pixels)} pictures", f"Give {FEW} or more to tell what the decoder cannot.")
        return Unseen.nothing(tool.decoded(tool.known.all.mean[None]).pixels[0].size)
    back = tool.decoded(vectors).pixels
    _fit(pixels, back.shape[1:])
    return Unseen.of((pixels - back).reshape(len(pixels), -1).astype(np.float64))


def noise_of(noise: Noise, shape: tuple[int, ...]) -> np.ndarray:
    """(C, H, W) in each pixel."""
    if isinstance(noise, str | os.PathLike):
        try:
            noise = np.load(Path(noise), allow_pickle=False)
        except (OSError, ValueError) as e:
            raise DataError(f"no array in {noise}: {e}", "Give a number, or a .npy of (H, W).") from e
    sigma = np.asarray(noise, np.float64)
    if sigma.shape not in ((), shape[1:], shape):
        raise OptionError(f"noise of shape {sigma.shape}", f"Give a number, {shape[1:]} or {shape}.")
    if not (sigma > 0).all() or not np.isfinite(sigma).any():
        raise OptionError("noise that is not above 0", "Give its standard deviation; infinite: not seen.")
    return np.broadcast_to(sigma, shape)


class _Target:
    """The posterior of P pictures, over noise w (P, c, k) that the prior makes vectors of."""

    def __init__(self, tool: Latent, likelihood: Likelihood, shape: tuple[int, ...]) -> None:
        self.decoder, self.likelihood = tool.decoder.eval(), likelihood
        self.prior: Gaussian = tool.known.all
        self.mean, self.root = torch.from_numpy(self.prior.mean), torch.from_numpy(self.prior.root)
        _fit(np.empty(shape), tool.decoded(self.prior.mean[None]).pixels.shape[1:])

    def vectors(self, w: Tensor) -> Tensor:
        return self.mean + w @ self.root

    def energy(self, w: Tensor, share: float) -> Tensor:
        z = self.vectors(w).float().to(device_of(self.decoder))
        given = self.decoder(z.flatten(0, 1)).flatten(1).unflatten(0, w.shape[:2]).cpu()
        return share * self.likelihood.energy(given) + w.square().sum(-1) / 2

    def begin(self, pictures: int, chains: int, chance: torch.Generator) -> Tensor:
        """For each chain the likeliest of some draws of the prior."""
        shape = (TRIED, pictures, chains, len(self.root))
        w = torch.randn(shape, generator=chance, dtype=torch.float64)
        with torch.no_grad():
            best = torch.stack([self.energy(some, 1.0) for some in w]).nan_to_num(torch.inf).argmin(0)
        return w.gather(0, best[None, ..., None].expand(1, *shape[1:]))[0]


def _columns(known: Known, columns: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, vectors (n, D) of the rows that have a number in each, and these (n, p)."""
    space = known.space
    if not columns and space is not None:
        columns = [name for name in space.metadata().column_names if is_amount(space, name)]
    if not columns:
        return [], np.empty(0), np.empty(0)
    values = np.stack([known.numbers(name) for name in columns], 1)  # (n, p)
    assert space is not None  # or it had no numbers
    rows = np.flatnonzero(np.isfinite(values).all(1))
    if len(rows) < FEW:
        raise DataError(f"{len(rows)} rows have a number in {', '.join(columns)}", f"Expected {FEW} or more.")
    return list(columns), np.asarray(space.vectors()[rows], np.float64), values[rows]


def _pairs(known: Known, source: Source | None) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (m, C, H, W) and their vectors (m, D)."""
    if source is not None:
        x = torch.as_tensor(source.batch(evenly(len(source), SOME)))
        return x.numpy(), encode(known.encoder, x).numpy()
    space = known.space
    if space is None or space.reading.get("dtype") != "uint8":  # else what it keeps is not as it was
        return np.empty(0), np.empty(0)
    rows = evenly(len(space), SOME)
    ids = space.ids()
    found = [thumbnail(space, ids[i]) for i in rows]
    kept = [i for i, x in enumerate(found) if x is not None]
    pixels = [x.numpy() for x in found if x is not None]
    return (np.concatenate(pixels) if pixels else np.empty(0)), space.vectors()[rows[kept]]


def _seen(tool: Latent, drawn: np.ndarray) -> np.ndarray:
    """The encoder's vectors of what is drawn (c, s, D) -> (c * s, D), as rows are known.

    Not the vectors drawn: of a vae these also vary where the decoder takes no notice, and rows do not.
    """
    flat = drawn.reshape(-1, drawn.shape[2])
    pixels = torch.from_numpy(tool.decoded(flat).pixels)
    return torch.cat([encode(tool.known.encoder, some) for some in torch.split(pixels, BATCH)]).numpy()


def _fit(pixels: np.ndarray, shape: tuple[int, ...]) -> None:
    if pixels.shape[1:] != shape:
        what = f"pictures of shape {pixels.shape[1:]}, and the decoder makes {shape}"
        raise OptionError(what, "Read them as those it has learnt from.")

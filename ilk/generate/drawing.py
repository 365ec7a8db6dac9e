"""Pictures out of noise, by the U-Net of a diffusion run: after a prompt, after numbers, from a picture.

    drawing = Drawing.open("holes.run")
    drawing.draw(where="spin=0.9 inclination=60").save("holes.png")
    drawing.edit("one.png", "mask.png", prompt="a red hat")
    drawing.denoise("noisy.png")

Legend: n pictures, C channels, H x W pixels, K numbers that may be told.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..console import progress
from ..encoders.unet import UNet
from ..errors import DataError, OptionError
from ..source import Json, Source, read
from ._asked import Picture, Told, extent, numbers_in, title
from ._diffusers import export
from ._folders import folders, nothing, several
from ._roughness import roughness
from ._unets import holds, opened
from .diffusion import Clean, from_picture, guided, solve, within
from .pictures import Maker, Pictures

BATCH = 64
GUIDANCE = 2.0


@dataclass(frozen=True)
class Drawing:
    """A U-Net, and how pictures are read for it."""

    unet: UNet
    reading: dict[str, Json]

    @classmethod
    def open(cls, run: str | os.PathLike[str]) -> Drawing:
        found = [folder for folder in folders(run) if holds(folder)]
        if not found:
            raise nothing(run, "draws out of noise", "Learn with --objective diffusion.")
        if len(found) > 1:
            raise several(run, "draw out of noise", found)
        return cls(*opened(found[0]))

    def draw(
        self,
        *,
        n: int = 16,
        prompt: str = "",
        where: Told = "",
        guidance: float = GUIDANCE,
        image: Picture | None = None,
        strength: float = 0.6,
        latent: str | os.PathLike[str] | np.ndarray | None = None,
        sampler: str = "dpm",
        steps: int = 25,
        seed: int = 0,
    ) -> Pictures:
        """`n` pictures.

        prompt    words to draw after
        where     numbers to draw after, any of those learnt: "spin=0.9 inclination=60"
        guidance  how much further it goes towards these than from nothing told; 1: as learnt
        image     begin from this picture, under noise instead of from noise alone
        strength  ... and so much of it: 0 gives the picture back, 1 leaves nothing of it
        latent    the noise to begin from, as a .npy or an array (n, C, H, W)
        sampler   dpm, heun, ddim or ddpm (see generate/diffusion.py), with so many `steps`
        """
        if not 0 < strength <= 1:
            raise OptionError(f"strength is {strength}", "Give more than 0, at most 1.")
        chance = torch.Generator().manual_seed(seed)
        noise = self._noise(n, chance) if latent is None else self._given(latent)
        begin, z = 1.0, noise
        if image is not None:
            begin = strength
            z = from_picture(self._laid(self.pixels(image)), noise, self.unet.noise, strength)
        told = self._told(prompt, where, guidance)
        x = self._solved(z, told, sampler=sampler, steps=steps, begin=begin, chance=chance)
        return Pictures(x, title=title(prompt, where), vectors=noise.flatten(1).numpy())

    def each(
        self,
        rows: Sequence[Told],
        *,
        guidance: float = GUIDANCE,
        sampler: str = "dpm",
        steps: int = 25,
        seed: int = 0,
    ) -> Pictures:
        """One picture after each of several sets of numbers."""
        chance = torch.Generator().manual_seed(seed)
        noise = self._noise(len(rows), chance)
        told = self._told("", rows, guidance)
        x = self._solved(noise, told, sampler=sampler, steps=steps, chance=chance)
        return Pictures(x, vectors=noise.flatten(1).numpy())

    def edit(
        self,
        image: Picture,
        mask: Picture,
        *,
        n: int = 4,
        prompt: str = "",
        where: Told = "",
        guidance: float = GUIDANCE,
        sampler: str = "ddpm",
        steps: int = 100,
        seed: int = 0,
    ) -> Pictures:
        """The picture as it is, then `n` in which all that is white in the mask is drawn anew."""
        known = self.pixels(image)
        region = self.mask(mask, image)
        chance = torch.Generator().manual_seed(seed)
        x, inside = self._laid(known), self.unet.region(torch.from_numpy(region))
        told = self._told(prompt, where, guidance)
        noise = self._noise(n, chance)
        found = self._solved(
            noise,
            lambda some: within(told(some), x, inside),
            sampler=sampler,
            steps=steps,
            chance=chance,
        )
        drawn = region * found + (1 - region) * known.numpy()
        pixels = np.concatenate([known.numpy(), drawn]).astype(np.float32)
        return Pictures(pixels, ["as it was", *[""] * n], title=title(prompt, where) or "Edited")

    def denoise(self, data: Picture, *, noise: float | None = None) -> tuple[Pictures, np.ndarray]:
        """The pictures without their noise; and of each how much of it was taken (n,).

        noise  its standard deviation, on the scale of the pictures as they are read (0 black, 1 white);
               None: as it is estimated from the finest details of each
        """
        source = data if isinstance(data, Source) else self._read(data)
        if noise is not None and not noise > 0:
            raise OptionError(f"noise is {noise}", "Give more than 0.")
        parts, taken = [], []
        with progress("denoising", len(source)) as bar:
            for start in range(0, len(source), BATCH):
                x = self._fits(source.batch(np.arange(start, min(start + BATCH, len(source)))))
                spread = roughness(x) if noise is None else x.new_full((len(x),), noise)
                parts.append(self._cleaned(x, spread).numpy())
                taken.append(spread.numpy())
                bar.advance(len(x))
        return Pictures(np.concatenate(parts), title="Denoised"), np.concatenate(taken)

    def export(self, folder: str | os.PathLike[str]) -> Path:
        """For the library diffusers: see generate/_diffusers.py."""
        return export(self.unet, Path(folder))

    @torch.inference_mode()
    def _cleaned(self, x: Tensor, spread: Tensor) -> Tensor:
        """The mean of all pictures that may lie under x (B, C, H, W), of noise so strong (B,)."""
        unet = self.unet
        # x is the picture plus noise; the network knows it shrunk, so that the variance stays
        angle = (spread / unet.spread()).clamp(min=1e-4).atan()
        t = unet.noise.time(angle.clamp(max=1.5)).to(x.dtype)
        seen = unet.given(x) * angle.cos()[:, None, None, None]
        return unet.shown(unet.clean(seen, t, unet.context(len(x))))

    def pixels(self, image: Picture) -> Tensor:  # (1, C, H, W)
        """One picture, read as those that were learnt from."""
        source = image if isinstance(image, Source) else self._read(image)
        return self._fits(torch.from_numpy(self._one(source)))

    def mask(self, mask: Picture, image: Picture) -> np.ndarray:  # (1, 1, H, W), 0 or 1
        """Of the picture's own size, and brought to the learnt one as it is."""
        one, other = extent(mask), extent(image)
        if None not in (one, other) and one != other:
            do = "Paint the mask over the picture itself."
            raise OptionError(f"the mask has {one} pixels, the picture {other} (wide, high)", do)
        way: dict[str, Json] = {"reader": "images", "channels": 1, "size": self.unet.size}
        source = mask if isinstance(mask, Source) else self._read(mask, way)
        region: np.ndarray = self._one(source).max(1, keepdims=True) > 0.5
        if region.all() or not region.any():
            what = "all of the picture" if region.all() else "nothing"
            do = "White is drawn anew, black stays: paint some of both."
            raise OptionError(f"the mask covers {what}", do)
        return region.astype(np.float32)

    def _one(self, source: Source) -> np.ndarray:  # (1, C, H, W)
        if len(source) != 1:
            raise DataError(f"{len(source):,} pictures", "Give one.")
        return np.asarray(source.batch(np.arange(1)))

    def _read(self, data: Any, way: dict[str, Json] | None = None) -> Source:
        """As those that were learnt from: of another size, it is brought to theirs."""
        return read(way or self.reading, data)

    def _fits(self, x: Tensor) -> Tensor:
        want = (self.unet.channels, self.unet.size, self.unet.size)
        if tuple(x.shape[1:]) != want:
            raise OptionError(
                f"pictures of {tuple(x.shape[1:])}", f"Give them as {want}: channels, height, width."
            )
        return x

    def _given(self, latent: str | os.PathLike[str] | np.ndarray) -> Tensor:
        if not isinstance(latent, np.ndarray):
            path = Path(latent)
            if not path.is_file():
                raise DataError(f"no file {path}", "Give a .npy of noise.")
            latent = np.load(path, allow_pickle=False)
        z, want = torch.from_numpy(np.asarray(latent, np.float32)), tuple(self._noise(1, None).shape[1:])
        if tuple(z.shape[-3:]) != want or z.ndim not in (3, 4) or not z.isfinite().all():
            raise OptionError(f"a latent of shape {tuple(z.shape)}", f"Give finite numbers (n, {want}).")
        return z.view(-1, *want)

    def _noise(self, n: int, chance: torch.Generator | None) -> Tensor:
        if n < 1:
            raise OptionError(f"n is {n}", "Give 1 or more.")
        shape = self.unet.like(torch.empty(n, self.unet.channels, self.unet.size, self.unet.size)).shape
        return torch.randn(shape, generator=chance)

    @torch.inference_mode()
    def _laid(self, x: Tensor) -> Tensor:
        """Pictures on the scale of the noise."""
        return self.unet.given(x)

    def _told(self, prompt: str, where: Told | Sequence[Told], guidance: float) -> Callable[[Tensor], Clean]:
        """What the network sees of the samples (B,) of all n, when it is told this: of all, or of each."""
        if not math.isfinite(guidance):
            raise OptionError(f"guidance is {guidance}", "Give a number: 1 is as learnt, more goes further.")
        given = [numbers_in(w) for w in ([where] if isinstance(where, str | Mapping) else where)]
        told = self.unet.told
        _can(self.unet, prompt, any(given))
        rows = None if told is None else torch.tensor([told.row(g) for g in given])  # (1 or n, K)
        words = told.whole([prompt]) if told is not None and prompt else None

        def clean(some: Tensor) -> Clean:
            n = len(some)
            said = None if words is None else words.take(torch.zeros_like(some))
            after = self.unet.context(n, None if rows is None else rows[some % len(rows)], said)
            nothing = self.unet.context(n)
            plain: Clean = lambda z, t: self.unet.clean(z, t, nothing)  # noqa: E731
            if not (any(given) or prompt):
                return plain
            return guided(lambda z, t: self.unet.clean(z, t, after), plain, guidance)

        return clean

    @torch.inference_mode()
    def _solved(self, z: Tensor, told: Callable[[Tensor], Clean], **how: Any) -> np.ndarray:
        """Pictures (n, C, H, W) out of noise of their shape, or of maps."""
        found = []
        with progress("drawing", len(z)) as bar:
            for some in torch.split(torch.arange(len(z)), BATCH):
                x = solve(told(some), self.unet.noise, z[some], **how)
                found.append(self.unet.shown(x).numpy())
                bar.advance(len(some))
        return np.concatenate(found)


def maker(folder: Path) -> Maker | None:
    """For `ilk.paint` and `ilk generate`."""
    return Drawing(*opened(folder)).draw if holds(folder) else None


def _can(unet: UNet, prompt: str, given: bool) -> None:
    """Refuses what the network cannot be told."""
    told = unet.told
    if told is None and (prompt or given):
        raise OptionError("this model has learnt to draw after nothing", "Learn with --condition COLUMNS.")
    if prompt and told is not None and told.words is None:
        names = " ".join(f"{name}=..." for name in told.numbers)
        raise OptionError("this model has learnt no words", f'Give numbers: --where "{names}"')

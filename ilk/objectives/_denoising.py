"""What the objectives have in common that learn what lies under noise.

Legend: B samples, C x H x W numbers in a picture or in its map, K numbers told of each, T pieces of a text.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders import Encoder
from ..encoders._noise import noised, truth
from ..encoders.unet import Context, UNet
from ..errors import OptionError
from ..source import Source
from ._base import Objective
from ._teacher import Teacher
from ._told import Beside

SOME = 128  # pictures that are asked at a check
TIMES = (0.2, 0.4, 0.6)  # how noisy these are
STRONGEST = 5.0  # weight of a guess of the clean picture: the least noise is not all (Hang et al. 2023)


class Denoising(Objective):
    """What is kept is the moving average of the U-Net, of which `ema` stays at each step.

    `silent`: how often nothing is said of a picture; besides, each single number is left out as often.
    """

    kind: ClassVar[str] = "images"
    encoder: UNet

    def __init__(self, encoder: UNet, ema: float, silent: float) -> None:
        super().__init__()
        if not 0 <= ema < 1 or not 0 <= silent < 1:
            raise OptionError(f"ema is {ema}, silent {silent}", "Give shares from 0 to less than 1.")
        self.encoder, self.ema, self.silent = encoder, ema, silent
        self.teacher = Teacher(encoder, nn.Identity())
        self.told = Beside(encoder.told)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.steps: Tensor

    @property
    def kept(self) -> Encoder:
        return self.teacher.encoder

    def views(self, batch: Tensor) -> tuple[Tensor, ...]:
        """The pictures, the time of each (B,), noise (B, C, H, W), and what chance leaves unsaid (B, 1 + K).

        Times are drawn evenly, one from each B-th part of the whole (Kingma et al. 2021).
        """
        B, at = len(batch), batch.device
        t = (torch.randperm(B, device=at) + torch.rand(B, device=at)) / B
        noise = torch.randn_like(self.encoder.like(batch))
        return batch, t, noise, torch.rand(B, 1 + len(self.told.numbers), device=at) < self.silent

    def wrong(self, x: Tensor, t: Tensor, noise: Tensor, told: Context) -> Tensor:
        """Mean square of what the network guesses wrong of x, as the noise lies on it (B, C, H, W)."""
        encoder = self.encoder
        angle = encoder.noise.angle(t)[:, None, None, None]  # (B, 1, 1, 1)
        guess = encoder.told_of(noised(x, noise, angle), t, told).float()
        off = (guess - truth(x, noise, angle, encoder.guess)).square()
        if encoder.guess == "clean":  # as if v were guessed: its error is this one's over the sine
            off = off * angle.sin().pow(-2).clamp(max=STRONGEST)
        return off.mean()

    def context(self, unsaid: Tensor, beside: Sequence[Tensor]) -> Context:
        """What is told (`beside`, as it comes from the source), less what is left out (B, 1 + K)."""
        numbers, words = self.told.parted(beside)
        silent = unsaid[:, 0]
        if numbers is not None:
            numbers = numbers.masked_fill(silent[:, None] | unsaid[:, 1:], torch.nan)
        return self.encoder.context(len(unsaid), numbers, words, ~silent)

    def beside(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:
        return self.told(source, rows)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        """The average follows fast at first, or it would for long be what was not yet learnt."""
        self.steps += 1
        n = int(self.steps)
        self.teacher.follow(self.encoder, nn.Identity(), min(self.ema, n / (n + 9)))

    @torch.inference_mode()
    def given_back(self, source: Source, rows: np.ndarray) -> float:
        """The share of the pictures' variance that the average finds again under noise."""
        unet = self.teacher.encoder.eval()
        rows, at = rows[:SOME], self.steps.device
        x = unet.given(source.batch(rows).to(at))
        numbers, words = self.told.parted([b.to(at) for b in self.beside(source, rows)])
        told = unet.context(len(x), numbers, words)
        total = (x - x.mean(0)).square().mean().clamp(min=1e-12)
        off = []
        for time in TIMES:
            t = x.new_full((len(x),), time)
            seen = noised(x, torch.randn_like(x), unet.noise.angle(t)[:, None, None, None])
            off.append(F.mse_loss(unet.clean(seen, t, told), x) / total)
        return float(1 - torch.stack(off).mean())


def known(encoder: Encoder) -> UNet:
    if not isinstance(encoder, UNet):
        raise OptionError(f"{type(encoder).__name__} knows no noise", "Give a U-Net: --encoder unet.")
    return encoder

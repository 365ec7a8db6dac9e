"""Baseline: a network that has learned nothing."""

from typing import ClassVar

import numpy as np
import torch

from ..encoders import Encoder, batches, build
from ..source import Source
from ._base import ClosedForm

PICTURES = 2_000  # are enough for the means and spreads of the layers


class Random(ClosedForm):
    """A convnet with its first, random weights; only its layers' means and spreads are set from the data."""

    kind: ClassVar[str] = "images"

    def __init__(self, *, dim: int = 128) -> None:
        self.dim = dim

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            encoder = build("convnet", source.traits, dim=self.dim).train()
            rows = np.random.default_rng(seed).permutation(len(source))[:PICTURES]
            for x in batches(source, 64, rows):
                encoder(x)
        return encoder.eval()

"""From a corpus to a Words encoder: what word2vec and fastText share.

Legend: V words, D dimensions, D' = D widened to a multiple of 8, R rows of a bag.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...encoders._words import kernels
from ...encoders._words.pieces import Bags
from ...encoders._words.tables import tables
from ...encoders.words import Words
from ...errors import OptionError, UnknownName
from ...source import Json, Source
from .corpus import Corpus
from .training import train

MODELS = ("skip-gram", "cbow")
RATES = {"skip-gram": 0.025, "cbow": 0.05}


def check(model: str, models: Sequence[str], sample: float, rate: float | None, **numbers: int) -> None:
    """`numbers` with their names: those of `none` may be 0."""
    if model not in models:
        raise UnknownName("model", model, models)
    none = ("negative", "phrases", "threads")
    for name, value in numbers.items():
        least = 0 if name in none else 1
        if isinstance(value, bool) or value != int(value) or value < least:
            raise OptionError(f"{name} is {value}", f"Give a whole number, {least} or more.")
    if not sample >= 0 or not (rate is None or rate > 0):
        raise OptionError(f"sample is {sample}, rate {rate}", "Give a share from 0, a rate above 0.")


def first(rows: int, dim: int, wide: float, seed: int) -> np.ndarray:  # (rows, D')
    """Even between +-wide, zeros where it is widened."""
    made = np.zeros((rows, -(-dim // 8) * 8), np.float32)
    rng = np.random.default_rng(seed)
    for start in range(0, rows, 1 << 16):  # a second matrix of that size would be too much
        some = made[start : start + (1 << 16)]
        some[:, :dim] = (2 * rng.random((len(some), dim), dtype=np.float32) - 1) * wide
    return made


def learnt(
    found: Corpus,
    inputs: np.ndarray,
    *,
    model: str,
    negative: int,
    sample: float,
    rate: float | None,
    seed: int,
    bags: Bags | None = None,
    **course: Any,
) -> None:
    """Moves `inputs` (V or more, D'). `course`: what `train` takes besides."""
    known = tables(found.counts, sample=sample, negative=negative, bags=bags)
    outputs = np.zeros((len(found.words), inputs.shape[1]), np.float32)
    no_texts = np.zeros((0, inputs.shape[1]), np.float32)

    def step(begin: int, end: int, _: int, numbers: kernels.Numbers) -> None:
        at = (found.ids, begin, end, inputs, outputs, known, numbers)
        if model == "cbow":
            kernels.pooled(*at, no_texts, 0, False)
        elif bags is None:
            kernels.skip_gram(*at)
        else:
            kernels.bags(*at)

    train(step, found.ids, negative=negative, rate=rate or RATES[model], seed=seed, **course)


class Vocabulary(Source):
    """The words of an encoder, as samples; more is read as the texts were."""

    def __init__(self, encoder: Words, reading: dict[str, Json]) -> None:
        self.encoder = encoder
        self._reading = reading

    @property
    def reading(self) -> dict[str, Json]:
        return self._reading

    @property
    def traits(self) -> dict[str, Any]:
        return {}

    def __len__(self) -> int:
        return len(self.encoder.words)

    def __getitem__(self, i: int) -> str:
        return self.encoder.words[i]

    def id(self, i: int) -> str:
        return self.encoder.words[i]

    def batch(self, rows: np.ndarray) -> list[str]:
        return [self.encoder.words[i] for i in rows]

    def metadata(self) -> pa.Table:
        return pa.table({"count": self.encoder.counts.numpy()})

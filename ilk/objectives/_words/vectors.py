"""From a corpus to a Words encoder: what word2vec and fastText share.

Legend: V words, D dimensions, D' = D widened to a multiple of 8, R rows of a bag.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ...encoders import Encoder
from ...encoders._words import kernels
from ...encoders._words.pieces import Bags
from ...encoders._words.tables import tables
from ...encoders.words import Words
from ...errors import OptionError, one_of
from ...source import Json, Source
from .._base import ClosedForm
from .corpus import Corpus, corpus
from .training import Step, train

MODELS = ("skip-gram", "cbow")
RATES = {"skip-gram": 0.025, "cbow": 0.05, "dbow": 0.025, "dm": 0.025}


def check(model: str, models: tuple[str, ...], sample: float, rate: float | None, **numbers: int) -> None:
    """`numbers` with their names: those of `none` may be 0."""
    one_of(models, "model", model)
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


@dataclass(kw_only=True, eq=False)
class Course(ClosedForm):
    """What is said alike of all that learn from the words of texts; see `Word2Vec`."""

    kind: ClassVar[str] = "text"
    models: ClassVar[tuple[str, ...]] = MODELS
    naturals: ClassVar[tuple[str, ...]] = ("dim", "window", "negative", "epochs", "min_count", "threads")

    dim: int = 100
    model: str = "skip-gram"
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    rate: float | None = None
    epochs: int = 5
    min_count: int = 5
    lower: bool = True
    threads: int = 0

    def __post_init__(self) -> None:
        whole = {name: v for name in self.naturals if (v := getattr(self, name)) is not None}
        check(self.model, self.models, self.sample, self.rate, **whole)

    @property
    def pace(self) -> float:
        """The learning rate at first."""
        return self.rate or RATES[self.model]

    def train(self, step: Step, found: Corpus, seed: int) -> None:
        train(
            step,
            found.ids,
            window=self.window,
            negative=self.negative,
            rate=self.pace,
            epochs=int(self.epochs),
            threads=self.threads,
            seed=seed,
        )


@dataclass(kw_only=True, eq=False)
class WordCourse(Course):
    """What is said alike of word2vec and fastText; the space holds the words."""

    naturals: ClassVar[tuple[str, ...]] = (*Course.naturals, "phrases")

    phrases: int = 0

    def read(self, source: Source) -> Corpus:
        return corpus(source, lower=self.lower, min_count=self.min_count, phrases=self.phrases)

    def move(self, found: Corpus, inputs: np.ndarray, seed: int, bags: Bags | None = None) -> None:
        """Learns `inputs` (V or more, D')."""
        known = tables(found.counts, sample=self.sample, negative=self.negative, bags=bags)
        outputs = np.zeros((len(found.words), inputs.shape[1]), np.float32)
        no_texts = np.zeros((0, inputs.shape[1]), np.float32)

        def step(begin: int, end: int, _: int, numbers: kernels.Numbers) -> None:
            at = (found.ids, begin, end, inputs, outputs, known, numbers)
            if self.model == "cbow":
                kernels.pooled(*at, no_texts, 0, False)
            elif bags is None:
                kernels.skip_gram(*at)
            else:
                kernels.bags(*at)

        self.train(step, found, seed)

    def content(self, source: Source, encoder: Encoder) -> Source:
        assert isinstance(encoder, Words)
        return Vocabulary(encoder, source.reading)


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

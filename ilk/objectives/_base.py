"""What an encoder learns from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from ..decoders import Decoder
from ..encoders import Encoder
from ..source import Source, Views


class Objective(nn.Module, ABC):
    """An encoder and what it learns from. The sum of the named terms is minimised.

    The constructor takes the encoder first, then keywords that are stored unchanged. It owns what the
    method needs beside the encoder: heads, decoders, teachers, queues. All randomness (in `views` too)
    comes from torch's global generator, which the loop seeds anew at every step: that makes a resumed
    run equal to an uninterrupted one.
    """

    kind: ClassVar[str] = ""  # of data that it is for; empty: its keywords tell, or any
    dim: ClassVar[int] = 128  # of a vector, where the user gives none
    spelling: ClassVar[str] = "bpe"  # the kind of vocabulary that it wants of an encoder of text
    marks: ClassVar[tuple[str, ...]] = ()  # pieces that a vocabulary must have for it beside those of texts
    level: ClassVar[bool] = True  # whether the vectors are better evened (see encoders/projected.py)
    inertia: ClassVar[float | None] = None  # first beta of AdamW, where the recipe's own would spoil it
    prior: ClassVar[bool] = False  # whether the decoder makes something likely of any standard normal vector
    encoder: Encoder
    decoder: Decoder | None  # set by those that learn a way back
    views: Views  # batch -> what `loss` takes

    def __init__(self) -> None:
        super().__init__()
        self.decoder = None  # not a class attribute: that would hide the registered module

    @abstractmethod
    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:  # progress in [0, 1)
        ...

    @property
    def kept(self) -> Encoder:
        """What is measured at checks and saved: the encoder itself, or an average that follows it."""
        return self.encoder

    def beside(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:
        """What `loss` takes after the views of the samples at `rows`, one number or row a sample: labels."""
        return ()

    def given(self, batch: Any, *beside: Tensor) -> tuple[Any, ...]:
        """What `loss` takes: views of a batch, and what stands beside it, where views move that too moved."""
        return (*self.views(batch), *beside)

    def content(self, source: Source, encoder: Encoder) -> Source:
        """What goes into the space: the samples learnt from, or a half of each."""
        return source

    def askers(self, source: Source) -> Source | None:
        """What goes into a space beside it: users, for whom the content is sought; None: nothing."""
        return None

    def pace(self, name: str) -> float:
        """The share of the learning rate at which the weight called `name` learns."""
        return 1.0

    def perplexity(self, source: Source, rows: np.ndarray) -> float | None:
        """Of the texts at `rows`, by a model that writes: exp of its mean surprise at a piece."""
        return None

    def given_back(self, source: Source, rows: np.ndarray) -> float | None:
        """The share of the variance of the samples at `rows` that it finds again, where no decoder tells."""
        return None

    def made(self, n: int) -> Any:
        """So many samples of its own making, by torch's generator; None: it makes none from nothing."""
        return None

    def map50(self, source: Source, rows: np.ndarray) -> float | None:
        """Of the things in the pictures at `rows`, by a model that finds: mean average precision, IoU 0.5."""
        return None

    def after_step(self, progress: float) -> None:
        """Once the optimiser has stepped: teachers, queues, centres."""


class ClosedForm(ABC):
    """Solved in one or two passes over the data, with no gradient. Keywords as for an objective."""

    kind: ClassVar[str] = ""  # as of an objective
    prior: ClassVar[bool] = False  # it has no decoder
    whole: ClassVar[bool | None] = None  # of graphs: for many whole ones, or the nodes of one; None: either

    @abstractmethod
    def solve(self, source: Source, *, seed: int = 0) -> Encoder: ...

    def content(self, source: Source, encoder: Encoder) -> Source:
        """What goes into the space: the samples learnt from, or what was found in them (words in texts)."""
        return source

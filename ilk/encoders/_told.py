"""What a picture is drawn after: numbers, and words. As a context for attention.

Legend: B batch, K numbers told of a picture, S tokens of the context, E their width, F waves of a number.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from ..errors import OptionError, UnknownName
from ._base import TokenEncoder
from ._tokenizer import Pieces

WIDTH = 64  # E
SPEEDS = (0.5, 1.0, 2.0)  # of the waves in which a number is told, radians in one standard deviation


class Range(TypedDict):
    """Of a number in the data that were learnt from."""

    mean: float
    spread: float
    low: float
    high: float


class Told(nn.Module):
    """`numbers`: what is known of each, by name. `words`: an encoder of text that gives tokens; `text`: the
    column that these came from.

    What is not told is a token of its own, learnt: any part may be left out.
    """

    def __init__(
        self, numbers: Mapping[str, Range], words: TokenEncoder | None, text: str | None = None
    ) -> None:
        super().__init__()
        self.numbers, self.words, self.text = numbers, words, text
        K, F = len(numbers), 1 + 2 * len(SPEEDS)
        self.into = nn.Parameter(torch.randn(K, F, WIDTH) * F**-0.5) if K else None
        self.unknown = nn.Parameter(torch.randn(K, WIDTH) * 0.1) if K else None
        self.parts = None if words is None else nn.Linear(words.token_dim, WIDTH)
        self.silence = None if words is None else nn.Parameter(torch.randn(WIDTH) * 0.1)

    def forward(
        self, numbers: Tensor, words: Pieces | None, heard: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(B, K), NaN where not told; texts; (B,), which of these are told -> (B, S, E), (B, S).

        The second says what is real of the context: where no text is told, nothing of it is.
        """
        parts = [self._of_numbers(numbers)] if self.into is not None else []  # (B, K, E)
        if self.silence is not None:
            parts.append(self.silence.expand(len(numbers), 1, -1))
        real = numbers.new_ones(len(numbers), sum(p.shape[1] for p in parts), dtype=torch.bool)
        if words is not None and self.words is not None and self.parts is not None:
            parts.append(self.parts(self.words.tokens(words)))  # (B, T, E)
            real = torch.cat([real, words.real if heard is None else words.real & heard[:, None]], 1)
        return torch.cat(parts, 1), real

    def _of_numbers(self, numbers: Tensor) -> Tensor:  # (B, K) -> (B, K, E)
        assert self.into is not None
        assert self.unknown is not None
        known = ~numbers.isnan()
        scale = numbers.new_tensor([[n["mean"], n["spread"]] for n in self.numbers.values()])  # (K, 2)
        x = (torch.where(known, numbers, 0) - scale[:, 0]) / scale[:, 1]
        angle = x[..., None] * x.new_tensor(SPEEDS)  # (B, K, speeds)
        waves = torch.cat([x[..., None], angle.sin(), angle.cos()], -1)  # (B, K, F)
        tokens = torch.einsum("bkf,kfe->bke", waves, self.into)
        return torch.where(known[..., None], tokens, self.unknown)

    def row(self, given: Mapping[str, float]) -> list[float]:
        """What is known of one picture, in order; NaN for the rest."""
        for name, value in given.items():
            if name not in self.numbers:
                raise UnknownName("number of this model", name, self.numbers, _only(self))
            known = self.numbers[name]
            if not known["low"] <= value <= known["high"]:
                what = f"{name} is {value:g}; the model has learnt from {known['low']:g} to {known['high']:g}"
                raise OptionError(what, "Give a value within: beyond it has seen nothing.")
        return [given.get(name, float("nan")) for name in self.numbers]

    def cut(self, texts: Sequence[str]) -> Pieces:
        """Texts in the tower's pieces, as many as it reads."""
        words: Any = self.words  # a text encoder has a vocabulary and a length
        found: Pieces = words.words.pieces(texts, words.length)
        return found

    def whole(self, texts: Sequence[str]) -> Pieces:
        """As `cut`, but a text that is too long is refused."""
        words: Any = self.words
        longest = max(map(len, words.words.numbers(texts)))
        if longest + 2 > words.length:
            what = f"the prompt has {longest} pieces, and the model reads {words.length - 2}"
            raise OptionError(what, "Give a shorter one.")
        return self.cut(texts)


def _only(told: Told) -> str:
    return "" if told.numbers else "It was learnt with words: give --prompt."

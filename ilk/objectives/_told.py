"""What is said of samples, out of the columns of a source: numbers and texts, a batch at a time.

Legend: n samples, B batch, K numbers, T pieces of the longest text of a batch.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from ..encoders._tokenizer import Pieces
from ..encoders._told import Told
from ..source import Source
from ..source._labels import column


class Beside:
    """Looked up once for each source."""

    def __init__(self, told: Told | None) -> None:
        self.told = told
        self._known: tuple[Source, np.ndarray, list[str]] | None = None

    @property
    def numbers(self) -> list[str]:
        return [] if self.told is None else [*self.told.numbers]

    def __call__(self, source: Source, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Numbers (B, K) and pieces (B, T) and which are real (B, T), of those the model is told."""
        if self.told is None:
            return ()
        if self._known is None or self._known[0] is not source:
            self._known = source, self._numbers(source), self._texts(source)
        _, numbers, texts = self._known
        found: list[Tensor] = [torch.from_numpy(numbers[rows])] if self.numbers else []
        if texts:
            pieces = self.told.cut([texts[i] for i in rows])
            found += [pieces.ids, pieces.real]
        return tuple(found)

    def parted(self, beside: Sequence[Tensor]) -> tuple[Tensor | None, Pieces | None]:
        """What was found, as the network takes it."""
        numbers = beside[0] if self.numbers else None
        texts = beside[1:] if self.numbers else beside
        return numbers, Pieces(texts[0], texts[1], torch.zeros_like(texts[0])) if texts else None

    def _numbers(self, source: Source) -> np.ndarray:  # (n, K) float32, NaN where there is none
        found = [column(source, name).cast(pa.float64()).to_numpy() for name in self.numbers]
        return np.stack(found, 1).astype(np.float32) if found else np.zeros((len(source), 0), np.float32)

    def _texts(self, source: Source) -> list[str]:
        if self.told is None or self.told.text is None:
            return []
        return [str(t or "") for t in column(source, self.told.text).to_pylist()]

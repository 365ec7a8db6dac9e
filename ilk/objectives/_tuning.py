"""What all have in common that learn on from labels: codes, slow early layers, batch norm that stands still.

Legend: n samples, B batch.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from ..encoders import Encoder
from ..errors import OptionError
from ..source import Source
from ..source._labels import column, labelled


class Codes:
    """A metadata column's labels as whole numbers, -1 for none; looked up once for each source."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._known: tuple[Source, np.ndarray] | None = None

    def __call__(self, source: Source, rows: np.ndarray) -> Tensor:  # (B,)
        if self._known is None or self._known[0] is not source:
            self._known = source, labelled(column(source, self.column))[0]
        return torch.from_numpy(self._known[1][rows])


def paces(encoder: Encoder, front: float) -> dict[str, float]:
    """How fast each weight learns: the last layer 1, the first `front`, those between by even factors.

    What the first layers see serves any labels; the last have the most to learn (Howard & Ruder 2018).
    """
    if not 0 < front <= 1:
        raise OptionError(f"front is {front}", "Give a share of the learning rate: more than 0, at most 1.")
    names = [name for name, p in encoder.named_parameters() if p.requires_grad]
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    last = len(layers) - 1
    behind = {layer: (last - i) / max(last, 1) for i, layer in enumerate(layers)}
    return {f"encoder.{name}": front ** behind[name.rpartition(".")[0]] for name in names}


def hold(encoder: Encoder) -> None:
    """Batch norm goes on by the means it has: those of a few labelled samples would be noise."""
    for module in encoder.modules():
        if isinstance(module, _BatchNorm):
            module.eval()

"""Whether pictures and captions belong together, by a network that looks at both at once.

Legend: n pairs, m questions, T tokens, D dimensions.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..encoders.fused import Fused, Half
from ..source.pairs import Pairs

_READ, _ASKED = 256, 2048  # at a time


@torch.inference_mode()
def scorer(encoder: Fused, source: Pairs) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """(m,) rows of pictures and of captions -> (m,) scores. What either says alone is found once."""
    encoder.eval()
    device = encoder.odds.weight.device
    met: list[tuple[Half, Half]] = []
    for start in range(0, len(source), _READ):
        pictures, words = source.batch(np.arange(start, min(start + _READ, len(source))))
        met.append(encoder.apart(pictures.to(device), words))
    seen, said = (_joined([pair[i] for pair in met]) for i in (0, 1))

    @torch.inference_mode()
    def score(pictures: np.ndarray, captions: np.ndarray) -> np.ndarray:
        told = [np.zeros(0, np.float32)]
        for start in range(0, len(pictures), _ASKED):
            a, b = (torch.from_numpy(x[start : start + _ASKED]).to(device) for x in (pictures, captions))
            told.append(encoder.score(seen.at(a), said.at(b)).cpu().numpy())
        return np.concatenate(told)

    return score


def _joined(halves: list[Half]) -> Half:
    """Filled up to the longest."""
    longest = max(half.real.shape[1] for half in halves)

    def filled(x: Tensor) -> Tensor:  # (n, T, ...) -> (n, longest, ...)
        missing = longest - x.shape[1]
        return F.pad(x, (0, 0, 0, missing) if x.ndim == 3 else (0, missing))

    return Half(
        torch.cat([half.vector for half in halves]),
        torch.cat([filled(half.tokens) for half in halves]),
        torch.cat([filled(half.real) for half in halves]),
    )

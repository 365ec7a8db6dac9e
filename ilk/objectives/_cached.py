"""Gradient caching (Gao et al. 2021): a large batch through a network in parts, in the memory of one part.

The loss over a whole batch needs all vectors at once, but not all that was met on the way to them. So each
part goes through the network without a trace; once the gradient of its vectors is known it goes through
again, and its own share of the network's gradient is added. Costs a second forward pass, and no accuracy.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def in_parts(network: nn.Module, x: Any, size: int | None) -> Tensor:
    """`network(x)`, `size` samples at a time (None: all at once). Batch norm goes by each part alone."""
    if size is None or len(x) <= size:
        whole: Tensor = network(x)
        return whole

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _counted_already(network)

    parts = [
        checkpoint(network, x[at : at + size], use_reentrant=False, context_fn=contexts)
        for at in range(0, len(x), size)
    ]
    return torch.cat(parts)


@contextmanager
def _counted_already(network: nn.Module) -> Iterator[None]:
    """Batch norm has taken these samples into its means when they came first."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    counts = [norm.num_batches_tracked for norm in norms]
    met = [(n, n.clone()) for n in counts if n is not None]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
        for now, before in met:
            now.copy_(before)

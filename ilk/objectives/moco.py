"""MoCo (He et al. 2020; Chen et al. 2020b): one's own other view is found among a long queue of others.

Negatives come from the batches before, so that a small batch will do. Their vectors are a slow copy's,
so that those of many steps ago still compare.

Legend: B samples on this process, N on all of them, P processes, K places in the queue, d dimensions.
"""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from ..encoders import Encoder
from ..errors import OptionError
from ..source.views import Views
from ._base import Objective
from ._gather import gather, rank
from ._heads import mlp
from ._teacher import Teacher


class MoCo(Objective):
    """Contrast at `temperature` with the last `queue` keys; each view is asked for the other.

    `momentum` is how much of the key encoder stays at each step. A sample's own key of an epoch ago
    counts as another's: let the queue be shorter than the data, a quarter or less.
    """

    keys: Tensor
    at: Tensor

    def __init__(
        self,
        encoder: Encoder,
        *,
        temperature: float = 0.2,
        momentum: float = 0.99,
        queue: int = 2048,
        projector: tuple[int, ...] = (512, 128),
        augment: str = "natural",
    ) -> None:
        super().__init__()
        if queue < 1:
            raise OptionError(f"queue is {queue}; expected 1 or more")
        self.encoder, self.temperature, self.momentum = encoder, temperature, momentum
        self.queue, self.projector, self.augment = queue, projector, augment
        self.head = mlp(encoder.dim, projector, even=True)
        self.teacher = Teacher(encoder, self.head)
        self.register_buffer("keys", F.normalize(torch.randn(queue, projector[-1])))  # (K, d)
        self.register_buffer("at", torch.zeros((), dtype=torch.long))  # the place of the oldest
        self.fresh: list[Tensor] = []  # keys of this step
        self.mixed = any(isinstance(m, _BatchNorm) for m in self.teacher.modules())
        self.views = Views(augment)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        both = torch.cat(views)  # (2B, C, H, W)
        a, b = F.normalize(self.head(self.encoder(both)).float()).chunk(2)  # (B, d) each
        key_a, key_b = F.normalize(self._keys(both).float()).chunk(2)  # (B, d) each
        self.fresh += [key_a, key_b] if self.training else []
        with torch.autocast(a.device.type, enabled=False):  # a cosine / temperature needs its digits
            ask_a = info_nce(a, key_b, self.keys, self.temperature)
            ask_b = info_nce(b, key_a, self.keys, self.temperature)
        return {"contrast": (ask_a + ask_b) / 2}

    def _keys(self, x: Tensor) -> Tensor:
        """Batch norm would tell which rows came together; the keys' batch is another than the queries'."""
        every = gather(x) if self.mixed else x  # (N, ...)
        processes = len(every) // len(x)
        if processes == 1:
            return cast(Tensor, self.teacher(x))
        keys = self.teacher(every[rank() :: processes])  # (B, d): row i of all goes to process i mod P
        keys = gather(keys).view(processes, len(x), -1).transpose(0, 1).flatten(0, 1)  # (N, d), as they were
        return keys[rank() * len(x) : (rank() + 1) * len(x)]

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        fresh = torch.cat([gather(key) for key in self.fresh])[-self.queue :]  # (N, d)
        places = (self.at + torch.arange(len(fresh), device=fresh.device)) % self.queue
        self.keys[places] = fresh
        self.at.add_(len(fresh)).remainder_(self.queue)
        self.fresh.clear()
        self.teacher.follow(self.encoder, self.head, self.momentum)


def info_nce(rows: Tensor, keys: Tensor, others: Tensor, temperature: float) -> Tensor:
    """Each of the `rows` (B, d) picks its own of the `keys` (B, d) among it and all `others` (K, d).

    All of length 1. log(1 + K) when all are alike.
    """
    own = (rows * keys).sum(1, keepdim=True)  # (B, 1)
    logits = torch.cat([own, rows @ others.T], 1) / temperature  # (B, 1 + K)
    return F.cross_entropy(logits, torch.zeros(len(rows), dtype=torch.long, device=rows.device))

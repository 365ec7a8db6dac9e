"""Nodes, or whole graphs, are known again where edges and features are left out.

Of nodes GRACE (Zhu et al. 2020), of graphs GraphCL (You et al. 2020).

Legend: B samples, d the projection's dimensions.
"""

from typing import ClassVar

import torch
from torch import Tensor

from ..encoders import Encoder
from ..errors import OptionError
from ..source._graph.nodes import Batch
from ..source._graph.sources import changed
from ._base import Objective
from ._heads import mlp
from .simclr import nt_xent


class GraphContrast(Objective):
    """Two looks at each sample find each other among those at all others, by their projections.

    drop         share of the edges that a look does not see
    hide         share of the features that it does not see, of all nodes alike
    temperature  of the contrast
    projector    widths of the layers between vector and contrast
    """

    kind: ClassVar[str] = "graphs"

    def __init__(
        self,
        encoder: Encoder,
        *,
        drop: float = 0.2,
        hide: float = 0.2,
        temperature: float = 0.2,
        projector: tuple[int, ...] = (128, 128),
    ) -> None:
        super().__init__()
        for name, value in {"drop": drop, "hide": hide}.items():
            if not 0 <= value < 1:
                raise OptionError(f"{name} is {value}", "Give a share: 0 or more, less than 1.")
        if not temperature > 0:
            raise OptionError(f"temperature is {temperature}", "Give a number above 0.")
        self.encoder, self.drop, self.hide = encoder, drop, hide
        self.temperature, self.projector = temperature, projector
        self.head = mlp(encoder.dim, projector)

    def views(self, batch: Batch) -> tuple[Batch, Batch]:
        one, other = changed(batch, self.drop, self.hide)
        return one, other

    def loss(self, *views: Batch, progress: float) -> dict[str, Tensor]:
        a, b = self.head(torch.cat([self.encoder(view) for view in views])).chunk(2)  # (B, d) each
        with torch.autocast(a.device.type, enabled=False):  # a cosine / temperature needs its digits
            return {"contrast": nt_xent(a.float(), b.float(), self.temperature)}

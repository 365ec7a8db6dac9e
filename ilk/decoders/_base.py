"""What every decoder is: owned by an objective, kept beside the encoder where there is one."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """The constructor's keywords are the configuration, as for an encoder."""

    kind: ClassVar[str] = ""  # as of an encoder
    dim: int  # D

    @abstractmethod
    def forward(self, z: Tensor) -> Any:  # (B, D) -> batch, on the same scale as `Source.batch`
        ...

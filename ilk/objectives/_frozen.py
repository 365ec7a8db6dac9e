"""Another's encoder that is only asked: it neither learns nor changes."""

from pathlib import Path
from typing import Self

import torch
from torch import nn

from .. import saved
from ..encoders import Encoder, encode
from ..errors import OptionError


class Frozen(nn.Module):
    """The encoder kept in `folder`: a space, or NAME.run/OBJECTIVE. It must know pictures of this form."""

    def __init__(self, folder: str, channels: int, size: int) -> None:
        super().__init__()
        self.encoder: Encoder = saved.load(Path(folder), Encoder)  # type: ignore[type-abstract]
        self.requires_grad_(False)
        try:
            encode(self.encoder, torch.zeros(1, channels, size, size))
        except RuntimeError as e:
            what = f"the encoder in {folder} takes no pictures of {channels} x {size} x {size} ({e})"
            raise OptionError(what, "Read the pictures as it was taught (--channels, --size).") from e

    def train(self, mode: bool = True) -> Self:
        return super().train(False)

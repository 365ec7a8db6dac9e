"""Images: any folder, list, table, array or archive of pictures -> (n, C, H, W), decoded once.

Legend: n images, B batch, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from ._base import Json, Skipped, Source


class Images(Source):
    """Pictures of one size, whole numbers scaled to [0, 1], floats as `reading` says."""

    def __init__(
        self,
        pixels: np.ndarray,  # (n, C, H, W) uint8, uint16 or float32; may be memory-mapped
        ids: Sequence[str],
        *,
        columns: pa.Table | None = None,
        reading: dict[str, Json] | None = None,
        skipped: Sequence[Skipped] = (),
    ) -> None:
        self.pixels = pixels
        self.ids = ids
        self.columns = columns
        self.skipped = skipped
        self._reading = reading or {}

    @property
    def reading(self) -> dict[str, Json]:
        return {"reader": "images", "size": self.pixels.shape[-1], "channels": self.pixels.shape[1], **self._reading}

    @property
    def traits(self) -> dict[str, Any]:
        return {"channels": self.pixels.shape[1], "size": self.pixels.shape[-1]}

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> Tensor:  # (C, H, W)
        return self.batch(np.array([i]))[0]

    def id(self, i: int) -> str:
        return self.ids[i]

    def batch(self, rows: np.ndarray) -> Tensor:  # (B, C, H, W) float32
        x = torch.from_numpy(np.ascontiguousarray(self.pixels[rows]))
        top = {torch.uint8: 255.0, torch.uint16: 65535.0}.get(x.dtype, 1.0)
        return x.float() / top

    def metadata(self) -> pa.Table | None:
        return self.columns

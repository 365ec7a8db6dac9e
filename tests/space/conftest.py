from pathlib import Path

import numpy as np
import pytest

from ilk.encoders import Encoder
from ilk.encoders.pixels import Pixels
from ilk.space import Space

READING = {"reader": "images", "size": 4, "channels": 1, "dtype": "uint8"}


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Pixels(1, 4)  # 16 dimensions


@pytest.fixture
def space(tmp_path: Path, encoder: Encoder) -> Space:
    return Space.create(tmp_path / "things.space", encoder, reading=READING)


def numbers(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def names(n: int, start: int = 0) -> list[str]:
    return [f"thing-{i:04d}" for i in range(start, start + n)]

"""A real space with scikit-learn's digits in it, and small sets whose answer is known."""

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from ilk.encoders.pixels import Pixels
from ilk.space import Space


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return PCA(10, random_state=0).fit_transform(x).astype(np.float32), y


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray((pixels * 15).astype(np.uint8)).save(out, "png")
    return out.getvalue()


@pytest.fixture
def space(tmp_path) -> Space:
    """400 digits 0 to 3 of 8 x 8, with their label and picture."""
    x, y = load_digits(return_X_y=True)
    x, y = x[y < 4][:400], y[y < 4][:400]
    space = Space.create(
        tmp_path / "digits", Pixels(channels=1, size=8), reading={"reader": "images"}, metric="l2"
    )
    ids = [f"digit-{i}" for i in range(len(x))]
    pictures = [png(v.reshape(8, 8)) for v in x]
    space.upsert_vectors(ids, (x / 16).astype(np.float32), pa.table({"label": y}), pictures)
    return space


@pytest.fixture
def made(tmp_path):
    """Makes a space of 16 dimensions of any vectors; its ids are not in the order of the rows."""

    def make(x: np.ndarray, metric: str = "l2") -> Space:
        space = Space.create(
            tmp_path / f"{len(list(tmp_path.iterdir()))}.space", Pixels(1, 4), reading={}, metric=metric
        )
        space.upsert_vectors([f"n{i * 7919 % 10007:05d}" for i in range(len(x))], np.asarray(x, np.float32))
        return space

    return make

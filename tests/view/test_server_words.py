"""A space of pictures that is asked in words: the page is told so, and words find pictures."""

import numpy as np
import pyarrow as pa
import pytest

from ilk.source.images import Images
from ilk.space import Space

from ..contract.samples import images, two
from .looked_at import Visitor

SAYS = [f"digit number {i % 10}" for i in range(64)]


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    """Of first weights: what is found need not make sense."""
    source = images()
    digits = Images(source.pixels, source.ids, columns=pa.table({"caption": SAYS}))
    space = Space.create(tmp_path_factory.mktemp("words") / "digits.space", two(), reading=digits.reading)
    space.upsert(digits)
    return Visitor(space.path)


def test_the_page_is_told_that_it_may_ask_in_words(words: Visitor) -> None:
    told = words.get("/api/space")
    assert (told["has"]["text"], told["has"]["pictures"], told["encoder"]) == (True, True, "two")
    assert "caption" in [c["name"] for c in told["columns"]]


def test_words_find_pictures_with_their_captions(words: Visitor) -> None:
    found = words.post("/api/search", json={"text": "digit number 3", "k": 5})
    assert found["total"] == len(found["rows"]) == 5
    again = words.post("/api/search", json={"text": "digit-0", "k": 64})
    assert len(again["rows"]) == 64  # an id after `text` is words
    row = found["rows"][0]["row"]
    assert words.get(f"/api/rows/{row}")["metadata"]["caption"].startswith("digit number")


def test_a_picture_finds_pictures(words: Visitor) -> None:
    face = words.get("/api/rows/0/picture").content
    near = words.post("/api/search/picture?k=3", content=face, headers={"content-type": "image/png"})
    assert len(near["neighbours"]) == 3
    assert np.isfinite([n["distance"] for n in near["neighbours"]]).all()

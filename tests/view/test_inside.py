"""The picture of a look inside: what stands on it, from an id and from a file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ilk import Space
from ilk.encoders import Encoder, build
from ilk.encoders._tokenizer import trained
from ilk.errors import DataError, OptionError, UnknownName
from ilk.source import Source
from ilk.source.images import images
from ilk.source.text import text
from ilk.view._tiles import GAP, LINE, TILE
from ilk.view.inside import inside
from ilk.view.picture import MARGIN

from ..contract import samples

SMALL = {"patch": 4, "width": 8, "depth": 3, "heads": 2}


def made(encoder: Encoder, source: Source, path: Path) -> Space:
    space = Space.create(path / "x.space", encoder, reading=source.reading)
    space.upsert(source)
    return space


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as sheet:
        return np.asarray(sheet.convert("RGB"))


def tiles(path: Path) -> list[int]:
    """How many tiles stand in each row."""
    sheet = pixels(path)
    step = TILE + 2 * LINE + GAP
    tops = range(MARGIN + 2 * LINE, sheet.shape[0] - TILE, step)
    lefts = range(MARGIN, sheet.shape[1] - TILE, TILE + GAP)
    return [sum(int((sheet[y : y + TILE, x : x + TILE] < 250).any()) for x in lefts) for y in tops]


def test_a_vision_transformer(tmp_path: Path) -> None:
    source = samples.images(n=8)
    space = made(build("vit", source.traits, **SMALL), source, tmp_path)
    assert tiles(inside(space, "digit-3", tmp_path / "a.png")) == [3, 2, 2, 2]


def test_a_convnet_and_a_file(tmp_path: Path) -> None:
    for i, picture in enumerate(samples.images(3, 24, 4).pixels):
        Image.fromarray(np.moveaxis(picture, 0, -1)).save(tmp_path / f"{i}.png")
    source = images(tmp_path, cache=False)
    space = made(build("convnet", source.traits, width=8), source, tmp_path)
    by_file = inside(space, tmp_path / "2.png", tmp_path / "a.png", cells=4)
    assert tiles(by_file) == [2, 6, 6, 6, 6]
    by_id = inside(space, "2.png", tmp_path / "b.png", cells=4)
    below = MARGIN + LINE  # but for the title the same: an 8-bit thumbnail loses nothing
    assert (pixels(by_id)[below:] == pixels(by_file)[below:]).all()


def test_others_show_where_the_vector_comes_from(tmp_path: Path) -> None:
    source = samples.images(n=4)
    space = made(build("pixels", source.traits), source, tmp_path)
    assert tiles(inside(space, "digit-0", tmp_path / "a.png")) == [2]
    sheet = pixels(tmp_path / "a.png")[MARGIN + 2 * LINE :][:TILE, MARGIN:]
    face, heat = sheet[:, :TILE].astype(int), sheet[:, TILE + GAP :][:, :TILE].astype(int)
    assert face.std() > 30
    assert heat[face.mean(-1) < 50].mean() < heat[face.mean(-1) > 200].mean()  # it comes from the ink


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    source = samples.images(5, n=4)
    space = made(build("pixels", source.traits), source, tmp_path)
    with pytest.raises(DataError, match="keeps no picture of digit-1 that its encoder could look at"):
        inside(space, "digit-1", tmp_path / "a.png")
    with pytest.raises(UnknownName, match="no row called 'nothing'"):
        inside(space, "nothing", tmp_path / "a.png")
    with pytest.raises(OptionError, match=r"as a\.jpg"):
        inside(space, "digit-1", tmp_path / "a.jpg")
    with pytest.raises(OptionError, match="0 cells"):
        inside(space, "digit-1", tmp_path / "a.png", cells=0)
    assert not (tmp_path / "a.png").exists()


def test_a_text_by_id_by_file_and_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = text(["the boat left the harbour at dawn", "bread needs flour and water", "the sea " * 90])
    encoder = build("transformer", {"tokenizer": trained("bpe", texts, 300)}, width=8, depth=1, heads=2)
    space = made(encoder, texts, tmp_path)
    by_id = pixels(inside(space, "1", tmp_path / "a.png"))
    (tmp_path / "note.txt").write_text("bread needs flour and water")
    for query in ("bread needs  flour and water", tmp_path / "note.txt"):
        assert (pixels(inside(space, query, tmp_path / "b.png")) == by_id).all()
    assert "In layer 1 '" in capsys.readouterr().err
    assert pixels(inside(space, "2", tmp_path / "c.png")).shape[0] < by_id.shape[0] + 200  # no endless table
    assert "the first 80 of 180 words" in capsys.readouterr().err
    with pytest.raises(OptionError, match="an empty text"):
        inside(space, " ", tmp_path / "d.png")
    with pytest.raises(DataError, match="no file"):
        inside(space, tmp_path / "none.txt", tmp_path / "d.png")

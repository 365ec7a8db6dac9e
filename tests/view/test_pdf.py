"""A page on paper: all its parts, letters that can be searched, nothing over the edge."""

import io
import re
import sys
import zlib
from base64 import a85decode
from functools import partial
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from ilk.analysis._result import Picture, drawn
from ilk.errors import MissingExtra
from ilk.view import pdf
from ilk.view.page import (
    Card,
    Cards,
    Code,
    Figure,
    Folded,
    Grid,
    Heading,
    Page,
    Paragraph,
    Points,
    Row,
    Verdict,
)


def png(width: int, height: int, colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "png")
    return out.getvalue()


LINE = Picture(lambda ax: ax.plot([1, 2], [3, 4]) and None, "A line.", 3.5, 2)
FIGURE = Figure(drawn(LINE, "svg"), LINE.caption, "ilk look s.space", LINE.width, partial(drawn, LINE))
TABLE = pa.table({"name": ["<b>&" + "x" * 300, None], "amount": [0.5, float("nan")], "some": [["a"], []]})
FACES = Row([(png(8, 16), "one"), (None, "no face"), (png(3, 3), "two")], [True])
PAGE = Page(
    "Spots & more",
    "<i>No markup</i>",
    [
        Figure(png(40, 20), "The map."),
        Points([("What stands below", "groups")]),
        Heading("2 groups <&>", "groups"),
        Verdict("They are apart."),
        Grid([FIGURE, FIGURE, FIGURE, Figure(png(90, 10), "Wide.", inches=7)]),
        Cards([Card("Group 0", "#0072B2", [("samples", "3")], FACES, ["Unlike 1."])]),
        FACES,
        Paragraph("Done."),
        Code("ilk report"),
        Folded("Figures", pa.table({"row": list(range(200))}), "ilk clusters s.space"),
        TABLE,
    ],
    [("samples", "6")],
)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return pdf.write(PAGE, tmp_path_factory.mktemp("pdf") / "p.pdf").read_bytes()


def test_every_part_is_there(paper: bytes) -> None:
    assert paper.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type /Page\b", paper))
    assert pages >= 5  # 200 rows of a table do not fit on four
    assert b"/Title (2 groups <&>)" in paper  # in the list of contents
    sizes = re.findall(rb"/Subtype /Image[^>]*?/Width (\d+)", paper)
    widths = sorted(int(w) for w in sizes)
    assert (
        widths.count(1050) == 2
    )  # 3.5 inches at 300 dots: a picture that comes again is kept once, and its mask
    assert {40, 90, 8, 3} <= set(widths)
    assert paper.count(b"/Subtype /Link") == 1  # the line leads to its heading


def test_nothing_is_drawn_over_the_edge(paper: bytes) -> None:
    """Of every picture the matrix that places it: within the margins of an A4 page (595 x 842 points)."""
    placed = 0
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", paper, re.S):
        try:
            text = zlib.decompress(a85decode(stream.strip().removesuffix(b"~>")))
        except (ValueError, zlib.error):
            continue
        number = rb"(-?[\d.]+)"
        for w, h, x, y in re.findall(rb"\b%s 0 0 %s %s %s cm\s+/FormXob" % ((number,) * 4), text):
            assert 0 < float(w) <= float(pdf.WIDE) + 1
            assert float(h) > 0
            assert float(x) >= 0
            assert float(y) >= 0
            placed += 1
    assert placed >= 8


def test_the_same_page_gives_the_same_bytes(paper: bytes, tmp_path: Path) -> None:
    assert pdf.write(PAGE, tmp_path / "q.pdf").read_bytes() == paper


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reportlab.platypus", None)  # as where it is not installed
    monkeypatch.delitem(sys.modules, "ilk.view.pdf")
    with pytest.raises(MissingExtra, match=r"pip install 'ilk\[pdf\]'"):
        import_module("ilk.view.pdf")

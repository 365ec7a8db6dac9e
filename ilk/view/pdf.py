"""A page on paper: the same parts as in HTML, as a PDF of A4 pages with a list of contents.

Pictures are drawn anew at 300 dots an inch. Letters are DejaVu's, which come with matplotlib: Latin, Greek,
Cyrillic, signs; of other scripts a frame stands in for each letter.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image as Bitmap

from .. import files
from ..errors import MissingExtra
from .page import (
    Card,
    Cards,
    Code,
    Figure,
    Folded,
    Grid,
    Heading,
    Page,
    Paragraph,
    Part,
    Points,
    Row,
    Verdict,
    is_svg,
    written,
)

try:
    import matplotlib
    from reportlab.lib.colors import HexColor
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.lib.units import inch, mm
    from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.platypus import Flowable, Image, KeepTogether, SimpleDocTemplate, Spacer, Table
    from reportlab.platypus import Paragraph as Text
except ModuleNotFoundError as e:
    if (e.name or "").partition(".")[0] not in ("reportlab", "matplotlib"):
        raise
    raise MissingExtra(e.name or "reportlab", "pdf", "a report as PDF") from e

INK, FAINT, LINE, WELL, ODD = (HexColor(c) for c in ("#1c2230", "#5d6575", "#d5d8de", "#f3f3f3", "#d55e00"))
MARGIN = 16 * mm
WIDE = A4[0] - 2 * MARGIN
CODE = {"fontName": "Mono", "backColor": WELL, "borderPadding": 2, "spaceBefore": 4}
GAP, PAD = 10, 2  # points between two columns, and around what stands in a cell
FACE = 38  # points a side
LONGEST = 80  # letters of a cell that are kept on one line


def write(page: Page, path: Path) -> Path:
    """The page as one file; the same page gives the same bytes."""
    _fonts()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=page.title, creator="ilk", invariant=1,
    )  # fmt: skip
    story: list[Flowable] = [
        Text(escape(page.title), _style("title")),
        Text(escape(page.lead), _style("lead")),
    ]
    if page.facts:
        story.append(Text(_facts(page.facts), _style("body")))
    for part in page.parts:
        story += _part(part)
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    files.write(path, out.getvalue())
    return path


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont("DejaVu", 6.5)
    canvas.setFillColor(FAINT)
    canvas.drawRightString(A4[0] - MARGIN, 8 * mm, f"{document.title}, page {document.page}")


@cache
def _fonts() -> None:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in (
        ("DejaVu", "DejaVuSans"),
        ("DejaVu-Bold", "DejaVuSans-Bold"),
        ("Mono", "DejaVuSansMono"),
    ):
        registerFont(TTFont(name, str(folder / f"{file}.ttf")))
    registerFontFamily("DejaVu", "DejaVu", "DejaVu-Bold", "DejaVu", "DejaVu-Bold")


@cache
def _style(name: str) -> ParagraphStyle:
    size, more = {
        "title": (20, {"fontName": "DejaVu-Bold", "spaceAfter": 6}),
        "lead": (10.5, {"textColor": FAINT, "spaceAfter": 8}),
        "heading": (13.5, {"fontName": "DejaVu-Bold", "spaceBefore": 16, "spaceAfter": 4, "keepWithNext": 1}),
        "verdict": (10, {"spaceAfter": 6}),
        "body": (8.5, {"spaceAfter": 5}),
        "point": (8.5, {"leftIndent": 10, "bulletIndent": 0, "spaceAfter": 3}),
        "caption": (7, {"textColor": FAINT, "spaceBefore": 3}),
        "code": (6.2, CODE),
        "code above": (6.2, {**CODE, "spaceAfter": 5, "keepWithNext": 1}),
        "cell": (6.8, {}),
        "number": (6.8, {"alignment": 2}),
        "head": (6.8, {"textColor": FAINT, "fontName": "DejaVu-Bold"}),
        "head of numbers": (6.8, {"textColor": FAINT, "fontName": "DejaVu-Bold", "alignment": 2}),
        "above": (8.5, {"fontName": "DejaVu-Bold", "spaceBefore": 4, "keepWithNext": 1}),
        "face": (5, {"textColor": FAINT, "alignment": 1}),
    }[name]  # fmt: skip
    return ParagraphStyle(
        name, **{"fontName": "DejaVu", "fontSize": size, "leading": 1.35 * size, "textColor": INK, **more}
    )


class _Section(Text):  # type: ignore[misc]
    """A heading that stands in the list of contents, and that lines lead to."""

    def __init__(self, text: str, anchor: str) -> None:
        super().__init__(
            f'<a name="{escape(anchor)}"/>{escape(text)}' if anchor else escape(text), _style("heading")
        )
        self.said = text

    def draw(self) -> None:
        key = f"section-{id(self)}"
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(self.said, key, 0)
        super().draw()


def _part(part: Part) -> list[Flowable]:
    match part:
        case Heading(text, anchor):
            return [_Section(text, anchor)]
        case Paragraph(text):
            return [Text(escape(text), _style("body"))]
        case Verdict(text):
            return [Text(escape(text), _style("verdict"))]
        case Code(text):
            return [Text(escape(text).replace("\n", "<br/>"), _style("code"))]
        case Figure():
            return [KeepTogether(_figure(part, WIDE)), Spacer(1, 8)]
        case Grid(figures):
            return _grid(figures)
        case Row():
            return _row(part, WIDE)
        case Cards(cards):
            return [one for card in cards for one in (_card(card), Spacer(1, 6))]
        case Points(lines):
            told = (f'<a href="#{escape(a)}">{escape(text)}</a>' for text, a in lines)
            return [Spacer(1, 6), *(Text(one, _style("point"), bulletText="•") for one in told)]
        case Folded(title, table, command):
            return [Text(escape(title), _style("above")), *_command(command, above=True), *_table(table)]
        case _:
            return _table(part)


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return " &#160; ".join(f'<font color="#5d6575">{escape(n)}</font> <b>{escape(v)}</b>' for n, v in facts)


def _command(command: str, *, above: bool = False) -> list[Flowable]:
    return [Text(escape(command), _style("code above" if above else "code"))] if command else []


def _figure(figure: Figure, width: float) -> list[Flowable]:
    png = figure.again("png") if figure.again is not None else figure.data
    if is_svg(png):
        return []
    with Bitmap.open(io.BytesIO(png)) as image:
        high = image.height / image.width
    wide = min(width, figure.inches * inch or width)
    caption = Text(escape(" ".join(figure.caption.split())), _style("caption"))
    return [Image(io.BytesIO(png), wide, wide * high, hAlign="LEFT"), caption, *_command(figure.command)]


def _grid(figures: Sequence[Figure]) -> list[Flowable]:
    """Two side by side; what was drawn wider than that has the page."""
    half = (WIDE - GAP) / 2
    narrow = [f for f in figures if f.inches * inch <= half * 1.1]
    out: list[Flowable] = []
    for pair in (narrow[i : i + 2] for i in range(0, len(narrow), 2)):
        cells = [_figure(f, half - 2 * PAD) for f in pair] + [[]] * (2 - len(pair))
        out += [_plain([cells], [half + GAP, half]), Spacer(1, 8)]
    for f in figures:
        if f not in narrow:
            out += [KeepTogether(_figure(f, WIDE)), Spacer(1, 8)]
    return out


def _row(row: Row, width: float) -> list[Flowable]:
    marks = [*row.marked, *[False] * (len(row.pictures) - len(row.marked))]
    faces = [(png, text, mark) for (png, text), mark in zip(row.pictures, marks) if png is not None]
    most = max(1, int(width // (FACE + 6)))
    out: list[Flowable] = []
    for start in range(0, len(faces), most):
        some = faces[start : start + most]
        told = [Text(escape(text[:14]), _style("face")) for _, text, _ in some]
        rings = [("BOX", (i, 0), (i, 0), 1.5, ODD) for i, (_, _, mark) in enumerate(some) if mark]
        rows = [[_face(png) for png, _, _ in some], told]
        out += [_plain(rows, [FACE + 6] * len(some), rings), Spacer(1, 3)]
    return out


def _face(png: bytes) -> Image:
    with Bitmap.open(io.BytesIO(png)) as image:
        longest, (width, height) = max(image.size), image.size
    return Image(io.BytesIO(png), FACE * width / longest, FACE * height / longest)


def _card(card: Card) -> Flowable:
    words = [Text(escape(w), _style("point"), bulletText="•") for w in card.words]
    faces = _row(card.faces, WIDE - 24)
    title = Text(f"<b>{escape(card.title)}</b> &#160; {_facts(card.facts)}", _style("body"))
    stripe = [("LINEBEFORE", (0, 0), (0, -1), 3, HexColor(card.colour)), ("LEFTPADDING", (0, 0), (-1, -1), 8)]
    return KeepTogether(_plain([[[title, *faces, *words]]], [WIDE], stripe))


def _plain(rows: list[list[Any]], widths: list[float], more: Sequence[tuple[Any, ...]] = ()) -> Table:
    bare = [(f"{side}PADDING", (0, 0), (-1, -1), PAD) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    return Table(rows, widths, style=[*bare, ("VALIGN", (0, 0), (-1, -1), "TOP"), *more], hAlign="LEFT")


def _table(table: pa.Table) -> list[Flowable]:
    """As wide as what it says, up to the page; long words are broken, the head stands on each page."""
    numbers = [pa.types.is_floating(f.type) or pa.types.is_integer(f.type) for f in table.schema]
    told = [[written(v) for v in row.values()] for row in table.to_pylist()]
    widths = _widths([table.column_names, *told])
    kinds = ["head of numbers" if n else "head" for n in numbers]
    head = [Text(escape(name), _style(kind)) for name, kind in zip(table.column_names, kinds)]
    rows = [
        [Text(escape(v), _style("number" if n else "cell")) for v, n in zip(row, numbers)] for row in told
    ]
    lines = [("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)]
    made = _plain([head, *rows], widths, lines)
    made.repeatRows = 1
    return [made, Spacer(1, 8)]


def _widths(rows: list[list[str]]) -> list[float]:
    wish = [
        max(stringWidth(text[:LONGEST], "DejaVu-Bold", 6.8) + 8 for text in column) for column in zip(*rows)
    ]
    return [w * min(1, WIDE / sum(wish)) for w in wish]

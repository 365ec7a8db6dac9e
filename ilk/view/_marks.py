"""Marks on paper, and their two writers: into pixels, or into text.

Places are in pixels from the left upper corner.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image, ImageColor, ImageDraw, ImageFont

INK, FAINT, PAPER, ALARM = "#1F2430", "#697080", "#FFFFFF", "#D00000"
LINE = "#6B7380"


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    r: float
    colour: str
    hollow: bool = False
    title: str = ""


@dataclass(frozen=True)
class Line:
    x: float
    y: float
    to: tuple[float, float]
    opacity: float


@dataclass(frozen=True)
class Text:
    x: float
    y: float  # of the baseline
    text: str
    size: float
    colour: str = INK
    anchor: str = "start"  # start, middle
    halo: bool = False


@dataclass(frozen=True)
class Picture:
    x: float
    y: float  # of the left upper corner
    size: float
    png: bytes
    colour: str
    title: str = ""


Mark = Dot | Line | Text | Picture


def png(marks: Sequence[Mark], width: int, height: int, fine: int = 2) -> bytes:
    """Drawn at twice the size and halved, for smooth edges."""
    canvas = Image.new("RGB", (width * fine, height * fine), PAPER)
    pen, glass = ImageDraw.Draw(canvas), ImageDraw.Draw(canvas, "RGBA")
    for m in marks:
        x, y = m.x * fine, m.y * fine
        if isinstance(m, Line):
            ends = (x, y, m.to[0] * fine, m.to[1] * fine)
            glass.line(ends, (*ImageColor.getrgb(LINE)[:3], round(255 * m.opacity)), fine)
        elif isinstance(m, Dot):
            r, box = m.r * fine, (x - m.r * fine, y - m.r * fine, x + m.r * fine, y + m.r * fine)
            if m.hollow:
                pen.ellipse(box, outline=m.colour, width=max(2, round(r / 4)))
            else:
                pen.ellipse(box, fill=m.colour)
        elif isinstance(m, Text):
            font = ImageFont.load_default(m.size * fine)
            anchor = "ms" if m.anchor == "middle" else "ls"
            halo = 4 * fine if m.halo else 0
            pen.text((x, y), m.text, m.colour, font, anchor, stroke_width=halo, stroke_fill=PAPER)
        else:
            edge = round(m.size * fine)
            face = _face(m.png, edge - 4 * fine)
            pen.rectangle((x, y, x + edge - 1, y + edge - 1), fill=m.colour)
            canvas.paste(face, (round(x) + 2 * fine, round(y) + 2 * fine))
    out = io.BytesIO()
    canvas.resize((width, height), Image.Resampling.LANCZOS).save(out, "png", optimize=True)
    return out.getvalue()


def _face(png: bytes, edge: int) -> Image.Image:
    with Image.open(io.BytesIO(png)) as opened:
        return opened.convert("RGB").resize((edge, edge), Image.Resampling.BICUBIC)


def svg(marks: Sequence[Mark], width: int, height: int) -> bytes:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif">',
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        *(_element(m) for m in marks),
        "</svg>\n",
    ]
    return "\n".join(parts).encode()


def _element(m: Mark) -> str:
    if isinstance(m, Text):
        halo = (
            f' stroke="{PAPER}" stroke-width="5" stroke-linejoin="round" paint-order="stroke"'
            if m.halo
            else ""
        )
        place = (
            f'x="{m.x:.1f}" y="{m.y:.1f}" font-size="{m.size:g}" fill="{m.colour}" text-anchor="{m.anchor}"'
        )
        return f"<text {place}{halo}>{_safe(m.text)}</text>"
    if isinstance(m, Line):
        (x, y), look = m.to, f'stroke="{LINE}" stroke-opacity="{m.opacity:.2g}"'
        return f'<path d="M{m.x:.1f} {m.y:.1f}L{x:.1f} {y:.1f}" {look}/>'
    title = f"<title>{_safe(m.title)}</title>" if m.title else ""
    if isinstance(m, Dot):
        look = f'fill="none" stroke="{m.colour}" stroke-width="2"' if m.hollow else f'fill="{m.colour}"'
        return f'<circle cx="{m.x:.1f}" cy="{m.y:.1f}" r="{m.r:.1f}" {look}>{title}</circle>'
    data, inner = base64.b64encode(m.png).decode(), m.size - 4
    return (
        f'<g>{title}<rect x="{m.x:.1f}" y="{m.y:.1f}" width="{m.size:g}" height="{m.size:g}" '
        f'fill="{m.colour}"/>'
        f'<image x="{m.x + 2:.1f}" y="{m.y + 2:.1f}" width="{inner:g}" height="{inner:g}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{data}"/></g>'
    )


def _safe(text: str) -> str:
    """Ids come from the data: no markup, and no control characters, which XML does not allow."""
    return escape("".join(c if c >= " " and c not in "\ufffe\uffff" else "\ufffd" for c in text))

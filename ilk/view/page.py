"""One page of HTML that stands alone: text, tables, pictures. Nothing is loaded from anywhere."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import files
from ._style import STYLE


@dataclass(frozen=True)
class Heading:
    text: str
    anchor: str = ""  # a name to lead to


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Verdict:
    """What a part comes to, said large."""

    text: str


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Figure:
    """A picture, PNG or SVG, over the whole width or as one of a `Grid`."""

    data: bytes
    caption: str
    command: str = ""  # that makes it
    inches: float = 0.0  # how wide it was drawn; 0: as wide as there is room
    again: Callable[[str], bytes] | None = None  # draws it as another kind of file: png, pdf


@dataclass(frozen=True)
class Grid:
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Row:
    """Small pictures side by side, each with a caption; `marked` ones have a ring."""

    pictures: Sequence[tuple[bytes | None, str]]
    marked: Sequence[bool] = ()


@dataclass(frozen=True)
class Card:
    """A framed piece with a stripe of its colour, a few facts, faces and words."""

    title: str
    colour: str
    facts: Sequence[tuple[str, str]]
    faces: Row
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Cards:
    cards: Sequence[Card]


@dataclass(frozen=True)
class Points:
    """Lines of a list, each with the anchor that it leads to."""

    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Folded:
    """A table that opens on a click; on paper it is open."""

    title: str
    table: pa.Table
    command: str = ""


Part = Heading | Paragraph | Verdict | Code | Figure | Grid | Row | Cards | Points | Folded | pa.Table


@dataclass(frozen=True)
class Page:
    title: str
    lead: str
    parts: Sequence[Part]
    facts: Sequence[tuple[str, str]] = field(default=())

    def write(self, path: Path) -> Path:
        """The page as one file."""
        facts = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in self.facts)
        body = "\n".join(map(_part, self.parts))
        page = (
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            f"<title>{escape(self.title)}</title>\n"
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{STYLE}</style>\n'
            f'<header><h1>{escape(self.title)}</h1>\n<p class="lead">{escape(self.lead)}</p>\n'
            f"{f'<dl>{facts}</dl>' if facts else ''}</header>\n<main>\n{body}\n</main>\n</html>\n"
        )
        files.write(path, page.encode())
        return path


def _part(part: Part) -> str:
    match part:
        case Heading(text, anchor):
            name = f' id="{escape(anchor)}"' if anchor else ""
            return f"<h2{name}>{escape(text)}</h2>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Verdict(text):
            return f'<p class="verdict">{escape(text)}</p>'
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case Figure():
            return _figure(part)
        case Grid(figures):
            return f'<div class="grid">{"".join(map(_figure, figures))}</div>'
        case Row():
            return _row(part)
        case Cards(cards):
            return f'<div class="cards">{"".join(map(_card, cards))}</div>'
        case Points(lines):
            items = (f'<li><a href="#{escape(a)}">{escape(text)}</a></li>' for text, a in lines)
            return f'<ul class="points">{"".join(items)}</ul>'
        case Folded(title, table, command):
            made = _command(command)
            return f"<details><summary>{escape(title)}</summary>{made}{_table(table)}</details>"
        case _:
            return _table(part)


def _figure(figure: Figure) -> str:
    wide = f' style="max-width:{figure.inches * 1.45:.2f}in"' if figure.inches else ""
    text = escape(" ".join(figure.caption.split()))
    image = _svg(figure.data, text) if is_svg(figure.data) else _image(figure.data, text)
    return f"<figure{wide}>{image}<figcaption>{text}{_command(figure.command)}</figcaption></figure>"


def _command(command: str) -> str:
    words = " ".join(f"<span>{escape(word)}</span>" for word in command.split())
    return f"<code>{words}</code>" if command else ""


def _image(png: bytes, text: str) -> str:
    return f'<img alt="{text}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def is_svg(data: bytes) -> bool:
    return data.lstrip()[:5] in (b"<?xml", b"<svg ")


def _svg(data: bytes, text: str) -> str:
    """As it stands within a page: no prolog, as wide as there is room, no names but those it refers to."""
    drawing = data.decode()
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.S)
    head, _, rest = drawing.partition(">")
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w-]+)", rest))
    rest = re.sub(r' id="([\w-]+)"', lambda m: m[0] if m[1] in used else "", rest)
    return f'{head} role="img" aria-label="{text}">{rest}'.strip()


def _row(row: Row) -> str:
    marks = [*row.marked, *[False] * (len(row.pictures) - len(row.marked))]
    cells = (
        f"<figure{' class=odd' if mark else ''}>{_image(png, escape(text))}"
        f'<figcaption title="{escape(text)}">{escape(text)}</figcaption></figure>'
        for (png, text), mark in zip(row.pictures, marks)
        if png is not None
    )
    return f'<div class="row">{"".join(cells)}</div>'


def _card(card: Card) -> str:
    facts = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in card.facts)
    words = "".join(f"<li>{escape(w)}</li>" for w in card.words)
    return (
        f'<section class="card" style="--own:{escape(card.colour)}"><h3>{escape(card.title)}</h3>'
        f"<dl>{facts}</dl>{_row(card.faces)}{f'<ul>{words}</ul>' if words else ''}</section>"
    )


def _table(table: pa.Table) -> str:
    numbers = [pa.types.is_floating(f.type) or pa.types.is_integer(f.type) for f in table.schema]

    def cells(tag: str, values: Sequence[Any]) -> str:
        kinds = (' class="n"' if n else "" for n in numbers)
        return "".join(f"<{tag}{k}>{escape(written(v))}</{tag}>" for k, v in zip(kinds, values))

    head = cells("th", table.column_names)
    rows = "".join(f"<tr>{cells('td', list(r.values()))}</tr>\n" for r in table.to_pylist())
    return f'<div class="table"><table>\n<tr>{head}</tr>\n{rows}</table></div>'


def written(value: Any) -> str:
    """A cell of a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if isinstance(value, float):
        return f"{value:.2f}" if value == 0 or abs(value) >= 0.1 else f"{value:.2g}"
    if isinstance(value, list):
        return "; ".join(map(written, value))
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

"""One page of HTML that stands alone: text, tables, pictures. Nothing is loaded from anywhere."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa

from .. import files

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --faint: #697080; --line: #d8dbe2; --paper: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ee; --faint: #9aa1b1; --line: #3a4050; --paper: #171a21; } }
body { margin: 3rem auto; max-width: 58rem; padding: 0 1.5rem; color: var(--ink); background: var(--paper);
       font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.9rem; margin: 0 0 .3rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .5rem; }
p { margin: .5rem 0; max-width: 44rem; }
.lead { color: var(--faint); font-size: 1.05rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .9rem .28rem 0; text-align: left; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--faint); } td.n, th.n { text-align: right; }
figure { margin: 1rem 0; } figure.wide img { width: 100%; border: 1px solid var(--line); border-radius: 6px; }
figcaption { color: var(--faint); font-size: .85rem; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; margin: .6rem 0; }
.row figure { margin: 0; width: 84px; }
.row img { width: 84px; height: 84px; border-radius: 4px; display: block;
       image-rendering: pixelated; background: #000; object-fit: contain; }
.row figcaption { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .72rem; }
pre { padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto; }
"""


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Figure:
    png: bytes
    caption: str


@dataclass(frozen=True)
class Row:
    """Small pictures side by side, each with a caption."""

    pictures: Sequence[tuple[bytes | None, str]]


Part = Heading | Paragraph | Code | Figure | Row | pa.Table


def write(path: Path, title: str, lead: str, parts: Sequence[Part]) -> Path:
    """The page as one file."""
    body = "\n".join(map(_part, parts))
    page = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style>\n'
        f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n{body}\n</html>\n'
    )
    files.write(path, page.encode())
    return path


def _part(part: Part) -> str:
    match part:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case Figure(png, caption):
            return _figure(png, caption, ' class="wide"')
        case Row(pictures):
            cells = (_figure(png, caption) for png, caption in pictures if png is not None)
            return f'<div class="row">{"".join(cells)}</div>'
        case _:
            return _table(part)


def _figure(png: bytes, caption: str, kind: str = "") -> str:
    text, data = escape(caption), base64.b64encode(png).decode()
    image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure{kind}>{image}<figcaption>{text}</figcaption></figure>"


def _table(table: pa.Table) -> str:
    numbers = [pa.types.is_floating(f.type) or pa.types.is_integer(f.type) for f in table.schema]

    def cells(tag: str, values: Sequence[Any]) -> str:
        kinds = (' class="n"' if n else "" for n in numbers)
        return "".join(f"<{tag}{k}>{escape(_text(v))}</{tag}>" for k, v in zip(kinds, values))

    head = cells("th", table.column_names)
    rows = "".join(f"<tr>{cells('td', list(r.values()))}</tr>\n" for r in table.to_pylist())
    return f"<table>\n<tr>{head}</tr>\n{rows}</table>"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

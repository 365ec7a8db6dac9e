"""What every analysis gives back: a sentence, a table and pictures, each of which can be kept in a file.

A result is a frozen dataclass that says what it can draw; how it is drawn stands in `_drawn/`.
"""

from __future__ import annotations

import io
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from .. import files
from ..errors import MissingExtra, OptionError, UnknownName

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 10  # rows, in a notebook
COLUMN = 3.5  # inches: a column of a journal's page
PICTURES, TABLES = (".pdf", ".png", ".svg"), (".csv", ".parquet")
# For paper: 8 points, thin lines, text as text.
STYLE: Any = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "legend.fontsize": 7, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "lines.linewidth": 1.2, "lines.markersize": 3.5,
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "savefig.dpi": 300,
    "pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "ilk", "axes.titlelocation": "left",
}  # fmt: skip


class Picture(NamedTuple):
    draw: Callable[[Axes], None]
    caption: str  # what is to be seen, and what its bars and bands mean
    width: float = COLUMN
    height: float = 2.5


class Result(ABC):
    @abstractmethod
    def sentence(self) -> str:
        """What was found, for a person."""

    @abstractmethod
    def table(self) -> pa.Table:
        """The same for a program."""

    @abstractmethod
    def pictures(self) -> Mapping[str, Picture]:
        """What can be drawn of it, by name; the first is the one that says most."""

    def plot(self, ax: Axes | None = None, *, what: str | None = None) -> Axes:
        """Draws on `ax`, or on axes of its own; `what` is a name in `pictures()`. Needs matplotlib."""
        picture = self._picture(what)
        if ax is None:
            _matplotlib()
            from matplotlib import pyplot

            ax = pyplot.subplots(figsize=(picture.width, picture.height), layout="constrained")[1]
        with style_of_text():
            picture.draw(ax)
        return ax

    def save(self, to: str | os.PathLike[str], *, what: str | None = None) -> Path:
        """A picture (.pdf, .png, .svg) as of `plot`, or the table (.csv, .parquet)."""
        path = Path(to)
        if checked(path) in TABLES:
            return keep(self.table(), path)
        return _written(path, drawn(self._picture(what), path.suffix.lower()[1:]))

    def _repr_html_(self) -> str:
        """What a notebook shows: the sentence, and the first rows."""
        return f"<p>{escape(self.sentence())}</p>{_in_html(self.table().slice(0, SHOWN))}"

    def _picture(self, what: str | None) -> Picture:
        known = self.pictures()
        if not known:
            raise OptionError("there is nothing to draw", "Too few rows were asked; the table says which.")
        if what is not None and what not in known:
            raise UnknownName("picture", what, known)
        return known[next(iter(known)) if what is None else what]


def checked(path: Path) -> str:
    """The ending of a file that a result can be kept in."""
    if path.suffix.lower() not in (*PICTURES, *TABLES):
        raise OptionError(
            f"{path.name} is neither a picture nor a table",
            f"Name a file that ends in {', '.join([*PICTURES, *TABLES])}.",
        )
    return path.suffix.lower()


def drawn(picture: Picture, kind: str) -> bytes:
    """The picture as a file's content: pdf, png or svg. The same each time: no date, no random names."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure((picture.width, picture.height), layout="constrained")
        picture.draw(figure.subplots())
        out = io.BytesIO()
        undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
        figure.savefig(out, format=kind, metadata=undated, transparent=kind == "svg")
    return out.getvalue()


@contextmanager
def style_of_text() -> Iterator[None]:
    """Within it, text is what it says: names from data may hold dollars, and letters the font has not."""
    with _matplotlib().rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ModuleNotFoundError as e:
        raise MissingExtra("matplotlib", "plot", "a picture") from e
    return matplotlib


@contextmanager
def style() -> Iterator[None]:
    """Within it, matplotlib draws as for a paper."""
    with _matplotlib().rc_context(STYLE), style_of_text():
        yield


def keep(table: pa.Table, to: str | os.PathLike[str]) -> Path:
    """As a .csv or .parquet file."""
    path, out = Path(to), io.BytesIO()
    if path.suffix.lower() not in TABLES:
        raise OptionError(f"a table cannot be called {path.name}", f"End its name in {' or '.join(TABLES)}.")
    if path.suffix.lower() == ".parquet":
        pq.write_table(table, out)
    else:
        csv.write_csv(_flat(table), out)
    return _written(path, out.getvalue())


def _in_html(table: pa.Table) -> str:
    heads = "".join(f"<th>{escape(name)}</th>" for name in table.column_names)
    rows = (
        "".join(f"<td>{escape(f'{v:.4g}' if isinstance(v, float) else str(v))}</td>" for v in row.values())
        for row in _flat(table).to_pylist()
    )
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _flat(table: pa.Table) -> pa.Table:
    """A list has no place in a cell of CSV."""
    for i, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            told = [None if v is None else "; ".join(map(str, v)) for v in table[i].to_pylist()]
            table = table.set_column(i, field.name, pa.array(told, pa.string()))
    return table


def _written(path: Path, data: bytes) -> Path:
    with files.room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, data)
    return path

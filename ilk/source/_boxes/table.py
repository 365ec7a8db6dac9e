"""A table of boxes (CSV, TSV, parquet), one a row: the picture, four numbers in pixels, and perhaps a class.

A picture with nothing in it has a row without numbers.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ...errors import DataError
from .labels import THING, Corners, Label, Labels, numbers

PICTURE = ("path", "file", "filename", "image", "picture", "id")
KIND = ("class", "label", "name", "category", "kind")
CORNERS = (("x0", "y0", "x1", "y1"), ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"))
SIDES = (("x", "y", "w", "h"), ("x", "y", "width", "height"))  # the upper left corner first
ENDINGS = (".csv", ".tsv", ".parquet", ".pq")


def holds_boxes(columns: list[str]) -> bool:
    return any({*four} <= {c.lower() for c in columns} for four in (*CORNERS, *SIDES))


def read(path: Path) -> Labels:
    table = _loaded(path)
    names = {str(c).lower(): str(c) for c in table.column_names}
    four = next((f for f in (*CORNERS, *SIDES) if {*f} <= names.keys()), None)
    picture = next((names[n] for n in PICTURE if n in names), None)
    if four is None or picture is None:
        known = " or ".join(", ".join(f) for f in (*CORNERS, *SIDES))
        raise DataError(
            f"{path} has the columns {', '.join(table.column_names)}",
            f"Expected one of {', '.join(PICTURE)}, and {known}.",
        )
    kind = next((names[n] for n in KIND if n in names and names[n] != picture), None)
    pictures = [str(p) for p in table[picture].to_pylist()]
    kinds = [THING] * len(table) if kind is None else table[kind].to_pylist()
    out = Labels(pictures=list(dict.fromkeys(pictures)))
    rows = zip(*(table[names[c]].to_pylist() for c in four))
    for place, (name, what, values) in enumerate(zip(pictures, kinds, rows), 1):
        if any(v is not None and v != "" for v in values):
            kind_of = THING if what is None else str(what)
            out.things.append(Label(name, _box(values, four in SIDES), kind_of, f"{path.name} row {place}"))
    return out


def _box(values: tuple[object, ...], sides: bool) -> Corners:
    a, b, c, d = numbers(values, 4)
    return (a, b, a + c, b + d) if sides else (a, b, c, d)


def _loaded(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pa.parquet.read_table(path)
        parse = pa.csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        return pa.csv.read_csv(path, parse_options=parse)
    except (pa.ArrowException, OSError) as e:
        raise DataError(
            f"the table {path} cannot be read: {e}", "Expected CSV with a line of names, or parquet."
        ) from e

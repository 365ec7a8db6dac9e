"""Results on standard output: tables for a terminal, tab-separated lines for a pipe, JSON for a program."""

import json
import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import console

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from ..analysis._result import Result


class Output:
    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        console.quiet = as_json

    def facts(self, facts: dict[str, Any]) -> None:
        """Names with their values."""
        if self.as_json:
            _print_json(facts)
            return
        width = max(map(len, facts), default=0)
        _print(f"{name:<{width}}  {_text(value)}".rstrip() for name, value in facts.items())

    def table(self, table: "pa.Table", *, told: str | None = None) -> None:
        """Rows, and a sentence that says what they show."""
        if self.as_json:
            rows = table.to_pylist()
            _print_json(rows if told is None else {"says": told, "rows": rows})
            return
        if told is not None:
            console.say(told)
        if sys.stdout.isatty():
            _print_rich(table)
        else:
            rows = table.to_pylist()
            _print("\t".join(row) for row in [table.column_names, *(map(_text, r.values()) for r in rows)])

    def result(
        self, found: "Result", save: "Path | None" = None, what: str | None = None, *, top: int | None = None
    ) -> None:
        """What an analysis found, its first rows; all of it in a file, where that is wished."""
        if save is not None:
            found.save(save, what=what)
        self.table(found.table().slice(0, top), told=found.sentence())

    def next(self, aim: str, command: str) -> None:
        """What a person may want to type now."""
        if not self.as_json and sys.stdout.isatty():
            _print([_text(f"To {aim}: {command}")])


def _print(lines: Iterable[str]) -> None:
    """At once: a full disk behind the pipe is then an error, not a remark at the very end."""
    print(*lines, sep="\n", flush=True)


def _print_json(value: Any) -> None:
    """In ASCII, which every pipe carries; JSON knows no NaN and no infinity: null."""
    _print([json.dumps(_known(value), default=str)])


def _known(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _known(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_known(v) for v in value]
    return value


def _print_rich(table: "pa.Table") -> None:
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for field in table.schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        shown.add_column(field.name, justify="right" if number else "left")
    for row in table.to_pylist():
        shown.add_row(*(Text(_text(v)) for v in row.values()))  # Text: square brackets in ids are no markup
    Console().print(shown)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{k}={_text(v)}" for k, v in value.items()) or "none"
    return "" if value is None else console.CONTROL.sub(" ", str(value))

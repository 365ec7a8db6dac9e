"""Results on standard output: tables for a terminal, tab-separated lines for a pipe, JSON for a program."""

import json
import sys
from typing import TYPE_CHECKING, Any

from . import console

if TYPE_CHECKING:
    import pyarrow as pa


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
        for name, value in facts.items():
            print(f"{name:<{width}}  {_text(value)}")

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
            print("\t".join(table.column_names))
            for row in table.to_pylist():
                print("\t".join(_text(v) for v in row.values()))

    def next(self, aim: str, command: str) -> None:
        """What a person may want to type now."""
        if not self.as_json and sys.stdout.isatty():
            print(f"To {aim}: {command}")


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=str, ensure_ascii=False))


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
    return "" if value is None else str(value).replace("\t", " ").replace("\n", " ")

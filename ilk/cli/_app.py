"""The program itself, and the options that several verbs share."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


class Stopped(Exception):
    """Ctrl-C, on its way past typer, which would end without a word."""


class _Verbs(TyperGroup):
    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as e:
            raise Stopped from e


app = typer.Typer(
    name="ilk",
    cls=_Verbs,
    help="Learns what is alike in data that nobody has labelled.",
    epilog="Start with: ilk demo, or: ilk learn FOLDER",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SpacePath = Annotated[Path, typer.Argument(metavar="SPACE", help="A NAME.space folder.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at a picture that cannot be read.")]


def _can_be_kept(path: Path | None) -> Path | None:
    """Said before the work is done, not after."""
    if path is not None:
        from ..analysis._result import checked

        checked(path)
    return path


Save = Annotated[
    Path | None,
    typer.Option(
        callback=_can_be_kept, help="Keep a picture (.pdf, .png, .svg) or the table (.csv, .parquet)."
    ),
]
What = Annotated[str | None, typer.Option(help="Which picture to keep [default: the first].")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]

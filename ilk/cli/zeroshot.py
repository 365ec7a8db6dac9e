"""Verbs for spaces that are asked in words: classes by their names; how well words find pictures."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, SpacePath, app
from ._arguments import open_space
from ._printing import Output


@app.command("zero-shot")
def zero_shot(
    space: SpacePath,
    classes: Annotated[list[str], typer.Argument(help="Names, two or more.")],
    template: Annotated[
        list[str] | None,
        typer.Option(help="What a name is put into, at {}; may be repeated [default: a picture of {}]."),
    ] = None,
    label: Annotated[str | None, typer.Option(help="A column to compare with.")] = None,
    layer: Annotated[str, typer.Option(help="The name of the layer.")] = "zero_shot",
    write: Annotated[bool, typer.Option("--write/--no-write", help="Keep the classes as a layer.")] = True,
    json: Json = False,
) -> None:
    """Sort the samples into classes that are only named: nothing is learnt."""
    output = Output(json)
    from ..analysis.zeroshot import TEMPLATE
    from ..analysis.zeroshot import zero_shot as sorted_into

    opened = open_space(space)
    found = sorted_into(opened, classes, template=template or TEMPLATE, label=label, layer=layer, write=write)
    output.table(found.table(), told=found.sentence())


@app.command()
def retrieval(
    space: SpacePath,
    data: Annotated[
        Path | None, typer.Option(help="Other pictures with captions, never learnt from [default: its own].")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="The one with the captions [default: caption, text, ...].")
    ] = None,
    json: Json = False,
) -> None:
    """How well words find pictures and pictures words, and how the two lie to each other."""
    output = Output(json)
    from ..analysis.retrieval import retrieval as retrieved

    found = retrieved(open_space(space), data, caption=column)
    output.table(found.table(), told=found.sentence())

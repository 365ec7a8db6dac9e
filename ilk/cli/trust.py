"""Verbs that ask whether to trust a space: what it looks past, what is surely odd, what labels are worth."""

from typing import Annotated

import typer

from ._app import Json, Seed, SpacePath, app
from ._arguments import open_space
from ._printing import Output

Data = Annotated[str | None, typer.Option(help="The pictures again [default: where `ilk learn` found them].")]


@app.command()
def invariance(space: SpacePath, data: Data = None, seed: Seed = 0, json: Json = False) -> None:
    """What the encoder looks past: shift, rotation, scale, flux, noise, blur, flips."""
    output = Output(json)
    from ..analysis.invariance import invariance

    found = invariance(open_space(space), data, seed=seed)
    output.table(found.table(), told=found.sentence())


@app.command()
def oddities(
    space: SpacePath,
    trusted: Annotated[
        str | None, typer.Option(help="A condition as of --where: rows that are as they should be.")
    ] = None,
    level: Annotated[
        float, typer.Option(help="Of those named, the share that may be there by chance.")
    ] = 0.1,
    neighbours: Annotated[int, typer.Option(help="Without trusted rows, larger groups are not odd.")] = 20,
    top: Annotated[int, typer.Option(help="How many to show.")] = 20,
    data: Annotated[
        str | None, typer.Option(help="The samples again, to ask how well a decoder rebuilds each.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """The samples that are odd beyond chance, if any, and of which kind."""
    output = Output(json)
    from ..analysis.oddities import oddities
    from ..source import read

    opened = open_space(space)
    source = None if data is None else read(opened.reading, data)
    asked = {"trusted": trusted, "level": level, "neighbours": neighbours, "seed": seed}
    found = oddities(opened, source=source, **asked)  # type: ignore[arg-type]
    output.table(found.table(top), told=found.sentence())


@app.command()
def diagnose(
    space: SpacePath,
    label: Annotated[str, typer.Option(help="A column of labels.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="A column that says which rows are learnt from and which asked.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many suspects to show.")] = 20,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What would help a label to be told: more labels, better vectors, wrong labels or a leak put right."""
    output = Output(json)
    from ..analysis.diagnose import diagnose

    found = diagnose(open_space(space), label, split=split, seed=seed)
    if json:
        told = {"says": found.sentence(), "curve": found.table().to_pylist()}
        told |= {"suspects": found.suspects.to_pylist()}
        output.facts(told | {"leaks": None if found.leaks is None else found.leaks.to_pylist()})
        return
    output.table(found.table(), told=found.sentence())
    if len(found.suspects):
        output.table(found.suspects.slice(0, top))
    if found.leaks is not None and len(found.leaks):
        output.table(found.leaks.slice(0, top))

"""Verbs that ask whether to trust a space: what it looks past, what labels are worth."""

from typing import Annotated

import typer

from ._app import Json, Save, Seed, SpacePath, What, app
from ._arguments import open_space
from ._printing import Output

Data = Annotated[str | None, typer.Option(help="The pictures again [default: where `ilk learn` found them].")]


@app.command()
def invariance(
    space: SpacePath,
    data: Data = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What the encoder looks past: shift, rotation, scale, flux, noise, blur, flips."""
    output = Output(json)
    from ..analysis.invariance import invariance

    output.result(invariance(open_space(space), data, seed=seed), save, what)


@app.command()
def diagnose(
    space: SpacePath,
    label: Annotated[str, typer.Option(help="A column of labels.", show_default=False)],
    split: Annotated[
        str | None, typer.Option(help="A column that says which rows are learnt from and which asked.")
    ] = None,
    top: Annotated[int, typer.Option(help="How many suspects to show.")] = 20,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What would help a label to be told: more labels, better vectors, wrong labels or a leak put right."""
    output = Output(json)
    from ..analysis.diagnose import diagnose

    found = diagnose(open_space(space), label, split=split, seed=seed)
    if json:
        if save is not None:
            found.save(save, what=what)
        told = {"says": found.sentence(), "curve": found.table().to_pylist()}
        told |= {"capacity": found.capacities().to_pylist()}
        told |= {"suspects": found.suspects.to_pylist()}
        output.facts(told | {"leaks": None if found.leaks is None else found.leaks.to_pylist()})
        return
    output.result(found, save, what)
    if len(found.suspects):
        output.table(found.suspects.slice(0, top))
    if found.leaks is not None and len(found.leaks):
        output.table(found.leaks.slice(0, top))

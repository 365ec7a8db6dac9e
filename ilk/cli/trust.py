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

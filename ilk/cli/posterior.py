"""The verb that says what may lie under the noise of a picture."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Save, Seed, What, app
from ._printing import Output
from .generate import Run


@app.command()
def posterior(
    run: Run,
    picture: Annotated[str, typer.Argument(help="The file of one picture.")],
    noise: Annotated[
        str,
        typer.Option(
            help="Its noise: a standard deviation, 1 from black to white; or a .npy of one in each pixel, "
            "infinite where nothing was seen."
        ),
    ],
    columns: Annotated[
        str, typer.Option(help="Numbers beside the rows of the space, by commas [default: all].")
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(
            help="Pictures without noise, to tell what the decoder cannot give [default: the space's]."
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Of each chain.")] = 500,
    warmup: Annotated[int, typer.Option(help="... after so many to find the way.")] = 400,
    chains: Annotated[int, typer.Option(help="That begin in different places.")] = 4,
    out: Annotated[
        Path | None, typer.Option(help="What may lie under it: a .png sheet, a .npy or a folder.")
    ] = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw what may lie under the noise of a picture, and the numbers that it allows."""
    output = Output(json)
    from ..generate.posterior import posterior as drawn

    found = drawn(
        run,
        picture,
        _number(noise),
        columns=[name.strip() for name in columns.split(",") if name.strip()],
        data=data,
        draws=draws,
        warmup=warmup,
        chains=chains,
        seed=seed,
    )
    if out is not None:
        found.drawn().save(out)
    output.result(found, save, what)


def _number(noise: str) -> float | str:
    try:
        return float(noise)
    except ValueError:
        return noise

"""Verbs that change pictures: a part drawn anew, noise taken off."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Seed, app
from ._printing import Output
from .generate import Out, Run, _saved


@app.command()
def edit(
    run: Run,
    image: Annotated[Path, typer.Option(help="The picture.")],
    mask: Annotated[Path, typer.Option(help="White where it shall be drawn anew; of the picture's size.")],
    prompt: Annotated[str, typer.Option(help="Words to draw after.")] = "",
    where: Annotated[str, typer.Option(help="Numbers to draw after: 'spin=0.9 inclination=60'.")] = "",
    n: Annotated[int, typer.Option("-n", "--n", help="How many ways.")] = 4,
    guidance: Annotated[float, typer.Option(help="How far to go towards these; 1: as learnt.")] = 2.0,
    sampler: Annotated[str, typer.Option(help="ddpm, dpm, heun or ddim.")] = "ddpm",
    steps: Annotated[int, typer.Option(help="Looks at the model.")] = 100,
    out: Out = Path("edited.png"),
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw anew what a mask covers of a picture, after words or numbers; the rest stays."""
    output = Output(json)
    from ..generate.drawing import Drawing

    made = Drawing.open(run).edit(
        image,
        mask,
        n=n,
        prompt=prompt,
        where=where,
        guidance=guidance,
        sampler=sampler,
        steps=steps,
        seed=seed,
    )
    _saved(output, made, out)


@app.command()
def denoise(
    run: Run,
    data: Annotated[str, typer.Argument(help="Pictures: a file, folder, glob, table, array or archive.")],
    noise: Annotated[
        float | None,
        typer.Option(help="Its standard deviation, 1 from black to white [default: estimated of each]."),
    ] = None,
    out: Out = Path("denoised"),
    json: Json = False,
) -> None:
    """Take the noise off pictures, with what a diffusion run knows of how they look."""
    output = Output(json)
    from ..generate.drawing import Drawing

    made, taken = Drawing.open(run).denoise(data, noise=noise)
    output.facts({"pictures": len(made), "noise": f"{taken.mean():.3g}", "saved": str(made.save(out))})

"""Verbs that make new samples."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._app import Json, Seed, app
from ._printing import Output

Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A NAME.run, an objective's folder in it, or a NAME.space.")
]
Out = Annotated[Path, typer.Option(help="A .png sheet, a .npy of the numbers, or a folder.")]
POINT = "An id, a picture's file, or a condition (the mean of its rows)"


@app.command()
def generate(
    run: Run,
    prompt: Annotated[
        str | None,
        typer.Option(help="Texts: what to go on with, or with blanks (___). Pictures: words to draw after."),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", "--n", help="How many [default: 1 text, 16 pictures].")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Pictures: a .png sheet, a .npy, or a folder [default: RUN's name.png]."),
    ] = None,
    of: Annotated[
        str | None, typer.Option(help="Pictures: like the rows of a condition, such as 'cluster = 3'.")
    ] = None,
    truncation: Annotated[
        float | None, typer.Option(help="Pictures: below 1, likelier ones and less variety.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="Pictures: numbers to draw after, 'spin=0.9 inclination=60'.")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option(help="Pictures: how far towards what is told [default: 2]; 1: as learnt.")
    ] = None,
    image: Annotated[Path | None, typer.Option(help="Pictures: begin from this one, under noise.")] = None,
    strength: Annotated[
        float | None, typer.Option(help="... and so much of it, up to 1 [default: 0.6].")
    ] = None,
    latent: Annotated[Path | None, typer.Option(help="Pictures: the noise to begin from, a .npy.")] = None,
    sampler: Annotated[
        str | None, typer.Option(help="Pictures out of noise: dpm, heun, ddim or ddpm [default: dpm].")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="... in so many steps [default: 25].")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Pictures: say how good they are beside the rows of this space.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(help="Texts: below 1, likelier pieces more often; 0: always the likeliest."),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Texts: draw from so many of the likeliest pieces.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Texts: draw from the fewest pieces that together have this share.")
    ] = None,
    beam: Annotated[
        int | None, typer.Option(help="Texts: the likeliest as a whole, of so many beams; nothing is drawn.")
    ] = None,
    penalty: Annotated[
        float | None, typer.Option(help="Texts: of a beam search; 0 favours short ones.")
    ] = None,
    longest: Annotated[int | None, typer.Option(help="Texts: pieces written at most [default: 100].")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Make pictures or texts with the model of a run, whichever it has learnt to make."""
    output = Output(json)
    from ..generate import pictures, text
    from ..generate._folders import nothing

    asked = {"prompt": prompt, "n": n, "seed": seed}
    of_texts = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    of_texts |= {"beam": beam, "penalty": penalty, "longest": longest}
    of_pictures: dict[str, Any] = {"of": of, "truncation": truncation, "where": where, "guidance": guidance}
    of_pictures |= {"image": image, "strength": strength, "latent": latent, "sampler": sampler}
    of_pictures |= {"steps": steps}
    if pictures.found(run) is not None:
        _refused(_given(of_texts), "makes pictures")
        made = pictures.paint(run, **_given(asked | of_pictures))
        _saved(output, made, out or Path(f"{run.stem}.png"), compare)
        return
    if text.found(run) is None:
        raise nothing(run, "makes texts or pictures")
    _refused(_given(of_pictures | {"out": out, "compare": compare}), "writes texts")
    _write(output, run, _given(asked | of_texts))


@app.command()
def interpolate(
    run: Run,
    one: Annotated[str, typer.Argument(help=f"{POINT}.")],
    other: Annotated[str, typer.Argument(help="Another one.")],
    steps: Annotated[int, typer.Option(help="Pictures, both ends among them.")] = 8,
    how: Annotated[str, typer.Option(help="spherical (about the mean) or linear.")] = "spherical",
    out: Out = Path("interpolated.png"),
    json: Json = False,
) -> None:
    """Draw the way from one sample, or group, to another."""
    output = Output(json)
    from ..generate.latent import latent

    _saved(output, latent(run).interpolate(one, other, steps, how=how), out)


@app.command()
def walk(
    run: Run,
    start: Annotated[str | None, typer.Argument(help=f"{POINT} [default: the mean of all].")] = None,
    dimension: Annotated[int | None, typer.Option(help="Walk along this dimension, from 0.")] = None,
    along: Annotated[str | None, typer.Option(help="Walk as this metadata column of numbers grows.")] = None,
    plus: Annotated[
        list[str] | None, typer.Option(help="Add what sets this apart: as START; may be repeated.")
    ] = None,
    minus: Annotated[list[str] | None, typer.Option(help="Take away what sets this apart.")] = None,
    reach: Annotated[float, typer.Option(help="How far: standard deviations, or times of --plus.")] = 3.0,
    steps: Annotated[int, typer.Option(help="Pictures.")] = 7,
    out: Out = Path("walk.png"),
    json: Json = False,
) -> None:
    """Draw what becomes of a sample along a dimension, a column, or from one group towards another."""
    output = Output(json)
    from ..generate.latent import latent

    tool = latent(run)
    if plus or minus:
        import numpy as np

        from ..errors import OptionError

        if dimension is not None or along is not None or start is None:
            raise OptionError("--plus and --minus", "Give a START with them, no --dimension and no --along.")
        times = np.linspace(0, reach, steps).tolist()
        made = tool.arithmetic(start, plus=plus or [], minus=minus or [], times=times)
    else:
        made = tool.walk(start, dimension=dimension, along=along, reach=reach, steps=steps)
    _saved(output, made, out)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _refused(given: dict[str, Any], does: str) -> None:
    from ..errors import OptionError

    if given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(f"{names} for a run that {does}", "Leave that away.")


def _saved(output: Output, made: Any, out: Path, compare: Path | None = None) -> None:
    found = None
    if compare is not None:
        from ..generate.samples import compare as compared
        from ._arguments import open_space

        found = compared(open_space(compare), made)
    facts = {"pictures": str(made.save(out)), "n": len(made)}
    output.facts(
        facts | ({} if found is None else {"says": found.sentence(), "figures": found.table().to_pylist()})
    )


def _write(output: Output, run: Path, asked: dict[str, Any]) -> None:
    import pyarrow as pa

    from ..generate.text import write

    found = write(run, **asked)
    rows = [{"text": p.text, "ended": p.ended, "likelihood": round(p.likelihood, 2)} for p in found]
    output.table(pa.Table.from_pylist(rows))

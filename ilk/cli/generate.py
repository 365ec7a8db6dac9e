"""Verbs that make new samples."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Seed, app
from ._printing import Output


@app.command()
def generate(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A NAME.run, an objective's folder in it, or a NAME.space.")
    ],
    prompt: Annotated[
        str, typer.Option(help="A text to go on with, or with blanks (___) to be filled [default: none].")
    ] = "",
    n: Annotated[int, typer.Option("-n", "--n", help="How many.")] = 1,
    temperature: Annotated[
        float, typer.Option(help="Below 1: likelier pieces more often; 0: always the likeliest.")
    ] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Draw from so many of the likeliest pieces.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the fewest pieces that together have this share.")
    ] = None,
    beam: Annotated[
        int | None, typer.Option(help="The likeliest texts as a whole, of so many beams; nothing is drawn.")
    ] = None,
    penalty: Annotated[float, typer.Option(help="Of a beam search; 0 favours short texts.")] = 1.0,
    longest: Annotated[int, typer.Option(help="Pieces written at most.")] = 100,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Write texts with the model of a run: `causal` goes on, `seq2seq` fills blanks, `tsdae` tells again."""
    output = Output(json)
    import pyarrow as pa

    from ..generate.text import write

    found = write(
        run,
        prompt,
        n=n,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        beam=beam,
        penalty=penalty,
        longest=longest,
        seed=seed,
    )
    rows = [{"text": p.text, "ended": p.ended, "likelihood": round(p.likelihood, 2)} for p in found]
    output.table(pa.Table.from_pylist(rows))

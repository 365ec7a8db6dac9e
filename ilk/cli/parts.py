"""Verbs that take a space apart: into parts with models of their own, and into pairs."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from .. import files
from ._app import Json, Seed, SpacePath, app
from ._arguments import open_space
from ._printing import Output

Quick = Annotated[
    bool, typer.Option("--quick", help="Ask the index instead of comparing all pairs: may miss some.")
]


@app.command()
def split(
    space: SpacePath,
    k: Annotated[
        int | None, typer.Option("-k", help="So many patches [default: the groups that there are].")
    ] = None,
    dim: Annotated[int | None, typer.Option(help="Axes kept of each part [default: up to 32].")] = None,
    write: Annotated[
        Path | None, typer.Option(help="A folder: each part becomes a space of its own in it.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Make many small spaces of one, each with its own axes and distance."""
    output = Output(json)
    from ..analysis.split import split

    opened = open_space(space)
    parts = split(opened, k, dim=dim, seed=seed)
    table, told = parts.table(), parts.sentence()
    if write is not None:
        names = [f"{opened.path.stem}-{p.number}.space" for p in parts]
        # All of them or none; into a folder that stands already, one after the other.
        with nullcontext(write) if write.exists() else files.replacing_folder(write) as folder:
            for part, name in zip(parts, names):
                part.space(folder / name)
        table = table.append_column("space", [[str(write / name) for name in names]])
    output.table(table, told=told)
    output.next("search in them", f"ilk search {opened.path} ID --local")


@app.command()
def duplicates(
    space: SpacePath,
    within: Annotated[
        float | None, typer.Option(help="A distance [default: what chance does not explain].")
    ] = None,
    quick: Quick = False,
    json: Json = False,
) -> None:
    """Near-duplicates: samples with a twin, group by group."""
    output = Output(json)
    from ..analysis.pairs import duplicates as alike

    found = alike(open_space(space), within, exact=not quick)
    output.table(found.table(), told=found.sentence())


@app.command()
def graph(
    space: SpacePath,
    k: Annotated[int, typer.Option("-k", help="Neighbours of each sample.")] = 10,
    to: Annotated[Path, typer.Option(help="The parquet file to write.")] = Path("graph.parquet"),
    quick: Quick = False,
    json: Json = False,
) -> None:
    """Write the nearest neighbours of every sample into a file."""
    output = Output(json)
    from ..analysis.pairs import neighbour_graph

    made = neighbour_graph(open_space(space), k, to, exact=not quick)
    output.facts({"written": str(made.path), "rows": made.rows, "neighbours": made.neighbours})

"""Verbs of graphs: communities, nodes that stand elsewhere than their links say, links that are foretold."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._app import Json, Seed, SpacePath, app
from ._arguments import open_space, split
from ._printing import Output

Again = Annotated[str | None, typer.Option(help="The graph [default: where it lay].")]


@app.command()
def communities(
    space: SpacePath,
    data: Again = None,
    resolution: Annotated[float, typer.Option(help="Above 1: more and smaller ones.")] = 1.0,
    top: Annotated[int, typer.Option(help="How many to show.")] = 20,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Of a space of nodes: who is linked with whom more than by chance; beside the groups, if there are."""
    output = Output(json)
    from ..analysis.communities import communities
    from ..analysis.linked import graph_of

    opened = open_space(space)
    found = communities(graph_of(opened, data), opened, resolution=resolution, seed=seed)
    output.table(found.table().slice(0, top), told=found.sentence())


@app.command()
def strangers(
    space: SpacePath,
    data: Again = None,
    beyond: Annotated[float, typer.Option(help="Named are those above it, in standard deviations.")] = 3.5,
    top: Annotated[int, typer.Option(help="How many to show.")] = 10,
    json: Json = False,
) -> None:
    """Of a space of nodes: those unlike the nodes that they are linked with."""
    output = Output(json)
    from ..analysis.linked import graph_of, strangers

    opened = open_space(space)
    found = strangers(opened, graph_of(opened, data), beyond=beyond)
    output.table(found.table(top), told=found.sentence())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def links(
    rest: typer.Context,
    data: Annotated[str, typer.Argument(help="A graph, as of `ilk learn`.")],
    objective: Annotated[str, typer.Option(help="One that `ilk objectives` lists.")] = "node2vec",
    share: Annotated[float, typer.Option(help="Of the edges, that is hidden.")] = 0.1,
    missing: Annotated[int, typer.Option(help="Pairs without an edge to name that look like one.")] = 10,
    to: Annotated[Path | None, typer.Option(help="Write these pairs: a .parquet file.")] = None,
    dim: Annotated[int | None, typer.Option(help="Length of a vector [default: the objective's].")] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train a network [default: 2].")] = None,
    steps: Annotated[int | None, typer.Option(help="... or how many steps.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Hide edges of a graph, learn from the rest, and say how well the hidden ones are foretold.

    Any keyword of the objective or encoder is an option too: --p 0.5, --width 64, ...
    """
    output = Output(json)
    data, options = split([data, *rest.args])
    from .. import files
    from ..learning.linking import links
    from ..training.recipe import Recipe

    target = None if to is None else files.parquet(to)
    recipe = Recipe(steps, None, minutes, seed=seed)
    found = links(data, objective, share=share, missing=missing, dim=dim, recipe=recipe, **options)
    if target is not None:
        import pyarrow.parquet as pq

        with files.replacing(target) as file:
            pq.write_table(found.missing, file)
    if json:
        told: dict[str, Any] = {"says": found.sentence(), "ways": found.table().to_pylist()}
        output.facts(told | {"missing": found.missing.to_pylist()})
        return
    output.table(found.table(), told=found.sentence())
    output.table(found.missing, told="Pairs without an edge that look most like one:")

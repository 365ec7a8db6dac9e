"""Verbs that ask a space what stands in it: groups, oddities, a map."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Save, Seed, SpacePath, What, app
from ._arguments import open_space
from ._printing import Output


@app.command()
def clusters(
    space: SpacePath,
    k: Annotated[int | None, typer.Option("-k", help="How many groups [default: found].")] = None,
    covariance: Annotated[str, typer.Option(help="Shape of a group: full, tied or diag.")] = "full",
    starts: Annotated[int, typer.Option(help="The best of how many fits.")] = 10,
    cards: Annotated[
        bool, typer.Option("--cards", help="Say for each group how sure it is and how it differs.")
    ] = False,
    memberships: Annotated[
        Path | None, typer.Option(help="Keep each sample's chances of all groups: a .parquet or .csv file.")
    ] = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find groups, a Gaussian each, or that there are none."""
    output = Output(json)
    from ..analysis._result import keep
    from ..analysis.cards import cluster_cards
    from ..analysis.clusters import clusters

    opened = open_space(space)
    found = clusters(opened, k, covariance=covariance, starts=starts, seed=seed)  # type: ignore[arg-type]
    if memberships is not None:
        keep(found.memberships(), memberships)
    output.result(cluster_cards(opened, found, seed=seed) if cards else found, save, what)


@app.command()
def anomalies(
    space: SpacePath,
    trusted: Annotated[
        str | None, typer.Option(help="A condition as of --where: rows that are as they should be.")
    ] = None,
    level: Annotated[
        float, typer.Option(help="Of those named, the share that may be there by chance.")
    ] = 0.1,
    neighbours: Annotated[int, typer.Option(help="Without trusted rows, larger groups are not odd.")] = 20,
    top: Annotated[int, typer.Option(help="How many to show, odd beyond chance or not.")] = 10,
    data: Annotated[
        str | None, typer.Option(help="The samples again, to ask how well a decoder rebuilds each.")
    ] = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """The samples least like any other: those that are odd beyond chance, and of which kind."""
    output = Output(json)
    from ..analysis.anomalies import anomalies
    from ..source import read

    opened = open_space(space)
    source = None if data is None else read(opened.reading, data)
    asked = {"trusted": trusted, "level": level, "neighbours": neighbours, "seed": seed}
    found = anomalies(opened, source=source, **asked)  # type: ignore[arg-type]
    output.result(found, save, what, top=top)


@app.command(name="map")
def map_(
    space: SpacePath,
    to: Annotated[Path | None, typer.Option(help="A .png or .svg file [default: NAME.png].")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Lay out anew instead of adding to the last map.")
    ] = False,
    edges: Annotated[
        bool, typer.Option("--edges", help="Of a space of a graph's nodes: draw its edges.")
    ] = False,
    data: Annotated[str | None, typer.Option(help="The graph again [default: where it lay].")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw the space in two dimensions, with thumbnails on it."""
    output = Output(json)
    from ..view import map

    opened = open_space(space)
    picture = to or Path(f"{opened.path.stem}.png")
    target = map(opened, picture, seed=seed, fresh=fresh, edges=edges, data=data)
    output.facts({"map": str(target), "rows": len(opened)})

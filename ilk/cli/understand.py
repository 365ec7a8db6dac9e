"""Verbs that ask what a space means: which amounts its dimensions follow, and axes that do so better."""

from typing import Annotated

import typer

from ._app import Json, Save, Seed, SpacePath, What, app
from ._arguments import open_space, units_of
from ._printing import Output

Columns = Annotated[
    list[str] | None, typer.Argument(help="Columns of numbers [default: all of the metadata].")
]


@app.command()
def parameters(
    space: SpacePath,
    columns: Columns = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Which amounts the space knows, which dimension follows each, and which are mistaken for one another."""
    output = Output(json)
    from ..analysis.parameters import parameters

    output.result(parameters(open_space(space), columns or (), seed=seed), save, what)


@app.command()
def axes(
    space: SpacePath,
    columns: Annotated[list[str], typer.Argument(help="Columns of numbers that axes should follow.")],
    way: Annotated[str, typer.Option(help="pca, ica, varimax, factor, pls or spls.")] = "ica",
    r: Annotated[int | None, typer.Option("-r", help="So many axes [default: 10, or the columns].")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Keep every row's place as the layer `axes`.")
    ] = False,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Turn the space so that each axis follows one amount, as far as may be."""
    output = Output(json)
    from ..analysis.axes import axes

    found = axes(open_space(space), columns, way, r, write=write, seed=seed)
    output.result(found, save, what)


@app.command()
def dimensionless(
    space: SpacePath,
    units: Annotated[
        list[str] | None,
        typer.Argument(
            help="COLUMN=UNIT ..., such as mass=kg angle=; or a .toml [default: columns called NAME [UNIT]]."
        ),
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option(help="Of nature, that may stand in a product: G, c, h, ...")
    ] = None,
    most: Annotated[int, typer.Option(help="The largest power.")] = 2,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Which products of amounts, without a unit, the space follows."""
    output = Output(json)
    from ..analysis.dimensionless import dimensionless

    given = units_of(units) if units else None
    found = dimensionless(open_space(space), given, constants=constant or [], most=most, seed=seed)
    output.result(found, save, what)


@app.command()
def whitening(
    space: SpacePath,
    column: Annotated[
        str | None, typer.Argument(help="Names or amounts that neighbours should tell.")
    ] = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What becomes of neighbours when dimensions are evened out, or whitened."""
    output = Output(json)
    from ..analysis.whitening import whitening

    output.result(whitening(open_space(space), column, seed=seed), save, what)

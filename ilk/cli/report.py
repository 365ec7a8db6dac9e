"""The verb that writes all of it on one page."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Seed, SpacePath, app
from ._arguments import open_space, units_of
from ._printing import Output


@app.command()
def report(
    space: SpacePath,
    to: Annotated[Path | None, typer.Option(help="An .html file [default: NAME.html].")] = None,
    columns: Annotated[
        str | None, typer.Option(help="Amounts to ask for, as a,b,c [default: all of the metadata].")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="A column of names to ask for [default: the first with few of them].")
    ] = None,
    units: Annotated[
        list[str] | None, typer.Option(help="COLUMN=UNIT or a .toml of them, as of `ilk dimensionless`.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="The samples again [default: where `ilk learn` found them].")
    ] = None,
    without: Annotated[list[str] | None, typer.Option(help="A section to leave out.")] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Write the same as PDF, beside it.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Write what is in a space on one page: groups, oddities, parameters, labels, trust."""
    output = Output(json)
    from ..view.report import report

    opened = open_space(space)
    made = report(
        opened,
        to or Path(f"{opened.path.stem}.html"),
        columns=[] if columns is None else [c.strip() for c in columns.split(",")],
        label=label,
        units=units_of(units or []),
        data=data,
        without=without or [],
        pdf=pdf,
        seed=seed,
    )
    paper = {} if made.pdf is None else {"pdf": str(made.pdf)}
    output.facts({"report": str(made.path), **paper, **made.says, "left out": made.left_out})

"""A verb for spaces of items that users choose from."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Seed, SpacePath, app
from ._arguments import open_space
from ._printing import Output


@app.command()
def recommend(
    space: SpacePath,
    users: Annotated[list[str] | None, typer.Argument(metavar="USER...", help="Their ids.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    of: Annotated[
        Path | None, typer.Option(help="The space of the users [default: NAME.users.space beside it].")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what a user chose before.")] = False,
    later: Annotated[
        Path | None, typer.Option(help="What was chosen later: how much of it would have been shown?")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """The items that suit a user; or how well that went, by what was chosen later."""
    output = Output(json)
    from ..analysis.recommend import hindsight
    from ..analysis.recommend import recommend as recommended
    from ..errors import OptionError

    if bool(users) == (later is not None):
        raise OptionError("for whom?", "Name users, or give a table of what was chosen later: --later FILE.")
    opened, asking = open_space(space), None if of is None else open_space(of)
    if later is not None:
        found = hindsight(opened, later, k, users=asking, seed=seed)
        output.table(found.table(), told=found.sentence())
        return
    names = users or []
    table = recommended(opened, names, k, users=asking, again=again).table()
    asked = [names[int(str(i))] for i in table["query"].to_pylist()]
    output.table(table.set_column(0, "user", [asked]))

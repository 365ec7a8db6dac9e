"""The verb that shows: a space in the browser."""

import sys
from typing import Annotated

import typer

from .. import console
from ..errors import MissingExtra
from ._app import Json, SpacePath, app
from ._arguments import open_space
from ._printing import Output


@app.command()
def look(
    space: SpacePath,
    data: Annotated[
        str | None,
        typer.Option(help="The pictures again, to see them in full, or the graph [default: where they lay]."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="0: any that is free [default: 8377].")] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(help="What a visitor must know [default: made up where one is needed].")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    json: Json = False,
) -> None:
    """Look at a space in the browser: map, search, labels. Ctrl-C ends it."""
    output = Output(json)
    try:
        from ..view._server.following import Following
        from ..view.server import serve
    except ModuleNotFoundError as e:
        if e.name not in ("fastapi", "uvicorn", "pydantic", "starlette"):
            raise
        raise MissingExtra("fastapi", "look", "ilk look") from e

    path = space if space.suffix == ".space" else space.with_name(f"{space.name}.space")
    run = Following(path).folder
    if not path.exists() and run.is_dir():  # `ilk learn` is at its first encoder
        console.say(f"There is no {path} yet: following {run} until there is.")
    else:
        path = open_space(space).path
    serve(
        path,
        data=data,
        host=host,
        port=port,
        token=token,
        open_browser=open_browser and not json and sys.stdout.isatty(),
        ready=lambda url: output.facts({"look": url} if not json else {"url": url, "space": str(path)}),
    )

"""The verb that finds the things in pictures."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import OptionError
from ._app import Json, Seed, Strict, app
from ._printing import Output

WITHOUT = "discover"  # instead of a run


@app.command()
def detect(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|discover", help="What learnt by yolo; or `discover`, which needs nothing."
        ),
    ],
    data: Annotated[str, typer.Argument(help="A folder, glob or file of pictures, of any size.")],
    least: Annotated[
        float | None,
        typer.Option(help="How sure, 0 to 1 [default: 0.25]; of discover, times the noise [default: 5]."),
    ] = None,
    soft: Annotated[
        bool, typer.Option("--soft", help="Boxes that overlap are made less sure, not left out.")
    ] = False,
    tile: Annotated[
        int | None,
        typer.Option(help="Pixels a side of the tiles in which large pictures are looked at."),
    ] = None,
    by: Annotated[
        Path | None,
        typer.Option(
            help="Of discover: a run or space, by whose features things stand out [default: light]."
        ),
    ] = None,
    smallest: Annotated[
        float | None, typer.Option(help="... the side of things in pixels, from ... [default: 4]")
    ] = None,
    largest: Annotated[float | None, typer.Option(help="... to [default: half a picture's].")] = None,
    into: Annotated[
        Path | None, typer.Option(help="A space: each thing becomes a row, with its cut-out and box.")
    ] = None,
    objective: Annotated[
        str, typer.Option(help="What learns the vectors of a new space; detector: the one that found them.")
    ] = "auto",
    minutes: Annotated[float | None, typer.Option(help="... where it trains a network [default: 2].")] = None,
    size: Annotated[int, typer.Option(help="Pixels a side of a cut-out, in a new space.")] = 64,
    draw: Annotated[
        Path | None, typer.Option(help="A folder for the pictures with their boxes; or for the errors.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="A file for the boxes, which `ilk.boxes` reads.")] = None,
    judge: Annotated[
        Path | None, typer.Option(help="Labels of these pictures: how well are things found?")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Throw away a space of that name.")] = False,
    seed: Seed = 0,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Find the things in pictures, and give each a place in a space."""
    output = Output(json)
    from .. import detection
    from ..training.recipe import Recipe

    options: dict[str, Any] = {"tile": tile, "strict": strict}
    options |= {} if least is None else {"least": least}
    if run == WITHOUT:
        if soft or objective == "detector":
            raise OptionError(
                "--soft or --objective detector with discover", "They are for what a run finds."
            )
        options |= {"by": by, "largest": largest}
        options |= {} if smallest is None else {"smallest": smallest}
    else:
        if any(given is not None for given in (by, smallest, largest)):
            raise OptionError("--by, --smallest or --largest with a run", "They are for discover.")
        options |= {"soft": soft}
    if judge is not None:
        _judged(output, None if run == WITHOUT else run, data, judge, draw, options)
        return
    found = detection.discover(data, **options) if run == WITHOUT else detection.detect(run, data, **options)
    if csv is not None:
        found.write(csv)
    if draw is not None:
        found.draw(draw)
    if into is None:
        output.table(found.table(), told=found.sentence())
        return
    recipe = Recipe(minutes=minutes, seed=seed)
    space = detection.keep(found, into, objective, size=size, recipe=recipe, replace=replace)
    output.facts(
        {"things": len(found), "pictures": len(found.ids), "space": str(space.path), "rows": len(space)}
    )
    output.next("look at it", f"ilk look {shlex.quote(str(space.path))}")
    output.next("find its groups", f"ilk clusters {space.path}")


def _judged(
    output: Output, run: str | None, data: str, labels: Path, draw: Path | None, options: dict[str, Any]
) -> None:
    from .. import detection
    from ..view import boxes

    how, _, truth = detection.judge(run, data, labels=labels, **options)
    if draw is not None:
        draw.mkdir(parents=True, exist_ok=True)
        boxes.draw_errors(truth, how, draw / "errors.png")
        boxes.draw_confusion(how, draw / "confusion.png")
        boxes.draw_curves(how, draw / "precision.png")
    output.table(how.table(), told=how.sentence())

"""The command line: parse, call, print. Each verb has its twin of the same name in Python.

Heavy libraries are imported inside the verbs, so that help, version and usage errors answer at once.
"""

import shlex
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from . import __version__, find
from .arguments import open_space, removed, split, value
from .errors import IlkError
from .printing import Output

if TYPE_CHECKING:
    from .source import Source
    from .space import Space


class _Stopped(Exception):
    """Ctrl-C, on its way past typer, which would end without a word."""


class _Verbs(TyperGroup):
    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as e:
            raise _Stopped from e


app = typer.Typer(
    name="ilk",
    cls=_Verbs,
    help="Learns what is alike in data that nobody has labelled.",
    epilog="Start with: ilk demo, or: ilk learn FOLDER",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SpacePath = Annotated[Path, typer.Argument(metavar="SPACE", help="A NAME.space folder.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at a picture that cannot be read.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]


@app.callback(invoke_without_command=True)
def _ilk(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    use: Annotated[
        list[Path], typer.Option(help="A Python file with an encoder of yours that a space was made with.")
    ] = [],  # noqa: B006 (read, never changed)
) -> None:
    if version:
        typer.echo(f"ilk {__version__}")
        raise typer.Exit
    for path in use:
        find.use(path)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def learn(
    rest: typer.Context,
    data: Annotated[str, typer.Argument(help="A folder, glob, table, array, archive or file of pictures.")],
    objective: Annotated[
        str, typer.Option(help="auto, or one that `ilk objectives` lists, or ./mine.py.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Makes OUT.run and OUT.space [default: the data's name].")
    ] = None,
    encoder: Annotated[str, typer.Option(help="The network, for objectives that train one.")] = "convnet",
    dim: Annotated[int | None, typer.Option(help="Length of a vector [default: the objective's].")] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train a network [default: 2].")] = None,
    steps: Annotated[int | None, typer.Option(help="... or how many steps.")] = None,
    epochs: Annotated[float | None, typer.Option(help="... or how many times over the data.")] = None,
    batch: Annotated[int, typer.Option(help="Samples a step.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW, at its height.")] = 2e-3,
    size: Annotated[int | None, typer.Option(help="Pixels a side [default: their own, or 64].")] = None,
    channels: Annotated[int | None, typer.Option(help="1: grey, 3: colour [default: as they are].")] = None,
    stretch: Annotated[str, typer.Option(help="linear, sqrt, asinh or log.")] = "linear",
    fill: Annotated[
        str | None,
        typer.Option(
            help="What NaN pixels become: a number, or median [default: such pictures are left out]."
        ),
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(help="What to take out of the pictures: all, or some of shift,rotation,scale,flux."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="A metadata column to judge by (never to learn from).")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Throw away a run and space of that name.")
    ] = False,
    seed: Seed = 0,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Learn an encoder from data, and fill a space with its vectors.

    Any keyword of the objective or encoder is an option too: --temperature 0.1, --width 64, ...
    """
    output = Output(json)
    data, options = split([data, *rest.args])
    from .learning import check, learn
    from .source.images import images
    from .target import default_name
    from .training.recipe import Recipe

    check(objective, encoder, dim, options, others=[p.name for p in rest.command.params if p.name])
    recipe = Recipe(steps, epochs, minutes, batch=batch, learning_rate=learning_rate, seed=seed)
    source = images(
        data,
        size=size,
        channels=channels,
        stretch=stretch,
        fill=None if fill is None else value(fill),
        normalise=removed(normalise),
        strict=strict,
    )
    space = learn(
        source,
        objective,
        out=out or default_name(data),
        encoder=encoder,
        dim=dim,
        recipe=recipe,
        label=label,
        replace=replace,
        **options,
    )
    output.facts(_summary(space, source))
    output.next("look at it", f"ilk map {space.path}")
    output.next("find its groups", f"ilk clusters {space.path}")
    output.next("search it", f"ilk search {space.path} {shlex.quote(space.ids()[0])}")


@app.command()
def add(space: SpacePath, data: str, strict: Strict = False, json: Json = False) -> None:
    """Add more samples to a space; known ids are replaced."""
    output = Output(json)
    done = open_space(space).add(data, strict=strict)
    output.facts({"added": done.added, "replaced": done.replaced, "skipped": done.skipped})


@app.command()
def search(
    space: SpacePath,
    query: Annotated[str, typer.Argument(help="An id of the space, or a file.")],
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    where: Annotated[str | None, typer.Option(help="Only rows for which this SQL condition holds.")] = None,
    json: Json = False,
) -> None:
    """The samples most alike to one that is given."""
    output = Output(json)
    found = open_space(space).search(query, k, where=where)
    many = len(found.ids) > 1  # a folder, a stack: its samples are counted from 0
    output.table(found.table() if many else found.table().drop_columns(["query"]))


@app.command()
def clusters(
    space: SpacePath,
    k: Annotated[int | None, typer.Option("-k", help="How many groups [default: found].")] = None,
    covariance: Annotated[str, typer.Option(help="Shape of a group: full, tied or diag.")] = "full",
    starts: Annotated[int, typer.Option(help="The best of how many fits.")] = 10,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find groups, a Gaussian each, or that there are none."""
    output = Output(json)
    from .analysis.clusters import clusters

    found = clusters(open_space(space), k, covariance=covariance, starts=starts, seed=seed)  # type: ignore[arg-type]
    output.table(found.table(), told=found.sentence())


@app.command()
def anomalies(
    space: SpacePath,
    top: Annotated[int, typer.Option(help="How many to show.")] = 10,
    data: Annotated[
        str | None, typer.Option(help="The pictures again, to ask how well a decoder rebuilds each.")
    ] = None,
    json: Json = False,
) -> None:
    """The samples least like any other, the oddest first."""
    output = Output(json)
    from .analysis.anomalies import anomalies
    from .source import read

    opened = open_space(space)
    found = anomalies(opened, source=None if data is None else read(opened.reading, data))
    output.table(found.table(top), told=found.sentence())


@app.command(name="map")
def map_(
    space: SpacePath,
    to: Annotated[Path | None, typer.Option(help="A .png or .svg file [default: NAME.png].")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Lay out anew instead of adding to the last map.")
    ] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Draw the space in two dimensions, with thumbnails on it."""
    output = Output(json)
    from .view import map

    opened = open_space(space)
    target = map(opened, to or Path(f"{opened.path.stem}.png"), seed=seed, fresh=fresh)
    output.facts({"map": str(target), "rows": len(opened)})


@app.command()
def info(space: SpacePath, json: Json = False) -> None:
    """What a space holds."""
    output = Output(json)
    about = open_space(space).info()
    if not json:
        about["layers"] = {name: made["parameters"].get("says", "") for name, made in about["layers"].items()}
    output.facts(about)


@app.command()
def export(space: SpacePath, to: Path, json: Json = False) -> None:
    """Write one parquet file, one row a sample."""
    output = Output(json)
    opened = open_space(space)
    opened.export(to)
    output.facts({"written": str(to), "rows": len(opened)})


@app.command()
def delete(space: SpacePath, ids: list[str], json: Json = False) -> None:
    """Take samples out of a space, by id."""
    output = Output(json)
    output.facts({"deleted": open_space(space).delete(ids)})


@app.command()
def objectives(json: Json = False) -> None:
    """List the objectives, with the options of each."""
    output = Output(json)
    from .objectives import table

    output.table(table())


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("ilk-demo"),
    n: Annotated[int, typer.Option("-n", help="Pictures in each of the two sets.")] = 3000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Black-hole pictures, from nothing to groups and a report."""
    output = Output(json)
    from .demonstration import demo

    found = demo(out, n=n, seed=seed)
    output.facts(found.facts() | ({"R2": found.r2.to_pylist()} if json else {}))
    if not json:
        output.table(found.r2)
    for command in found.next_steps():
        output.next("go on", command)


def main() -> None:
    """The entry point: an error of ours is a message, not a traceback."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an id may hold what the terminal's encoding lacks
    try:
        app(prog_name="ilk")
    except (IlkError, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        sys.exit(1)
    except _Stopped:
        print("Stopped. What was reported as done is kept; the same command goes on.", file=sys.stderr)
        sys.exit(130)


def _summary(space: "Space", source: "Source") -> dict[str, Any]:
    about = space.info()
    return {
        "space": str(space.path),
        "samples": len(space),
        "skipped": len(source.skipped),
        "dim": space.dim,
        "encoder": about["encoder"],
        "size on disk": f"{about['bytes'] / 1e6:.1f} MB",
    }

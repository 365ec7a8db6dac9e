"""Verbs that learn: from data to an encoder and a space."""

import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import OptionError
from ._app import Json, Seed, Strict, app
from ._arguments import removed, split, value
from ._printing import Output

READING = {  # options of the reader of each kind of data
    "images": ("size", "channels", "stretch", "fill", "normalise"),
    "text": ("by", "column", "encoding"),
    "graphs": ("source_", "target", "nodes", "about", "features", "edge_features", "neighbours", "directed"),
    "interactions": ("users", "items", "user", "item"),
}
READING["pairs"] = (*READING["images"], "column")
READING["boxes"] = ("size", "channels", "stretch", "fill", "labels")

if TYPE_CHECKING:
    from ..source import Source
    from ..space import Space


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def learn(
    rest: typer.Context,
    data: Annotated[
        str,
        typer.Argument(help="A folder, glob, table, array, archive or file, of pictures or text; a graph."),
    ],
    objective: Annotated[
        str, typer.Option(help="auto, or one that `ilk objectives` lists, or ./mine.py.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Makes OUT.run and OUT.space [default: the data's name].")
    ] = None,
    as_: Annotated[
        str | None,
        typer.Option("--as", help="images, text, graphs, pairs, boxes, interactions [default: as it looks]."),
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="The network, for objectives that train one [default: what suits it].")
    ] = None,
    dim: Annotated[int | None, typer.Option(help="Length of a vector [default: the objective's].")] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train a network [default: 2].")] = None,
    steps: Annotated[int | None, typer.Option(help="... or how many steps.")] = None,
    epochs: Annotated[float | None, typer.Option(help="... or how many times over the data.")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Samples a step, shared by all processes [default: 64; of boxes 8].")
    ] = None,
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
    by: Annotated[
        str, typer.Option(help="A sample of text: file, paragraph or line; auto: a file of a folder.")
    ] = "auto",
    column: Annotated[
        str | None,
        typer.Option(help="Of a table, the one with the text or captions [default: what clearly is]."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of text [default: UTF-8, or as it says].")] = None,
    source_: Annotated[
        str | None,
        typer.Option("--source", help="Of edges, the column with one end [default: source, from]."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="... and with the other [default: target, to].")] = None,
    nodes: Annotated[
        Path | None, typer.Option(help="Of a graph given by its edges, a table of the nodes: id, columns.")
    ] = None,
    directed: Annotated[
        bool | None,
        typer.Option("--directed/--undirected", help="Of a graph [default: as it says; a list: undirected]."),
    ] = None,
    users: Annotated[
        Path | None, typer.Option(help="Of who chose what, a table of the users: id, columns.")
    ] = None,
    items: Annotated[Path | None, typer.Option(help="... and one of the items.")] = None,
    user: Annotated[
        str | None, typer.Option(help="Of who chose what, the column with the users [default: user, ...].")
    ] = None,
    item: Annotated[str | None, typer.Option(help="... and with the items [default: item, ...].")] = None,
    about: Annotated[
        Path | None, typer.Option(help="Of many graphs, a table of them: id, columns to keep.")
    ] = None,
    features: Annotated[
        str | None, typer.Option(help="Of a graph's nodes, the columns that a network sees: a,b.")
    ] = None,
    edge_features: Annotated[str | None, typer.Option(help="... and of its edges: a,b.")] = None,
    neighbours: Annotated[
        int | None, typer.Option(help="... of a node that one layer looks at, at most [default: all].")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Of boxes, the file or folder that tells them [default: among the pictures]."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="A metadata column to judge by (never to learn from).")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Throw away a run and space of that name.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(metavar="auto|ADDRESS", help="Train a network on that Ray cluster, or all cores here."),
    ] = None,
    seed: Seed = 0,
    strict: Strict = False,
    json: Json = False,
) -> None:
    """Learn an encoder from data, and fill a space with its vectors.

    Any keyword of the objective or encoder is an option too: --temperature 0.1, --width 64, ...
    """
    output = Output(json)
    data, options = split([data, *rest.args])
    from ..learning.learn import learn
    from ..learning.target import default_name
    from ..learning.usual import check, kind_for, usual
    from ..source._kind import reader
    from ..training.distributed import group, in_turn
    from ..training.recipe import Recipe

    with group() as (rank, _):
        with in_turn():
            of = as_ or kind_for(objective, data)
            batch = usual(of).batch if batch is None else batch
            recipe = Recipe(steps, epochs, minutes, batch=batch, learning_rate=learning_rate, seed=seed)
            read = reader(of, data)
            known = [p.name.rstrip("_") for p in rest.command.params if p.name]
            check(objective, encoder, dim, options, others=known, of=of)
            _refuse_others(rest, of)
            pictures = {
                "size": size,
                "channels": channels,
                "stretch": stretch,
                "fill": None if fill is None else value(fill),
                "normalise": removed(normalise),
            }
            texts = {"by": by, "column": column, "encoding": encoding}
            edges: dict[str, Any] = {"source": source_, "target": target, "nodes": nodes}
            edges["directed"] = directed
            edges |= {"about": about, "features": _names(features), "edge_features": _names(edge_features)}
            edges["neighbours"] = neighbours
            given: dict[str, dict[str, Any]] = {"images": pictures, "text": texts, "graphs": edges}
            given["interactions"] = {"users": users, "items": items, "user": user, "item": item}
            given["pairs"] = pictures | {"caption": column}
            given["boxes"] = {k: v for k, v in pictures.items() if k != "normalise"} | {"labels": labels}
            source = read(data, strict=strict, **given[of])
        space = learn(
            source,
            objective,
            out=out or default_name(data),
            encoder=encoder,
            dim=dim,
            recipe=recipe,
            label=label,
            replace=replace,
            ray=ray,
            **options,
        )
    if rank > 0:  # under torchrun one process prints
        return
    output.facts(_summary(space, source))
    extra = "" if find_spec("fastapi") else "  (pip install 'ilk[look]' first)"
    if of == "boxes":
        output.next("find things", f"ilk detect {shlex.quote(str(space.path.with_suffix('.run')))} PICTURES")
    output.next("look at it", f"ilk look {shlex.quote(str(space.path))}{extra}")
    output.next("find its groups", f"ilk clusters {space.path}")
    output.next("search it", f"ilk search {space.path} {shlex.quote(space.ids()[0])}")


@app.command()
def objectives(json: Json = False) -> None:
    """List the objectives, with the options of each."""
    output = Output(json)
    from ..objectives import table

    output.table(table())


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path("ilk-demo"),
    n: Annotated[int, typer.Option("-n", help="Of three kinds; the continuum has 8 for each 3.")] = 3000,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Black-hole pictures, from nothing to groups and a report."""
    output = Output(json)
    from ..demonstration import demo

    found = demo(out, n=n, seed=seed)
    output.facts(found.facts() | ({"R2": found.r2.to_pylist()} if json else {}))
    if not json:
        output.table(found.r2)
    for command in found.next_steps():
        output.next("go on", command)


def _refuse_others(given: typer.Context, kind: str) -> None:
    """An option of the reader of another kind of data would be passed over without a word."""
    for of, name in ((of, name) for of, names in READING.items() for name in {*names} - {*READING[kind]}):
        source = given.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise OptionError(
                f"--{name.rstrip('_')} is for {of}, and the data are {kind}",
                f"Leave it out, or say what the data are: --as {of}.",
            )


def _names(given: str | None) -> list[str] | None:
    return None if given is None else [name.strip() for name in given.split(",")]


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

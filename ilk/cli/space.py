"""Verbs of a space: what goes in, comes out and is found."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import console
from ..errors import SpaceError
from ._app import Json, Seed, SpacePath, Strict, app
from ._arguments import open_space, size
from ._printing import Output

if TYPE_CHECKING:
    import pyarrow as pa

    from ..space import Space

LINE = 100  # letters of a text that are shown


@app.command()
def add(
    space: SpacePath,
    data: str,
    strict: Strict = False,
    ray: Annotated[
        str | None,
        typer.Option(metavar="auto|ADDRESS", help="Encode on that Ray cluster, or on all cores here."),
    ] = None,
    json: Json = False,
) -> None:
    """Add more samples to a space; known ids are replaced."""
    output = Output(json)
    done = open_space(space).add(data, strict=strict, ray=ray)
    output.facts({"added": done.added, "replaced": done.replaced, "skipped": done.skipped})


@app.command()
def search(
    space: SpacePath,
    query: Annotated[str, typer.Argument(help="An id of the space, a file, or words if it takes them.")],
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    where: Annotated[str | None, typer.Option(help="Only rows for which this SQL condition holds.")] = None,
    local: Annotated[
        bool, typer.Option("--local", help="In the nearest parts of `ilk split`, by their own distance.")
    ] = False,
    json: Json = False,
) -> None:
    """The samples most alike to one that is given."""
    output = Output(json)
    opened = open_space(space)
    searched = opened.parts() if local else opened
    if searched is None:
        raise SpaceError(f"{opened.path} has no parts", f"Make them: ilk split {opened.path}")
    if opened.in_words and not _is_named(opened, query):
        console.say("No id and no file is called that: searched for what it says.")
    found = searched.search(query, k, where=where)
    many = len(found.ids) > 1  # a folder, a stack: its samples are counted from 0
    table = found.table() if many else found.table().drop_columns(["query"])
    if opened.in_words:
        table = _with_lines(opened, table, whole=json)
    output.table(table)


def _is_named(space: "Space", query: str) -> bool:
    import pyarrow.compute as pc

    from ..space.query import is_file

    return pc.index(space.id_array(), query).as_py() >= 0 or is_file(query)


def _with_lines(space: "Space", found: "pa.Table", *, whole: bool) -> "pa.Table":
    """With what the samples say, or what is said of them: all of it, or so much as stands on a line."""
    from ..source.pairs import caption_of

    columns = space.metadata([str(i) for i in found["id"].to_pylist()])
    name = "text" if space.of_text else caption_of(columns.column_names)
    if name is None or name not in columns.column_names:
        return found
    texts = [t if t is None or whole else " ".join(t.split()) for t in columns[name].to_pylist()]
    lines = [t if t is None or whole or len(t) <= LINE else t[: LINE - 1] + "…" for t in texts]
    return found.append_column(name, [lines])


@app.command()
def index(
    space: SpacePath,
    kind: Annotated[
        str, typer.Option(help="flat (exact), ivf, pq, ivf-pq, hnsw, or auto: what is quick enough.")
    ] = "auto",
    recall: Annotated[
        float, typer.Option(help="The share of the true neighbours that is to be found.")
    ] = 0.95,
    memory: Annotated[
        str | None, typer.Option(help="What it may take, such as 2GB [default: half of the machine's].")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Build the index that search uses, and find out how hard it has to look."""
    output = Output(json)
    opened = open_space(space)
    planned = opened.index(kind, recall=recall, memory=None if memory is None else size(memory), seed=seed)
    output.facts(planned.facts())


@app.command()
def info(space: SpacePath, json: Json = False) -> None:
    """What a space holds."""
    output = Output(json)
    from ..space.plan import Plan

    about = open_space(space).info()
    if not json:
        about["index"] = Plan.of(about["index"]).sentence()
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
def versions(space: SpacePath, json: Json = False) -> None:
    """What a space was before: the versions that it can go back to."""
    output = Output(json)
    output.table(open_space(space).versions())


@app.command()
def restore(
    space: SpacePath,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="One of `ilk versions`.")],
    json: Json = False,
) -> None:
    """Bring the rows of an old version back, as a new one."""
    output = Output(json)
    opened = open_space(space)
    opened.restore(version)
    output.facts({"restored": version, "rows": len(opened)})


@app.command()
def compact(space: SpacePath, json: Json = False) -> None:
    """Give back the room of deleted and replaced rows; old versions go."""
    output = Output(json)
    done = open_space(space).compact()
    output.facts(asdict(done))

"""Verbs that need labels: how well a column can be told, and an encoder that learns to tell it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ._app import Json, Seed, SpacePath, app
from ._arguments import open_space
from ._printing import Output

Column = Annotated[str, typer.Argument(help="A column of metadata or of a layer, as `ilk info` lists them.")]
SHOWN = 20  # labels whose confusions stand on a terminal


@app.command()
def probe(
    space: SpacePath,
    column: Column,
    how: Annotated[str, typer.Option(help="linear, mlp, knn, svm, tree, forest or boost.")] = "linear",
    folds: Annotated[int, typer.Option(help="Parts of which each is held out once.")] = 5,
    hidden: Annotated[int | None, typer.Option(help="Of mlp: width of its layer [default: 128].")] = None,
    k: Annotated[int | None, typer.Option("-k", help="Of knn [default: about log of the rows].")] = None,
    kernel: Annotated[
        str | None, typer.Option(help="Of svm: linear, poly, rbf or sigmoid [default: rbf].")
    ] = None,
    cost: Annotated[float | None, typer.Option("-C", help="Of svm: of a mistake [default: 1].")] = None,
    criterion: Annotated[
        str | None, typer.Option(help="Of tree and forest: gini or entropy [default: gini].")
    ] = None,
    depth: Annotated[int | None, typer.Option(help="Of tree: the most questions [default: any].")] = None,
    trees: Annotated[int | None, typer.Option(help="Of forest [200] and boost [100]: how many.")] = None,
    shots: Annotated[int | None, typer.Option(help="Learn from so many rows of each label only.")] = None,
    by: Annotated[str, typer.Option(help="Of --shots: prototypes or siamese.")] = "prototypes",
    picture: Annotated[Path | None, typer.Option(help="Draw who is taken for whom: a picture.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Keep predictions of all rows as a layer.")] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Ask how well a column can be told from the vectors, of rows held out."""
    output = Output(json)
    from ..errors import OptionError

    given: dict[str, Any] = {"hidden": hidden, "k": k, "kernel": kernel, "C": cost}
    given |= {"criterion": criterion, "depth": depth, "trees": trees}
    options = {name: value for name, value in given.items() if value is not None}
    if shots is None:
        _probe(output, space, column, picture, how=how, folds=folds, seed=seed, write=write, **options)
        return
    if options or picture or write or how != "linear":
        raise OptionError("--shots goes with --by, --seed and --json only", "Leave the other options out.")
    from ..analysis.shots import few_shots

    found = few_shots(open_space(space), column, shots, by=by, seed=seed)
    output.facts({"says": found.sentence(), **vars(found)} if json else {column: found.sentence()})


def _probe(output: Output, space: Path, column: str, picture: Path | None, **asked: Any) -> None:
    from ..analysis.probing import probe

    found = probe(open_space(space), column, **asked)
    if picture is not None:
        found.save(picture, what="confusion")
    if output.as_json:
        told: dict[str, Any] = {"says": found.sentence(), "measures": found.table().to_pylist()}
        told |= {"labels": found.classes().to_pylist(), "confusion": found.confusions().to_pylist()}
        output.facts(told | {"picture": None if picture is None else str(picture)})
        return
    output.table(found.table(), told=found.sentence())
    if found.labels:
        output.table(found.classes())
        if len(found.labels) <= SHOWN:
            output.table(found.confusions())
        if picture is None:
            output.next("see who is taken for whom", f"ilk probe {space} {column} --picture confusion.png")

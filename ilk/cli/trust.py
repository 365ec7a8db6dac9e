"""Verbs that ask whether to trust a space: what it looks past, what labels are worth."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import OptionError
from ._app import Json, Save, Seed, SpacePath, What, app
from ._arguments import open_space
from ._printing import Output

Data = Annotated[str | None, typer.Option(help="The pictures again [default: where `ilk learn` found them].")]


@app.command()
def invariance(
    space: SpacePath,
    data: Data = None,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What the encoder looks past: shift, rotation, scale, flux, noise, blur, flips."""
    output = Output(json)
    from ..analysis.invariance import invariance

    output.result(invariance(open_space(space), data, seed=seed), save, what)


@app.command()
def diagnose(
    space: SpacePath,
    label: Annotated[
        str | None, typer.Option(help="A column of labels [default: none; says how the learning went].")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="A column that says which rows are learnt from and which asked.")
    ] = None,
    most: Annotated[
        int, typer.Option(help="Of more rows so many are drawn by chance for the curves.")
    ] = 10_000,
    top: Annotated[int, typer.Option(help="How many suspects to show.")] = 20,
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What would help a label to be told, and how the learning went.

    More labels, fewer dimensions, better vectors, wrong labels or a leak put right; without a label, whether
    the network was over-trained.
    """
    output = Output(json)
    if label is None:
        if split is not None:
            raise OptionError("--split goes with --label", "Name the column of labels that is learnt.")
        from ..analysis.course import course

        output.result(course(open_space(space)), save, what)
        return
    from ..analysis.diagnose import diagnose

    found = diagnose(open_space(space), label, split=split, most=most, seed=seed)
    if json:
        if save is not None:
            found.save(save, what=what)
        told = {"says": found.sentence(), "curve": found.table().to_pylist()}
        told |= {"capacity": found.capacities().to_pylist()}
        told |= {"suspects": found.suspects.to_pylist()}
        output.facts(told | {"leaks": None if found.leaks is None else found.leaks.to_pylist()})
        return
    output.result(found, save, what)
    if len(found.suspects):
        output.table(found.suspects.slice(0, top))
    if found.leaks is not None and len(found.leaks):
        output.table(found.leaks.slice(0, top))


@app.command()
def reproduce(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A NAME.run that `ilk learn` made, or its space.")
    ],
    data: Annotated[
        str | None, typer.Option(help="Where the data lie now [default: where they lay].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep the result as OUT.run and OUT.space [default: thrown away].")
    ] = None,
    json: Json = False,
) -> None:
    """Learn once more as a run was learnt, and compare what comes out."""
    output = Output(json)
    from ..learning.reproducing import reproduce

    found = reproduce(run, data=data, out=out)
    output.facts(
        {
            "the same": "yes, every bit" if found.same else "no",
            "neighbours in common": f"{found.neighbours:.1%}",
            "repeated by": "steps, as minutes never hold the same number"
            if found.by_steps
            else "its own recipe",
            **{f"{key} then, now": f"{was}, {now}" for key, (was, now) in found.changed.items()},
        }
    )

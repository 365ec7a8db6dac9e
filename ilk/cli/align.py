"""Verbs for two spaces: the way from one to the other, what has changed, which tells more."""

from pathlib import Path
from typing import Annotated

import typer

from ._app import Json, Save, Seed, What, app
from ._arguments import open_space
from ._printing import Output


@app.command()
def align(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The space of the old encoder.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The space of the new one.")],
    way: Annotated[str, typer.Option(help="rotation, linear, or auto: what keeps more neighbours.")] = "auto",
    unpaired: Annotated[
        bool, typer.Option("--unpaired", help="Find the way without knowing which samples are the same.")
    ] = False,
    carry: Annotated[
        bool, typer.Option("--carry", help="Put the samples that only OLD holds into NEW.")
    ] = False,
    save: Save = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Find the way from an old encoder's vectors to a new one's, and how far off it ends."""
    output = Output(json)
    from ..analysis.align import align as aligned
    from ..analysis.align import carry as carried

    before, after = open_space(old), open_space(new)
    found = aligned(before, after, way=way, pairs=not unpaired, seed=seed)
    told = found.sentence()
    if save is not None:
        found.save(save)
    if carry:
        told += f" {carried(before, after, found):,} samples were carried over."
    output.table(found.table(), told=told)
    if not carry:
        output.next("carry the others over", f"ilk align {old} {new} --carry")


@app.command()
def drift(
    space: Annotated[Path, typer.Argument(metavar="SPACE", help="A NAME.space folder, as it is now.")],
    since: Annotated[int | None, typer.Option(help="A version that `ilk versions` lists.")] = None,
    other: Annotated[Path | None, typer.Option(help="... or another space of the same encoder.")] = None,
    save: Save = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """What changed since an old version, and whether the new samples are of another kind."""
    output = Output(json)
    from ..analysis.drift import drift as drifted
    from ..errors import OptionError

    if (since is None) == (other is None):
        raise OptionError("drift since when?", "Give --since VERSION, or --other SPACE.")
    found = drifted(open_space(other or space, version=since), open_space(space), seed=seed)
    output.result(found, save)


@app.command()
def compare(
    one: Annotated[Path, typer.Argument(metavar="ONE", help="A space.")],
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Another one of the same samples.")],
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="Of ONE: names or amounts to be told.")],
    save: Save = None,
    what: What = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Which of two spaces tells a column better, sample by sample, and whether that is luck."""
    output = Output(json)
    from ..analysis.compare import compare

    output.result(compare(open_space(one), open_space(other), column, seed=seed), save, what)

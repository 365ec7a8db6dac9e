"""The verb that teaches: an encoder learns on from a column of labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import record
from ._app import Json, Seed, app
from ._arguments import open_space
from ._printing import Output
from .probe import SHOWN

if TYPE_CHECKING:
    from ..learning.finetuning import Finetuned


@app.command()
def finetune(
    start: Annotated[
        Path, typer.Argument(metavar="SPACE", help="A NAME.space or NAME.run folder, or one of a run.")
    ],
    label: Annotated[
        str, typer.Option(help="The column to tell apart; rows without a value are not learnt from.")
    ],
    data: Annotated[
        str | None, typer.Argument(help="What it learnt from, or more [default: where it lay].")
    ] = None,
    by: Annotated[str, typer.Option(help="labels (cross-entropy) or siamese (alike together).")] = "labels",
    loss: Annotated[
        str | None, typer.Option(help="Of siamese: contrastive, triplet or bce [default: triplet].")
    ] = None,
    margin: Annotated[float | None, typer.Option(help="Of contrastive and triplet.")] = None,
    mining: Annotated[str | None, typer.Option(help="Of triplet: semi or hard [default: semi].")] = None,
    front: Annotated[
        float, typer.Option(help="The first layer's share of the learning rate; the last has all of it.")
    ] = 0.1,
    out: Annotated[
        Path | None, typer.Option(help="Makes OUT.run and OUT.space [default: NAME-finetuned].")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train [default: 1].")] = None,
    steps: Annotated[int | None, typer.Option(help="... or how many steps.")] = None,
    epochs: Annotated[
        float | None, typer.Option(help="... or how many times over the labelled rows.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Samples a step.")] = 64,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW, at its height.")] = 1e-3,
    picture: Annotated[
        Path | None, typer.Option(help="Draw who is taken for whom afterwards: a .png file.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Throw away a run and space of that name.")
    ] = False,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Teach the encoder to tell labels apart, and say whether that helped."""
    output = Output(json)
    from dataclasses import replace as replaced

    from ..learning.finetuning import GENTLY, finetune

    given: dict[str, Any] = {"how": loss, "margin": margin, "mining": mining}
    options = {name: value for name, value in given.items() if value is not None}
    length: dict[str, Any] = {"steps": steps, "epochs": epochs, "minutes": minutes}
    if all(value is None for value in length.values()):
        length["minutes"] = GENTLY.minutes
    recipe = replaced(GENTLY, **length, batch=batch, learning_rate=learning_rate, seed=seed)
    is_run = record.stands(start) or (start / "recipe.json").exists()
    found = finetune(
        start if is_run else open_space(start),
        data,
        label=label,
        by=by,
        out=out,
        recipe=recipe,
        replace=replace,
        front=front,
        **options,
    )
    if picture is not None:
        found.after.save(picture, what="confusion")
    _show(output, found)


def _show(output: Output, found: "Finetuned") -> None:
    if output.as_json:
        told: dict[str, Any] = {"says": found.sentence(), "space": str(found.space.path)}
        told |= {"helped": found.helped, "won": found.won, "lost": found.lost, "chance": found.chance}
        told |= {"left out": found.left_out, "measures": found.table().to_pylist()}
        for name, probed in (("probe", found.before), ("finetuned", found.after)):
            told[name] = {
                "labels": probed.classes().to_pylist(),
                "confusion": probed.confusions().to_pylist(),
            }
        output.facts(told)
        return
    output.table(found.table(), told=found.sentence())
    if len(found.after.labels) <= SHOWN:
        output.table(found.before.confusions(), told="By the probe:")
        output.table(found.after.confusions(), told="After fine-tuning:")
    output.facts({"space": str(found.space.path)})
    output.next("look at it", f"ilk look {found.space.path}")

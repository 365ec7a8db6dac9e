"""Learning on from labels: first a line on the encoder's vectors (the probe), then the whole network.

A fifth of each label's rows is never learnt from. Both are asked of these rows, and what is better is kept.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from scipy.stats import binomtest

from .. import record, saved
from ..analysis import held
from ..analysis._drawn import recall as _drawn
from ..analysis._probed import Probed
from ..analysis._result import Picture, Result
from ..analysis.probing import layer_of, values_of
from ..console import say
from ..encoders import Encoder, embed
from ..errors import DataError, FormatError, OptionError, UnknownName
from ..find import construct, parameters
from ..objectives import Objective
from ..objectives._labels import Labels
from ..objectives.siamese import Siamese
from ..source import Source, read
from ..source._part import Part
from ..space import Space
from ..training.fit import fit
from ..training.recipe import Recipe
from ..training.watch import Watch
from .target import Target

BY: dict[str, type[Objective]] = {"labels": Labels, "siamese": Siamese}
FRONT = 0.1  # of the learning rate, for the first layer
GENTLY = Recipe(minutes=1, batch=64, learning_rate=1e-3, held_out=0.1)


@dataclass(frozen=True)
class Finetuned(Result):
    """`space` holds the better of both, with what it tells of every row as the layer predicted-COLUMN."""

    space: Space
    column: str
    helped: bool
    learnt: int  # rows learnt from
    before: Probed  # of the asked rows, by the encoder as it was
    after: Probed
    won: int  # rows right only after
    lost: int  # rows right only before
    left_out: dict[str, int]  # labels with too few rows

    @property
    def chance(self) -> float:
        """How likely so uneven a count of won and lost is where both are equally good (McNemar, exact)."""
        both = self.won + self.lost
        return float(binomtest(self.won, both).pvalue) if both else 1.0

    def sentence(self) -> str:
        was, now = (found.measures["accuracy"] for found in (self.before, self.after))
        told = (
            f"{now.value:.1%} ({now.low:.1%} to {now.high:.1%}) of {self.after.rows:,} rows not learnt from "
            f"get the right {self.column} after fine-tuning on {self.learnt:,}, "
            f"{was.value:.1%} ({was.low:.1%} to {was.high:.1%}) by a probe of the encoder as it was: "
            f"{self.won} won, {self.lost} lost (chance {self.chance:.2g})."
        )
        if not self.helped:
            return f"Fine-tuning did not help; the encoder stays as it was. {told}"
        return told + (" So small a gain may be luck." if self.chance > 0.05 else "")

    def table(self) -> pa.Table:
        """Accuracy, precision, recall and F1 of the asked rows, each with its interval."""
        rows = []
        for name, now in self.after.measures.items():
            was = self.before.measures[name]
            before = {"probe": was.value, "probe_low": was.low, "probe_high": was.high}
            after = {"finetuned": now.value, "finetuned_low": now.low, "finetuned_high": now.high}
            rows.append({"measure": name, **before, **after, "guess": now.guess})
        return pa.Table.from_pylist(rows)

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_both(self.before, self.after)


def finetune(
    start: Space | str | os.PathLike[str],
    data: Any = None,
    *,
    label: str,
    by: str = "labels",
    out: str | os.PathLike[str] | None = None,
    recipe: Recipe = GENTLY,
    replace: bool = False,
    **options: Any,
) -> Finetuned:
    """Teaches the encoder of a space (or of a run's folder) to tell a column of labels apart.

    data     what it was learnt from, or more of it; None: where `ilk learn` found it
    label    a column of the data, or of the space and its layers; rows without a value are not learnt from
    by       labels (cross-entropy), or siamese (rows of one label together, others apart)
    out      where to: OUT.run and OUT.space (default: the space's name and -finetuned, beside it)
    options  of `by`: front (the first layer's share of the learning rate; the last layer has all of it),
             still (batch norm keeps its means), augment; of siamese: how, margin, mining

    Call it again, the same, to go on after a kill.
    """
    if by not in BY:
        raise UnknownName("way of fine-tuning", by, BY)
    _check(by, options)
    begun = _begun(start, data, label)
    values, source = begun.values(label), begun.source
    dealt = held.deal(label, values, recipe.seed)
    asked = {"encoder": begun.fingerprint, "label": label, "way": by, "options": options}
    # Before the target: what refuses an option leaves no half-made run behind.
    objective = teacher(begun.encoder, source, label, len(dealt.labels), by, seed=recipe.seed, **options)
    name = begun.name if out is None else Path(out)
    rows = {"number of labelled rows": len(dealt.known) + len(dealt.asked)}
    target = Target(name, asked | rows, source, found_at=begun.data, replace=replace)

    probe, before = _asked(begun.encoder, source, dealt, recipe.seed)
    say(f"A probe of the encoder as it is names {before.measures['accuracy'].value:.1%} right. Fine-tuning.")
    tuned = tune(objective, source, label, dealt, probe, recipe, target.run / by)
    after_probe, after = _asked(tuned, source, dealt, recipe.seed)

    truth = np.array(dealt.labels)[dealt.codes[dealt.asked]]
    right = [found.predicted == truth for found in (before, after)]
    won, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    helped = won > lost
    space = target.fill(tuned if helped else begun.encoder, None, source)
    _keep(space, label, values, source, dealt, after_probe if helped else probe, by if helped else "probe")
    return Finetuned(space, label, helped, len(dealt.known), before, after, won, lost, dealt.left_out)


def _check(by: str, options: dict[str, Any]) -> None:
    ours = {"encoder", "column", "classes"}
    known = [p for p in parameters(BY[by]) if p not in ours]
    for name in options:
        if name not in known:
            raise UnknownName(f"option of fine-tuning by {by}", name, known)


def teacher(
    encoder: Encoder,
    source: Source,
    label: str,
    classes: int,
    by: str = "labels",
    *,
    seed: int = 0,
    **options: Any,
) -> Objective:
    """What a copy of the encoder is to learn from."""
    usual = {"front": FRONT, "still": True, "augment": None}
    given = {"encoder": copy.deepcopy(encoder), "column": label, "classes": classes}
    torch.manual_seed(seed)  # of a head that starts from nothing
    return construct(BY[by], options, usual | source.traits | given)


def tune(
    objective: Objective, source: Source, label: str, dealt: held.Dealt, probe: Any, recipe: Recipe, run: Path
) -> Encoder:
    """Learns from the rows that were dealt, from where `probe` stands, if any: a line on their vectors."""
    if isinstance(objective, Labels) and probe is not None:
        objective.start(*(torch.from_numpy(w).float() for w in held.weights(probe)))
    names = np.array(dealt.labels)[dealt.codes[dealt.known]]
    part = Part(source, dealt.known, pa.table({label: names}))
    return fit(objective, part, recipe, run=run, watch=Watch(label=label, decides=True))


def _asked(encoder: Encoder, source: Source, dealt: held.Dealt, seed: int) -> tuple[Any, Probed]:
    """A probe fitted to the vectors of the known rows, and what it tells of those that are asked."""
    probe = held.line(embed(encoder, source, dealt.known), dealt.codes[dealt.known], seed)
    return probe, held.asked("linear", probe, embed(encoder, source, dealt.asked), dealt, seed)


def _keep(
    space: Space,
    label: str,
    values: pa.ChunkedArray[Any],
    source: Source,
    dealt: held.Dealt,
    probe: Any,
    by: str,
) -> None:
    """What the probe tells of every row, how sure it is, and whether the row was learnt from or asked."""
    place = {source.id(i): i for i in range(len(source))}
    ids = space.ids()
    rows = np.array([place[one] for one in ids])  # a target's space holds what the source has, and no more
    used = np.full(len(source), "", object)
    used[dealt.known], used[dealt.asked] = "learnt", "asked"
    chances = probe.predict_proba(space.vectors())  # (n, c)
    columns = {
        f"{label}_predicted": pa.array(np.array(dealt.labels, object)[chances.argmax(1)]),
        f"{label}_probability": pa.array(chances.max(1)),
        f"{label}_used": pa.array(used[rows]),
    }
    if label not in space.metadata().column_names:  # a layer of the space that it began with
        columns[label] = values.take(pa.array(rows)).combine_chunks()
    made = {"by": by, "rows": len(dealt.known), "asked": len(dealt.asked)}
    space.write_layer(layer_of(label), pa.table({"id": pa.array(ids, pa.string()), **columns}), made)


@dataclass(frozen=True)
class _Begun:
    encoder: Encoder
    source: Source
    space: Space | None
    name: Path  # of what it shall become
    data: str | None  # where the source lies

    @property
    def fingerprint(self) -> str:
        return saved.fingerprint(self.encoder)

    def values(self, label: str) -> pa.ChunkedArray[Any]:
        """The column (n,) in the order of the source: its own, or the space's by id."""
        table = self.source.metadata()
        columns = [] if table is None else table.column_names
        if table is not None and label in columns:
            return table[label]
        if self.space is None:
            raise UnknownName("metadata column", label, columns)
        own = pa.array([self.source.id(i) for i in range(len(self.source))], pa.string())
        at = pc.index_in(own, value_set=pa.array(self.space.ids(), pa.string()))
        if at.null_count == len(at):
            raise DataError(
                f"none of the {len(at):,} samples (the first is {own[0]}) is a row of {self.space.path}",
                f"Give the data that it was filled with, or data that have a column {label}.",
            )
        return values_of(self.space, label).take(at)


def _begun(start: Space | str | os.PathLike[str], data: Any, label: str) -> _Begun:
    space, folder = (start, start.path) if isinstance(start, Space) else _opened(Path(start))
    if space is None:
        encoder = saved.load(folder, Encoder)  # type: ignore[type-abstract]
        reading, noted, run = _reading(folder), record.data(folder.parent), folder.parent
        # Beside the run that it is of, not within: that goes when it is replaced
        within = record.stands(run)
        name = run.with_name(f"{run.stem}-{folder.name}") if within else folder.with_name(folder.stem)
    else:
        encoder, reading = space.encoder, space.reading
        name, noted = folder.with_name(folder.stem), record.data(folder.with_suffix(".run"))
    name = name.with_name(f"{name.name}-finetuned")
    if not any(p.requires_grad for p in encoder.parameters()):
        raise OptionError(
            f"the encoder in {folder} has no weight that could learn",
            "What `patches`, `pca` and frozen networks make stays as it is: `ilk probe` reads labels off it. "
            "Learn with a network first (--objective simclr), or with a published one that may learn (tune).",
        )
    if isinstance(data, Source):
        return _Begun(encoder, data, space, name, None)
    where = noted if data is None else data
    do = f"Say where they lie: ilk finetune {start if space is None else folder} DATA --label {label}"
    if where is None:
        raise DataError(f"nobody noted where the data of {folder} lie", do)
    if data is None and "*" not in where and not os.path.exists(where):
        raise DataError(f"the data of {folder} lay in {where}, and are not there any more", do)
    found_at = os.fspath(where) if isinstance(where, str | os.PathLike) else None
    return _Begun(encoder, read(reading, where), space, name, found_at)


def _opened(path: Path) -> tuple[Space | None, Path]:
    """NAME.space, or NAME.run with NAME.space beside it; a folder that `ilk.fit` filled has no space."""
    if record.stands(path):
        path = path.with_suffix(".space")
    elif (path / "encoder.json").exists() and (path / "recipe.json").exists():
        return None, path
    return Space.open(path), path


def _reading(run: Path) -> dict[str, Any]:
    try:
        reading: dict[str, Any] = json.loads((run / "recipe.json").read_bytes())["source"]["reading"]
    except (ValueError, KeyError, TypeError) as e:
        raise FormatError(f"{run / 'recipe.json'} is damaged: {e}") from e
    return reading

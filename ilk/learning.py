"""From data to a space: learn an encoder, judge it, fill a space with its vectors."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import torch

from . import encoders, objectives, saved
from .console import say
from .decoders import Decoder
from .encoders import Encoder
from .encoders.projected import project
from .errors import OptionError, UnknownName
from .find import construct, parameters
from .objectives import ClosedForm, Objective
from .source import Source
from .source.images import images
from .space import Space
from .target import Target, default_name
from .training.fit import fit
from .training.order import plan
from .training.recipe import Recipe
from .training.watch import Health, Watch, report

AUTO = ("patches", "simclr")  # the one at once, the other with more minutes
ENOUGH = 256  # samples; with fewer, `auto` trains no network

_TWO_MINUTES = Recipe()


def learn(
    data: Any,
    objective: str = "auto",
    *,
    out: str | os.PathLike[str] | None = None,
    encoder: str = "convnet",
    dim: int | None = None,
    recipe: Recipe = _TWO_MINUTES,
    label: str | None = None,
    replace: bool = False,
    **options: Any,
) -> Space:
    """Learns an encoder from `data` (a source, or what `images` reads) and fills a space with its vectors.

    out        where to: OUT.run and OUT.space (default: the data's own name, in this folder)
    encoder    for objectives that train a network; `dim` is the length of a vector
    label      a metadata column to judge by; without one, view retrieval on held-out samples decides
    replace    throw away a run and a space of that name first
    options    more keywords of the objective and the encoder

    `auto` takes `patches` at once, then `simclr` for the minutes of the recipe, and keeps the better.
    Call it again, the same, to go on after a kill.
    """
    check(objective, encoder, dim, options)
    source = data if isinstance(data, Source) else images(data)
    _check_label(label, source)
    name = Path(out) if out is not None else default_name(data)
    asked = {"objective": objective, "encoder": encoder, "dim": dim, "options": options}
    target = Target(name, asked, source, replace=replace)
    job = _Job(source, target.run, encoder, dim, recipe, label)
    if objective == "auto":
        return _auto(job, target)
    found = job.learnt(objective, options)
    return target.fill(found.encoder, found.decoder, source)


def check(
    objective: str, encoder: str, dim: int | None, options: dict[str, Any], *, others: Iterable[str] = ()
) -> None:
    """Finds now what is wrong with these names, before data are read for hours or a space is thrown away.

    `others`: more names that the caller takes as options.
    """
    do, known, sized = "", list[str](), True
    if objective == "auto":
        do = "Options of an objective want that objective: see `ilk objectives`."
    else:
        cls, network = objectives.find(objective), encoders.find(encoder)
        known = parameters(cls)
        sized = "dim" in known
        if not issubclass(cls, ClosedForm):
            known = [*(p for p in known if p != "encoder"), *parameters(network)]
            sized = "dim" in parameters(network)
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {objective}", option, {*known, *others}, do)
    if dim is not None and (dim < 1 or not sized):
        raise OptionError(
            f"dim is {dim}",
            "Give 1 or more." if sized else f"The vectors of {objective} cannot have another length.",
        )
    try:
        json.dumps(options)
    except TypeError as e:
        raise OptionError(f"an option of {objective} cannot be kept: {e}", "Give numbers and text.") from e


def _check_label(label: str | None, source: Source) -> None:
    table = source.metadata()
    columns = [] if table is None else table.column_names
    if label is not None and label not in columns:
        do = "Pictures bring columns along when a table with their paths is given (CSV, parquet)."
        raise UnknownName("metadata column", label, columns, do)


def _auto(job: "_Job", target: Target) -> Space:
    quick, slow = AUTO
    first = job.learnt(quick, {})
    few = len(job.source) < ENOUGH
    waiting = few or not target.space.exists()  # a space that stands stays until it is known what is better
    space = target.fill(first.encoder, None, job.source) if waiting else Space.open(target.space)
    if few:
        say(f"{len(job.source)} samples are too few to train a network on; {quick} it is.")
        return space
    say(f"{space.path} is ready to be looked at. Next: does {slow} do better?")
    second = job.learnt(slow, {})
    better = second.score > first.score
    by = "view retrieval" if first.health.knn is None else f"right {job.label} by kNN"
    say(f"{by}: {quick} {first.score:.1%}, {slow} {second.score:.1%}; {slow if better else quick} is kept.")
    if better:
        return target.fill(second.encoder, second.decoder, job.source)
    return space if waiting else target.fill(first.encoder, None, job.source)


@dataclass(frozen=True)
class _Learnt:
    encoder: Encoder
    decoder: Decoder | None
    health: Health

    @property
    def score(self) -> float:
        """A handful of labels decides better than any score without them, so they are asked first."""
        known = self.health.view_retrieval if self.health.knn is None else self.health.knn
        return 0.0 if known is None or self.health.collapsed else known


@dataclass(frozen=True)
class _Job:
    source: Source
    run: Path
    encoder: str
    dim: int | None
    recipe: Recipe
    label: str | None

    def learnt(self, name: str, options: dict[str, Any]) -> _Learnt:
        """One objective, from start to health."""
        cls = objectives.find(name)
        folder = self.run / Path(name.rpartition(":")[2]).stem
        if issubclass(cls, ClosedForm):
            offered = self.source.traits | ({} if self.dim is None else {"dim": self.dim})
            closed = construct(cls, options, offered)
            self._begin(name)
            found = closed.solve(self.source, seed=self.recipe.seed)
            saved.save(found, folder, Encoder)
            health = self._health(found)
            say(health.sentence())
            return _Learnt(found, None, health)
        objective = self._objective(cls, options)
        self._begin(name)
        found = fit(objective, self.source, self.recipe, run=folder, watch=Watch(label=self.label))
        # Whitened vectors tell kinds apart better; a decoder needs them as they are.
        if objective.decoder is None:
            found = project(found, self.source, found.dim)
        return _Learnt(found, objective.decoder, self._health(found))

    def _objective(self, cls: type[Objective], options: dict[str, Any]) -> Objective:
        """Options go to the objective where it knows them, else to the encoder."""
        network = encoders.find(self.encoder)
        own = {k: v for k, v in options.items() if k in parameters(cls)}
        others = {k: v for k, v in options.items() if k not in own}
        dim = {"dim": self.dim or cls.dim} if "dim" in parameters(network) else {}
        torch.manual_seed(self.recipe.seed)  # the first weights
        encoder = encoders.build(self.encoder, self.source.traits, **dim, **others)
        return construct(cls, own, {"encoder": encoder, **self.source.traits})

    def _begin(self, name: str) -> None:
        say(f"Learning by {name} from {len(self.source):,} samples.")

    def _health(self, encoder: Encoder) -> Health:
        held = plan(len(self.source), changed(self.recipe, batch=1, accumulate=1), 1).held
        return report(encoder, self.source, rows=held if len(held) else None, label=self.label)

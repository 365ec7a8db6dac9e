"""From data to a space: learn an encoder, judge it, fill a space with its vectors."""

import os
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import encoders, objectives, saved
from .console import say
from .decoders import Decoder
from .encoders import Encoder
from .encoders.projected import evened
from .encoders.vit import patch_for
from .find import construct, parameters
from .judging import Judge, Judged, table
from .objectives import ClosedForm, Objective
from .source import Source, arrived, sent
from .source._kind import kind, reader
from .source.boxes import Boxed
from .source.graphs import Graph, Graphs
from .source.interactions import Interactions
from .source.pairs import Pairs
from .space import Space
from .target import Target, default_name, paths
from .telling import with_told
from .training.distributed import group, in_turn, wait
from .training.everywhere import everywhere
from .training.fit import fit
from .training.folder import best
from .training.recipe import Recipe
from .training.watch import Watch
from .trunk import detector_for
from .usual import (
    HALVES,
    TOWERS,
    Usual,
    check,
    check_label,
    encoder_for,
    kind_for,
    side_by_side,
    takes,
    two_towers,
    usual,
    with_vocabulary,
)

ENOUGH = 1000  # samples; with fewer, `auto` trains no network
NARROW = 16  # a convnet's width when there is but a minute: many cheap steps beat few dear ones
AXES_FROM = 20_000  # samples are enough to whiten by

_TWO_MINUTES = Recipe()


def learn(
    data: Any,
    objective: str = "auto",
    *,
    out: str | os.PathLike[str] | None = None,
    as_: str | None = None,
    encoder: str | None = None,
    dim: int | None = None,
    recipe: Recipe = _TWO_MINUTES,
    label: str | None = None,
    replace: bool = False,
    ray: str | None = None,
    **options: Any,
) -> Space:
    """Learns an encoder from `data` (a source, or what one of ilk's readers reads) and fills a space.

    out        where to: OUT.run and OUT.space (default: the data's own name, in this folder)
    as_        what the data are: images, text, graphs, pairs or boxes (default: what most of them look like,
               and pairs or boxes where the objective is for such)
    encoder    for objectives that train a network (default: what suits it); `dim` is the length of a vector
    label      a metadata column to judge by; without one, a score that is less sure (see judging.py) decides
    replace    throw away a run and a space of that name first
    ray        train on the Ray cluster of that address; "auto": as RAY_ADDRESS says, or one here
    options    more keywords of the objective and the encoder

    `auto` takes `patches` at once, then `simclr` for the minutes of the recipe, and keeps the best of these
    and of white PCA (of text: `sif`, `simcse`, TF-IDF; of a graph: `node2vec`, `infomax`, features). The
    result is shown beside the baselines.
    Call it again, the same, to go on after a kill. Under torchrun all processes call it: they share the steps
    of a network; the rest the first one does while the others wait.
    """
    with group() as (rank, _):
        with in_turn():
            of = as_ or kind_for(objective, data)
            if objective == "auto" and of in HALVES:
                objective = usual(of).quick  # there is but one way
            reads = None if isinstance(data, Source) else reader(of, data)
            check(objective, encoder, dim, options, of=of)
            source = data if reads is None else reads(data)
            check_label(label, source)
            encoder = encoder or encoder_for(objective, of)
            job = _Job(source, encoder, dim, _sharp(recipe, len(source)), label, options, ray)
            # Before the target: what refuses an option leaves no half-made run behind.
            made = None if objective == "auto" else job.built(objective)
        name = Path(out) if out is not None else default_name(data)
        if rank > 0:
            return _helped(job, objective, made, name)
        asked = {"objective": objective, "encoder": encoder, "dim": dim, "options": options}
        content, users = source, None
        if isinstance(made, Objective):
            content, users = made.content(source, made.encoder), made.askers(source)
        found_at = _found_at(data)
        target = Target(name, asked, content, found_at=found_at, replace=replace, own=_own(made), users=users)
        target.list_skipped(source)
        space = _auto(job, target) if made is None else _one(job, target, objective, made)
        wait()
        return space


def _folder(run: Path, objective: str) -> Path:
    return run / Path(objective.rpartition(":")[2]).stem


def _found_at(data: Any) -> str | None:
    if isinstance(data, str | os.PathLike):
        return os.fspath(data)
    return data.found_at if isinstance(data, Source) else None


def _own(made: ClosedForm | Objective | None) -> bool:
    """Whether something else goes into the space than the samples: words that texts hold."""
    return isinstance(made, ClosedForm) and type(made).content is not ClosedForm.content


def _sharp(recipe: Recipe, n: int) -> Recipe:
    """More held out of small data, unless the share was chosen: a score of 16 samples decides nothing."""
    if recipe.held_out != Recipe.held_out:
        return recipe
    return replaced(recipe, held_out=max(Recipe.held_out, min(0.2, 128 / n)))


def _helped(job: "_Job", name: str, made: ClosedForm | Objective | None, out: Path) -> Space:
    """What all processes but the first do: their share of the steps of a network."""
    run, space = paths(out)
    slow = job.usual.slow
    if made is None and job.enough:
        name, made = slow, job.built(slow)
    if isinstance(made, Objective):
        job.fitted(made, _folder(run, name))
    wait()
    return Space.open(space)


def _share(told: Any) -> None:
    """What each process of a cluster does."""
    where, rest, name, folder = told
    with group():
        with in_turn():
            job = _Job(arrived(where), *rest)
            made = job.built(name)
        assert isinstance(made, Objective)
        job.fitted(made, folder)


def _one(job: "_Job", target: Target, name: str, made: ClosedForm | Objective) -> Space:
    found = job.learnt(name, made, target.run)
    job.compare({name: found})
    if isinstance(made, Objective) and (users := made.askers(job.source)) is not None:
        say(f"{target.fill(found.encoder, None, users, at=target.users).path} holds the users.")
    content = made.content(job.source, found.encoder)
    return target.fill(found.encoder, found.decoder, content)


def _auto(job: "_Job", target: Target) -> Space:
    """The best of a quick way, a slow one and a plain one; the quick at once: something to look at."""
    quick, slow, plain = job.usual.quick, job.usual.slow, job.usual.plain
    first = job.learnt(quick, job.built(quick), target.run)
    made = {quick: first}
    waiting = not target.space.exists()  # a space that stands stays until it is known what is better
    space = target.fill(first.encoder, None, job.source) if waiting else Space.open(target.space)
    if job.blind:
        say(f"Without a label nothing tells whether {slow} is better: {quick} is kept.")
        job.compare(made)
        return space if waiting else target.fill(first.encoder, None, job.source)
    if not job.enough:
        say(f"{len(job.source)} samples are too few to train a network on.")
    else:
        say(f"{space.path} is ready to be looked at. Next: does {slow} do better?")
        made[slow] = job.learnt(slow, job.built(slow), target.run)
    judged = job.compare(made)
    asked = [j for j in judged if j.name in (*made, plain)]
    best = max(asked, key=lambda j: j.score)  # of equals the first: the quick one
    told = ", ".join(f"{j.name} {j.score:.1%}" for j in asked)
    say(f"{best.by}: {told}; {best.name} is kept.")
    if best.name not in made:
        saved.save(best.encoder, target.run / best.name, Encoder)
    elif best.name == quick and waiting:
        return space
    decoder = made[best.name].decoder if best.name in made else None
    return target.fill(best.encoder, decoder, job.source)


@dataclass(frozen=True)
class _Learnt:
    encoder: Encoder
    decoder: Decoder | None


@dataclass(frozen=True)
class _Job:
    source: Source
    encoder: str
    dim: int | None
    recipe: Recipe
    label: str | None
    options: dict[str, Any]  # of the objective and the encoder; `auto` has none
    ray: str | None

    @property
    def usual(self) -> Usual:
        return usual("whole graphs" if isinstance(self.source, Graphs) else kind(self.source))

    @property
    def enough(self) -> bool:
        """For `auto` to train a network."""
        return len(self.source) >= ENOUGH

    @property
    def blind(self) -> bool:
        """Whether there is no score: nodes have no other view, so only labels can judge."""
        return self.label is None and isinstance(self.source, Graph)

    def built(self, name: str) -> ClosedForm | Objective:
        cls = objectives.find(name)
        if issubclass(cls, ClosedForm):
            offered = self.source.traits | ({} if self.dim is None else {"dim": self.dim})
            offered |= {} if self.recipe.epochs is None else {"epochs": self.recipe.epochs}
            return construct(cls, self.options, offered)
        return self._objective(cls, self.options)

    def learnt(self, name: str, objective: ClosedForm | Objective, run: Path) -> _Learnt:
        """One objective, from start to end."""
        folder = _folder(run, name)
        say(f"Learning by {name} from {len(self.source):,} samples.")
        if isinstance(objective, ClosedForm):
            found = objective.solve(self.source, seed=self.recipe.seed)
            saved.save(found, folder, Encoder)
            return _Learnt(found, None)
        found = self.fitted(objective, folder) if self.ray is None else self._far(name, objective, folder)
        # Whitened vectors tell kinds apart better; a decoder needs them as they are.
        if objective.decoder is None and objective.level:
            found = evened(found, self.source, rows=self._some())
        return _Learnt(found, objective.decoder)

    def fitted(self, objective: Objective, folder: Path) -> Encoder:
        return fit(objective, self.source, self.recipe, run=folder, watch=Watch(label=self.label))

    def _far(self, name: str, objective: Objective, folder: Path) -> Encoder:
        """On a cluster, where each process reads the data for itself; data with no address travel there."""
        assert self.ray is not None
        rest = (self.encoder, self.dim, self.recipe, self.label, self.options, None)
        told = (sent(self.source), rest, name, folder.absolute())
        everywhere(self.ray, _share, told, batch=self.recipe.batch, run=folder)
        return best(folder, objective)

    def compare(self, made: dict[str, _Learnt]) -> list[Judged]:
        """Those made, then the baselines; said as a table."""
        judge = Judge(self.source, self.recipe, self.label)
        judged = [judge(name, one.encoder) for name, one in made.items()]
        say(judged[0].health.sentence())
        judged += [one for one in judge.baselines(self.dim) if one.name not in made]
        for line in table(judged):
            say(line)
        return judged

    def _some(self) -> np.ndarray:
        """Enough rows for the axes of a few hundred dimensions, of however many there are."""
        rows = np.random.default_rng(self.recipe.seed).permutation(len(self.source))[:AXES_FROM]
        return np.sort(rows)

    def _objective(self, cls: type[Objective], options: dict[str, Any]) -> Objective:
        """Options go to the objective where it knows them, else to the encoder."""
        network = encoders.find(self.encoder)
        own = {k: v for k, v in options.items() if k in parameters(cls)}
        others = {k: v for k, v in options.items() if k not in own}
        if takes(cls) == "boxes":
            assert isinstance(self.source, Boxed)  # as `check` saw
            finder = detector_for(self.source, self.encoder, self.recipe.seed, **others)
            return construct(cls, own, {"encoder": finder, **self.source.traits})
        if isinstance(self.source, Interactions):
            torch.manual_seed(self.recipe.seed)
            both = side_by_side(self.source, self.dim or cls.dim, self.recipe.seed, **others)
            return construct(cls, own, {"encoder": both})
        towers = {k: others.pop(k) for k in TOWERS["pairs"] if k in others and isinstance(self.source, Pairs)}
        others = with_vocabulary(network, cls, others, self.source, self.recipe.seed)
        others = with_told(network, others, self.source, self.recipe.seed)
        dim = {"dim": self.dim or cls.dim} if "dim" in parameters(network) else {}
        torch.manual_seed(self.recipe.seed)  # the first weights
        minutes = self.recipe.minutes
        hurried = self.encoder == "convnet" and minutes is not None and minutes <= 1
        offered = self.source.traits | ({"width": NARROW} if hurried else {})
        if self.encoder == "vit":
            offered["patch"] = patch_for(offered["size"])
        encoder = encoders.build(self.encoder, offered, **dim, **others)
        if isinstance(self.source, Pairs):
            encoder = two_towers(encoder, self.source, self.recipe.seed, **towers)
        return construct(cls, own, {"encoder": encoder, **self.source.traits})

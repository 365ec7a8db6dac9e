"""One job of learning: its data, its options, and how each objective is built, learnt and judged on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import encoders, objectives, saved
from ..console import say
from ..decoders import Decoder
from ..encoders import Encoder
from ..encoders.fused import Fused
from ..encoders.projected import evened
from ..encoders.vit import patch_for
from ..find import construct, parameters
from ..objectives import ClosedForm, Objective
from ..source import Source, arrived, sent
from ..source._kind import kind
from ..source.boxes import Boxed
from ..source.graphs import Graph, Graphs
from ..source.interactions import Interactions
from ..source.pairs import Pairs
from ..training.distributed import group, in_turn
from ..training.everywhere import everywhere
from ..training.fit import fit
from ..training.folder import best
from ..training.recipe import Recipe
from ..training.watch import Watch
from .judging import Judge, Judged, table
from .telling import with_told
from .towers import side_by_side, start_from, two_towers, with_vocabulary
from .trunk import detector_for
from .usual import TOWERS, Usual, takes, usual

ENOUGH = 1000  # samples; with fewer, `auto` trains no network
NARROW = 16  # a convnet's width when there is but a minute: many cheap steps beat few dear ones
AXES_FROM = 20_000  # samples are enough to whiten by


def folder_of(run: Path, objective: str) -> Path:
    return run / Path(objective.rpartition(":")[2]).stem


def hurried(encoder: str, recipe: Recipe) -> bool:
    """Whether the network is to be a narrow one."""
    return encoder == "convnet" and recipe.minutes is not None and recipe.minutes <= 1


@dataclass(frozen=True)
class Learnt:
    encoder: Encoder
    decoder: Decoder | None


@dataclass(frozen=True)
class Job:
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

    def learnt(self, name: str, objective: ClosedForm | Objective, run: Path) -> Learnt:
        """One objective, from start to end."""
        folder = folder_of(run, name)
        say(f"Learning by {name} from {len(self.source):,} samples.")
        if isinstance(objective, ClosedForm):
            found = objective.solve(self.source, seed=self.recipe.seed)
            saved.save(found, folder, Encoder)
            return Learnt(found, None)
        found = self.fitted(objective, folder) if self.ray is None else self._far(name, objective, folder)
        # Whitened vectors tell kinds apart better; a decoder needs them as they are.
        if objective.decoder is None and objective.level:
            found = evened(found, self.source, rows=self._some())
        return Learnt(found, objective.decoder)

    def fitted(self, objective: Objective, folder: Path) -> Encoder:
        return fit(objective, self.source, self.recipe, run=folder, watch=Watch(label=self.label))

    def _far(self, name: str, objective: Objective, folder: Path) -> Encoder:
        """On a cluster, where each process reads the data for itself; data with no address travel there."""
        assert self.ray is not None
        rest = (self.encoder, self.dim, self.recipe, self.label, self.options, None)
        told = (sent(self.source), rest, name, folder.absolute())
        everywhere(self.ray, _share, told, batch=self.recipe.batch, run=folder)
        return best(folder, objective)

    def compare(self, made: dict[str, Learnt]) -> list[Judged]:
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
        offered = self.source.traits | ({"width": NARROW} if hurried(self.encoder, self.recipe) else {})
        if self.encoder == "vit":
            offered["patch"] = patch_for(offered["size"])
        encoder = encoders.build(self.encoder, offered, **dim, **others)
        if "start" in options:
            start_from(encoder, options["start"])
        if isinstance(self.source, Pairs):
            two = two_towers(encoder, self.source, self.recipe.seed, **towers)
            encoder = Fused(two) if objectives.usual_encoder(cls) == "fused" else two
        return construct(cls, own, {"encoder": encoder, **self.source.traits})


def _share(told: Any) -> None:
    """What each process of a cluster does."""
    where, rest, name, folder = told
    with group():
        with in_turn():
            job = Job(arrived(where), *rest)
            made = job.built(name)
        assert isinstance(made, Objective)
        job.fitted(made, folder)

"""Which of several encoders is the best, and what the plain ones give: every result is shown beside them.

A handful of labels decides better than any score without them. Where there is none, `found_again` does:
how often one changed copy of a held-out picture finds the other, averaged over six kinds of change, with
every encoder's vectors on the same number of whitened axes (of a text, how often one half finds the other).
Under the views that it learnt from alone, a
contrastive encoder scores high whatever it is worth.

What it is worth (`benchmarks/judges.py`, twelve encoders, one seed): its rank correlation with quality is .63
on MNIST, .41 on OpenMoji, .81 on the black holes' continuum and -.05 on their populations, where all are at
.99; plain view retrieval has .63, .12, .54 and .15. Of patches, white PCA and SimCLR it took the best on the
first three and one .004 below it on the last. It was picked among some fifty scores on these same sets:
expect less elsewhere, and give labels if you can.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from .. import encoders, objectives
from ..encoders import Encoder, encode
from ..encoders.projected import project
from ..find import construct
from ..objectives import ClosedForm
from ..source import Source
from ..source._kind import kind
from ..source.views import Preset, Views
from ..training import health
from ..training.checked import Health
from ..training.order import plan
from ..training.recipe import Recipe
from ..training.watch import report, some

ROWS = 256  # pictures looked for
BANK = 2048  # samples from which baselines and whitened axes are made
AXES = 64
RANDOM = 128  # dimensions
CHANGES = (  # beside the source's own views; no encoder learns from all of these
    Preset(crop=(0.5, 0.5)),
    Preset(cut=1, hole=(0.4, 0.6)),
    Preset(noise=(0.5, 0.5)),
    Preset(shift=(-0.1, 0.1)),
    Preset(blurred=1, blur=(0.02, 0.06)),
)


@dataclass(frozen=True)
class Judged:
    name: str
    encoder: Encoder
    health: Health
    found: float | None  # by `found_again`; None: of samples that cannot be changed

    @property
    def score(self) -> float:
        known = (self.health.knn, self.found, self.health.view_retrieval)
        return 0.0 if self.health.collapsed else next((v for v in known if v is not None), 0.0)

    @property
    def by(self) -> str:
        """What the score is."""
        if self.health.knn is not None:
            return f"right {self.health.label} by kNN"
        return "view retrieval" if self.found is None else "found again"


class Judge:
    """Asks the same held-out samples (some of all, where none are held out) of every encoder."""

    def __init__(self, source: Source, recipe: Recipe, label: str | None = None) -> None:
        self.source, self.seed, self.label = source, recipe.seed, label
        # A batch of one: nothing is to be said of batches here
        self.held = plan(len(source), replace(recipe, batch=1, accumulate=1), 1).held
        everything = np.arange(len(source))
        rng = np.random.default_rng(0)
        self.rows = some(rng, self.held if len(self.held) else everything, ROWS)
        self.bank = some(rng, np.setdiff1d(everything, self.held), BANK)

    def __call__(self, name: str, encoder: Encoder) -> Judged:
        seen = report(encoder, self.source, rows=self.held if len(self.held) else None, label=self.label)
        return Judged(name, encoder, seen, found_again(encoder, self.source, self.rows, self.bank))

    def baselines(self, dim: int | None = None) -> Iterator[Judged]:
        """What needs no learning: pictures as they are, `dim` main axes of them, a network's first weights.

        Of texts: which words they hold, in many dimensions and in few. Of nodes: their features, a network's
        first weights.
        """
        if kind(self.source) == "graphs":
            yield self("features", self._solved("features"))
            with torch.random.fork_rng([]):
                torch.manual_seed(self.seed)
                untaught = encoders.build("gcn", self.source.traits, dim=dim or RANDOM).eval()
            yield self("random", untaught)
            return
        if kind(self.source) == "text":
            yield self("tfidf", self._solved("tfidf"))
            yield self("random", self._solved("tfidf", dim=dim or RANDOM))
            return
        if kind(self.source) in ("pairs", "interactions"):  # what goes together, nothing tells unlearnt
            return
        traits = self.source.traits
        if not {"channels", "size"} <= traits.keys():
            return
        pixels = encoders.build("pixels", traits).eval()
        yield self("pca", project(pixels, self.source, dim or AXES, rows=self.bank))
        yield self("pixels", pixels)
        yield self("random", self._solved("random"))

    def _solved(self, name: str, **options: int) -> Encoder:
        cls = objectives.find(name)
        assert issubclass(cls, ClosedForm)
        return construct(cls, options, {}).solve(self.source, seed=self.seed)


def found_again(encoder: Encoder, source: Source, rows: np.ndarray, bank: np.ndarray) -> float | None:
    """Mean share of `rows` that are found, over the kinds of change; None where there are none.

    The axes come from `bank`, few where that is small: as many axes as samples would tell any samples apart.
    """
    x = source.batch(rows)
    pictures = isinstance(x, Tensor) and x.ndim == 4  # (B, C, H, W)
    changes = [v for v in (source.views(), *(map(Views, CHANGES) if pictures else ())) if v is not None]
    if not changes:
        return None
    axes = min(AXES, encoder.dim, max(2, len(bank) // 8))
    white = project(encoder, source, axes, rows=bank)
    shares = []
    for views in changes:
        with torch.random.fork_rng([]):
            torch.manual_seed(0)
            pair = views(x)
        shares.append(health.view_retrieval(encode(white, pair[0]), encode(white, pair[1])))
    return float(np.mean(shares))


def table(judged: Sequence[Judged]) -> list[str]:
    """A heading, then one line an encoder, the best first."""
    label = judged[0].health.label
    rows = [
        ("", "dimensions", "effective rank", "found again", *([] if label is None else [f"right {label}"]))
    ]
    for one in sorted(judged, key=lambda j: -j.score):
        figures = [one.found, *([] if label is None else [one.health.knn])]
        shares = ("-" if v is None else f"{v:.1%}" for v in figures)
        rows.append((one.name, str(one.encoder.dim), f"{one.health.rank:.0f}", *shares))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join([r[0].ljust(widths[0]), *map(str.rjust, r[1:], widths[1:])]) for r in rows]

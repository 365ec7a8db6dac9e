"""How a run is going: health on samples it never learns from, and what that says in one sentence."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..decoders import Decoder
from ..encoders import Encoder, batches, embed, encode
from ..encoders._embed import device_of, move
from ..errors import TrainingError
from ..source import Source, Views
from ..source._labels import column
from . import health

_BATCH = 256
_BANK = 2048  # labelled samples that the held-out ones vote with
SAME, FEW = 0.05, 0.2  # variety and coverage below which a generator has collapsed
_SIDE = 32  # pixels at which what is made is compared with samples


@dataclass(frozen=True)
class Health:
    samples: int  # that were measured
    held_out: bool  # whether they were kept from learning
    dim: int
    rank: float  # RankMe
    rank_about_mean: float  # the same of the centred vectors
    spread: float  # RMS distance from the mean, as a share of the RMS length
    alpha: float | None  # alpha-ReQ
    uniformity: float
    alignment: float | None  # None: no two views are known
    view_retrieval: float | None
    label: str | None  # the column that `knn` is about
    knn: float | None
    given_back: float | None = None  # share of the samples' variance that is decoded, or found under noise
    by_label: bool = False  # `knn` decides: the labels are what is learnt
    perplexity: float | None = None  # of texts: among how many pieces a model that writes them wavers
    map50: float | None = None  # of what is found in pictures, see objectives/_base.py
    coverage: float | None = None  # share of the samples that have something made within their reach
    lifelike: float | None = None  # share of what is made that lies within reach of a sample
    variety: float | None = None  # variance of what is made, as a share of the samples'

    @property
    def deciding(self) -> float | None:
        """What the best encoder of a run is chosen by; more is better.

        A vector that shall hold the whole sample is judged by what comes back. View retrieval rewards
        forgetting what the views change, and stood still (.46, .44) while what came back rose from .70
        to .84: 1,000 black holes, 10 dimensions, steps 63 to 250.
        """
        if self.perplexity is not None:
            return -math.log(self.perplexity)
        if self.map50 is not None:
            return self.map50
        if self.by_label:
            return self.knn
        if self.coverage is not None:
            return self.coverage
        return self.view_retrieval if self.given_back is None else self.given_back

    @property
    def decided_by(self) -> str:
        if self.map50 is not None:
            return "mAP@50"
        if self.by_label:
            return f"right {self.label}"
        if self.coverage is not None:
            return "coverage"
        return "view retrieval" if self.given_back is None else "what comes back"

    def doubt(self, share: float) -> float:
        """The standard error of a deciding figure of that height."""
        same = any(one is not None for one in (self.given_back, self.perplexity, self.map50))
        if same and self.coverage is None:
            return 0.0  # the same samples at every check: what differs is what was learnt
        return math.sqrt(share * (1 - share) / self.samples) + 1 / self.samples

    @property
    def collapsed(self) -> bool:
        """All vectors (nearly) the same, or all on one line.

        Also on a line through 0, where the cosine of any two is 1 and the little that is left about their
        mean may point anywhere; but a decoder's user does not compare by cosine, and what tells the next
        piece of a text has no reason to spread its vectors about 0.
        """
        if self.map50 is not None:
            return False  # what counts is what it finds, and that is what decides
        straight = self.given_back is None and self.perplexity is None
        rank = min(self.rank, self.rank_about_mean) if straight else self.rank_about_mean
        if self.samples < 3:  # these always lie on one line
            return False
        return self.spread < 1e-3 or (self.dim > 2 and rank < 1.5)

    @property
    def narrow(self) -> str:
        """What a generator that has collapsed makes, in words; empty where it has not."""
        if self.variety is None or self.lifelike is None or self.coverage is None:
            return ""
        if self.variety < SAME:
            return "is nearly all the same"
        if self.lifelike > 0.5 and self.coverage < FEW:
            return f"is of a few kinds only: it covers {self.coverage:.0%} of the samples"
        return ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "collapsed": self.collapsed}

    def sentence(self) -> str:
        if self.collapsed:
            how = "have nearly the same vector" if self.spread < 1e-3 else "lie nearly on one line"
            return (
                f"Collapsed: all samples {how}; nothing can be told apart. "
                "Try a lower learning rate, a larger batch or another objective."
            )
        if self.narrow:
            return (
                f"The generator has collapsed: what it makes {self.narrow}. "
                "Try a lower learning rate, a larger batch or another seed."
            )
        which = f"{self.samples} {'held-out samples' if self.held_out else 'samples'}"
        parts = [f"effective rank {self.rank:.0f} of {self.dim}"]
        if self.view_retrieval is not None:
            parts.insert(0, f"{self.view_retrieval:.0%} of {which} find their own other view among all")
        if self.given_back is not None:
            parts.insert(0, f"{max(0.0, self.given_back):.0%} of the variance of {which} comes back")
        if self.perplexity is not None:
            parts.insert(0, f"perplexity {self.perplexity:.1f} a piece of {which}")
        if self.map50 is not None:
            parts.insert(0, f"mAP@50 {self.map50:.1%} of what is in {which}")
        if self.coverage is not None:
            told = f"what it makes covers {self.coverage:.0%} of {which}"
            parts.insert(0, f"{told}; {self.lifelike:.0%} of it lies among them")
        if self.knn is not None:
            parts.append(f"{self.knn:.1%} take the right {self.label} from their neighbours")
        return f"{'; '.join(parts)}."


class Watch:
    """What is measured at a check: `rows` held-out samples, and by kNN the metadata column `label`.

    `decides`: the best encoder is the one whose neighbours name the right label.
    """

    def __init__(self, *, label: str | None = None, rows: int = 512, decides: bool = False) -> None:
        self.label, self.decides = label, decides
        self.rows = rows

    def measure(
        self,
        encoder: Encoder,
        source: Source,
        held: np.ndarray,
        others: np.ndarray,
        spare: Views | None = None,
        decoder: Decoder | None = None,
        perplexity: Callable[[Source, np.ndarray], float | None] = lambda source, rows: None,
        given_back: Callable[[Source, np.ndarray], float | None] = lambda source, rows: None,
        map50: Callable[[Source, np.ndarray], float | None] = lambda source, rows: None,
        made: Callable[[int], Any] = lambda n: None,
    ) -> Health:
        """`held`: rows never learnt from (may be empty); `spare`: views where the source knows none."""
        rng = np.random.default_rng(0)  # the same samples at every check: the figures compare
        # Without held-out samples half are asked, so that the other half can answer for their labels.
        most = self.rows if len(held) or self.label is None else min(self.rows, max(1, len(others) // 2))
        rows = some(rng, held if len(held) else others, most)
        bank = some(rng, np.setdiff1d(others, rows), _BANK) if self.label else rows[:0]
        with torch.random.fork_rng(_devices(encoder)):
            torch.manual_seed(0)
            z, pair = _vectors(encoder, source, rows, source.views() or spare)
            wavers, again = perplexity(source, rows), given_back(source, rows)
            own = made(len(rows))
        knn = None
        if self.label is not None and len(bank):
            knn = _knn(encoder, source, self.label, bank, rows, z)
        centred = z - z.mean(0)
        alpha = health.alpha_req(z)
        return Health(
            samples=len(rows),
            held_out=len(held) > 0,
            dim=z.shape[1],
            rank=health.rankme(z),
            rank_about_mean=health.rankme(centred),
            spread=float((centred.square().sum() / z.square().sum().clamp(min=1e-30)).sqrt()),
            alpha=alpha if math.isfinite(alpha) else None,
            uniformity=health.uniformity(z),
            alignment=health.alignment(*pair) if pair else None,
            view_retrieval=health.view_retrieval(*pair) if pair else None,
            label=self.label,
            knn=knn,
            given_back=again if decoder is None else _given_back(decoder, source, rows, z),
            by_label=self.decides,
            perplexity=wavers,
            map50=map50(source, rows),
            **_of_made(own, source, rows),
        )


def report(
    encoder: Encoder, source: Source, *, rows: np.ndarray | None = None, label: str | None = None
) -> Health:
    """The health of any encoder on `rows` of a source (None: some of all)."""
    everything = np.arange(len(source))
    held = everything[:0] if rows is None else rows
    watch = Watch(label=label) if rows is None else Watch(label=label, rows=len(rows))
    return watch.measure(encoder, source, held, everything)


def some(rng: np.random.Generator, rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, drawn by `rng`, in order."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _devices(encoder: Encoder) -> list[int]:
    device = device_of(encoder)
    return [device.index] if device.type == "cuda" else []


def _vectors(
    encoder: Encoder, source: Source, rows: np.ndarray, views: Views | None
) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
    """(n, D) of the samples as they are, and of two views of each where there are any."""
    plain: list[Tensor] = []
    pairs: list[tuple[Tensor, Tensor]] = []
    for batch in batches(source, _BATCH, rows):
        batch = move(batch, device_of(encoder))
        plain.append(_finite(encode(encoder, batch), source, rows[_BATCH * len(plain) :]))
        pair = _pair(views, batch)
        if pair is not None:
            pairs.append((encode(encoder, pair[0]), encode(encoder, pair[1])))
    z = torch.cat(plain)
    if len(pairs) < len(plain):
        return z, None
    return z, (torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs]))


def _given_back(decoder: Decoder, source: Source, rows: np.ndarray, z: Tensor) -> float | None:
    """R2 of the samples from their vectors (n, D), about their mean; None where these are no numbers alike.

    Below 0: worse than that mean.
    """
    off, total, mean = 0.0, 0.0, None
    for i, batch in enumerate(batches(source, _BATCH, rows)):
        if not isinstance(batch, Tensor):
            return None
        told = _decoded(decoder, z[i * _BATCH : (i + 1) * _BATCH])
        if told.shape != batch.shape:
            return None
        mean = batch.mean(0) if mean is None else mean
        off += float((told - batch).square().sum(dtype=torch.float64))
        total += float((batch - mean).square().sum(dtype=torch.float64))
    return 1 - off / total if total > 0 and math.isfinite(off) else None


def _of_made(made: Any, source: Source, rows: np.ndarray) -> dict[str, float]:
    """How pictures of an objective's own making lie among samples, by their pixels, which stay the same."""
    if not isinstance(made, Tensor) or len(rows) < 3:
        return {}
    real, own = (_small(x) for x in (torch.cat([*batches(source, _BATCH, rows)]), made))
    found = health.likeness(real, own)
    variety = float(own.var(0).sum() / real.var(0).sum().clamp(min=1e-30))
    return {"coverage": found.coverage, "lifelike": found.precision, "variety": variety}


def _small(x: Tensor) -> Tensor:  # (n, C, H, W) -> (n, C * h * h)
    side = min(_SIDE, *x.shape[2:])
    return F.adaptive_avg_pool2d(x.float().cpu(), side).flatten(1)


@torch.inference_mode()
def _decoded(decoder: Decoder, z: Tensor) -> Tensor:
    was_training = decoder.training
    batch: Tensor = decoder.eval()(z.to(device_of(decoder)))
    decoder.train(was_training)
    return batch.float().cpu()


def _pair(views: Views | None, batch: Any) -> Sequence[Any] | None:
    """Two views that the encoder takes as it takes the batch, if these views are such."""
    if views is None:
        return None
    some = views(batch)
    alike = [
        v for v in some if not isinstance(batch, Tensor) or (isinstance(v, Tensor) and v.shape == batch.shape)
    ]
    return alike[:2] if len(alike) >= 2 else None


def _finite(z: Tensor, source: Source, rows: np.ndarray) -> Tensor:
    """The vectors (B, D) themselves; `rows` begins with theirs."""
    bad = rows[: len(z)][~torch.isfinite(z).all(1).numpy()]
    if len(bad) == len(z):
        raise TrainingError(
            "the encoder gives vectors that are not finite numbers",
            "Its weights are broken: start anew with a lower learning_rate.",
        )
    if len(bad):
        raise TrainingError(
            f"the encoder gives no finite vector for {', '.join(source.id(int(row)) for row in bad[:5])}",
            "Leave these samples out: they probably hold numbers that are not finite.",
        )
    return z


def _knn(
    encoder: Encoder, source: Source, label: str, bank: np.ndarray, rows: np.ndarray, z: Tensor
) -> float | None:
    bank, known = _labelled(source, label, bank)
    asked, truth = _labelled(source, label, rows)
    if not len(bank) or not len(asked):
        return None
    vectors = embed(encoder, source, bank)
    return health.knn_accuracy(vectors, known, z[np.isin(rows, asked)], truth)


def _labelled(source: Source, label: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those of the rows that have a label, and the labels."""
    values = column(source, label).take(rows).to_pylist()
    has = np.array([v is not None for v in values])
    return rows[has], np.array([str(v) for v in values if v is not None])

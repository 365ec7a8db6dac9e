"""How a run is going: health on samples it never learns from, and what that says in one sentence."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..decoders import Decoder
from ..encoders import Encoder, batches, embed, encode
from ..encoders._embed import device_of, move
from ..errors import TrainingError
from ..objectives import Objective
from ..source import Source, Views
from ..source._labels import column
from . import health
from .checked import Health

_BATCH = 256
_BANK = 2048  # labelled samples that the held-out ones vote with
_SIDE, _AXES = 32, 64  # pixels a side, and main axes of these, by which what is made is compared with samples


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
        objective: Objective | None = None,
    ) -> Health:
        """`held`: rows never learnt from (may be empty).

        `objective`: the encoder's, whose views are taken where the source knows none, and which may say
        itself how well it does.
        """
        decoder = None if objective is None else objective.decoder
        rng = np.random.default_rng(0)  # the same samples at every check: the figures compare
        # Without held-out samples half are asked, so that the other half can answer for their labels.
        most = self.rows if len(held) or self.label is None else min(self.rows, max(1, len(others) // 2))
        rows = some(rng, held if len(held) else others, most)
        bank = some(rng, np.setdiff1d(others, rows), _BANK) if self.label else rows[:0]
        with torch.random.fork_rng(_devices(encoder)):
            torch.manual_seed(0)
            z, pair = _vectors(encoder, source, rows, source.views() or (objective and objective.views))
            own = {} if objective is None else _by_itself(objective, source, rows)
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
            by_label=self.decides,
            **own | ({} if decoder is None else {"given_back": _given_back(decoder, source, rows, z)}),
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


def _by_itself(objective: Objective, source: Source, rows: np.ndarray) -> dict[str, float | None]:
    """What an objective says of its own success."""
    return {
        "perplexity": objective.perplexity(source, rows),
        "given_back": objective.given_back(source, rows),
        "map50": objective.map50(source, rows),
        **_of_made(objective.made(len(rows)), source, rows),
    }


def _of_made(made: Any, source: Source, rows: np.ndarray) -> dict[str, float]:
    """How pictures of an objective's own making lie among samples, by their pixels, which stay the same."""
    if not isinstance(made, Tensor) or len(rows) < 3:
        return {}
    real, own = (_small(x) for x in (torch.cat([*batches(source, _BATCH, rows)]), made))
    found = health.likeness(real, own)
    axes = torch.linalg.svd(real - real.mean(0), full_matrices=False).Vh[:_AXES].T  # (n, _AXES)
    likeness = 1 - health.frechet((real @ axes).numpy(), (own @ axes).numpy())
    variety = float(own.var(0).sum() / real.var(0).sum().clamp(min=1e-30))
    return {"likeness": likeness, "coverage": found.coverage, "lifelike": found.precision, "variety": variety}


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

"""What an encoder makes of changes that leave the thing itself as it is.

How far the vector moves, whether the sample is still found among others, whether the change can be told.

Legend: n samples, B of them at a time, C channels, H x W pixels, D dimensions, s strengths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
from scipy.stats import binom, binomtest
from torch import Tensor

from ..console import progress
from ..encoders import encode
from ..errors import DataError
from ..source import _change, _scale
from ..source.images import Images
from ..source.normalise import normalise
from ._drawn import trust as _drawn
from ._neighbours import among, apart
from ._probed import Measure
from ._result import Picture, Result
from .again import again
from .probing import ask

if TYPE_CHECKING:
    from ..source import Json
    from ..space import Space

SOME = 400  # samples drawn, of however many
BATCH = 64
STILL = 0.1  # of the usual distance: less is as good as none
TRACE = 0.05  # of R2: less is sure, perhaps, but of no use
KNOWN = 0.9  # of the samples find themselves: fewer are taken for others

# Strengths from hardly to be seen to plain; and how a person calls them.
STRENGTHS: dict[str, tuple[tuple[float, ...], str]] = {
    "shift": ((0.02, 0.05, 0.1), "{:.0%} of the side"),
    "rotation": ((5, 20, 60), "{:g} degrees"),
    "scale": ((1.05, 1.2, 1.5), "{:g} x as large"),
    "flux": ((0.9, 0.7, 0.4), "{:g} x as bright"),
    "noise": ((0.05, 0.2, 0.5), "{:g} of the picture's spread"),
    "blur": ((0.01, 0.03, 0.06), "{:.0%} of the side"),
    "mirror": ((1,), "left for right"),
    "upside down": ((1,), "top for bottom"),
}
REMOVED = ("shift", "rotation", "scale", "flux")  # that `normalise` can take out
# The preset of views with the most of it, by which objectives that take `augment` learn to look past it.
VIEWS = {
    "shift": "astro",
    "rotation": "astro",
    "scale": "digits",
    "flux": "digits",
    "noise": "astro",
    "blur": "digits",
    "mirror": "astro",
    "upside down": "astro",
}


@dataclass(frozen=True)
class Change:
    kind: str
    strengths: tuple[float, ...]  # s
    moved: tuple[Measure, ...]  # of each strength: the median way, as a share of the usual distance
    found: tuple[Measure, ...]  # share of samples that are nearest to themselves as they were
    told: Measure  # R2 by which a straight line tells the change from the vectors of samples held out

    @property
    def verdict(self) -> str:
        if self.told.low > 0 and self.told.value > TRACE:
            return "carried"
        return "lost" if self.moved[-1].value < STILL else "mixed"  # moves, but does not say by what

    def strength(self, i: int) -> str:
        return STRENGTHS[self.kind][1].format(self.strengths[i])


@dataclass(frozen=True)
class Invariance(Result):
    rows: int  # n
    removed: tuple[str, ...]  # taken out of every picture before the encoder sees it
    changes: list[Change]

    def table(self) -> pa.Table:
        """One row a change and strength."""
        rows = []
        for c in self.changes:
            for i, (moved, found) in enumerate(zip(c.moved, c.found)):
                row = {"change": c.kind, "strength": c.strength(i), "moved": moved.value, "low": moved.low}
                row |= {"high": moved.high, "found": found.value, "R2": c.told.value, "R2_low": c.told.low}
                rows.append(row | {"R2_high": c.told.high, "verdict": c.verdict})
        return pa.Table.from_pylist(rows)

    def sentence(self) -> str:
        carried, lost = ([c.kind for c in self.changes if c.verdict == v] for v in ("carried", "lost"))
        off = [c for c in self.changes if c.found[-1].high < KNOWN]
        parts = [f"The vectors tell {_listed(carried) or 'no change'}."]
        parts += [f"Of {_listed(lost)} they hold nothing."] if lost else []
        if off:
            shares = (f"{c.found[-1].value:.0%} after {c.kind} ({c.strength(-1)})" for c in off)
            parts.append(f"Of {self.rows:,} samples still find themselves: {', '.join(shares)}.")
        return " ".join([*parts, _advice([c.kind for c in off], self.removed)])

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_invariance(self)


def _listed(names: list[str]) -> str:
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), *names[-1:]])


def _advice(off: list[str], removed: tuple[str, ...]) -> str:
    if not off:
        return "None of them makes a sample be taken for another: nothing needs to be done."
    out = [k for k in off if k in REMOVED and k not in removed]
    ways = [f"read single objects with --normalise {','.join([*removed, *out])}"] if out else []
    ways.append(f"learn by views that have it (--augment {' or '.join(sorted({VIEWS[k] for k in off}))})")
    return f"Where {_listed(off)} should mean nothing: {', or '.join(ways)}."


def invariance(space: Space, data: Any = None, *, seed: int = 0) -> Invariance:
    """How the space's encoder takes shift, rotation, scale, flux, noise, blur and flips of its own pictures.

    data   the pictures again; None: where `ilk learn` found them, else the space's thumbnails

    A picture is changed before anything is taken out of it (`normalise`) or stretched, as the sky would.
    """
    reading = _Reading(space.reading)
    source = again(space, data, reading.plain) if space.reading.get("reader") == "images" else None
    if not isinstance(source, Images):
        raise DataError(f"{space.path} was not filled with pictures", "Only these can be turned and shifted.")
    if source.reading.get("normalise") is not None:
        raise DataError(
            "these pictures have been normalised already", "Give the folder or array they are from."
        )
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(source))[:SOME])
    if len(rows) < 20:
        raise DataError(f"{len(rows)} pictures", "It takes 20 or more to say what is usual.")
    signs = rng.uniform(-1, 1, len(rows))
    vectors = _encoded(space, source.take(rows), reading, signs, seed)
    ready = {name: [space.measure.ready(v) for v in several] for name, several in vectors.items()}
    base = vectors.pop("")[0]
    usual = float(np.median(apart(base, np.roll(base, len(base) // 2, 0), space.measure)))
    if usual == 0:
        raise DataError("most vectors are one and the same", "Such an encoder tells nothing: learn anew.")
    changes = []
    for kind, several in vectors.items():
        far = [apart(base, v, space.measure) / usual for v in several]
        found = [_itself(ready[""][0], v) for v in ready[kind]]
        told = _told(kind, [base, *several], signs, space.metric, rng, seed)
        changes.append(
            Change(kind, STRENGTHS[kind][0], tuple(map(_median, far)), tuple(map(_share, found)), told)
        )
    return Invariance(len(rows), reading.removed, changes)


class _Reading:
    """A space's reading in two: up to where pictures are changed, and from there on."""

    def __init__(self, reading: dict[str, Json]) -> None:
        out = reading.get("normalise")
        self.out: dict[str, Any] | None = out if isinstance(out, dict) else None
        kept = {} if self.out is not None else {"range": reading.get("range")}
        late = ("normalise", "range", "stretch")
        self.plain = {k: v for k, v in reading.items() if k not in late}
        self.plain |= {k: v for k, v in kept.items() if v is not None}
        self._early = kept
        self._late = {"stretch": reading.get("stretch", "linear")}
        self._late |= {} if self.out is None else {"range": reading.get("range")}
        self.removed = () if self.out is None else tuple(k for k in REMOVED if self.out.get(k, True))

    def before(self, stored: np.ndarray) -> Tensor:  # (B, C, H, W)
        return torch.from_numpy(_scale.scaled(stored, self._early))

    def after(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        y = x.numpy() if self.out is None else normalise(x.numpy(), **self.out)[0]
        return torch.from_numpy(_scale.scaled(y, self._late))


def _encoded(
    space: Space, source: Images, reading: _Reading, signs: np.ndarray, seed: int
) -> dict[str, list[np.ndarray]]:
    """By kind, for each strength, (n, D); under "" the samples as they are."""
    draw = torch.Generator().manual_seed(seed)
    found: dict[str, list[list[np.ndarray]]] = {
        "": [[]],
        **{k: [[] for _ in s] for k, (s, _) in STRENGTHS.items()},
    }
    with progress("changing pictures", len(source)) as bar:
        for start in range(0, len(source), BATCH):
            part = np.arange(start, min(start + BATCH, len(source)))
            x = reading.before(source.take(part).pixels)
            which = torch.from_numpy(signs[part].astype(np.float32))
            found[""][0].append(encode(space.encoder, reading.after(x)).numpy())
            for kind, (strengths, _) in STRENGTHS.items():
                for i, strength in enumerate(strengths):
                    y = reading.after(changed(x, kind, strength, which, draw))
                    found[kind][i].append(encode(space.encoder, y).numpy())
            bar.advance(len(part))
    return {k: [np.concatenate(v) for v in several] for k, several in found.items()}


def changed(x: Tensor, kind: str, strength: float, sign: Tensor, draw: torch.Generator) -> Tensor:
    """(B, C, H, W) changed by so much; `sign` (B,), -1 to 1, is the side of a shift and of a turn."""
    if kind == "mirror":
        return x.flip(3)
    if kind == "upside down":
        return x.flip(2)
    if kind == "flux":
        return x * strength
    if kind == "noise":
        spread = x.flatten(1).std(1, correction=0)
        return x + torch.randn(x.shape, generator=draw) * _change.each(spread * strength)
    nought, one = torch.zeros(len(x)), torch.ones(len(x))
    moves: dict[str, Callable[[], dict[str, Any]]] = {
        "shift": lambda: {
            "middle_x": strength * torch.cos(torch.pi * sign),
            "middle_y": strength * torch.sin(torch.pi * sign),
        },
        "rotation": lambda: {"turn": torch.deg2rad(strength * _side(sign)), "tan": nought},
        "scale": lambda: {"wide": one / strength, "high": one / strength},
        "blur": lambda: {"blur": one * strength * min(x.shape[2:])},
    }
    still = {"middle_x": nought, "middle_y": nought, "wide": one, "high": one, "blur": nought, "turn": None}
    still |= {"tan": None, "gain": one, "lift": nought, "mix": None}
    by = _change.Change(**{**still, **moves[kind]()})
    return _change.changed(x, 1, by, (x.shape[2], x.shape[3]))


def _side(sign: Any) -> Any:
    return 2 * (sign > 0) - 1


def _amount(kind: str, strength: float, signs: np.ndarray) -> np.ndarray:
    """What a vector would have to tell: sideways by how much, turned by how much, ...; 0 is not changed."""
    if kind == "shift":
        return np.asarray(strength * np.cos(np.pi * signs))
    if kind == "rotation":
        return np.asarray(strength * _side(signs), float)
    return np.full(len(signs), np.log(strength) if kind in ("scale", "flux") else strength)


def _told(
    kind: str, several: list[np.ndarray], signs: np.ndarray, metric: str, rng: np.random.Generator, seed: int
) -> Measure:
    """Each sample comes once, by lot as it is or changed: so none is met again among those held out."""
    n = len(signs)
    level = rng.permutation(np.arange(n) % len(several))
    amounts = np.stack([np.zeros(n), *(_amount(kind, s, signs) for s in STRENGTHS[kind][0])])  # (1 + s, n)
    vectors = np.stack(several)[level, np.arange(n)]
    asked = ask(vectors, pa.chunked_array([amounts[level, np.arange(n)]]), metric=metric, seed=seed)
    return asked.measures["R2"]


def _itself(base: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """(n,) whether the nearest of all samples as they were is the sample itself, or one just as near."""
    near = among(np.ascontiguousarray(base), np.ascontiguousarray(changed), 1)[0][:, 0]
    own, nearest = (
        np.linalg.norm(changed - other.astype(np.float64), axis=1) for other in (base, base[near])
    )
    return np.asarray(own <= nearest)


def _median(values: np.ndarray) -> Measure:
    """With an interval by ranks, which asks nothing of the distribution."""
    ranked = np.sort(values)
    low, high = (ranked[int(r)] for r in binom.interval(0.95, len(values) - 1, 0.5))
    return Measure(float(np.median(values)), float(low), float(high), 1.0)


def _share(found: np.ndarray) -> Measure:
    within = binomtest(int(found.sum()), len(found)).proportion_ci(method="wilson")
    return Measure(float(found.mean()), float(within.low), float(within.high), 1 / len(found))

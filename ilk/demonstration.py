"""The demo: black-hole pictures nobody labelled, from files to groups, oddities, a map and a report.

What was planted in the pictures is known, so everything that is found can be held against it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.metrics import adjusted_rand_score

from .analysis.anomalies import Anomalies, anomalies
from .analysis.ceiling import ceiling
from .analysis.clusters import Clusters, clusters
from .analysis.mixture import mixture
from .analysis.probe import r2
from .console import say
from .encoders import embed
from .errors import OptionError
from .learning.learn import learn
from .objectives.pca import PCA
from .objectives.pixels import Pixels
from .source.blackholes import write
from .source.images import images
from .space import Space
from .view import map, page

DIM = 10
# recipes/blackholes.py has the table. Kinds well apart are told best by main axes (of the brightness to the
# power 0.75); how much of something there is, by contrast on main axes under light and shade: turbulence
# is light and shade over the flow.
WAYS: dict[str, dict[str, Any]] = {
    "populations": {"objective": "pca", "power": 0.75, "whiten": 1.0},
    "continuum": {"objective": "shaded"},
}
# Times as many pictures of the continuum: what varies in many ways at once needs more that are alike.
MORE = 8 / 3
TOLD = 40  # main axes from which a network that is told the answers reads them
POPULATIONS = ("ring", "double ring", "no ring")
ASKED = {  # what is read off the vectors: the column it was planted as, and whether its logarithm is meant
    "spin": ("spin", False),
    "cos(inclination)": ("cos_i", False),
    "ln inner edge": ("r_in", True),
    "ln optical depth": ("tau", True),
    "ln mass": ("mass", True),
    "ln flux": ("flux", True),
}


@dataclass(frozen=True)
class Demo:
    """What was found, beside what was planted."""

    populations: Space
    continuum: Space
    groups: Clusters
    ari: dict[str, float]  # how alike the groups and the planted kinds are: 1 the same, 0 by chance
    none: Clusters  # of the continuum
    oddities: Anomalies
    r2: pa.Table
    seconds: float
    page: Path

    def facts(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "populations": self.groups.sentence(),
            **{f"ARI, {name}": round(value, 3) for name, value in self.ari.items()},
            "continuum": self.none.sentence(),
            "oddest": str(self.oddities.ids[int(self.oddities.order[0])]),
            "report": str(self.page),
            "minutes": round(self.seconds / 60, 1),
        }

    def next_steps(self) -> list[str]:
        """Commands that go on from here."""
        space, some = self.populations.path, self.groups.representatives(0, 1)[0]
        return [
            f"ilk look {space}",
            f"ilk search {space} {some}",
            f'ilk search {space} {some} --where "inclination < 20"',
            f"ilk anomalies {space}",
            f"ilk info {self.continuum.path}",
            "ilk learn YOUR/FOLDER",
        ]


def demo(out: str | Path = "ilk-demo", *, n: int = 3000, seed: int = 0) -> Demo:
    """Makes two sets of pictures, learns from each, and holds what is found against what was planted.

    `n` pictures of three kinds, and more (8 for each 3) of the same drawn smoothly.
    """
    out, began = Path(out), time.monotonic()
    if n < 200:
        raise OptionError(f"{n} pictures are too few for the demo", "Give 200 or more.")
    populations, raw, _ = _learnt(out / "populations", "populations", n, seed)
    truth = populations.metadata()
    groups = clusters(populations, seed=seed)
    three = partial(_three, planted=truth["population"], seed=seed)
    ari = {
        "found groups against the planted ones": _ari(groups.labels, truth["group"]),
        "three groups asked for, against the three populations": three(np.asarray(populations.vectors())),
        "the same from raw pictures by PCA": three(raw[f"PCA, {DIM} of raw pictures"]),
    }
    say(groups.sentence())
    oddities = anomalies(populations)
    map(populations, out / "populations.png", seed=seed)

    continuum, raw, axes = _learnt(out / "continuum", "continuum", round(MORE * n), seed, steps=n // 2)
    none = clusters(continuum, seed=seed)
    say(none.sentence())
    map(continuum, out / "continuum.png", seed=seed)
    found = _r2(continuum, raw, axes)
    seconds = time.monotonic() - began
    done = Demo(populations, continuum, groups, ari, none, oddities, found, seconds, out / "report.html")
    _report(done)
    return done


def _learnt(
    folder: Path, kind: str, n: int, seed: int, **more: Any
) -> tuple[Space, dict[str, np.ndarray], np.ndarray]:
    """Pictures as files in `folder` and a space beside it; in its order the vectors of two baselines, and
    TOLD main axes of what was learnt from."""
    table = write(folder, n, kind, seed=seed, format="npy")
    clean = images(table, normalise={}, cache=False)
    space = learn(clean, out=folder, replace=True, dim=DIM, **WAYS[kind], **more)
    raw = images(table, cache=False)
    rows = {raw.id(i): i for i in range(len(raw))}
    order = np.array([rows[i] for i in space.ids()])
    small = images(table, size=16, cache=False)  # as many pixels as a regression can still use
    plain = {
        f"PCA, {DIM} of raw pictures": embed(PCA(dim=DIM).solve(raw), raw)[order],
        "raw pixels": embed(Pixels().solve(small), small)[order],
    }
    return space, plain, embed(PCA(dim=TOLD, whiten=0.5).solve(clean), clean)[order]


def _three(vectors: np.ndarray, planted: pa.ChunkedArray[Any], seed: int) -> float:
    return _ari(mixture(vectors, len(POPULATIONS), seed=seed).labels, planted)


def _ari(labels: np.ndarray, planted: pa.ChunkedArray[Any]) -> float:
    return float(adjusted_rand_score(planted.to_pylist(), labels))


def _r2(space: Space, raw: dict[str, np.ndarray], axes: np.ndarray) -> pa.Table:
    """What can be read off the vectors, and off the baselines, in held-out pictures; and if one is told."""
    columns = space.metadata()
    vectors = np.asarray(space.vectors())
    taken = [np.log(columns[name].to_numpy()) for name in ("scale", "removed_flux")]
    known = {
        f"ilk, {DIM} dimensions": vectors,
        "+ removed size, flux": np.column_stack([vectors, *taken]),
        **raw,
    }
    asked = {name: columns[column].to_numpy() for name, (column, _) in ASKED.items()}
    asked |= {name: np.log(asked[name]) for name, (_, logarithm) in ASKED.items() if logarithm}
    most = ceiling(axes, np.column_stack(list(asked.values())))
    rows: list[dict[str, str]] = []
    for (name, values), told in zip(asked.items(), most):
        row = {"R2 by kNN / linear": name}
        for whose, x in known.items():
            row[whose] = f"{r2(x, values):.2f} / {r2(x, values, how='linear'):.2f}"
        row["told the answers"] = f"{told:.2f}"
        rows.append(row)
    return pa.Table.from_pylist(rows)


BEGINNING = """Each picture is a hot plasma around a spinning black hole, ray-traced, blurred as by a
telescope, with noise. Place, turn, size and brightness were taken out of each picture; ten numbers a picture
were learnt without any label."""
GROUPS = """The pictures are of three kinds: ring, double ring and no ring. "No ring" is two things, optically
thick or seen edge-on, and they come out as groups of their own. ARI: 1 the same grouping, 0 chance."""
NUMBERS = """R2 of what was planted in set 2, read off the vectors of pictures held out: 1 exactly, 0 not at
all. Mass and flux were taken out of the pictures on purpose; size and flux are kept beside them as columns,
and bring mass, flux and more of the inner edge back. Told the answers: what a network reads off the same
pictures when it is taught with the answers of four in five, about the most that can be had."""


def _report(demo: Demo) -> None:
    folder, oddest = demo.page.parent, [str(demo.oddities.ids[int(i)]) for i in demo.oddities.order[:10]]
    parts: list[page.Part] = [
        page.Paragraph(BEGINNING),
        page.Heading(f"Set 1, three kinds: {demo.groups.sentence()}"),
        page.Figure((folder / "populations.png").read_bytes(), "Colours: the groups found. Red: odd."),
        *_members(demo),
        page.Paragraph(GROUPS),
        pa.table({"compared": list(demo.ari), "ARI": [f"{v:.3f}" for v in demo.ari.values()]}),
        page.Heading("The oddest pictures"),
        page.Row(_faces(demo.populations, oddest)),
        page.Heading(f"Set 2, the same drawn smoothly: {demo.none.sentence()}"),
        page.Figure((folder / "continuum.png").read_bytes(), "A continuum: no gaps where groups end."),
        page.Heading("What the ten numbers know"),
        page.Paragraph(NUMBERS),
        demo.r2,
        page.Heading("What to type next"),
        page.Code("\n".join(demo.next_steps())),
    ]
    count = len(demo.populations) + len(demo.continuum)
    lead = f"{count:,} pictures nobody labelled, {demo.seconds / 60:.1f} minutes."
    page.Page("Black holes, sorted by what they look like", lead, parts).write(demo.page)


def _members(demo: Demo) -> list[page.Part]:
    """A line of the most typical pictures for each group."""
    planted = dict(zip(demo.populations.ids(), demo.populations.metadata()["group"].to_pylist()))
    parts: list[page.Part] = []
    for c in range(demo.groups.k):
        own = [str(demo.groups.ids[int(i)]) for i in np.flatnonzero(demo.groups.labels == c)]
        kinds = [planted[i] for i in own]
        most = max(set(kinds), key=kinds.count)
        share = kinds.count(most) / len(kinds)
        parts.append(page.Paragraph(f"Group {c}: {len(own):,} pictures; {share:.1%} were planted as {most}."))
        parts.append(page.Row(_faces(demo.populations, demo.groups.representatives(c, 10))))
    return parts


def _faces(space: Space, ids: list[str]) -> list[tuple[bytes | None, str]]:
    return list(zip(space.pictures(ids), [i.rpartition("-")[2] for i in ids]))

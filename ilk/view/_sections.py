"""The sections of a report: each asks one thing of a space; a sentence, pictures and figures answer."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..analysis import anomalies as _anomalies
from ..analysis import dimensionless as _dimensionless
from ..analysis import parameters as _parameters
from ..analysis._drawn import ink, maps
from ..analysis._result import Picture, Result, drawn
from ..analysis.cards import Cards as Found
from ..analysis.cards import cluster_cards
from ..analysis.clusters import Clusters, clusters
from ..analysis.course import course
from ..analysis.diagnose import diagnose
from ..analysis.invariance import invariance as _invariance
from ..analysis.map import layout
from ..analysis.pairs import ALL_PAIRS
from ..analysis.pairs import duplicates as _duplicates
from ..analysis.probing import plain, values_of
from ..analysis.whitening import whitening
from ..errors import DataError
from . import picture
from .page import Card, Cards, Figure, Folded, Grid, Paragraph, Part, Row

if TYPE_CHECKING:
    from ..space import Space

FACES, ODD, MAPS = 8, 12, 4
LABELS = 30  # a column of more names is not asked for unless it is named


class Section(NamedTuple):
    title: str
    says: str
    command: str
    parts: Sequence[Part]
    short: str = ""  # for the summary, where the sentence is long


@dataclass(frozen=True)
class Asked:
    """What the report was asked, and what several sections need."""

    space: Space
    columns: tuple[str, ...]
    label: str | None
    units: dict[str, str]
    data: Any
    seed: int

    def command(self, verb: str, *words: str) -> str:
        """To be typed where the space lies."""
        seed = [f"--seed={self.seed}"] if self.seed and verb not in ("look", "duplicates") else []
        return shlex.join(["ilk", verb, self.space.path.name, *words, *seed])

    def options(self) -> list[str]:
        given = [f"--columns={','.join(self.columns)}"] if self.columns else []
        given += [f"--label={self.label}"] if self.label else []
        given += [f"--units={name}={unit}" for name, unit in self.units.items()]
        return given + ([f"--data={self.data}"] if isinstance(self.data, str | Path) else [])

    @cached_property
    def groups(self) -> Clusters:
        """As the layer "cluster" was asked for, where there is one; the layer stays as it is."""
        wish = self.wished("cluster", "given", "covariance", "starts", "seed")
        return clusters(self.space, wish.pop("given", None), write=False, **{"seed": self.seed, **wish})

    @cached_property
    def anomalies(self) -> _anomalies.Anomalies:
        wish = self.wished("anomaly", "trusted", "level", "neighbours", "seed")
        return _anomalies.anomalies(self.space, write=False, **{"seed": self.seed, **wish})

    def wished(self, layer: str, *names: str) -> dict[str, Any]:
        """What the verb that made a layer was asked, so that the page tells of the same."""
        if layer not in self.space.layers():
            return {}
        made = self.space.info()["layers"][layer].get("parameters") or {}
        return {
            n: made[n]
            for n in names
            if made.get("by") in ("clusters", "anomalies") and made.get(n) is not None
        }

    def again(self, layer: str, **names: str) -> list[str]:
        """The same as options, by their names on the command line."""
        return [f"{names[n]}={v}" for n, v in self.wished(layer, *names).items()]

    @cached_property
    def xy(self) -> np.ndarray:  # (n, 2)
        layout(self.space, seed=self.seed)
        table = self.space.layer("map")
        at = {name: i for i, name in enumerate(table["id"].to_pylist())}
        order = np.array([at[name] for name in self.space.ids()], int)
        return np.asarray(np.stack([table[c].to_numpy() for c in "xy"], 1)[order])

    def faces(self, ids: Sequence[str], words: Sequence[str] = (), marked: Sequence[bool] = ()) -> Row:
        return Row(list(zip(self.space.pictures(list(ids)), words or ids)), marked)


def figures(found: Result, command: str, names: Sequence[str] = ()) -> Grid:
    every: Mapping[str, Picture] = found.pictures()
    return Grid(
        [
            figure(every[what], f"{command} --save {what}.pdf --what {what}")
            for what in (names or every)
            if what in every
        ]
    )


def figure(p: Picture, command: str) -> Figure:
    return Figure(drawn(p, "svg"), p.caption, command, p.width, partial(drawn, p))


def whole(asked: Asked) -> list[Part]:
    """The map of all, before anything else."""
    found, odd = asked.groups, _odd_rows(asked)
    with tempfile.TemporaryDirectory() as folder:
        path = picture.draw(
            Path(folder) / "map.png", asked.xy, ids=asked.space.ids(), groups=found.labels, odd=odd,
            pictures=lambda rows: asked.space.pictures(np.asarray(rows)),
        )  # fmt: skip
        png = path.read_bytes()
    told = ["Each sample has a place; those alike lie together, and distances between far ones mean little."]
    told += [f"Colours: the {found.k} groups."] if found.k > 1 else ["One colour: there are no clear groups."]
    told += [f"Red rings: the {len(odd):,} samples that are odd beyond chance."] if len(odd) else []
    return [Figure(png, " ".join(told), asked.command("map"))]


def _odd_rows(asked: Asked) -> np.ndarray:
    return asked.anomalies.odd[:50] if len(asked.space) >= 3 else np.zeros(0, int)


def groups(asked: Asked) -> Section:
    found = asked.groups
    cards = cluster_cards(asked.space, found, seed=asked.seed)
    again = asked.again("cluster", given="-k", covariance="--covariance", starts="--starts")
    command = asked.command("clusters", *(word.replace("-k=", "-k") for word in again))
    drawn_ = [*figures(found, command).figures, *figures(cards, f"{command} --cards").figures]
    parts: list[Part] = [Grid(drawn_)] if drawn_ else []
    if found.k > 1:
        parts.insert(0, _cards(asked, cards))
    parts.append(Folded("Every number of groups that was tried", found.trials(), command))
    title = f"{found.k} groups" if found.k > 1 else "No clear groups"
    return Section(title, cards.sentence(), f"{command} --cards", parts, found.sentence())


def _cards(asked: Asked, cards: Found) -> Cards:
    out = []
    for c in cards.cards:
        facts = [
            ("samples", f"{c.size:,} ({c.share:.0%})"),
            ("found again", f"{c.again.value:.0%} ({c.again.low:.0%} to {c.again.high:.0%})"),
            ("silhouette", f"{c.silhouette.value:.2f} ± {c.silhouette.high - c.silhouette.value:.2f}"),
        ]
        facts += [("nearest", f"group {c.neighbour}")] if c.neighbour is not None else []
        usual = [f"Usual: {', '.join(c.typical)}."] if c.typical else []
        words = [*(f"{w[0].upper()}{w[1:]}." for w in c.words()), *usual]
        faces = asked.faces(c.representatives[:FACES])
        out.append(Card(f"Group {c.cluster}", ink.colour(c.cluster), facts, faces, words))
    return Cards(out)


def odd(asked: Asked) -> Section:
    found = asked.anomalies
    again = asked.again("anomaly", trusted="--trusted", level="--level", neighbours="--neighbours")
    command, rows = asked.command("anomalies", *again), found.order[:ODD]
    words = [found.kinds[i] or f"p = {found.p[i]:.2g}" for i in rows]
    marked = [bool(found.kinds[i]) for i in rows]
    parts: list[Part] = [
        asked.faces([str(found.ids[i]) for i in rows], words, marked),
        Paragraph("The least likely samples, the least likely first; ringed: odd beyond chance."),
        figures(found, command),
        Folded("The least likely samples", found.table(30), f"{command} --top 30"),
    ]
    many = len(found.odd)
    title = f"{many:,} odd sample{'s' * (many != 1)}" if many else "Nothing odd beyond chance"
    return Section(title, found.sentence(), command, parts)


def parameters(asked: Asked) -> Section:
    found = _parameters.parameters(asked.space, asked.columns, seed=asked.seed)
    command = asked.command("parameters", *asked.columns)
    coloured = []
    for a in [a for a in found.amounts if a.known][:MAPS]:
        values = pc.cast(values_of(asked.space, a.name), pa.float64()).to_numpy()
        best = a.r2[a.best]
        caption = f"The map, coloured by {a.name}: R2 {best.value:.2f} ({best.low:.2f} to {best.high:.2f})."
        shown = maps.by_amount(asked.xy, np.asarray(values, float), a.name, caption)
        coloured.append(figure(shown, asked.command("look")))
    parts: list[Part] = [figures(found, command)]
    parts += [Grid(coloured)] if coloured else []
    parts.append(Folded("Figures of every parameter", found.table(), command))
    told = [f"{a.name} {a.r2[a.best].value:.2f}" for a in found.amounts if a.known]
    short = f"{len(told)} of {len(found.amounts)} parameters can be told from the vectors"
    short += f" (R2 of {', '.join(told[:MAPS])}{', ...' if told[MAPS:] else ''})." if told else "."
    return Section("What the numbers know", found.sentence(), command, parts, short)


def products(asked: Asked) -> Section:
    found = _dimensionless.dimensionless(asked.space, asked.units or None, seed=asked.seed)
    command = asked.command("dimensionless", *(f"{n}={u}" for n, u in asked.units.items()))
    parts: list[Part] = [figures(found, command), Folded("Figures of every product", found.table(), command)]
    return Section("Products without a unit", found.sentence(), command, parts)


def labels(asked: Asked) -> Section:
    label = asked.label or _label(asked.space)
    found = diagnose(asked.space, label, seed=asked.seed)
    command = asked.command("diagnose", f"--label={label}")
    parts: list[Part] = [figures(found, command)]
    if len(found.suspects):
        some = found.suspects.slice(0, ODD).to_pylist()
        words = [f"{s['label']}, told {s['told']} ({s['wrong']:.0%})" for s in some]
        parts.append(Paragraph("Labels that are likely wrong: as noted, as told, and the chance of it."))
        parts.append(asked.faces([s["id"] for s in some], words))
        parts.append(Folded(f"All {len(found.suspects):,} of them", found.suspects, command))
    parts.append(Folded("Figures of the curves", found.table(), command))
    return Section(f"How well {label} can be told", found.sentence(), command, parts)


def _label(space: Space) -> str:
    """The first column of names that has few enough of them."""
    table = space.metadata()
    for name in table.column_names:
        try:
            kind, values = plain(table[name])
        except DataError:
            continue
        if kind == "names":
            counts = pc.value_counts(values.combine_chunks().drop_null()).field("counts")
            several = int((counts.to_numpy(zero_copy_only=False) >= 10).sum())
            if several >= 2 and len(counts) <= LABELS:
                return name
    raise DataError("there is no column of labels, ten samples or more of each")


def invariance(asked: Asked) -> Section:
    found = _invariance(asked.space, asked.data, seed=asked.seed)
    command = asked.command("invariance")
    parts: list[Part] = [figures(found, command), Folded("Figures of every change", found.table(), command)]
    lost = [c.kind for c in found.changes if c.verdict == "lost"]
    short = (
        f"Of {len(found.changes)} kinds of change the vectors hold nothing of {', '.join(lost) or 'none'}."
    )
    return Section("What the encoder looks past", found.sentence(), command, parts, short)


def neighbours(asked: Asked) -> Section:
    found = whitening(asked.space, seed=asked.seed)
    command = asked.command("whitening")
    parts: list[Part] = [figures(found, command), Folded("Figures of every distance", found.table(), command)]
    return Section("Neighbours under other distances", found.sentence(), command, parts)


def duplicates(asked: Asked) -> Section:
    exact = len(asked.space) <= ALL_PAIRS
    found = _duplicates(asked.space, exact=exact)
    command = asked.command("duplicates", *([] if exact else ["--quick"]))
    parts: list[Part] = [figures(found, command)] if len(found.rows) > 1 else []
    if len(found.rows):
        first = found.rows[:ODD]
        words = [f"group {g}: {found.ids[i]}" for i, g in zip(first, found.groups)]
        parts.insert(0, asked.faces([str(found.ids[i]) for i in first], words))
        parts.append(Folded("All near-duplicates", found.table(), command))
    return Section("Near-duplicates", found.sentence(), command, parts)


def learning(asked: Asked) -> Section:
    found = course(asked.space)
    command = asked.command("diagnose")
    parts: list[Part] = [figures(found, command), Folded("Every check", found.table(), command)]
    return Section("How it was learnt", found.sentence(), command, parts)

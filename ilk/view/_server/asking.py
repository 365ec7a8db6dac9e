"""Addresses that ask: search, clusters, oddities, latent dimensions, figures of a set."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow.compute as pc
from fastapi import APIRouter, Path, Query, Response

from ...errors import DataError, OptionError, SpaceError
from ...space import Id
from . import answers, groups, questions, stretch, summing, upload
from . import dimensions as latent
from .desk import ROWS, Here, Raw, Rows, TheDesk, body_of, gives, one_row
from .shown import Shown

router = APIRouter(prefix="/api")

K = Annotated[int, Query(ge=1, le=200, description="How many.")]
PICTURE = body_of("application/octet-stream", "A picture: PNG, JPEG, GIF, WebP, BMP, TIFF, FITS or NPY.")


@router.get("/rows/{row}/neighbours")
def neighbours(at: Here, row: Annotated[int, Path(ge=0)], k: K = 24) -> answers.Near:
    shown = at.shown
    near = shown.space.search(Id(shown.names(np.array([one_row(at, row)]))[0]), k)
    return answers.Near(neighbours=_found(shown, near.ids[0].tolist(), near.distances[0].tolist()))


@router.post("/search")
def search(desk: TheDesk, at: Here, query: questions.Search) -> answers.Matches:
    if (query.id is None) == (query.text is None):
        raise OptionError("a search for nothing, or for two things", "Give either id or text.")
    shown, wanted = at.shown, query.id or ""
    if query.text is not None:
        if not shown.space.in_words:
            what = "this space's encoder reads no text"
            raise SpaceError(what, "Search by a picture, by an id, or by a condition.")
        with desk.encoding:
            near = shown.space.search([query.text], query.k)  # in a list: never an id or a path
        said = _found(shown, near.ids[0].tolist(), near.distances[0].tolist())
        return answers.Matches(rows=said, total=len(said))
    holds = pc.match_substring(shown.ids, wanted, ignore_case=True)
    rows = np.flatnonzero(holds.to_numpy(zero_copy_only=False))
    exact = shown.rows([wanted])
    first = np.concatenate([exact, rows[~np.isin(rows, exact)][: query.k]])[: query.k]
    found = [answers.Found(row=int(r), id=i) for r, i in zip(first, shown.names(first))]
    return answers.Matches(rows=found, total=len(rows))


@router.post("/select", response_class=Response, responses=gives("application/octet-stream", "Rows, u32."))
def select(at: Here, query: questions.Select) -> Response:
    rows = at.shown.space.matching(query.where)
    headers = {"x-ilk-count": str(len(rows)), "cache-control": "no-store"}
    return Response(rows.astype("<u4").tobytes(), media_type="application/octet-stream", headers=headers)


@router.post("/search/picture", openapi_extra=PICTURE)
def search_picture(desk: TheDesk, at: Here, body: Raw, k: K = 24) -> answers.NearPicture:
    with desk.encoding:  # one at a time: a decoded picture may be fifty times its file
        got = upload.decoded(body)
        vector = at.shown.space.encode(got.pixels[None])  # (1, C, H, W) -> (1, D)
    _, height, width = got.pixels.shape
    return answers.NearPicture(
        neighbours=_near(at.shown, vector[0], k), width=width, height=height, type=got.kind
    )


@router.post("/search/set", openapi_extra=ROWS)
def search_set(at: Here, rows: Rows, k: K = 24) -> answers.Near:
    if not len(rows):
        raise DataError("an empty set has no neighbours", "Select some samples first.")
    # More than k are asked for, since those of the set itself are no answer; a large set may fill them all.
    near = _near(at.shown, summing.mean(at.shown, rows), min(k + len(rows), 10 * k + 100))
    own = set(rows.tolist()) if len(rows) < 100_000 else _Among(rows, len(at.shown))
    return answers.Near(neighbours=[n for n in near if n.row not in own][:k])


class _Among:
    def __init__(self, rows: np.ndarray, n: int) -> None:
        self.among = np.zeros(n, bool)
        self.among[rows] = True

    def __contains__(self, row: int) -> bool:
        return bool(self.among[row])


def _near(shown: Shown, vector: np.ndarray, k: int) -> list[answers.Found]:
    near = shown.space.search(np.asarray(vector, np.float32), k)
    return _found(shown, near.ids[0].tolist(), near.distances[0].tolist())


def _found(shown: Shown, ids: list[str], distances: list[float]) -> list[answers.Found]:
    rows = shown.rows(ids)
    return [answers.Found(row=int(r), id=i, distance=d) for r, i, d in zip(rows, ids, distances)]


@router.get("/clusters")
def clusters(at: Here) -> answers.Clusters:
    shown = at.shown
    found = groups.clusters(shown)
    told = [
        answers.Cluster(
            name=g.name,
            size=g.size,
            share=g.size / max(1, len(shown)),
            representatives=_named(shown, g.representatives),
            centre=g.centre,
            covariance=g.covariance,
        )
        for g in found
    ]
    return answers.Clusters(says=groups.says(shown, "cluster"), clusters=told)


@router.post("/clusters")
def find_clusters(desk: TheDesk, at: Here, wish: questions.FindClusters) -> answers.Clusters:
    from ...analysis.clusters import clusters as find

    with desk.work("looking for groups"):
        find(at.shown.space, wish.k)
    return clusters(at)


@router.get("/anomalies")
def anomalies(at: Here, top: Annotated[int, Query(ge=1, le=1000)] = 50) -> answers.Anomalies:
    shown = at.shown
    found = groups.oddest(shown, top)
    names = shown.names(np.array([o.row for o in found], np.int64))
    told = [answers.Anomaly(row=o.row, id=i, score=o.score, why=o.why) for o, i in zip(found, names)]
    return answers.Anomalies(says=groups.says(shown, "anomaly"), anomalies=told)


@router.post("/anomalies")
def find_anomalies(desk: TheDesk, at: Here, _: questions.Nothing) -> answers.Anomalies:
    from ...analysis.anomalies import anomalies as find

    with desk.work("looking for oddities"):
        find(at.shown.space)
    return anomalies(at)


def _named(shown: Shown, rows: np.ndarray) -> list[answers.Named]:
    return [answers.Named(row=int(r), id=i) for r, i in zip(rows, shown.names(rows))]


@router.post("/summary", openapi_extra=ROWS)
def summary(at: Here, rows: Rows) -> answers.Summary:
    found = summing.summary(at.shown, rows)
    told = [
        answers.ColumnSummary(
            name=c.listed.name,
            kind=c.listed.kind,
            mean=c.mean,
            sd=c.sd,
            median=c.median,
            top=[answers.Count(name=n, count=m) for n, m in c.top] if c.top else None,
        )
        for c in found.columns
    ]
    return answers.Summary(
        count=len(rows),
        representatives=_named(at.shown, found.representatives),
        spread=found.spread,
        columns=told,
    )


@router.get("/dimensions")
def dimensions(at: Here) -> answers.Dimensions:
    found, ways = at.dimensions()
    return answers.Dimensions(
        dimensions=found[:256],
        directions=[answers.Direction(name=w.name, r2=w.r2, sd=float(np.linalg.norm(w.step))) for w in ways],
    )


@router.post(
    "/decode", response_class=Response, responses=gives("image/png", "What the decoder makes of it.")
)
def decode(desk: TheDesk, at: Here, wish: questions.Decode) -> Response:
    found, ways = at.dimensions()
    spread, steps = {d.index: d.sd for d in found}, {w.name: w.step for w in ways}
    start = np.asarray(at.shown.vectors[one_row(at, wish.row)])
    moves = [latent.Move(m.amount, m.dimension, m.direction) for m in wish.moves]
    asked = np.stack([start, latent.moved(start, moves, spread, steps)])
    with desk.encoding:
        before, after = latent.decoded(at.shown, asked)  # (C, H, W) each
    look = stretch.Look(wish.stretch, wish.low, wish.high, wish.colours)
    whole = at.shown.space.reading.get("dtype") == "uint8" and wish.low is None and wish.high is None
    # One scale for a sample and all that is made of it: steps would otherwise seem to change its brightness.
    ends = (0.0, 1.0) if whole else stretch.ends(before, look)
    return Response(
        stretch.png(after, look, ends), media_type="image/png", headers={"cache-control": "no-store"}
    )

"""Addresses that show: the space, its points, columns, rows, pictures, and what is going on."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Response

from . import answers, columns, faces, fields, groups, inside, questions, stretch
from .desk import Desk, Here, TheDesk, V, binary, gives, listed_rows, one_row
from .edges import MOST, Counted
from .guard import Refused
from .shown import Listed, Shown

router = APIRouter(prefix="/api")

Row = Annotated[int, Path(ge=0)]
Percentile = Annotated[float | None, Query(ge=0, le=100)]
SOME = r"^[0-9]{1,18}(,[0-9]{1,18}){0,%d}$"
ThousandRows = Annotated[str, Query(pattern=SOME % 999, description="Row numbers with commas between.")]
SheetRows = Annotated[str, Query(pattern=SOME % 255, description="Row numbers with commas between.")]
SMALL = 128  # pixels up to which the row's own small PNG will do
BOUNDS = (0.1, 99.9)  # percentiles of the places: a few far outliers must not shrink the rest


@router.get("/space")
def space(desk: TheDesk) -> answers.About:
    return about(desk)


def about(desk: Desk) -> answers.About:
    shown = desk.at.shown
    pictures = any(p is not None for p in shown.space.pictures(np.arange(min(64, len(shown)))))
    return answers.About(
        name=desk.path.name.removesuffix(".space"),
        rows=len(shown),
        dim=shown.space.dim,
        metric=shown.space.metric,
        version=shown.version,
        encoder=inside.encoder_name(shown.space),
        columns=[answers.ListedColumn(name=c.name, kind=c.kind, origin=_origin(c)) for c in shown.listed()],
        has=answers.Has(
            pictures=pictures,
            full=bool(desk.originals.data),
            decoder=pictures and (shown.space.path / "decoder.json").exists(),
            draws=desk.at.easel.place is not None,
            text=shown.space.in_words,
            clusters=shown.layer("cluster") is not None,
            anomalies=shown.layer("anomaly") is not None,
            edges=desk.at.edges.there,
            writable=shown.writable,
        ),
        stamp=shown.stamp,
    )


@router.get("/points")
def points(at: Here) -> answers.Points:
    parts = _points(at.shown)
    offsets = np.cumsum([0, *(len(data) for _, _, data in parts)]).tolist()
    xy = at.shown.xy
    low, high = np.percentile(xy, BOUNDS, axis=0).tolist() if len(xy) else ([0.0, 0.0], [1.0, 1.0])
    return answers.Points(
        rows=len(xy),
        bounds=(low[0], low[1], high[0], high[1]),
        columns=[
            answers.Part(name=name, type=kind, offset=start, bytes=len(data))  # type: ignore[arg-type]
            for (name, kind, data), start in zip(parts, offsets)
        ],
    )


@router.get(
    "/points.bin", response_class=Response, responses=gives("application/octet-stream", "All columns.")
)
def points_bin(at: Here) -> Response:
    # not kept by the browser: the clusters' codes may change within a version
    return binary(b"".join(data for _, _, data in _points(at.shown)), "application/octet-stream", None)


def _points(shown: Shown) -> list[tuple[str, str, bytes]]:
    """x, y, and the clusters' codes where they fit a byte; one-byte columns last, for alignment."""
    parts = [(name, "f32", shown.xy[:, i].astype("<f4").tobytes()) for i, name in enumerate("xy")]
    found = groups.codes(shown)
    if found is not None and len(found[1]) <= groups.LARGEST:
        at = found[0]
        parts.append(("cluster", "u8", np.where(at < 0, 255, at).astype("u1").tobytes()))
    return parts


@router.get("/edges")
def edges(at: Here) -> Counted:
    found = len(at.edges.pairs())
    return Counted(edges=found, sent=min(found, MOST))


@router.get(
    "/edges.bin",
    response_class=Response,
    responses=gives("application/octet-stream", "Two rows an edge, u32, in random order."),
)
def edges_bin(at: Here, v: V = None) -> Response:
    return binary(at.edges.pairs()[:MOST].tobytes(), "application/octet-stream", v)


@router.get("/column")
def column(at: Here, name: Annotated[str, Query(max_length=1000)]) -> answers.ColumnAbout:
    listed, drawn = at.shown.column(name)
    more: dict[str, Any] = {}
    if drawn.edges:
        more = {"min": drawn.minimum, "max": drawn.maximum, "percentiles": drawn.percentiles}
        more["histogram"] = answers.Histogram(edges=drawn.edges, counts=drawn.counts)
    if drawn.type in ("u8", "u16"):
        more["categories"] = [answers.Count(name=n, count=c) for n, c in drawn.categories]
    return answers.ColumnAbout(
        name=name, kind=drawn.kind, origin=_origin(listed), type=drawn.type, missing=drawn.missing, **more
    )


@router.get(
    "/column.bin", response_class=Response, responses=gives("application/octet-stream", "A value a row.")
)
def column_bin(at: Here, name: Annotated[str, Query(max_length=1000)]) -> Response:
    _, drawn = at.shown.column(name)
    if drawn.type is None:
        raise Refused(400, f"column {name!r} is text, which is not drawn", "Ask for the rows one by one.")
    return binary(drawn.data, "application/octet-stream", None)


def _origin(listed: Listed) -> str:
    return "metadata" if listed.layer is None else f"layer:{listed.layer}"


@router.get("/rows/{row}")
def row(at: Here, row: Row) -> answers.RowAbout:
    shown, place = at.shown, one_row(at, row)
    layers = {}
    for name in shown.space.layers():
        table = None if name == "map" else shown.layer(name)
        if table is not None:
            said = table.slice(place, 1).to_pylist()[0]
            layers[name] = {k: columns.value(v) for k, v in said.items()}
    told = shown.metadata.slice(place, 1).to_pylist() or [{}]  # a space may have no metadata at all
    return answers.RowAbout(
        row=place,
        id=shown.names(np.array([place]))[0],
        metadata={k: columns.value(v) for k, v in told[0].items()},
        layers=layers,
        picture=shown.space.pictures(np.array([place]))[0] is not None,
    )


@router.get("/ids")
def ids(at: Here, rows: ThousandRows) -> answers.Ids:
    return answers.Ids(ids=at.shown.names(listed_rows(at, rows)))


@router.get(
    "/rows/{row}/vector",
    response_class=Response,
    responses=gives("application/octet-stream", "f32, one a dimension."),
)
def vector(at: Here, row: Row, v: V = None) -> Response:
    data = np.asarray(at.shown.vectors[one_row(at, row)], "<f4").tobytes()
    return binary(data, "application/octet-stream", v)


@router.get("/rows/{row}/picture", response_class=Response, responses=gives("image/png", "The picture."))
def picture(
    desk: TheDesk,
    at: Here,
    row: Row,
    low: Percentile = None,
    high: Percentile = None,
    colours: stretch.Colours = "grey",
    size: Annotated[int, Query(ge=16, le=2048, description="Pixels of the longest side, at most.")] = 1024,
    channel: Annotated[int | None, Query(ge=0, le=10_000)] = None,
    stretch_: Annotated[stretch.Stretch, Query(alias="stretch")] = "linear",
    v: V = None,
) -> Response:
    look = stretch.Look(stretch_, low, high, colours, size, channel)
    if look == stretch.Look(size=min(size, SMALL)):  # for lists of many: what lies there already
        face = at.shown.space.pictures(np.array([one_row(at, row)]))[0]
        if face is not None:
            return binary(face, "image/png", v, **{"x-ilk-full": "0"})
    pixels, full = _pixels(desk, at.shown, one_row(at, row))
    return binary(stretch.png(pixels, look), "image/png", v, **{"x-ilk-full": str(int(full))})


@router.get("/rows/{row}/picture/about")
def picture_about(desk: TheDesk, at: Here, row: Row) -> answers.PictureAbout:
    place = one_row(at, row)
    pixels, full = _pixels(desk, at.shown, place)
    known = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    channels, height, width = pixels.shape
    return answers.PictureAbout(
        full=full,
        width=width,
        height=height,
        channels=channels,
        type=pixels.dtype.name,
        min=float(known.min()) if known.size else None,
        max=float(known.max()) if known.size else None,
        stretches=["linear", "sqrt", "log", "asinh"],
        colours=["grey", "viridis", "inferno", "magma", "coolwarm", "cubehelix"],
        things=fields.of_row(at.shown, place) if full else [],
    )


def _pixels(desk: Desk, shown: Shown, row: int) -> tuple[np.ndarray, bool]:
    """(C, H, W) of the original where it can be read, else of the row's small PNG."""
    original = desk.originals.picture(shown.names(np.array([row]))[0]) if desk.originals.data else None
    if original is not None:
        return original, True
    data = shown.space.pictures(np.array([row]))[0]
    if data is None:
        raise Refused(404, f"row {row} has no picture")
    small = faces.opened(data)
    if small is None:
        raise Refused(404, f"the picture of row {row} is damaged")
    face = np.asarray(small)
    return (face[None] if face.ndim == 2 else np.moveaxis(face, -1, 0)), False


@router.get(
    "/thumbnails", response_class=Response, responses=gives("image/png", "64-pixel tiles, 16 a line.")
)
def thumbnails(at: Here, rows: SheetRows, v: V = None) -> Response:
    return binary(faces.sheet(at.shown.space.pictures(listed_rows(at, rows))), "image/png", v)


@router.get("/live")
def live(desk: TheDesk) -> answers.Live:
    with desk.watching:
        runs = [
            answers.RunAbout(
                name=run.name,
                step=run.step,
                steps=run.steps,
                running=run.running,
                verdict=run.verdict,
                figures={
                    name: answers.Figure(step=step, value=value)
                    for name, (step, value) in ((n, s.told()) for n, s in run.figures.items())
                },
            )
            for run in desk.following.runs()
        ]
    shown = desk.at.shown
    return answers.Live(
        version=shown.version, stamp=shown.stamp, newest=desk.newest(), busy=desk.busy, runs=runs
    )


@router.post("/refresh")
def refresh(desk: TheDesk, _: questions.Nothing) -> answers.About:
    with desk.work("placing new rows on the map"):
        desk.refresh()
    return about(desk)

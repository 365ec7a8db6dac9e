"""Addresses that change or take away: labels, sets, undo, the probe, export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Query, Response

from . import answers, inside, probing, questions, taking
from .desk import ROWS, At, Here, Rows, TheDesk
from .marks import Marks

router = APIRouter(prefix="/api")

Name = Annotated[str, Query(min_length=1, max_length=100)]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("text/csv", "application/vnd.apache.parquet")
        },
    }
}


@contextmanager
def _changing(at: At) -> Iterator[Marks]:
    """The marks as they are now, for one request at a time."""
    with at.marks.lock:
        at.marks.fresh()
        yield at.marks


def _told(at: At, marks: Marks) -> answers.Labels:
    return answers.Labels(
        labels=[answers.Count(name=n, count=c) for n, c in marks.labels],
        sets=[answers.Count(name=n, count=int(m.sum())) for n, m in marks.sets.items()],
        undo=marks.undoes,
        redo=marks.redoes,
        stamp=at.shown.stamp,
    )


@router.get("/labels")
def labels(at: Here) -> answers.Labels:
    with _changing(at) as marks:
        return _told(at, marks)


@router.post("/labels", openapi_extra=ROWS)
def label(at: Here, name: Name, rows: Rows) -> answers.Labels:
    with _changing(at) as marks:
        marks.label(rows, name)
        return _told(at, marks)


@router.post("/labels/clear", openapi_extra=ROWS)
def clear(at: Here, rows: Rows) -> answers.Labels:
    with _changing(at) as marks:
        marks.label(rows, None)
        return _told(at, marks)


@router.delete("/labels")
def forget_label(at: Here, name: Name) -> answers.Labels:
    with _changing(at) as marks:
        marks.forget_label(name)
        return _told(at, marks)


@router.post("/sets", openapi_extra=ROWS)
def make_set(at: Here, name: Name, rows: Rows) -> answers.Labels:
    with _changing(at) as marks:
        marks.set(name, rows)
        return _told(at, marks)


@router.delete("/sets")
def forget_set(at: Here, name: Name) -> answers.Labels:
    with _changing(at) as marks:
        marks.forget_set(name)
        return _told(at, marks)


@router.post("/undo")
def undo(at: Here) -> answers.Labels:
    with _changing(at) as marks:
        marks.undo()
        return _told(at, marks)


@router.post("/redo")
def redo(at: Here) -> answers.Labels:
    with _changing(at) as marks:
        marks.redo()
        return _told(at, marks)


@router.post("/probe")
def probe(desk: TheDesk, at: Here, wish: questions.Train) -> answers.Probed:
    shown = at.shown
    with desk.work("training a probe"):
        with _changing(at) as marks:
            names = [name for name, _ in marks.labels]
            place = {name: i for i, name in enumerate(names)}
            lookup = np.array([*(place.get(name, -1) for name in marks.names), -1], np.int32)
            codes = lookup[marks.codes]  # labels without rows are passed over
        found = probing.probe(shown.vectors, codes, names)
        told = pa.DictionaryArray.from_arrays(pa.array(found.told), pa.array(names, pa.string()))
        layer = pa.table(
            {"id": shown.ids, "prediction": told.dictionary_decode(), "margin": pa.array(found.margin)}
        )
        made = {"by": "probe", "labels": names, "rows": int((codes >= 0).sum()), "accuracy": found.accuracy}
        inside.write_layer(shown.space, "probe", layer, made)
    rows = probing.least_sure(found, codes, wish.unsure)
    given, predicted = np.bincount(codes[codes >= 0]), np.bincount(found.told, minlength=len(names))
    return answers.Probed(
        accuracy=found.accuracy,
        guess=found.guess,
        rows=int((codes >= 0).sum()),
        labels=[
            answers.Recalled(name=n, count=int(c), recall=float(r))
            for n, c, r in zip(names, given, found.recall)
        ],
        unsure=[
            answers.Unsure(
                row=int(r),
                id=i,
                prediction=names[found.told[r]],
                second=names[found.second[r]],
                margin=float(found.margin[r]),
            )
            for r, i in zip(rows, shown.names(rows))
        ],
        predicted=[answers.Count(name=n, count=int(c)) for n, c in zip(names, predicted)],
        stamp=shown.stamp,
    )


@router.post("/export", response_class=Response, responses=FILE, openapi_extra=ROWS)
def export(
    desk: TheDesk,
    at: Here,
    rows: Rows,
    form: Annotated[taking.Format, Query(alias="format")] = "csv",
    vectors: bool = False,
) -> Response:
    data = taking.exported(at.shown, rows if len(rows) else None, form, vectors=vectors)
    kind = "text/csv" if form == "csv" else "application/vnd.apache.parquet"
    name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in desk.path.stem)
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"', "cache-control": "no-store"}
    return Response(data, media_type=kind, headers=headers)

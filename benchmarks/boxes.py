"""Non-maximum suppression of 10,000 boxes on one core: ilk against the plain loop over rows of tensors.

    python benchmarks/boxes.py

Prints CPU milliseconds (medians of rounds that take turns) and how many times the plain loop takes. Wanted:
10,000 boxes in less than 20 ms. `scattered` boxes rarely meet, so nearly all stay, which is the most work;
`piled` ones are what a detector gives: a hundred boxes on each of a hundred things.

Then mAP of 500 pictures beside pycocotools, where that is installed: the same to 1e-6.
"""

import contextlib
import importlib.util
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ilk.things.found import Found
from ilk.things.measure import measure
from ilk.things.overlap import iou, softened, suppress

N, ROUNDS, FIELD = 10_000, 7, 1024


def scattered(rng: np.random.Generator) -> np.ndarray:
    return framed(rng.uniform(0, FIELD, (N, 2)), rng.uniform(8, 64, (N, 2)))


def piled(rng: np.random.Generator) -> np.ndarray:
    things, size = rng.uniform(0, FIELD, (100, 2)), rng.uniform(20, 200, (100, 2))
    which = rng.integers(100, size=N)
    moved = things[which] + rng.normal(0, 0.1, (N, 2)) * size[which]
    return framed(moved, size[which] * rng.uniform(0.8, 1.25, (N, 2)))


def framed(middle: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.concatenate([middle - size / 2, middle + size / 2], 1).astype(np.float32)


def plain(boxes: Tensor, scores: Tensor, classes: Tensor, above: float = 0.5) -> Tensor:
    """The usual loop: the surest stays, whatever overlaps it goes; classes moved apart."""
    moved = boxes.double() + (classes * 4 * FIELD)[:, None]
    order, kept = scores.argsort(descending=True, stable=True), []
    while len(order):
        kept.append(order[:1])
        rest = order[1:]
        order = rest[iou(moved[order[:1]], moved[rest])[0] <= above]
    return torch.cat(kept)


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print(f"{'boxes':12}{'classes':>8}{'hard':>8}{'soft':>8}{'plain':>9}{'ratio':>7}{'stay':>8}")
    for make in (scattered, piled):
        for kinds in (1, 20):
            boxes = torch.from_numpy(make(rng))
            scores, classes = torch.rand(N), torch.randint(kinds, (N,))
            ways: list[Callable[[], Tensor]] = [
                lambda b=boxes, s=scores, c=classes: suppress(b, s, c),  # type: ignore[misc]
                lambda b=boxes, s=scores, c=classes: softened(b, s, c)[0],  # type: ignore[misc]
                lambda b=boxes, s=scores, c=classes: plain(b, s, c),  # type: ignore[misc]
            ]
            kept = [way() for way in ways]  # compiles
            assert torch.equal(kept[0], kept[2])
            rounds = [[milliseconds(way) for way in ways] for _ in range(ROUNDS)]
            hard, soft, loop = (statistics.median(r) for r in zip(*rounds))
            name = make.__name__
            print(
                f"{name:12}{kinds:8}{hard:8.1f}{soft:8.1f}{loop:9.0f}{loop / hard:7.0f}{len(kept[0]):8,}",
                flush=True,
            )
    if importlib.util.find_spec("pycocotools"):
        judged(rng)


def judged(rng: np.random.Generator, pictures: int = 500, things: int = 8, kinds: int = 20) -> None:
    truth, found = [], []
    for _ in range(pictures):
        boxes = framed(rng.uniform(0, FIELD, (things, 2)), rng.uniform(8, 200, (things, 2)))
        own = rng.integers(kinds, size=things)
        told = np.concatenate([boxes + rng.normal(0, 4, boxes.shape), boxes + rng.normal(0, 20, boxes.shape)])
        told[:, 2:] = np.maximum(told[:, 2:], told[:, :2] + 1)
        truth.append((boxes, own))
        scores = rng.random(2 * things).astype(np.float32)
        found.append(Found(told.astype(np.float32), scores, np.tile(own, 2)))
    names = [str(k) for k in range(kinds)]
    measure(found, truth, names)  # compiles
    start = time.process_time()
    ours = measure(found, truth, names)
    middle = time.process_time()
    theirs = by_pycocotools(found, truth, kinds)
    peer = time.process_time() - middle
    own_time = middle - start
    print(f"mAP of {pictures} pictures: {ours.ap:.6f} in {own_time:.2f} s", end="; ")
    print(f"pycocotools {theirs:.6f} in {peer:.2f} s")
    print(f"ratio {peer / own_time:.0f}, apart by {abs(ours.ap - theirs):.0e}")


def by_pycocotools(found: list[Found], truth: list[tuple[np.ndarray, np.ndarray]], kinds: int) -> float:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def row(picture: int, b: np.ndarray, kind: int) -> dict[str, Any]:
        x0, y0, x1, y1 = (float(v) for v in b)
        sides = [x0, y0, x1 - x0, y1 - y0]
        return {"image_id": picture, "category_id": int(kind), "bbox": sides, "area": sides[2] * sides[3]}

    coco = COCO()
    things = [row(i, b, k) for i, (boxes, own) in enumerate(truth) for b, k in zip(boxes, own)]
    coco.dataset = {
        "images": [{"id": i} for i in range(len(truth))],
        "categories": [{"id": k} for k in range(kinds)],
        "annotations": [{"id": i + 1, "iscrowd": 0, **t} for i, t in enumerate(things)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        told = [
            row(i, b, k) | {"score": float(s)}
            for i, f in enumerate(found)
            for b, s, k in zip(f.boxes, f.scores, f.classes)
        ]
        judge = COCOeval(coco, coco.loadRes(told), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0])


if __name__ == "__main__":
    main()

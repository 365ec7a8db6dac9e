"""How well does `yolo` find things, learnt on a laptop? mAP on scenes never learnt from, with known boxes.

    python -m recipes.detect digits --data mnist.npz         ten classes, by other hands where it is asked
    python -m recipes.detect emoji --data openmoji-72.tar    twenty classes
    python -m recipes.detect few --data mnist.npz            fifty labelled scenes

`few`: the trunk learns by SimCLR from pieces of 800 scenes whose boxes nobody tells, then the detector from
fifty told ones; against the same detector from a blank trunk, for as many steps and for twice as many.
A run goes on where it was when it is called again (--run); CPU-seconds are those of the last call.

Aimed at, within 20 minutes of two cores: digits mAP@50 .95 (not shown yet), emoji .8 (half a minute of one).
Printed: docs/detect.md.
"""

import argparse
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import ilk
from ilk import encoders
from ilk.encoders.detector import Detector
from ilk.learning.trunk import detector_for
from ilk.objectives.simclr import SimCLR
from ilk.objectives.yolo import YOLO
from ilk.source.boxes import Boxed
from ilk.source.images import Images
from ilk.source.scenes import scenes
from ilk.things.measure import Measure, measure
from ilk.view.boxes import draw

ASKED = 300  # scenes
WIDTH = 16  # of the trunk: many cheap steps
PIECE = 48  # pixels a side: about one thing
LEAST = 0.01
FACE = 256  # pixels a side of a drawn scene
BATCH = 8  # many small steps: as many pictures in batches of 32 taught less


def found(detector: Detector, asked: Boxed) -> Measure:
    rows = np.array_split(np.arange(len(asked)), -(-len(asked) // 64))
    told = [one for some in rows for one in detector.find(asked.batch(some), least=LEAST)]
    return measure(told, asked.boxes(np.arange(len(asked))), asked.classes)


def learnt(
    source: Boxed,
    length: dict[str, Any],
    run: Path,
    seed: int,
    start: Path | None = None,
    mosaic: float = 0.0,
) -> Detector:
    """Mosaics only where scenes are few: among hundreds a short run found more without."""
    options: dict[str, Any] = {} if start is not None else {"width": WIDTH}
    detector = detector_for(source, "convnet", seed, start=start, **options)
    objective = YOLO(detector, augment=str(source.traits["augment"]), mosaic=mosaic)
    recipe = ilk.Recipe(**length, batch=BATCH, learning_rate=2e-3, held_out=0.03, checks=4, seed=seed)
    ilk.fit(objective, source, recipe, run=run)
    return detector


def whole(options: argparse.Namespace) -> None:
    kind = {"digits": "digits", "emoji": "pictures"}[options.what]
    make: dict[str, Any] = {"kind": kind, "data": options.data, "size": 128, "classes": options.classes}
    source, asked = scenes(options.scenes, **make), scenes(ASKED, part="test", **make)
    run = options.run / options.what
    began = time.process_time()
    detector = learnt(source, _length(options), run, options.seed)
    took = time.process_time() - began
    print(f"| scenes | classes | steps of {BATCH} | CPU-seconds | mAP@50 | mAP@50:95 |")
    print("|---|---|---|---|---|---|")
    figures = found(detector, asked)
    line = f"| {options.what} | {len(source.classes)} | {_steps(run)} | {took:.0f}"
    print(f"{line} | {figures.ap50:.3f} | {figures.ap:.3f} |", flush=True)
    if options.picture is not None:
        picture(detector, asked, options.picture)


def picture(detector: Detector, asked: Boxed, path: Path) -> None:
    """Eight scenes, and what is found in them."""
    sheet, x = Image.new("RGB", (4 * FACE, 2 * FACE)), asked.batch(np.arange(8))
    for i, (scene, one) in enumerate(zip(x, detector.find(x))):
        told = [detector.classes[k] if len(detector.classes) <= 10 else "" for k in one.classes]
        drawn = Image.open(io.BytesIO(draw(scene.numpy(), one.boxes, told, longest=FACE)))
        sheet.paste(drawn, (i % 4 * FACE, i // 4 * FACE))
    sheet.save(path)


def pieces(source: Boxed, each: int, seed: int) -> Images:
    """Squares of every scene, anywhere in it; what is in them nobody tells."""
    rng = np.random.default_rng(seed)
    pixels = np.repeat(source.pictures.pixels, each, 0)  # (n, C, S, S)
    corners = rng.integers(0, pixels.shape[3] - PIECE + 1, (len(pixels), 2))
    cut = [one[:, y : y + PIECE, x : x + PIECE] for one, (y, x) in zip(pixels, corners)]
    return Images(np.stack(cut), [str(i) for i in range(len(cut))])


def before(source: Boxed, steps: int, run: Path, seed: int) -> Path:
    """A trunk that saw all scenes, but none of their boxes."""
    torch.manual_seed(seed)
    told = pieces(source, 8, seed)
    encoder = encoders.build("convnet", {"channels": source.traits["channels"]}, width=WIDTH)
    objective = SimCLR(encoder, augment=str(source.traits["augment"]))
    ilk.fit(objective, told, ilk.Recipe(steps=steps, batch=256, checks=1, seed=seed), run=run)
    return run


def few(options: argparse.Namespace) -> None:
    make: dict[str, Any] = {"kind": "digits", "data": options.data, "size": 128}
    everything, asked = scenes(options.scenes, **make), scenes(ASKED, part="test", **make)
    print("| trunk | steps | CPU-seconds | mAP@50 | mAP@50:95 |\n|---|---|---|---|---|", flush=True)
    for seed in range(options.seeds):
        some = np.sort(np.random.default_rng(seed).permutation(len(everything))[:50])
        source, folder = everything.take(some), options.run / f"few-{seed}"
        began = time.process_time()
        start = before(everything, options.before, folder / "simclr", seed)
        apart = time.process_time() - began
        for name, times, trunk in (("SimCLR's", 1, start), ("blank", 1, None), ("blank", 2, None)):
            began = time.process_time() - (0 if trunk is None else apart)
            steps, run = times * options.steps, folder / f"{'blank' if trunk is None else 'simclr'}-{times}"
            figures = found(learnt(source, {"steps": steps}, run / "yolo", seed, trunk, 0.5), asked)
            took = time.process_time() - began
            print(f"| {name} | {steps} | {took:.0f} | {figures.ap50:.3f} | {figures.ap:.3f} |", flush=True)


def _length(options: argparse.Namespace) -> dict[str, Any]:
    return {"steps": options.steps} if options.minutes is None else {"minutes": options.minutes}


def _steps(run: Path) -> int:
    return int(json.loads((run / "health.json").read_text())["step"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("digits", "emoji", "few"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, default=Path("detect-runs"))
    parser.add_argument("--scenes", type=int, default=800)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--minutes", type=float, help="instead of steps, for digits and emoji")
    parser.add_argument("--picture", type=Path, help="a .png to draw what is found into")
    parser.add_argument("--before", type=int, default=400, help="steps of SimCLR")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    (few if options.what == "few" else whole)(options)


if __name__ == "__main__":
    main()

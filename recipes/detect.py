"""How well does `yolo` find things, learnt on a laptop? mAP on scenes never learnt from, with known boxes.

    python -m recipes.detect digits --data mnist.npz --minutes 12      ten classes, asked of other hands
    python -m recipes.detect emoji --data openmoji-72.tar --scenes 2000 --minutes 2
    python -m recipes.detect blackholes --scenes 2000                  three classes, by their rings
    python -m recipes.detect few --data mnist.npz --seeds 0,1,2        fifty labelled scenes

`few`: 800 scenes lie there, of which fifty are labelled. The trunk learns by SimCLR from what `discover` cuts
out of all of them (--before), then the detector from the fifty (--minutes); against the same detector from a
blank trunk, for the same minutes and for those of both together.

A run goes on where it was when it is called again (--run). Rows of `few` that stand in recipes/detect_few.csv
are not made again.

Minutes are CPU-minutes of one thread, of learning alone. Aimed at, within 40 of them: digits mAP@50 .95,
emoji .8. Printed: docs/detect.md, docs/results.md.
"""

import argparse
import csv
import io
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import ilk
from ilk import encoders
from ilk.detection import discover
from ilk.encoders.detector import Detector
from ilk.learning.trunk import WIDTH, detector_for
from ilk.objectives.simclr import SimCLR
from ilk.objectives.yolo import YOLO
from ilk.source.boxes import Boxed
from ilk.source.scenes import scenes
from ilk.things.measure import Measure, measure
from ilk.view.boxes import draw, draw_errors
from recipes import sections

ASKED = 300  # scenes
SIZE = 128  # pixels a side of a scene
CUT = 32  # pixels a side of what is cut out
LEAST = 0.01
FACE = 256  # pixels a side of a drawn scene
BATCH, RATE = 8, 3e-3  # many small steps: as many pictures in batches of 32 taught less
LABELLED, AROUND = 50, 800  # scenes of `few`
KINDS = {"digits": "digits", "emoji": "pictures", "blackholes": "blackholes", "few": "digits"}


def found(detector: Detector, asked: Boxed) -> Measure:
    rows = np.array_split(np.arange(len(asked)), -(-len(asked) // 64))
    told = [one for some in rows for one in detector.find(asked.batch(some), least=LEAST)]
    return measure(told, asked.boxes(np.arange(len(asked))), asked.classes)


def learnt(
    source: Boxed, minutes: float, run: Path, seed: int, *, start: Path | None = None, **options: Any
) -> Detector:
    """`options`: of YOLO."""
    detector = detector_for(source, "convnet", seed, start=start)
    held = max(0.01, min(0.2, 64 / len(source)))
    recipe = ilk.Recipe(minutes=minutes, batch=BATCH, learning_rate=RATE, held_out=held, seed=seed)
    ilk.fit(YOLO(detector, **options), source, recipe, run=run, clock=time.process_time)
    return detector


def whole(options: argparse.Namespace) -> None:
    """Of so many scenes nothing has to be changed at random: the digits in them differ."""
    source, asked = made(options, options.scenes), made(options, ASKED, part="test")
    print("| of | scenes | classes | CPU-minutes | steps | mAP@50 | mAP@50:95 | seed |\n" + "|---" * 8 + "|")
    for seed in options.seeds:
        run = options.run / f"{options.what}-{options.scenes}-{options.minutes:g}-{seed}"
        detector = learnt(source, options.minutes, run, seed, augment=options.augment)
        figures = found(detector, asked)
        row = {"of": options.what, "scenes": options.scenes, "classes": len(source.classes)}
        row |= {"CPU-minutes": f"{options.minutes:g}", "steps": steps(run)}
        told("detect", row | scores(figures) | {"seed": seed})
        print(figures.sentence(), dict(Counter(error.kind for error in figures.errors)), flush=True)
    if options.picture is not None:
        picture(detector, asked, options.picture)
        draw_errors(asked, figures, options.picture.with_stem(f"{options.picture.stem}-errors"))


def steps(run: Path) -> int:
    return int(json.loads((run / "health.json").read_text())["step"])


def made(options: argparse.Namespace, n: int, part: str = "train") -> Boxed:
    return scenes(n, KINDS[options.what], data=options.data, size=SIZE, classes=options.classes, part=part)


def scores(figures: Measure) -> dict[str, Any]:
    return {"mAP@50": f"{figures.ap50:.4f}", "mAP@50:95": f"{figures.ap:.4f}"}


def told(name: str, row: dict[str, Any]) -> None:
    sections.keep(name, row)
    print(f"| {' | '.join(map(str, row.values()))} |", flush=True)


def picture(detector: Detector, asked: Boxed, path: Path) -> None:
    """Eight scenes, and what is found in them."""
    sheet, x = Image.new("RGB", (4 * FACE, 2 * FACE)), asked.batch(np.arange(8))
    for i, (scene, one) in enumerate(zip(x, detector.find(x))):
        names = [detector.classes[k] if len(detector.classes) <= 10 else "" for k in one.classes]
        drawn = Image.open(io.BytesIO(draw(scene.numpy(), one.boxes, names, longest=FACE)))
        sheet.paste(drawn, (i % 4 * FACE, i // 4 * FACE))
    sheet.save(path)


def before(source: Boxed, minutes: float, run: Path, seed: int) -> Path:
    """A trunk that learnt from what stands out in all scenes; what and where that is, nobody told."""
    if not (run / "encoder.json").exists():
        things = discover(source.pictures).cut_out(size=CUT)
        torch.manual_seed(seed)
        encoder = encoders.build("convnet", things.traits, width=WIDTH)
        objective = SimCLR(encoder, augment=str(source.traits["augment"]))
        ilk.fit(
            objective,
            things,
            ilk.Recipe(minutes=minutes, batch=256, seed=seed),
            run=run,
            clock=time.process_time,
        )
    return run


def few(options: argparse.Namespace) -> None:
    everything, asked = made(options, AROUND), made(options, ASKED, part="test")
    apart, minutes = options.before, options.minutes
    ways = (("discovered, SimCLR", apart, minutes), ("blank", 0, minutes), ("blank", 0, minutes + apart))
    print("| trunk | CPU-minutes without labels | with | mAP@50 | mAP@50:95 | seed |\n" + "|---" * 6 + "|")
    for seed in options.seeds:
        some = np.sort(np.random.default_rng(seed).permutation(AROUND)[:LABELLED])
        folder = options.run / f"few-{seed}"
        for name, without, long in ways:
            about = {"trunk": name, "CPU-minutes without labels": f"{without:g}", "with": f"{long:g}"}
            if known("detect_few", about | {"seed": str(seed)}):
                continue
            start = before(everything, without, folder / f"simclr-{without:g}", seed) if without else None
            run = folder / f"{name.split()[-1]}-{long:g}"
            detector = learnt(everything.take(some), long, run, seed, start=start, augment="digits")
            told("detect_few", about | scores(found(detector, asked)) | {"seed": seed})


def known(name: str, row: dict[str, str]) -> bool:
    path = sections.HERE / f"{name}.csv"
    if not path.exists():
        return False
    with open(path, newline="") as f:
        return any(row.items() <= kept.items() for kept in csv.DictReader(f))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=KINDS)
    parser.add_argument("--data", type=Path, help="of digits or pictures; black holes are made")
    parser.add_argument("--run", type=Path, default=Path("detect-runs"))
    parser.add_argument("--scenes", type=int, default=8000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--augment", help="digits, natural, ... [default: nothing is changed]")
    parser.add_argument(
        "--picture", type=Path, help="a .png to draw what is found into; the errors beside it"
    )
    parser.add_argument("--before", type=float, default=0.5, help="minutes of SimCLR")
    parser.add_argument("--seeds", type=lambda text: [*map(int, text.split(","))], default=[0])
    options = parser.parse_args()
    (few if options.what == "few" else whole)(options)


if __name__ == "__main__":
    main()

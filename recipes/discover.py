"""Things found without a label: how many, what a detector learns from them, whose vectors tell them apart.

    python -m recipes.discover scenes --digits mnist.npz --pictures openmoji-72.tar
    python -m recipes.discover teach --digits mnist.npz
    python -m recipes.discover vectors --digits mnist.npz --told detect-runs/digits-8000-12-0

scenes   what stands out by its light, and by the features of a convnet that has learnt nothing, in 60 scenes
         of each kind: recall, boxes told, mAP against the planted boxes, whatever the classes
teach    a detector learns from what was discovered in 400 scenes of digits, and is asked about 100 others:
         does it know more than its teacher? Beside it the same detector, taught by the planted boxes
vectors  kNN accuracy of the class of digits cut out of scenes: by the detector of `teach`, by one that was
         told the classes too (--told, a run of recipes/detect.py), by other ways

About a CPU-minute each, on one thread. Printed: docs/detect.md, docs/results.md.
"""

import argparse
import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ilk
from ilk import encoders, saved
from ilk.analysis.probe import accuracy
from ilk.detection import Detections, discover
from ilk.detection.finding import one_class
from ilk.encoders import Encoder, embed
from ilk.encoders.convnet import ConvNet
from ilk.learning.trunk import detector_for
from ilk.objectives.patches import Patches
from ilk.objectives.pca import PCA
from ilk.objectives.pixels import Pixels
from ilk.objectives.simclr import SimCLR
from ilk.objectives.yolo import YOLO
from ilk.source.boxes import Boxed
from ilk.source.scenes import scenes
from ilk.things.found import Found
from ilk.things.measure import Measure
from ilk.things.unlike import stand_out
from recipes import sections

SCENES, TAUGHT, ASKED, CUT = 60, 400, 100, 400
LEAST = 0.01


def line(name: str, **cells: Any) -> None:
    """Printed, and kept in recipes/discover_NAME.csv."""
    row = {k.replace("_", " "): f"{c:.3f}" if isinstance(c, float) else c for k, c in cells.items()}
    sections.keep(f"discover_{name}", row)
    print(" | ".join(f"{k} {c}" for k, c in row.items()), flush=True)


def recall(how: Measure) -> float:
    """Of all that is told, however unsure."""
    return float((how.curve[0] > 0).sum() - 1) / (len(how.curve[0]) - 1)


def told(ids: list[str], found: list[Found], source: Boxed) -> Detections:
    return Detections(ids, found, ("thing",), source)


def shown(name: str, way: str, found: Detections, truth: Boxed, seconds: float) -> None:
    how, things = found.judge(truth), sum(len(b) for b, _ in truth.boxes(np.arange(len(truth))))
    many = {"recall": recall(how), "told_for_each_thing": f"{len(found) / things:.1f}"}
    ms = {"CPU-ms_a_scene": f"{1000 * seconds / len(truth):.0f}"}
    line("scenes", scenes=name, by=way, **many, **scored(how), **ms)


def scored(how: Measure) -> dict[str, float]:
    return {"mAP@50": how.ap50, "mAP@50:95": how.ap}


def found_in_scenes(options: argparse.Namespace) -> None:
    for kind, data in (("digits", options.digits), ("pictures", options.pictures), ("blackholes", None)):
        truth = one_class(scenes(SCENES, kind, data=data, part="test"))
        discover(truth.take(np.arange(2)))  # compiles
        began = time.process_time()
        found = discover(truth)
        shown(kind, "light", found, truth, time.process_time() - began)
        torch.manual_seed(0)
        network = ConvNet(channels=truth.traits["channels"], size=32, width=16).eval()
        began = time.process_time()
        with torch.inference_mode():
            maps = [network.maps(truth.batch(np.array([i])))[0][0].numpy() for i in range(len(truth))]
        by = [stand_out(m, network.strides[0]) for m in maps]
        shown(kind, "features", told(list(found.ids), by, truth), truth, time.process_time() - began)


def taught(source: Boxed, options: argparse.Namespace, run: Path) -> Encoder:
    recipe = ilk.Recipe(minutes=options.minutes, batch=8, learning_rate=3e-3, checks=2)
    objective = YOLO(detector_for(source, "convnet", 0), augment="digits")
    return ilk.fit(objective, source, recipe, run=run, clock=time.process_time)


def teach(options: argparse.Namespace) -> None:
    source = one_class(scenes(TAUGHT, "digits", data=options.digits))
    truth = one_class(scenes(ASKED, "digits", data=options.digits, part="test"))
    proposals = discover(source).found
    sure = [f.take(np.flatnonzero(f.scores >= options.sure)) for f in proposals]
    how = discover(truth).judge(truth)
    line("teach", taught_by="nobody: `discover`", **{"CPU-minutes": 0}, recall=recall(how), **scored(how))
    lessons = {
        "what was discovered": Boxed(source.pictures, [f.boxes for f in sure], [f.classes for f in sure]),
        "the planted boxes": source,
    }
    for name, lesson in lessons.items():
        detector: Any = taught(lesson, options, options.run / name.split()[-1])
        rows = np.array_split(np.arange(ASKED), 4)
        found = [f for some in rows for f in detector.find(truth.batch(some), least=LEAST)]
        how = told([truth.id(i) for i in range(ASKED)], found, truth).judge(truth)
        minutes = {"CPU-minutes": f"{options.minutes:g}"}
        line("teach", taught_by=name, **minutes, recall=recall(how), **scored(how))


def vectors(options: argparse.Namespace) -> None:
    truth = scenes(CUT, "digits", data=options.digits, part="test")  # that no detector learnt from
    known = truth.boxes(np.arange(CUT))
    found = [Found(b, np.ones(len(b), np.float32), k) for b, k in known]
    crops = Detections([truth.id(i) for i in range(CUT)], found, truth.classes, truth).cut_out(size=32)
    columns = crops.metadata()
    assert columns is not None
    labels = columns["class"].to_pylist()
    detector = saved.load(options.run / "discovered", Encoder)  # type: ignore[type-abstract]
    torch.manual_seed(0)
    blank = encoders.build("convnet", crops.traits)
    recipe = ilk.Recipe(steps=200, held_out=0.05, checks=1)
    simclr = ilk.fit(
        SimCLR(copy.deepcopy(blank), augment="digits"), crops, recipe, run=options.run / "simclr"
    )
    ways: dict[str, Encoder] = {
        "pixels": Pixels().solve(crops, seed=0),
        "pca": PCA().solve(crops, seed=0),
        "patches": Patches().solve(crops, seed=0),
        "convnet, random": blank,
        "convnet, SimCLR on the cut-outs, 200 steps": simclr,
        "detector, taught by what was discovered": detector,
    }
    if options.told is not None:
        ways["detector, told boxes and classes"] = saved.load(options.told, Encoder)  # type: ignore[type-abstract]
    for name, encoder in ways.items():
        x = embed(encoder, crops)
        line("vectors", vectors=name, dimensions=x.shape[1], kNN=float(accuracy(x, labels)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("scenes", "teach", "vectors"))
    parser.add_argument(
        "--digits", type=Path, default=None, help="an NPZ as MNIST's [default: scikit-learn's]"
    )
    parser.add_argument("--pictures", type=Path, default=None)
    parser.add_argument("--run", type=Path, default=Path("discover-runs"))
    parser.add_argument("--minutes", type=float, default=0.4, help="of the processor, of each detector")
    parser.add_argument("--told", type=Path, help="the run of a detector that was told classes")
    parser.add_argument("--sure", type=float, default=7.0, help="times the noise that a lesson stands out")
    options = parser.parse_args()
    {"scenes": found_in_scenes, "teach": teach, "vectors": vectors}[options.what](options)


if __name__ == "__main__":
    main()

"""Things found without a label: how many, what a detector learns from them, whose vectors tell them apart.

    python -m recipes.discover scenes --digits mnist.npz --pictures openmoji-72.tar
    python -m recipes.discover teach --digits mnist.npz
    python -m recipes.discover vectors --digits mnist.npz

scenes   what stands out by its light, and by the features of a convnet that has learnt nothing, in 60 scenes
         of each kind: recall, boxes told, mAP against the planted boxes, whatever the classes
teach    a detector learns from what was discovered in 400 scenes of digits, and is asked about 100 others:
         does it know more than its teacher? Beside it the same detector, taught by the planted boxes
vectors  kNN accuracy of the class of digits cut out of scenes: by the detector of `teach`, by other ways

About a CPU-minute each, on one thread. Printed: docs/detect.md.
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

SCENES, TAUGHT, ASKED, CUT = 60, 400, 100, 400
LEAST = 0.01


def line(*cells: Any) -> None:
    print("|", " | ".join(f"{c:.3f}" if isinstance(c, float) else str(c) for c in cells), "|", flush=True)


def recall(how: Measure) -> float:
    """Of all that is told, however unsure."""
    return float((how.curve[0] > 0).sum() - 1) / (len(how.curve[0]) - 1)


def told(ids: list[str], found: list[Found], source: Boxed) -> Detections:
    return Detections(ids, found, ("thing",), source)


def shown(name: str, way: str, found: Detections, truth: Boxed, seconds: float) -> None:
    how, things = found.judge(truth), sum(len(b) for b, _ in truth.boxes(np.arange(len(truth))))
    ms = 1000 * seconds / len(truth)
    line(name, way, recall(how), f"{len(found) / things:.1f}", how.ap50, how.ap, f"{ms:.0f}")


def found_in_scenes(options: argparse.Namespace) -> None:
    line("scenes", "by", "recall", "told for each thing", "mAP@50", "mAP@50:95", "CPU-ms a scene")
    print("|---|---|---|---|---|---|---|")
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
    detector = detector_for(source, "convnet", 0, width=options.width, pyramid=32)
    recipe = ilk.Recipe(steps=options.steps, batch=16, learning_rate=3e-3, checks=2)
    return ilk.fit(YOLO(detector, augment="digits"), source, recipe, run=run)


def teach(options: argparse.Namespace) -> None:
    source = one_class(scenes(TAUGHT, "digits", data=options.digits))
    truth = one_class(scenes(ASKED, "digits", data=options.digits, part="test"))
    proposals = discover(source).found
    sure = [f.take(np.flatnonzero(f.scores >= options.sure)) for f in proposals]
    line("taught by", "recall", "mAP@50", "mAP@50:95", "CPU-seconds")
    print("|---|---|---|---|---|")
    how = discover(truth).judge(truth)
    line("nobody: `discover`", recall(how), how.ap50, how.ap, "")
    lessons = {
        "what was discovered": Boxed(source.pictures, [f.boxes for f in sure], [f.classes for f in sure]),
        "the planted boxes": source,
    }
    for name, lesson in lessons.items():
        began = time.process_time()
        detector: Any = taught(lesson, options, options.run / name.split()[-1])
        seconds = time.process_time() - began
        rows = np.array_split(np.arange(ASKED), 4)
        found = [f for some in rows for f in detector.find(truth.batch(some), least=LEAST)]
        how = told([truth.id(i) for i in range(ASKED)], found, truth).judge(truth)
        line(f"{name}, {options.steps} steps", recall(how), how.ap50, how.ap, f"{seconds:.0f}")


def vectors(options: argparse.Namespace) -> None:
    truth = scenes(CUT, "digits", data=options.digits)
    known = truth.boxes(np.arange(CUT))
    found = [Found(b, np.ones(len(b), np.float32), k) for b, k in known]
    crops = Detections([truth.id(i) for i in range(CUT)], found, truth.classes, truth).cut_out(size=32)
    columns = crops.metadata()
    assert columns is not None
    labels = columns["class"].to_pylist()
    line("vectors", "dimensions", "kNN accuracy")
    print("|---|---|---|")
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
    for name, encoder in ways.items():
        x = embed(encoder, crops)
        line(name, x.shape[1], float(accuracy(x, labels)))


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
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--sure", type=float, default=7.0, help="times the noise that a lesson stands out")
    options = parser.parse_args()
    {"scenes": found_in_scenes, "teach": teach, "vectors": vectors}[options.what](options)


if __name__ == "__main__":
    main()

"""What finding costs beside the network's forward pass alone: reading what cells say, and suppression.

    python benchmarks/detect.py

A detector that learnt from scenes of digits for a while, so that it finds about as much as there is; rounds
take turns, the medians are printed. Limit: 0.8 of the pictures a second that the network alone sees.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import ilk
from ilk import console
from ilk.encoders.detector import Detector
from ilk.learning.trunk import detector_for
from ilk.objectives.yolo import YOLO
from ilk.source.scenes import scenes

ROUNDS, LIMIT = 7, 0.8


def taught(steps: int, size: int) -> tuple[Detector, Tensor]:
    source = scenes(256, "digits", size=size)
    detector = detector_for(source, "convnet", 0, width=16)
    recipe = ilk.Recipe(steps=steps, batch=32, learning_rate=3e-3, checks=1)
    with tempfile.TemporaryDirectory() as run:
        ilk.fit(YOLO(detector, augment="digits"), source, recipe, run=Path(run))
    return detector, source.batch(np.arange(64))


@torch.inference_mode()
def forward(detector: Detector, x: Tensor) -> float:
    began = time.process_time()
    detector.eval().said(x)
    return time.process_time() - began


def finding(detector: Detector, x: Tensor) -> tuple[float, int]:
    began = time.process_time()
    found = detector.find(x, least=0.05)
    return time.process_time() - began, sum(map(len, found))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=120, help="of learning, before")
    steps = parser.parse_args().steps
    console.quiet = True
    print("| pictures | found in one | network alone, 1/s | finding, 1/s | ratio |\n|---|---|---|---|---|")
    for size in (128, 256):
        detector, x = taught(steps if size == 128 else steps // 4, size)
        finding(detector, x)
        rounds = [(forward(detector, x), *finding(detector, x)) for _ in range(ROUNDS)]
        alone, all_of_it = (statistics.median(len(x) / r[i] for r in rounds) for i in (0, 1))
        ratio = statistics.median(r[0] / r[1] for r in rounds)
        many = rounds[0][2] / len(x)
        print(f"| 64 of {size} px | {many:.1f} | {alone:.0f} | {all_of_it:.0f} | {ratio:.2f} |", flush=True)
    print(f"CPU time, {torch.get_num_threads()} thread(s); limit {LIMIT}")


if __name__ == "__main__":
    main()

"""What finding costs beside the network's forward pass alone: reading what cells say, and suppression.

    python -m benchmarks.detect [--field 32768]

A detector that learnt from scenes of digits for a while, so that it finds about as much as there is; rounds
take turns, the medians are printed. Limit: 0.8 of the pictures a second that the network alone sees.

--field: instead, a blank detector looks at a field of so many pixels a side on the disk, tile by tile: the
highest anonymous memory beyond what the process had before, and the time. 32768: a gigapixel.
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
from benchmarks.memory import Peak
from ilk import console
from ilk.detection import detect
from ilk.encoders.convnet import ConvNet
from ilk.encoders.detector import Detector
from ilk.learning.trunk import detector_for
from ilk.objectives.yolo import YOLO
from ilk.source import Json
from ilk.source.scenes import scenes
from ilk.space import Space

ROUNDS, LIMIT = 7, 0.8
TILE = 512


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


def field(side: int) -> None:
    """Black, with a bright square in its last corner: a file with a hole, which takes no room."""
    torch.manual_seed(0)
    network = Detector(ConvNet(1, 32, width=8), ["thing"], pyramid=16).eval()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "sky").mkdir()
        pixels = np.lib.format.open_memmap(folder / "sky" / "field.npy", "w+", np.uint8, (side, side))
        pixels[-200:-100, -200:-100] = 255
        pixels.flush()
        reading: dict[str, Json] = {"reader": "images", "size": 512, "channels": 1, "dtype": "uint8"}
        space = Space.create(folder / "any.space", network, reading=reading)
        peak, began = Peak(), time.process_time()
        with peak.watching():
            found = detect(space.path, folder / "sky", tile=TILE)
        seconds = time.process_time() - began
    rate = side**2 / seconds / 1e6
    print(f"| {side} x {side} | {side**2 / 1e6:,.0f} MB | {max(peak.found.values()) / 1e6:.0f} MB", end=" ")
    print(f"| {seconds:.0f} | {rate:.1f} | {len(found):,} |")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=120, help="of learning, before")
    parser.add_argument("--field", type=lambda text: [*map(int, text.split(","))], default=[])
    options = parser.parse_args()
    console.quiet = True
    if options.field:
        print("| pixels | on the disk | highest memory | CPU-seconds | million pixels a second | found |")
        print("|---|---|---|---|---|---|")
        for side in options.field:
            field(side)
        return
    steps = options.steps
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

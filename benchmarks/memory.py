"""How much memory do a million pictures take, to learn from and to embed?

    OMP_NUM_THREADS=1 python -m benchmarks.memory [--samples 1000000] [--size 64] [--steps 20]

Writes NPY shards of 10,000 grey pictures, then in this process: reads the folder (into the cache, on disk),
learns by SimCLR for a few steps, and puts all into a space. Prints, for each phase, the highest anonymous
resident memory beyond what the process had with its imports and its model: without the pages of mapped files,
which the system takes back at will. The last line is JSON. Wanted: less than 2 GB for a million of 64 x 64.
The disk must hold the pictures twice. A million take about 20 CPU-minutes; --samples 100000 a tenth.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ilk.encoders import build
from ilk.objectives.simclr import SimCLR
from ilk.source.images import images
from ilk.space import Space
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

SHARD = 10_000


def anonymous() -> int:
    """Bytes of this process that are resident and no file's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


class Peak:
    """The highest, looked at fifty times a second; the phase that it falls into is the last one begun."""

    def __init__(self) -> None:
        self.base, self.found, self.name = anonymous(), dict[str, int](), ""

    @contextmanager
    def watching(self) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.02):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def begin(self, name: str) -> None:
        self.name = name
        self.look()

    def look(self) -> None:
        self.found[self.name] = max(self.found.get(self.name, 0), anonymous() - self.base)


def shards(folder: Path, samples: int, size: int) -> None:
    rng = np.random.default_rng(0)
    for start in range(0, samples, SHARD):
        n = min(SHARD, samples - start)
        smooth = rng.integers(0, 200, (n, size // 8, size // 8), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
        np.save(folder / f"{start:09d}.npy", smooth + rng.integers(0, 50, (n, 1, 1), dtype=np.uint8))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--samples", type=int, default=1_000_000)
    options.add_argument("--size", type=int, default=64)
    options.add_argument("--steps", type=int, default=20)
    given = options.parse_args()
    torch.manual_seed(0)
    objective = SimCLR(build("convnet", {"channels": 1, "size": given.size}, width=8), augment="digits")
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "data"
        data.mkdir()
        shards(data, given.samples, given.size)
        os.environ["ILK_CACHE"] = f"{work}/cache"
        peak = Peak()
        with peak.watching():
            peak.begin("read")
            source = images(data, size=given.size)
            peak.begin("learn")
            encoder = fit(objective, source, Recipe(steps=given.steps, checks=1), run=Path(work) / "run")
            peak.begin("embed")
            began = time.process_time()
            space = Space.create(Path(work) / "s.space", encoder, reading=source.reading)
            space.upsert(source)
            seconds = time.process_time() - began
        for name, bytes_ in peak.found.items():
            print(f"{name:8}{bytes_ / 1e6:8,.0f} MB")
        print(f"{len(space) / seconds:,.0f} samples a CPU-second into the space")
        told = {"samples": given.samples, "size": given.size, "base": peak.base, **peak.found}
        print(json.dumps(told))


if __name__ == "__main__":
    main()

"""How does the cost of each step grow? Log-log slopes over samples, dimensions, parameters and image size.

    OMP_NUM_THREADS=1 python -m benchmarks.growth [--to docs/images/growth.svg] [--short]

Each step is run at a few sizes, all else kept; a slope of 1 is proportional, 2 is quadratic. CPU-seconds, the
least of two runs. n log n over the range measured here has a slope of about 1.1: steeper ones are marked.
The map is also measured on a sample of 4,000 rows, the others put among them, with what that loses: the share
of rows whose label ten neighbours in the plane tell.
About five CPU-minutes.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import make_blobs
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from benchmarks.limits import cpu_seconds, machine
from ilk import console
from ilk.analysis.clusters import mixture
from ilk.analysis.map import place
from ilk.encoders import build, embed
from ilk.encoders.pixels import Pixels
from ilk.objectives.simclr import SimCLR
from ilk.source.images import Images
from ilk.space import Space
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

STEEP = 1.15
WAYS = ("samples", "dimensions", "parameters", "image size")


class Curve(NamedTuple):
    step: str
    over: str  # one of WAYS
    sizes: list[float]
    seconds: list[float]

    @property
    def slope(self) -> float:
        return float(np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0])


def seconds(work: Callable[[], object]) -> float:
    return min(cpu_seconds(work) for _ in range(2))


def pictures(n: int, size: int) -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    return Images(pixels, [str(i) for i in range(n)])


def groups(n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = make_blobs(n, dim, centers=10, cluster_std=4.0, random_state=0)
    return np.asarray(x, np.float32), np.asarray(y)


def learning(n: int = 256, dim: int = 128, width: int = 16, size: int = 32) -> Callable[[], object]:
    """An epoch in batches of 64."""
    source = pictures(n, size)
    torch.manual_seed(0)
    objective = SimCLR(build("convnet", source.traits, dim=dim, width=width), augment="natural")
    recipe = Recipe(steps=n // 64, batch=64, checks=1, held_out=0)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            fit(objective, source, recipe, run=Path(folder))

    return run


def embedding(n: int = 512, dim: int = 128, width: int = 16, size: int = 32) -> Callable[[], object]:
    source = pictures(n, size)
    encoder = build("convnet", source.traits, dim=dim, width=width)
    return lambda: embed(encoder, source)


def space_of(folder: Path, n: int, dim: int) -> tuple[Space, np.ndarray]:
    x, _ = groups(n, dim)
    space = Space.create(folder / f"{n}-{dim}.space", Pixels(dim, 1), reading={})
    space.upsert_vectors([str(i) for i in range(n)], x)
    return space, x


def spaces(short: bool) -> Iterator[Curve]:
    """Storing, indexing and asking, on the same spaces."""
    for over, sizes in (("samples", [4000, 8000, 16000, 32000]), ("dimensions", [16, 32, 64, 128])):
        found: dict[str, list[float]] = {"index": [], "search, exact": [], "search, indexed": []}
        sizes = sizes[: 3 if short else None]
        for size in sizes:
            n, dim = (size, 32) if over == "samples" else (8000, size)
            with tempfile.TemporaryDirectory() as folder:
                space, x = space_of(Path(folder), n, dim)
                asked = x[:: n // 200]
                space.search(asked)
                found["search, exact"].append(seconds(lambda s=space, q=asked: s.search(q)))  # type: ignore[misc]
                found["index"].append(seconds(lambda s=space: s.index("hnsw")))  # type: ignore[misc]
                space.search(asked)
                found["search, indexed"].append(seconds(lambda s=space, q=asked: s.search(q)))  # type: ignore[misc]
        for step, spent in found.items():
            yield Curve(step, over, list(map(float, sizes)), spent)


def curves(short: bool) -> Iterator[Curve]:
    def over(
        step: str, way: str, sizes: Sequence[int], made: Callable[[int], Callable[[], object]]
    ) -> Iterator[Curve]:
        chosen = sizes[: 3 if short else None]
        yield Curve(step, way, [float(s) for s in chosen], [seconds(made(s)) for s in chosen])

    yield from over("learn", "samples", (256, 512, 1024, 2048), lambda n: learning(n=n))
    yield from over("learn", "dimensions", (64, 128, 256, 512), lambda d: learning(dim=d))
    yield from over("learn", "image size", (32, 64, 96, 128), lambda s: learning(size=s))
    yield from over("embed", "samples", (512, 1024, 2048, 4096), lambda n: embedding(n=n))
    yield from over("embed", "dimensions", (64, 128, 256, 512), lambda d: embedding(dim=d))
    yield from over("embed", "image size", (32, 64, 96, 128), lambda s: embedding(size=s))
    for step, work in (("learn", learning), ("embed", embedding)):
        widths = (8, 16, 32, 64)[: 3 if short else None]
        weights = [_weights(w) for w in widths]
        yield Curve(step, "parameters", weights, [seconds(work(width=w)) for w in widths])
    yield from spaces(short)
    looks: tuple[tuple[str, tuple[int, ...], Callable[[np.ndarray], object]], ...] = (
        ("cluster", (2000, 4000, 8000, 16000), lambda x: mixture(x, 10, starts=3)),
        ("map", (2000, 4000, 8000, 16000), lambda x: place(x, epochs=50)),
        ("map of a sample", (6000, 12000, 24000), lambda x: place(x, epochs=50, most=4000)),
    )
    for step, sizes, look in looks:
        yield from over(step, "samples", sizes, lambda n, look=look: partial(look, groups(n, 32)[0]))  # type: ignore[misc]
        dims = (8, 16, 32, 64)
        yield from over(step, "dimensions", dims, lambda d, look=look: partial(look, groups(5000, d)[0]))  # type: ignore[misc]


def _weights(width: int) -> float:
    encoder = build("convnet", {"channels": 3, "size": 32}, dim=128, width=width)
    return float(sum(p.numel() for p in encoder.parameters()))


def lost() -> str:
    """What laying out a sample only costs in quality."""
    x, y = groups(12_000, 16)

    def told(xy: np.ndarray) -> float:
        return float(cross_val_score(KNeighborsClassifier(10), xy, y, cv=3).mean())

    data, whole, sample = told(x), told(place(x)), told(place(x, most=4000))
    return (
        f"label told by 10 neighbours: data {data:.3f}, map {whole:.3f}, map of 4,000 of 12,000 {sample:.3f}"
    )


def picture(found: list[Curve]) -> str:
    """A panel for each way to grow: cost over size, both from 1, on logarithmic axes."""
    side, left, colours = (
        250,
        50,
        ("#1b6ca8", "#d1495b", "#3a7d44", "#edae49", "#6d597a", "#222222", "#00a6a6"),
    )
    steps = list(dict.fromkeys(c.step for c in found))
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{4 * (side + left) + 20}" height="{side + 200}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for i, way in enumerate(WAYS):
        x0, y0 = left + i * (side + left), 30
        out.append(f'<text x="{x0}" y="{y0 - 10}" font-weight="bold">cost over {way}</text>')
        out.append(f'<rect x="{x0}" y="{y0}" width="{side}" height="{side}" fill="none" stroke="#999"/>')
        for power in (1, 2):  # for the eye: proportional and quadratic
            end = f'x2="{x0 + side / power}" y2="{y0}"'
            out.append(f'<line x1="{x0}" y1="{y0 + side}" {end} stroke="#ccc" stroke-dasharray="4"/>')
        mine = [c for c in found if c.over == way]
        for j, curve in enumerate(mine):
            colour = colours[steps.index(curve.step) % len(colours)]
            ends = zip(np.log(curve.sizes) / np.log(64), np.log(curve.seconds) / np.log(64))
            first = (np.log(curve.sizes[0]) / np.log(64), np.log(curve.seconds[0]) / np.log(64))
            points = " ".join(
                f"{x0 + side * (u - first[0]):.1f},{y0 + side * (1 - max(0.0, v - first[1])):.1f}"
                for u, v in ends
            )
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            told = f"{curve.step}: slope {curve.slope:.2f}"
            out.append(f'<text x="{x0}" y="{y0 + side + 20 + 16 * j}" fill="{colour}">{told}</text>')
    return "\n".join([*out, "</svg>\n"])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--to", type=Path, help="an SVG file")
    options.add_argument("--short", action="store_true", help="without the largest size of each")
    given = options.parse_args()
    console.quiet = True
    torch.set_num_threads(1)
    print(machine())
    found = []
    for curve in curves(given.short):
        found.append(curve)
        steep = "  steeper than n log n" if curve.over == "samples" and curve.slope > STEEP else ""
        at = ", ".join(f"{size:,.0f}: {s:.3g} s" for size, s in zip(curve.sizes, curve.seconds))
        print(f"{curve.step:18}{curve.over:12}{curve.slope:6.2f}   {at}{steep}", flush=True)
    print(lost())
    if given.to:
        given.to.write_text(picture(found))


if __name__ == "__main__":
    main()

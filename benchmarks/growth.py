"""How does the cost of each step grow? Log-log slopes over samples, dimensions, parameters and image size.

    OMP_NUM_THREADS=1 python -m benchmarks.growth [--to docs/images/growth.svg] [--short] [--told FILE]

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
from ilk.analysis._drawn.ink import COLOURS
from ilk.analysis.map import place
from ilk.analysis.mixture import mixture
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


SIDE, LEFT, TOP, ROW = 250, 50, 40, 16  # pixels: of a panel, its margins, a line of the legend


def picture(found: list[Curve]) -> str:
    """A panel for each way to grow: cost over size, both in units of the first, on logarithmic axes."""
    steps = list(dict.fromkeys(c.step for c in found))
    colour = dict(zip(steps, COLOURS, strict=False))
    most = max(sum(c.over == way for c in found) for way in WAYS)
    times = max(max(c.sizes[-1] / c.sizes[0], max(c.seconds) / c.seconds[0]) for c in found)
    doublings = int(np.ceil(np.log2(times)))
    wide, high = len(WAYS) * (SIDE + LEFT) + 20, TOP + SIDE + 50 + ROW * most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for i, way in enumerate(WAYS):
        out += panel(way, [c for c in found if c.over == way], LEFT + i * (SIDE + LEFT), colour, doublings)
    return "\n".join([*out, "</svg>\n"])


def panel(way: str, curves: list[Curve], x0: float, colour: dict[str, str], doublings: int) -> Iterator[str]:
    def at(size: float, cost: float) -> tuple[float, float]:
        x, y = (max(0.0, np.log2(v) / doublings) for v in (size, cost))
        return x0 + SIDE * x, TOP + SIDE * (1 - y)

    yield f'<text x="{x0}" y="{TOP - 16}" font-weight="bold">cost over {way}, times the first</text>'
    small = 'font-size="10" fill="#666"'
    for tick in (2**i for i in range(doublings + 1)):
        (x, y), grey = at(tick, tick), 'stroke="#eee"'
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + SIDE}" {grey}/>'
        yield f'<line x1="{x0}" y1="{y:.1f}" x2="{x0 + SIDE}" y2="{y:.1f}" {grey}/>'
        yield f'<text x="{x:.1f}" y="{TOP + SIDE + 14}" text-anchor="middle" {small}>{tick}</text>'
        yield f'<text x="{x0 - 5}" y="{y + 3:.1f}" text-anchor="end" {small}>{tick}</text>'
    for power, name in ((1, "n"), (2, "n\u00b2")):  # for the eye
        x, y = at(2 ** (doublings / power), 2**doublings)
        line = f'x1="{x0}" y1="{TOP + SIDE}" x2="{x:.1f}" y2="{y:.1f}"'
        yield f'<line {line} stroke="#aaa" stroke-dasharray="4"/>'
        yield f'<text x="{x:.1f}" y="{TOP - 3}" text-anchor="middle" {small}>{name}</text>'
    yield f'<rect x="{x0}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>'
    for row, curve in enumerate(curves):
        places = [at(n / curve.sizes[0], s / curve.seconds[0]) for n, s in zip(curve.sizes, curve.seconds)]
        points, ink = " ".join(f"{x:.1f},{y:.1f}" for x, y in places), colour[curve.step]
        yield f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{ink}"/>' for x, y in places)
        told = f"{curve.step}: slope {curve.slope:.2f}"
        yield f'<text x="{x0}" y="{TOP + SIDE + 38 + ROW * row}" fill="{ink}">{told}</text>'


def told(text: str) -> Iterator[Curve]:
    """What an earlier run printed."""
    for line in text.splitlines():
        step, over, rest = line[:18].strip(), line[18:30].strip(), line[36:]
        if over in WAYS:
            pairs = [
                p.split(": ") for p in rest.removesuffix("steeper than n log n").split(" s") if ": " in p
            ]
            sizes = [float(size.strip(" ,").replace(",", "")) for size, _ in pairs]
            yield Curve(step, over, sizes, [float(cost) for _, cost in pairs])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--to", type=Path, help="an SVG file")
    options.add_argument("--short", action="store_true", help="without the largest size of each")
    options.add_argument("--told", type=Path, help="what an earlier run printed, to be drawn again")
    given = options.parse_args()
    if given.told:
        given.to.write_text(picture(list(told(given.told.read_text()))))
        return
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

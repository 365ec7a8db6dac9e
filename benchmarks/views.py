"""Two random views of each picture, 64 x 64: ilk on a whole batch against PIL, picture by picture.

    python benchmarks/views.py

Prints pictures per CPU-second (medians of rounds that take turns; workers' CPU time counts) and the ratios:
against a bare loop over PIL pictures, and against a DataLoader whose two workers run that loop, which is how
such pipelines are run. The loop makes the same changes, with the same chances and ranges, as PIL does them
best; all end in float32 batches. Wanted: 5 times the DataLoader.
"""

import math
import os
import random
import statistics
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ilk.source._change import Range
from ilk.source.views import PRESETS, Preset, Views

SIZE, BATCH, ROUNDS = 64, 128, 7
BATCHES = 8  # of a DataLoader's round
MODES = {"natural": "RGB", "digits": "L", "astro": "F"}


def draw(between: Range) -> float:
    return random.uniform(*between)


def placed(picture: Image.Image, p: Preset, size: int) -> Image.Image:
    area, aspect = draw(p.crop), math.exp(draw((math.log(p.aspect[0]), math.log(p.aspect[1]))))
    wide, high = min(1, math.sqrt(area * aspect)), min(1, math.sqrt(area / aspect))
    x = size * (0.5 + (1 - wide) * draw((-0.5, 0.5)) + draw(p.shift))
    y = size * (0.5 + (1 - high) * draw((-0.5, 0.5)) + draw(p.shift))
    flip = random.random() < p.flip_x
    if p.turn == p.shear == (0, 0):
        box = (x - wide * size / 2, y - high * size / 2, x + wide * size / 2, y + high * size / 2)
        picture = picture.resize((size, size), Image.Resampling.BILINEAR, box)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture
    turn, tan = math.radians(draw(p.turn)), math.tan(math.radians(draw(p.shear)))
    cos, sin, wide = math.cos(turn), math.sin(turn), -wide if flip else wide
    a, b, c, d = cos * wide, (cos * tan - sin) * high, sin * wide, (sin * tan + cos) * high
    middle = size / 2
    matrix = (a, b, x - (a + b) * middle, c, d, y - (c + d) * middle)
    return picture.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def coloured(picture: Image.Image, p: Preset) -> Image.Image:
    if random.random() < p.colour:
        picture = ImageEnhance.Brightness(picture).enhance(draw(p.brightness))
        picture = ImageEnhance.Contrast(picture).enhance(draw(p.contrast))
        if picture.mode == "RGB":
            picture = ImageEnhance.Color(picture).enhance(draw(p.saturation))
            hue, saturation, value = picture.convert("HSV").split()
            turn = round(255 * draw(p.hue))
            hue = hue.point([(level + turn) % 256 for level in range(256)])
            picture = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    return picture.convert("L").convert(picture.mode) if random.random() < p.grey else picture


def by_pil(picture: Image.Image, p: Preset, size: int = SIZE) -> np.ndarray:
    picture = placed(picture, p, size)
    if picture.mode == "F":  # PIL has neither brightness nor noise for floats
        x = np.asarray(picture) * np.float32(draw(p.brightness))
        deviation = draw(p.noise) * float(x.std())
        return (x + np.random.normal(0, deviation, x.shape)).astype(np.float32)  # noqa: NPY002
    picture = coloured(picture, p)
    if random.random() < p.blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(draw(p.blur) * size))
    return np.asarray(picture, np.float32) / 255


def loop(pictures: list[Image.Image], p: Preset) -> tuple[torch.Tensor, torch.Tensor]:
    first = np.stack([by_pil(picture, p) for picture in pictures])
    second = np.stack([by_pil(picture, p) for picture in pictures])
    return torch.from_numpy(first), torch.from_numpy(second)


class TwoViews(Dataset[tuple[Tensor, Tensor]]):
    """As in the usual code for SimCLR: a sample is two views of one picture, made when it is asked for."""

    def __init__(
        self, pictures: list[Image.Image], p: Preset, *, size: int = SIZE, length: int = BATCHES * BATCH
    ) -> None:
        self.pictures, self.p, self.size, self.length = pictures, p, size, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        picture = self.pictures[i % len(self.pictures)]
        return tensor(by_pil(picture, self.p, self.size)), tensor(by_pil(picture, self.p, self.size))


def tensor(x: np.ndarray) -> Tensor:  # (H, W[, C]) -> (C, H, W)
    return torch.from_numpy(x).view(*x.shape[:2], -1).permute(2, 0, 1).contiguous()


def loaded(pictures: list[Image.Image], p: Preset) -> None:
    for _ in DataLoader(TwoViews(pictures, p), BATCH, num_workers=2):
        pass


def cpu() -> float:
    """Seconds of this process and of the workers that have ended."""
    return sum(os.times()[:4])


def rate(work: Callable[[], object], pictures: int = BATCH) -> float:
    start = cpu()
    work()
    return pictures / (cpu() - start)


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print(f"{'pictures per CPU-second':>25}{'ratio to':>21}")
    print(f"{'preset':10}{'ilk':>8}{'loop':>8}{'2 workers':>11}{'loop':>8}{'2 workers':>11}")
    for name, mode in MODES.items():
        channels = 3 if mode == "RGB" else 1
        raw = (rng.uniform(size=(BATCH, SIZE, SIZE, channels)) * 255).astype(np.uint8)
        pictures = [Image.fromarray(x if channels == 3 else x[..., 0]).convert(mode) for x in raw]
        batch = torch.from_numpy(raw).permute(0, 3, 1, 2).float() / 255
        views, p = Views(name), PRESETS[name]
        views(batch)  # compiles, the first time ever
        rates = [_round(views, batch, pictures, p) for _ in range(ROUNDS)]
        ours, plain, workers = (statistics.median(r) for r in zip(*rates))
        one, two = (statistics.median(r[0] / r[i] for r in rates) for i in (1, 2))
        print(f"{name:10}{ours:8,.0f}{plain:8,.0f}{workers:11,.0f}{one:8.1f}{two:11.1f}", flush=True)


def _round(views: Views, batch: Tensor, pictures: list[Image.Image], p: Preset) -> tuple[float, float, float]:
    return (
        rate(lambda: [views(batch) for _ in range(BATCHES)], BATCHES * BATCH),
        rate(lambda: loop(pictures, p)),
        rate(lambda: loaded(pictures, p), BATCHES * BATCH),
    )


if __name__ == "__main__":
    main()

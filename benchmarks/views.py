"""Two random views of each picture, 64 x 64: ilk on a whole batch against a plain loop over PIL pictures.

    python benchmarks/views.py

Prints pictures per CPU-second on one thread (medians of rounds that take turns) and the ratio. The loop makes
the same changes, with the same chances and ranges, as PIL does them best; both end in a float32 batch.
"""

import math
import random
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from ilk.source.views import PRESETS, Preset, Range, Views

SIZE, BATCH, ROUNDS = 64, 128, 9
MODES = {"natural": "RGB", "digits": "L", "astro": "F"}


def draw(between: Range) -> float:
    return random.uniform(*between)


def placed(picture: Image.Image, p: Preset) -> Image.Image:
    area, aspect = draw(p.crop), math.exp(draw((math.log(p.aspect[0]), math.log(p.aspect[1]))))
    wide, high = min(1, math.sqrt(area * aspect)), min(1, math.sqrt(area / aspect))
    x = SIZE * (0.5 + (1 - wide) * draw((-0.5, 0.5)) + draw(p.shift))
    y = SIZE * (0.5 + (1 - high) * draw((-0.5, 0.5)) + draw(p.shift))
    flip = random.random() < p.flip_x
    if p.turn == p.shear == (0, 0):
        box = (x - wide * SIZE / 2, y - high * SIZE / 2, x + wide * SIZE / 2, y + high * SIZE / 2)
        picture = picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else picture
    turn, tan = math.radians(draw(p.turn)), math.tan(math.radians(draw(p.shear)))
    cos, sin, wide = math.cos(turn), math.sin(turn), -wide if flip else wide
    a, b, c, d = cos * wide, (cos * tan - sin) * high, sin * wide, (sin * tan + cos) * high
    middle = SIZE / 2
    matrix = (a, b, x - (a + b) * middle, c, d, y - (c + d) * middle)
    return picture.transform((SIZE, SIZE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


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


def by_pil(picture: Image.Image, p: Preset) -> np.ndarray:
    picture = placed(picture, p)
    if picture.mode == "F":  # PIL has neither brightness nor noise for floats
        x = np.asarray(picture) * np.float32(draw(p.brightness))
        deviation = draw(p.noise) * float(x.std())
        return (x + np.random.normal(0, deviation, x.shape)).astype(np.float32)  # noqa: NPY002
    picture = coloured(picture, p)
    if random.random() < p.blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(draw(p.blur) * SIZE))
    return np.asarray(picture, np.float32) / 255


def loop(pictures: list[Image.Image], p: Preset) -> tuple[torch.Tensor, torch.Tensor]:
    first = np.stack([by_pil(picture, p) for picture in pictures])
    second = np.stack([by_pil(picture, p) for picture in pictures])
    return torch.from_numpy(first), torch.from_numpy(second)


def rate(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return BATCH / (time.process_time() - start)


def main() -> None:
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    print(f"{'preset':10}{'ilk':>8}{'PIL loop':>10}{'ratio':>7}   pictures per CPU-second, two views each")
    for name, mode in MODES.items():
        channels = 3 if mode == "RGB" else 1
        raw = (rng.uniform(size=(BATCH, SIZE, SIZE, channels)) * 255).astype(np.uint8)
        pictures = [Image.fromarray(x if channels == 3 else x[..., 0]).convert(mode) for x in raw]
        batch = torch.from_numpy(raw).permute(0, 3, 1, 2).float() / 255
        views, preset = Views(name), PRESETS[name]
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(rate(lambda views=views, batch=batch: views(batch)))  # type: ignore[misc]
            theirs.append(rate(lambda pictures=pictures, preset=preset: loop(pictures, preset)))  # type: ignore[misc]
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        print(f"{name:10}{statistics.median(ours):8,.0f}{statistics.median(theirs):10,.0f}{ratio:7.1f}")


if __name__ == "__main__":
    main()

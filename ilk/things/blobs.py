"""Things as blobs of any scale: what stands out of its surroundings, without having learnt anything.

At each scale the Laplacian of a Gaussian answers where something of that size lies (Lindeberg 1998); what
answers loudest among its places and scales is a blob. Its box is that of the connected light around it, so
that a ring or a stroke is found as a whole. Made for fields of stars, cells, spots.

Legend: C channels, H x W pixels, S scales, n boxes.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import fft, ndimage

from ..compiled import compiled
from ..errors import OptionError
from .found import Found, together
from .overlap import suppress

STEP = 1.4  # from one scale to the next
FINE = 0.3  # of a blob's scale: how far its light is smoothed before its box is drawn
SHARES = (0.3, 0.5, 0.7)  # of its peak above the ground: what counts as its light; the first that has an end
ABOVE = 2.5  # times the noise that its light must have
SAME = 0.4  # IoU from which two blobs are one thing
TIGHT = 1.4826  # median of absolute deviations -> standard deviation of a normal distribution


def blobs(
    x: np.ndarray,  # (C, H, W)
    *,
    smallest: float = 4.0,
    largest: float | None = None,
    least: float = 5.0,
    any_light: bool | None = None,
) -> Found:
    """What stands out, the most marked first; a score is how many times the noise it answers.

    smallest, largest  sides of things in pixels (default: to a half of the picture's)
    least              times the noise that a blob must answer
    any_light          dark things too, not only bright ones (default: in colour pictures)
    """
    channels, high, wide = x.shape
    largest = min(high, wide) / 2 if largest is None else largest
    if not 1 <= smallest <= largest:
        raise OptionError(
            f"things of {smallest:g} to {largest:g} pixels", "Give the smaller side first, from 1 on."
        )
    if not least > 0:
        raise OptionError(f"least is {least:g}", "Times the noise that a thing stands out: more than 0.")
    light = _light(x, channels > 1 if any_light is None else any_light)
    scales = _scales(smallest, largest)
    waves = _Waves(light)
    answers = np.stack([waves.answer(s) for s in scales])  # (S, H, W)
    loudest = ndimage.maximum_filter(answers, 3, mode="nearest") == answers
    parts: list[Found] = []
    for k, scale in enumerate(scales):
        places = np.argwhere(loudest[k] & (answers[k] > least))
        if len(places):
            parts.append(_boxes(waves, scale, places, answers[k], round(largest)))
    found = together(parts)
    rows = suppress(torch.from_numpy(found.boxes), torch.from_numpy(found.scores), above=SAME)
    return found.take(rows.numpy())


def _scales(smallest: float, largest: float) -> list[float]:
    """Of Gaussians: a disc of radius r is answered loudest at r / sqrt 2."""
    ends = smallest / 2 / np.sqrt(2), largest / 2 / np.sqrt(2)
    steps = int(np.log(ends[1] / ends[0]) / np.log(STEP))
    return [float(ends[0] * STEP**i) for i in range(steps + 1)]


def _light(x: np.ndarray, any_light: bool) -> np.ndarray:  # (C, H, W) -> (H, W)
    """What things are brighter in than the ground: light, or the distance to the ground's colour."""
    x = x.astype(np.float64)
    apart = x - np.median(x, (1, 2), keepdims=True)
    light: np.ndarray = np.sqrt((apart**2).mean(0)) if any_light else x.mean(0)
    return light


class _Waves:
    """A picture as a sum of cosines (mirrored at its edges): there a Gaussian of any width costs the same."""

    def __init__(self, light: np.ndarray) -> None:
        self.parts = fft.dctn(light.astype(np.float32), norm="ortho")
        down, across = (np.pi * np.arange(n, dtype=np.float32) / n for n in light.shape)
        self.squares = down[:, None] ** 2 + across**2  # of the waves' numbers

    def smooth(self, scale: float) -> np.ndarray:
        return self._back(self.parts * np.exp(-self.squares * (scale**2 / 2)))

    def answer(self, scale: float) -> np.ndarray:
        """Minus the Laplacian, in units of its noise: positive where it is brighter than around."""
        answer = self._back(self.parts * self.squares * np.exp(-self.squares * (scale**2 / 2)))
        spread = _noise(answer)
        return answer / spread if spread > 0 else np.zeros_like(answer)

    def _back(self, parts: np.ndarray) -> np.ndarray:
        x: np.ndarray = fft.idctn(parts, norm="ortho")
        return x


def _noise(x: np.ndarray) -> float:
    """Its standard deviation, whatever shines in it."""
    return float(TIGHT * np.median(np.abs(x - np.median(x))))


def _boxes(waves: _Waves, scale: float, places: np.ndarray, answer: np.ndarray, most: int) -> Found:
    """The box of the light around each place (row, column)."""
    smooth = waves.smooth(max(FINE * scale, 0.7))
    ground, noise = float(np.median(smooth)), _noise(smooth)
    boxes, scores = [], []
    for row, column in places:
        box = _lit(smooth, int(row), int(column), scale, ground, noise, most)
        if box is not None:
            boxes.append(box)
            scores.append(answer[row, column])
    n = len(boxes)
    return Found(
        np.array(boxes, np.float32).reshape(n, 4), np.array(scores, np.float32), np.zeros(n, np.int64)
    )


def _lit(
    smooth: np.ndarray, row: int, column: int, scale: float, ground: float, noise: float, most: int
) -> tuple[int, int, int, int] | None:
    """Of the pixels connected with the brightest near by and not much darker; None where that has no end."""
    near = int(np.ceil(1.5 * scale))
    inner_top, inner_left = max(row - near, 0), max(column - near, 0)
    inner = smooth[inner_top : row + near + 1, inner_left : column + near + 1]
    y, x = (int(v) for v in np.unravel_index(int(inner.argmax()), inner.shape))
    peak = float(inner[y, x]) - ground
    row, column = inner_top + y, inner_left + x
    for share in SHARES:
        box = _connected(smooth, row, column, ground + max(share * peak, ABOVE * noise), most)
        if box[2] > box[0]:
            return box
    return None


@compiled()
def _connected(x: np.ndarray, row: int, column: int, above: float, most: int) -> tuple[int, int, int, int]:
    """The box around the pixels above a level that hang together with one of them; none: it has no pixel.

    None, too, where it is larger than `most`: whoever asks would not go through all of a large picture.
    """
    high, wide = x.shape
    nothing = (0, 0, 0, 0)
    if not x[row, column] > above:
        return nothing
    x0, y0, x1, y1 = column, row, column, row
    seen = {row * wide + column}
    left = [(row, column)]
    while len(left):
        i, j = left.pop()
        x0, y0, x1, y1 = min(x0, j), min(y0, i), max(x1, j), max(y1, i)
        if max(x1 - x0, y1 - y0) >= most:
            return nothing
        for down in range(max(i - 1, 0), min(i + 2, high)):
            for across in range(max(j - 1, 0), min(j + 2, wide)):
                key = down * wide + across
                if x[down, across] > above and key not in seen:
                    seen.add(key)
                    left.append((down, across))
    return x0, y0, x1 + 1, y1 + 1

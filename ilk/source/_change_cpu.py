"""The changes of `_change`, compiled for a CPU: a view at a time, which stays in the core's cache.

A matrix product over whole sides, right for a GPU, multiplies mostly zeros: without blur two pixels of each
axis make one. Here only those are looked at, and the view is mixed and written while it is at hand.

Legend: B pictures, N views, C channels, H x W pixels in, h x w out, K pixels that make one, along an axis.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ..compiled import compiled
from ._change import Change, Size, shrunk, weights

_WIDE = 4.0  # standard deviations of a Gaussian that are looked at: the rest weighs 6e-5


def changed(batch: Tensor, copies: int, by: Change, out: Size) -> Tensor:
    """As `_change.changed`, on torch's threads; the views lie channels-last in memory."""
    turned = by.turned
    if turned is not None:
        batch = shrunk(batch, out)
    x = batch.contiguous().numpy()
    n, channels = copies * len(x), x.shape[1]
    views = np.empty((n, *out, channels), np.float32)
    none = np.zeros((n, 0), np.float32)
    numbers = (by.middle_x, by.middle_y, by.wide, by.high, by.blur, by.gain, by.lift)
    places = np.stack([t.numpy() for t in numbers], 1).astype(np.float64)  # (N, 7)
    turns = none if turned is None else np.stack([t.numpy() for t in turned], 1)  # (N, 2)
    mix = none if by.mix is None else by.mix.reshape(n, 9).numpy()
    luma = weights(channels, batch.device).numpy()

    def some(first: int, end: int) -> None:
        _views(x, views, first, end, places, turns, mix, luma)

    threads = min(torch.get_num_threads(), n)
    if threads < 2:
        some(0, n)
    else:
        ends = np.linspace(0, n, threads + 1).astype(int).tolist()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(some, ends[:-1], ends[1:]))
    return torch.from_numpy(views).permute(0, 3, 1, 2)


@compiled(reorder=True)
def _views(
    x: np.ndarray,  # (B, C, H, W)
    views: np.ndarray,  # (N, h, w, C): those from `first` to `end` are written
    first: int,
    end: int,
    places: np.ndarray,  # (N, 7): middle x and y, wide, high, blur, gain, lift
    turns: np.ndarray,  # (N, 2) turn and tan, or (N, 0)
    mix: np.ndarray,  # (N, 9), or (N, 0)
    luma: np.ndarray,  # (C,)
) -> None:
    C, H, W = x.shape[1:]
    _, h, w, _ = views.shape
    side, line = max(H, W, h, w), max(W, w)
    plane, looked = np.empty((C, w, h), np.float32), np.empty((C, h, w), np.float32)
    rows, columns = np.empty((C, h, line), np.float32), np.empty((line, h), np.float32)
    at_y, at_x = np.empty(h, np.int64), np.empty(w, np.int64)
    by_y, by_x = np.empty((h, side), np.float32), np.empty((w, side), np.float32)
    at, by = np.empty(w, np.uint32), np.empty((2, w), np.float32)
    for n in range(first, end):
        picture = x[n % len(x)]
        mx, my, wide, high, blur, gain, lift = places[n]
        if turns.shape[1] > 0:
            _turned(picture, looked, mx, my, wide, high, turns[n, 0], turns[n, 1], at, by)
            if blur == 0:
                _mixed(looked, mix[n], luma, gain, lift)
                for c in range(C):
                    for i in range(h):
                        for j in range(w):
                            views[n, i, j, c] = looked[c, i, j]
                continue
            picture, mx, my, wide, high = looked, 0.0, 0.0, 1.0, 1.0
        _resampled(picture, plane, rows, columns, mx, my, wide, high, blur, at_y, at_x, by_y, by_x)
        _mixed(plane, mix[n], luma, gain, lift)
        for c in range(C):
            for i in range(h):
                for j in range(w):
                    views[n, i, j, c] = plane[c, j, i]


@compiled(reorder=True)
def _resampled(
    x: np.ndarray,  # (C, H, W)
    plane: np.ndarray,  # (C, w, h), written
    rows: np.ndarray,  # room for (C, h, W)
    columns: np.ndarray,  # room for (W, h)
    mx: float,
    my: float,
    wide: float,
    high: float,
    blur: float,
    at_y: np.ndarray,
    at_x: np.ndarray,
    by_y: np.ndarray,
    by_x: np.ndarray,
) -> None:
    """Rows first, then, lying on their side, columns: both times whole lines are added up."""
    C, H, W = x.shape
    _, w, h = plane.shape
    deep = _weights(H, h, my, high, blur, at_y, by_y)
    broad = _weights(W, w, mx, wide, blur, at_x, by_x)
    low, top = at_x.min(), at_x.max() + broad  # what of a row is needed
    for c in range(C):
        for i in range(h):
            _summed(x[c, :, low:top], at_y[i], by_y[i, :deep], rows[c, i, low:top])
        for i in range(h):
            line = rows[c, i, low:top]
            for j in range(len(line)):
                columns[j, i] = line[j]
        for j in range(w):
            _summed(columns, at_x[j] - low, by_x[j, :broad], plane[c, j])


@compiled(reorder=True)
def _summed(lines: np.ndarray, first: int, weights: np.ndarray, out: np.ndarray) -> None:
    """Lines from the first on, by their weights."""
    one, other = lines[first], weights[0]
    for j in range(len(out)):
        out[j] = other * one[j]
    for k in range(1, len(weights)):
        one, other = lines[first + k], weights[k]
        for j in range(len(out)):
            out[j] += other * one[j]


@compiled(reorder=True)
def _weights(
    size: int, out: int, middle: float, share: float, blur: float, at: np.ndarray, by: np.ndarray
) -> int:
    """For each output pixel the first input pixel that counts, and the weights of K from it on."""
    step = share * size / out
    reach = max(1.0, abs(step))
    variance = reach**2 / 6 + (blur * step) ** 2
    radius = _WIDE * np.sqrt(variance) if blur > 0 else reach
    K = min(size, int(np.ceil(2 * radius)))
    for i in range(out):
        place = (size - 1) / 2 + middle * size + step * (i - (out - 1) / 2)
        place = size - 0.5 - abs((place + 0.5) % (2 * size) - size)
        at[i] = max(0, min(size - K, int(np.floor(place - radius)) + 1))
        total = 0.0
        for k in range(K):
            distance = abs(place - at[i] - k)
            weight = max(0.0, 1 - distance / reach)
            if blur > 0:
                weight = np.exp(-0.5 * distance**2 / variance) if distance < radius else 0.0
            by[i, k] = weight
            total += weight
        for k in range(K):
            by[i, k] /= total
    return K


@compiled(reorder=True)
def _turned(
    x: np.ndarray,  # (C, H, W)
    looked: np.ndarray,  # (C, h, w), written
    mx: float,
    my: float,
    wide: float,
    high: float,
    turn: float,
    tan: float,
    at: np.ndarray,  # room for (w,)
    by: np.ndarray,  # room for (2, w)
) -> None:
    """Where to look first, for a whole row, then the four pixels there: only the first is fit for vectors."""
    C, H, W = x.shape
    _, h, w = looked.shape
    cos, sin = np.cos(turn), np.sin(turn)
    across_x, across_y = cos * wide * W / w, (cos * tan - sin) * high * H / h
    down_x, down_y = sin * wide * W / w, (sin * tan + cos) * high * H / h
    right, under = np.uint32(W > 1), np.uint32(W if H > 1 else 0)
    for i in range(h):
        py = i - (h - 1) / 2
        u0 = across_y * py + mx * W + (W - 1) / 2 - across_x * (w - 1) / 2
        v0 = down_y * py + my * H + (H - 1) / 2 - down_x * (w - 1) / 2
        for j in range(w):
            u, v = u0 + across_x * j + 0.5, v0 + down_x * j + 0.5
            # Mirrored at the edge, half a pixel out, and nothing seen beyond the last middle
            u = min(max(W - 0.5 - abs(u - np.floor(u / (2 * W)) * (2 * W) - W), 0.0), W - 1.0)
            v = min(max(H - 0.5 - abs(v - np.floor(v / (2 * H)) * (2 * H) - H), 0.0), H - 1.0)
            left, up = max(min(np.floor(u), W - 2.0), 0.0), max(min(np.floor(v), H - 2.0), 0.0)
            at[j] = np.uint32(up * W + left)
            by[0, j], by[1, j] = u - left, v - up
        for c in range(C):
            flat, row = x[c].reshape(-1), looked[c, i]
            for j in range(w):
                one = at[j]
                a, b = flat[one], flat[one + under]
                a += by[0, j] * (flat[one + right] - a)
                b += by[0, j] * (flat[one + under + right] - b)
                row[j] = a + by[1, j] * (b - a)


@compiled(reorder=True)
def _mixed(plane: np.ndarray, mix: np.ndarray, luma: np.ndarray, gain: float, lift: float) -> None:
    flat = plane.reshape(len(plane), -1)  # (C, P)
    mean = np.float32(0)
    for c in range(len(flat)):
        line, total = flat[c], np.float32(0)
        for i in range(len(line)):
            total += line[i]
        mean += luma[c] * total / np.float32(len(line))
    offset = np.float32(lift) * mean
    if len(mix) == 0:
        factor = np.float32(gain)
        for c in range(len(flat)):
            line = flat[c]
            for i in range(len(line)):
                line[i] = line[i] * factor + offset
        return
    m = mix
    red, green, blue = flat[0], flat[1], flat[2]
    for i in range(len(red)):
        r, g, b = red[i], green[i], blue[i]
        red[i] = offset + m[0] * r + m[1] * g + m[2] * b
        green[i] = offset + m[3] * r + m[4] * g + m[5] * b
        blue[i] = offset + m[6] * r + m[7] * g + m[8] * b

"""One picture as it came -> (C, S, S) as all the others are: channels, size, number type."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...errors import UnreadableSample

TOP = {"uint8": 255, "uint16": 65535}
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's "L"


@dataclass(frozen=True)
class Form:
    """What every picture of a source is brought to."""

    size: int
    channels: int
    dtype: str  # uint8, uint16 or float32
    fill: float | str | None = None  # for NaN and infinite pixels: a number, "median", or None: refused
    whole: bool = False  # all of the picture, with zeros beside it, instead of its middle square

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.size, self.size


def stored(dtype: np.dtype) -> str:
    """The number type in which pixels of `dtype` are kept: the bits of a picture, or float32."""
    if dtype.kind == "b" or dtype == np.uint8:
        return "uint8"
    if dtype.kind == "u" and dtype.itemsize == 2:
        return "uint16"
    if dtype.kind in "iuf":
        return "float32"
    raise UnreadableSample(f"holds {dtype}, not numbers")


def is_stack(shape: tuple[int, ...], channels: int | None, *, bare: bool) -> bool:
    """Whether an array is many pictures. `bare`: in memory, where three dimensions mean (n, H, W)."""
    if len(shape) in (2, 4):
        return len(shape) == 4
    if len(shape) != 3:
        raise UnreadableSample(
            f"an array of shape {shape}; expected (H, W), (n, H, W), (n, H, W, C) or (n, C, H, W)"
        )
    if shape[2] in (1, 3, 4) and min(shape[:2]) > 4:
        return False  # (H, W, C)
    if channels is not None and channels > 1 and channels in (shape[0], shape[2]):
        return False
    return bare or shape[0] not in (1, 3, 4)


def channels_first(x: np.ndarray, channels: int | None) -> np.ndarray:
    """(..., H, W, C) or (..., C, H, W) -> (..., C, H, W); in doubt the smaller axis holds the channels."""
    first, last = x.shape[-3], x.shape[-1]
    at_end = last == channels if (first == channels) != (last == channels) else last < first
    return np.moveaxis(x, -1, -3) if at_end else x


def prepare(x: np.ndarray, form: Form) -> np.ndarray:  # (c, h, w) -> (C, S, S)
    if x.dtype.kind not in "buif":
        raise UnreadableSample(f"holds {x.dtype}, not numbers")
    x = np.where(x, np.uint8(255), np.uint8(0)) if x.dtype.kind == "b" else x
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    if x.dtype.kind == "f":
        x = x if form.fill is None else _filled(x, form.fill)
        _check_finite(x, "" if form.fill is not None else "; fill= gives them a value")
    x = _to_channels(x, form.channels)
    if (
        form.dtype in TOP and x.dtype.name not in TOP
    ):  # a query from wider memory is resampled as the data were
        x = _cast(x, form.dtype)
    if form.whole:
        return _cast(_letterboxed(x, form.size), form.dtype)
    return _cast(_resize(x, form.size), form.dtype)


def alike(x: np.ndarray, form: Form) -> np.ndarray:  # (c, h, w) -> (C, h, w)
    """The same at its own size: channels and number type only."""
    return _cast(_to_channels(x.astype(x.dtype.newbyteorder("="), copy=False), form.channels), form.dtype)


def _check_finite(x: np.ndarray, do: str = "") -> None:
    bad = x.size - int(np.isfinite(x).sum())
    if bad:
        raise UnreadableSample(f"{bad} of {x.size} pixels are NaN or infinite{do}")


def _filled(x: np.ndarray, fill: float | str) -> np.ndarray:
    """Pixels without a value get one; the median is that of a channel's others."""
    bad = ~np.isfinite(x)
    if not bad.any() or bad.all((1, 2)).any():  # a channel without any value stays what it is: unreadable
        return x
    if fill == "median":
        values = np.array([np.median(c[~b]) for c, b in zip(x, bad)], x.dtype)[:, None, None]  # (C, 1, 1)
    else:
        values = np.asarray(fill, x.dtype)
    return np.where(bad, values, x)


def over_white(x: np.ndarray) -> np.ndarray:  # (2 or 4, H, W) with alpha last -> (1 or 3, H, W)
    top = TOP[x.dtype.name]
    alpha = x[-1].astype(np.float32) / top
    laid: np.ndarray = np.rint(x[:-1] * alpha + top * (1 - alpha))
    return laid.astype(x.dtype)


def _to_channels(x: np.ndarray, channels: int) -> np.ndarray:
    if len(x) == 4 and channels in (1, 3) and x.dtype.name in TOP:
        x = over_white(x)
    if len(x) == channels:
        return x
    if len(x) == 1 and channels == 3:
        return np.repeat(x, 3, axis=0)
    if len(x) == 3 and channels == 1:
        grey = np.tensordot(LUMA, x.astype(np.float32), 1)[None]
        return np.rint(grey).astype(x.dtype) if x.dtype.kind in "ui" else grey
    raise UnreadableSample(f"{len(x)} channels, expected {channels}")


def letterbox(wide: int, high: int, size: int) -> tuple[int, int, int, int]:
    """Width and height that the whole picture has within a square, and what is left free left and above."""
    scale = size / max(wide, high)
    w, h = max(1, round(wide * scale)), max(1, round(high * scale))
    return w, h, (size - w) // 2, (size - h) // 2


def _letterboxed(x: np.ndarray, size: int) -> np.ndarray:
    if not x.size:
        raise UnreadableSample(f"a picture of {x.shape[2]} x {x.shape[1]}")
    w, h, left, top = letterbox(x.shape[2], x.shape[1], size)
    out = np.zeros((len(x), size, size), x.dtype)
    out[:, top : top + h, left : left + w] = _resampled(x, (h, w))
    return out


def _resize(x: np.ndarray, size: int) -> np.ndarray:
    """The middle square, resampled."""
    side = min(x.shape[1:])
    if not side:
        raise UnreadableSample(f"a picture of {x.shape[2]} x {x.shape[1]}")
    left, top = (x.shape[2] - side) // 2, (x.shape[1] - side) // 2
    return _resampled(x[:, top : top + side, left : left + side], (size, size))


def _resampled(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:  # (C, h, w) -> (C, *size)
    """Without aliasing."""
    c, high, wide = len(x), *size
    if x.shape[1:] == size:
        return x
    if x.dtype == np.uint8 and c in (1, 3):
        image = Image.fromarray(np.ascontiguousarray(x.transpose(1, 2, 0) if c == 3 else x[0]))
        small = np.asarray(image.resize((wide, high), Image.Resampling.BICUBIC))
        return small.transpose(2, 0, 1) if c == 3 else small[None]
    # A filter without negative lobes: no dark rings around stars, what was positive stays so.
    planes = [Image.fromarray(np.ascontiguousarray(p, np.float32)) for p in x]
    small = np.stack([np.asarray(p.resize((wide, high), Image.Resampling.BILINEAR)) for p in planes])
    return np.rint(small).astype(x.dtype) if x.dtype.kind in "ui" else small


def _cast(x: np.ndarray, dtype: str) -> np.ndarray:
    if x.dtype == dtype:
        return np.ascontiguousarray(x)
    if dtype == "float32":
        with np.errstate(over="ignore"):
            y = x.astype(np.float32)
        _check_finite(y)
        return y
    top = TOP[dtype]
    if x.dtype.name in TOP:  # 8 and 16 bits: the same brightness
        return np.rint(x * (top / TOP[x.dtype.name])).astype(dtype)
    low, high = x.min(), x.max()
    if x.dtype.kind == "f" and low >= 0 and high <= 1:
        whole: np.ndarray = np.rint(x * top)
        return whole.astype(dtype)
    if x.dtype.kind != "f" and low >= 0 and high <= top:
        return x.astype(dtype)
    raise UnreadableSample(f"{x.dtype.name} values from {low:g} to {high:g} among {dtype}")

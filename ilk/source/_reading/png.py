"""PNG with 16 bits a channel and more than one channel, which Pillow reads as 8 bits.

From the PNG specification (third edition, sections 7 to 9): filters, interlacing.
"""

import struct
import zlib

import numpy as np

from ...errors import UnreadableSample

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type -> channels; 3 (palette) is 8 bits at most
# Adam7: first column and row of each pass, then its steps
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def is_deep(data: bytes) -> bool:
    """True for a PNG that Pillow would cut down to 8 bits."""
    return data[:8] == SIGNATURE and len(data) > 26 and data[24] == 16 and data[25] in (2, 4, 6)


def header(data: bytes) -> tuple[int, int, int]:  # channels, height, width
    width, height = struct.unpack(">II", data[16:24])
    return CHANNELS[data[25]], height, width


def read(data: bytes) -> np.ndarray:  # (H, W, C) uint16
    from .png_filters import unfilter

    channels, height, width = header(data)
    passes = PASSES if data[28] else ((0, 0, 1, 1),)
    sizes = [(len(range(y, height, dy)), len(range(x, width, dx))) for x, y, dx, dy in passes]
    expected = sum(h * (1 + w * channels * 2) for h, w in sizes if h and w)
    raw = zlib.decompressobj().decompress(
        _pixel_chunks(data), expected
    )  # never more than the header promises
    if len(raw) < expected:
        raise UnreadableSample("cut short: the pixels end before the picture does")
    image = np.empty((height, width, channels), np.uint16)
    start = 0
    for (x, y, dx, dy), (h, w) in zip(passes, sizes):
        if h and w:
            stop = start + h * (1 + w * channels * 2)
            lines = np.frombuffer(raw[start:stop], np.uint8).reshape(h, -1)
            plain = unfilter(lines, channels * 2)  # (h, w * C * 2)
            image[y::dy, x::dx] = plain.view(">u2").reshape(h, w, channels)
            start = stop
    return image


def _pixel_chunks(data: bytes) -> bytes:
    found, at = [], 8
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IDAT":
            found.append(data[at + 8 : at + 8 + length])
        at += 12 + length
    return b"".join(found)

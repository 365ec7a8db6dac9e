"""The five filters of PNG undone, byte by byte. Apart from `_png.py` because numba takes a second to load."""

import numpy as np

from ...compiled import compiled


@compiled()
def unfilter(lines: np.ndarray, step: int) -> np.ndarray:
    h, n = lines.shape[0], lines.shape[1] - 1
    out = np.zeros((h, n), np.uint8)
    for i in range(h):
        kind = lines[i, 0]
        for j in range(n):
            left = int(out[i, j - step]) if j >= step else 0
            up = int(out[i - 1, j]) if i > 0 else 0
            if kind == 0:
                guess = 0
            elif kind == 1:
                guess = left
            elif kind == 2:
                guess = up
            elif kind == 3:
                guess = (left + up) // 2
            else:  # Paeth: whichever of the three neighbours is nearest to left + up - corner
                corner = int(out[i - 1, j - step]) if i > 0 and j >= step else 0
                a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                guess = left if a <= b and a <= c else (up if b <= c else corner)
            out[i, j] = (int(lines[i, j + 1]) + guess) & 255
    return out

"""A small picture of a small graph: nodes that push each other away, held together by their edges.

Legend: n nodes, m edges.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw
from scipy.sparse import csr_array

MOST = 150  # nodes that can be told apart
SIDE, FINE = 64, 4  # pixels a side; drawn so many times as large
STEPS = 60
BACK, EDGE = (255, 255, 255), (120, 120, 120)
INKS = (  # of kinds of nodes, told apart by colour-blind eyes too (Okabe & Ito 2008); others are black
    *((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167)),
    *((230, 159, 0), (86, 180, 233), (240, 228, 66)),
)


def picture(arcs: csr_array, kinds: np.ndarray) -> bytes | None:
    """PNG; `kinds` (n,) colour the nodes. None: too large to be looked at so small."""
    n = arcs.shape[0]
    if n > MOST:
        return None
    at = _scaled(places(arcs))
    image = Image.new("RGB", (SIDE * FINE, SIDE * FINE), BACK)
    draw = ImageDraw.Draw(image)
    for i, j in zip(*arcs.tocoo().coords):
        draw.line([*at[i], *at[j]], EDGE, FINE)
    radius = FINE * float(np.clip(12 / np.sqrt(n), 1, 4))
    for (x, y), kind in zip(at, kinds):
        ink = INKS[kind] if kind < len(INKS) else (0, 0, 0)
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], ink)
    out = io.BytesIO()
    image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def places(arcs: csr_array) -> np.ndarray:  # -> (n, 2)
    """Fruchterman & Reingold 1991: along an edge d^2 / k draws, between any two k^2 / d pushes."""
    n = arcs.shape[0]
    linked = (arcs.toarray() + arcs.toarray().T) > 0
    angle = 2 * np.pi * np.arange(n) / n
    at = np.stack([np.cos(angle), np.sin(angle)], 1) * (1 + 0.01 * np.arange(n)[:, None] / n)
    k = 1 / np.sqrt(n)
    for heat in np.linspace(0.2, 0.005, STEPS):
        off = at[:, None] - at[None]  # (n, n, 2)
        far = np.maximum(np.linalg.norm(off, axis=2), 1e-3)[..., None]
        push = (off / far * (k * k / far - linked[..., None] * far * far / k)).sum(1) - at * k
        length = np.maximum(np.linalg.norm(push, axis=1, keepdims=True), 1e-9)
        at = at + push / length * np.minimum(length, heat)
    return at


def _scaled(at: np.ndarray) -> np.ndarray:
    """Into the picture, with a margin; as wide as high."""
    middle, size = (at.max(0) + at.min(0)) / 2, max(float(np.ptp(at, axis=0).max()), 1e-9)
    side = SIDE * FINE
    return np.asarray(side / 2 + (at - middle) / size * side * 0.82)

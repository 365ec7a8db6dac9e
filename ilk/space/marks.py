"""Marks of vectors: whether a vector is still the one that something was computed from."""

import numpy as np

_BLOCK = 65_536  # rows at a time


def marked(vectors: np.ndarray) -> np.ndarray:  # (n, D) float32 -> (n,) int64
    """A number for each vector that hardly any two share."""
    odd = np.random.default_rng(0).integers(0, 1 << 63, vectors.shape[1], dtype=np.uint64) * 2 + 1
    out = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _BLOCK):
        some = np.ascontiguousarray(vectors[start : start + _BLOCK], np.float32).view(np.uint32)
        # modulo 2^64, by design
        out[start : start + _BLOCK] = (some.astype(np.uint64) * odd).sum(1, dtype=np.uint64).view(np.int64)
    return out

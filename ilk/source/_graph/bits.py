"""Bits that look random, of whole numbers: the same for the same number, here and in every process."""

import numpy as np


def mixed(code: np.ndarray) -> np.ndarray:
    """64 bits of each of 64 (Steele, Lea & Flood 2014: splitmix64)."""
    code = code + np.uint64(0x9E3779B97F4A7C15)
    code = (code ^ (code >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    code = (code ^ (code >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(code ^ (code >> np.uint64(31)))


def share(code: np.ndarray) -> np.ndarray:
    """Of 64 bits, a number in [0, 1)."""
    return (code >> np.uint64(11)) * 2.0**-53

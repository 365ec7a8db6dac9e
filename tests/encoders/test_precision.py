"""Fewer digits: the vectors hardly change, and only where asked for."""

import numpy as np
import pytest
import torch

from ilk.encoders import build, embed
from ilk.encoders._precision import resolved
from ilk.errors import UnknownName
from ilk.source.images import Images
from ilk.training.recipe import Recipe


def test_vectors_in_bfloat16_point_the_same_way() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), dtype=np.uint8)
    source = Images(pixels, [str(i) for i in range(20)])
    torch.manual_seed(0)
    encoder = build("convnet", source.traits, width=8)
    whole, again, half = (embed(encoder, source, precision=p) for p in ("float32", "float32", "bfloat16"))
    assert np.array_equal(whole, again)
    assert half.dtype == np.float32
    assert not np.array_equal(whole, half)
    cosine = (whole * half).sum(1) / np.linalg.norm(whole, axis=1) / np.linalg.norm(half, axis=1)
    assert cosine.min() > 0.999


def test_auto_goes_by_the_processor() -> None:
    cpu = torch.device("cpu")
    has_units = torch.cpu._is_avx512_bf16_supported()
    assert resolved(cpu, "auto") == ("bfloat16" if has_units else "float32")
    assert resolved(cpu, "float32") == "float32"
    with pytest.raises(UnknownName, match="float16"):
        Recipe(precision="float16")

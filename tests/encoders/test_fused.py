"""Pictures and words that look at each other: what fills a text up does not count; what no two towers can."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ilk.encoders import TokenEncoder, build, encode
from ilk.encoders._tokenizer import train
from ilk.encoders.fused import Fused

WORDS = ["red", "green", "a very long way to say red"]
RED, GREEN = (torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, 8, 8) for c in ([1.0, 0, 0], [0.0, 1, 0]))


def fused() -> Fused:
    torch.manual_seed(0)
    seeing = build("vit", {"channels": 3, "size": 8}, dim=8, width=16, depth=1, heads=2, patch=4)
    vocabulary = train("wordpiece", iter(WORDS), 60)
    small = {"length": 16, "dim": 8, "width": 16, "depth": 1, "heads": 2, "dropout": 0.0}
    words = build("transformer", {}, tokenizer=vocabulary, **small)
    assert isinstance(seeing, TokenEncoder)
    assert isinstance(words, TokenEncoder)
    return Fused(seeing, words, 8, depth=1, heads=2)


def test_either_half_counts_and_what_fills_up_does_not() -> None:
    encoder = fused()
    alone = encode(encoder, (RED, ["red"]))
    beside = encode(encoder, (torch.cat([RED, RED, GREEN]), ["red", WORDS[2], "red"]))
    assert torch.allclose(alone[0], beside[0], atol=1e-5)
    assert not torch.allclose(beside[0], beside[1], atol=1e-2)
    assert not torch.allclose(beside[0], beside[2], atol=1e-2)


def test_it_learns_whether_they_agree() -> None:
    """Neither half tells by itself, nor do a line on both halves' vectors: it takes both at once."""
    encoder = fused()
    line = nn.Linear(8, 1)
    optimiser = torch.optim.AdamW([*encoder.parameters(), *line.parameters()], 1e-2)
    pictures = torch.cat([RED, RED, GREEN, GREEN]).repeat(2, 1, 1, 1)
    words = ["red", "green"] * 4
    agree = torch.tensor([1.0, 0, 0, 1]).repeat(2)
    for _ in range(40):
        loss = F.binary_cross_entropy_with_logits(line(encoder((pictures, words)))[:, 0], agree)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        told = (line(encoder.eval()((pictures[:4], words[:4])))[:, 0] > 0).numpy()
    assert np.array_equal(told, [True, False, False, True])

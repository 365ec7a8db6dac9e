"""Pictures and words that look at each other: what fills a text up does not count; what no two towers can."""

import torch
from torch.nn import functional as F

from ilk.encoders import build, encode
from ilk.encoders._tokenizer import train
from ilk.encoders.bag import Bag
from ilk.encoders.fused import Fused
from ilk.encoders.two import Two

WORDS = ["red", "green", "a very long way to say red"]
RED, GREEN = (torch.tensor(c).view(1, 3, 1, 1).expand(1, 3, 8, 8) for c in ([1.0, 0, 0], [0.0, 1, 0]))


def fused() -> Fused:
    torch.manual_seed(0)
    seeing = build("vit", {"channels": 3, "size": 8}, dim=8, width=16, depth=1, heads=2, patch=4)
    vocabulary = train("wordpiece", iter(WORDS), 60)
    small = {"length": 16, "dim": 8, "width": 16, "depth": 1, "heads": 2, "dropout": 0.0}
    words = build("transformer", {}, tokenizer=vocabulary, **small)
    return Fused(Two(seeing, words, 8), depth=1, heads=2)


def test_either_half_counts_and_what_fills_up_does_not() -> None:
    encoder = fused()
    alone = encode(encoder, (RED, ["red"]))
    beside = encode(encoder, (torch.cat([RED, RED, GREEN]), ["red", WORDS[2], "red"]))
    assert torch.allclose(alone[0], beside[0], atol=1e-5)
    assert not torch.allclose(beside[0], beside[1], atol=1e-2)
    assert not torch.allclose(beside[0], beside[2], atol=1e-2)


def test_it_learns_whether_they_agree() -> None:
    """Neither half tells by itself: it takes both at once."""
    encoder = fused()
    optimiser = torch.optim.AdamW(encoder.parameters(), 3e-3)
    pictures = torch.cat([RED, RED, GREEN, GREEN])
    words = ["red", "green"] * 2
    agree = torch.tensor([1.0, 0, 0, 1])
    for _ in range(40):
        loss = F.binary_cross_entropy_with_logits(encoder.score(*encoder.apart(pictures, words)), agree)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        told = encoder.eval().score(*encoder.apart(pictures, words)) > 0
    assert told.tolist() == [True, False, False, True]


def test_a_half_alone_has_the_vector_of_the_towers() -> None:
    encoder = fused().eval()
    for half in (RED, ["green"]):
        assert torch.equal(encode(encoder, half), encode(encoder.two, half))
    seen, said = encoder.apart(RED, ["red"])
    assert torch.allclose(seen.vector, encoder.two(RED), atol=1e-6)
    assert torch.allclose(said.vector, encoder.two(["red"]), atol=1e-6)


def test_networks_without_tokens_do_too() -> None:
    """Maps of a convnet, the mean of word vectors."""
    bag = Bag(train("wordpiece", iter(WORDS), 60), 8)
    bag.vectors.normal_(generator=torch.Generator().manual_seed(0))
    encoder = Fused(Two(build("convnet", {"channels": 3, "size": 16}, width=4), bag, 8), depth=1, heads=2)
    seen, said = encoder.eval().apart(RED.repeat(1, 1, 2, 2), ["red"])
    assert seen.tokens.shape == (1, 16, 8)  # 4 x 4 cells
    assert said.tokens.shape == (1, 1, 8)
    assert encoder.score(seen, said).isfinite().all()

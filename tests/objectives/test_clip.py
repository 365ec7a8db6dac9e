"""CLIP and SigLIP: values, what equal captions do, and a space of pictures that is asked in words."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

import ilk
from ilk import saved
from ilk.encoders import Encoder, build, encode
from ilk.encoders.two import Two
from ilk.errors import OptionError, UnknownName
from ilk.learning.towers import two_towers
from ilk.learning.usual import kind_for
from ilk.objectives.clip import CLIP, SELDOM, numbered, sigmoid, softmax
from ilk.source.images import Images
from ilk.source.pairs import Pairs
from ilk.source.text import Text
from ilk.training.recipe import Recipe

PICTURES = F.normalize(torch.tensor([[1.0, 2, 0], [0, 1, 1], [2, -1, 1]]))
WORDS = F.normalize(torch.tensor([[1.0, 1, 0], [1, 0, 3], [0, -1, 2]]))
APART = torch.arange(3)
COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220), "white": (240, 240, 240)}


def test_the_losses_of_others() -> None:
    """transformers gave the first number for these vectors, the formula of SigLIP the second."""
    assert softmax(PICTURES, WORDS, APART, torch.tensor(5.0)).item() == pytest.approx(0.4391, abs=1e-4)
    told = sigmoid(PICTURES, WORDS, APART, torch.tensor(10.0), torch.tensor(SELDOM))
    assert told.item() == pytest.approx(2.9604, abs=1e-3)


def test_by_hand_all_alike() -> None:
    alike = torch.ones(4, 1)
    assert softmax(alike, alike, torch.arange(4), torch.tensor(3.0)).item() == pytest.approx(np.log(4))
    # Each picture: one that belongs to it and three that do not, all with log odds 0
    told = sigmoid(alike, alike, torch.arange(4), torch.tensor(3.0), torch.tensor(-3.0))
    assert told.item() == pytest.approx(4 * np.log(2))


def test_the_same_caption_is_no_opposite() -> None:
    """Of four pairs that are all alike, two say the same: these have but two others to be told from."""
    alike = torch.ones(4, 1)
    codes = numbered(["a cat", "a dog", "a cat", "a car"])
    assert (codes[0] == codes[2]).item()
    assert len(codes.unique()) == 3
    expected = (2 * np.log(3) + 2 * np.log(4)) / 4
    assert softmax(alike, alike, codes, torch.tensor(3.0)).item() == pytest.approx(expected)
    told = sigmoid(alike, alike, codes, torch.tensor(3.0), torch.tensor(-3.0))
    assert told.item() == pytest.approx(14 / 4 * np.log(2))


def coloured(n: int = 96) -> Pairs:
    rng = np.random.default_rng(0)
    names = [[*COLOURS][i % 4] for i in range(n)]
    flat = np.array([COLOURS[name] for name in names])[:, :, None, None]
    pixels = np.clip(flat + rng.normal(0, 12, (n, 3, 16, 16)), 0, 255).astype(np.uint8)
    says = [("a {} square", "{} paint", "something {}")[i % 3].format(name) for i, name in enumerate(names)]
    ids = [f"{name}-{i}" for i, name in enumerate(names)]
    pictures = Images(pixels, ids, columns=pa.table({"caption": says, "colour": names}))
    return Pairs(pictures, Text(says, ids))


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> ilk.Space:
    torch.manual_seed(0)
    return ilk.learn(
        coloured(),
        out=tmp_path_factory.mktemp("clip") / "colours",
        dim=16,
        width=8,
        vocabulary=100,
        recipe=Recipe(steps=40, batch=32, checks=1),
    )


def test_pictures_are_found_by_words(space: ilk.Space) -> None:
    assert space.in_words
    assert not space.of_text
    assert space.info()["encoder"] == "two"
    assert space.reading["reader"] == "images"
    for name in COLOURS:
        found = [str(i).partition("-")[0] for i in space.search(f"a {name} square", 5).ids[0]]
        assert found == [name] * 5
    several = space.search(["red paint", "something blue"], 1)
    assert [str(i).partition("-")[0] for i in several.ids[:, 0]] == ["red", "blue"]


def test_both_ways(space: ilk.Space) -> None:
    found = ilk.retrieval(space)
    assert found.pairs == 96
    there, back = (way.recall[-1] for way in found.ways)
    assert there > 0.9
    assert back > 0.6  # of a colour's three captions, a picture shows nothing that tells them apart
    assert 0 < found.gap < 2
    assert found.table()["way"].to_pylist() == ["words to pictures", "pictures to words"]
    others = ilk.retrieval(space, coloured(40))
    assert others.pairs == 40
    with pytest.raises(UnknownName):
        ilk.retrieval(space, caption="tags")


def test_pictures_and_words_lie_in_one_space(space: ilk.Space) -> None:
    said = space.encode(["red paint"])
    shown = space.encode(
        np.full((1, 3, 16, 16), 0, np.uint8) + np.array(COLOURS["red"], np.uint8)[:, None, None]
    )
    assert said.shape == shown.shape == (1, 16)
    assert np.linalg.norm([said, shown], axis=2) == pytest.approx(1)
    both = encode(space.encoder, (torch.zeros(1, 3, 16, 16), ["red paint"])).numpy()
    black = encode(space.encoder, torch.zeros(1, 3, 16, 16)).numpy()
    assert both[0] == pytest.approx((black + said)[0] / np.linalg.norm(black + said), abs=1e-5)


def test_an_id_is_still_an_id_and_nothing_is_no_question(space: ilk.Space) -> None:
    assert space.search("red-0", 3).ids[0][0] != "red-0"
    with pytest.raises(OptionError):
        space.search("")


def test_a_saved_encoder_of_words_may_be_the_tower(space: ilk.Space, tmp_path: Path) -> None:
    words = space.encoder.words  # type: ignore[union-attr]
    assert isinstance(words, Encoder)
    saved.save(words, tmp_path, Encoder)
    source = coloured(8)
    made = two_towers(build("convnet", source.traits, dim=12, width=8), source, 0, words=str(tmp_path))
    assert saved.fingerprint(made.words) == saved.fingerprint(words)
    assert made(["red"]).shape == (1, 12)


def test_what_is_refused() -> None:
    source = coloured(8)
    convnet = build("convnet", source.traits, width=8)
    with pytest.raises(OptionError, match="Two"):
        CLIP(convnet)  # type: ignore[arg-type]
    two = Two(convnet, convnet, 8)
    with pytest.raises(UnknownName):
        CLIP(two, how="hinge")
    with pytest.raises(OptionError):
        CLIP(two, temperature=0.0)


def test_an_objective_of_pairs_makes_pairs_of_pictures() -> None:
    assert kind_for("simclr", "photos/*.png") == "images"
    assert kind_for("clip", "photos/*.png") == "pairs"
    with pytest.raises(OptionError, match="clip is for pairs, and the data are images"):
        ilk.learn(coloured(8).pictures, "clip")


def test_the_scale_stays_below_a_hundred() -> None:
    objective = CLIP(Two(build("convnet", coloured(8).traits, width=8), build("convnet", {}, width=8), 8))
    with torch.no_grad():
        objective.scale.fill_(9.0)
    objective.after_step(0.5)
    assert objective.scale.exp().item() == pytest.approx(100)
    assert objective.encoder.scale.item() == pytest.approx(100)


def small(encoder: str = "vit") -> Two:
    """Without drop-out, which draws anew for each part; a vit's pictures are evened by means that stand."""
    torch.manual_seed(0)
    source = coloured(40)
    options: dict[str, object] = (
        {"width": 16, "depth": 1, "heads": 2, "patch": 4} if encoder == "vit" else {"width": 4}
    )
    seeing = build(encoder, source.traits, dim=8, **options)
    words = two_towers(seeing, source, 0, vocabulary=60).words
    return Two(seeing.train(encoder == "convnet"), words.eval(), 8)


@pytest.mark.parametrize("how", ["softmax", "sigmoid"])
def test_in_parts_the_gradient_is_that_of_the_whole_batch(how: str) -> None:
    """Gradient caching: to 1e-5 of its size, with a last part that is smaller. In double precision: what a
    sum in another order rounds to is no matter of caching.
    """
    pictures, captions = coloured(40).batch(np.arange(40))
    found = []
    for part in (None, 16):
        objective = CLIP(small(), how=how, augment=None, part=part).double()
        (loss,) = objective.loss(pictures.double(), captions, progress=0.0).values()
        loss.backward()
        found.append([loss.detach(), *(p.grad for p in objective.parameters() if p.grad is not None)])
    assert len(found[0]) == len(found[1]) > 20
    for whole, parts in zip(*found):
        assert whole is not None
        assert parts is not None
        assert (whole - parts).abs().max() <= 1e-5 * whole.abs().max().clamp(min=1e-3)


def test_in_parts_what_waits_for_the_gradient_is_small() -> None:
    """Numbers kept from the forward pass to the backward pass, and the largest batch that a network meets."""
    batch = coloured(40).batch(np.arange(40))
    kept, largest = [], []
    for part in (None, 8):
        objective, numbers, met = CLIP(small(), augment=None, part=part), [0], [0]

        def keep(tensor: torch.Tensor, numbers: list[int] = numbers) -> torch.Tensor:
            numbers[0] += 0 if isinstance(tensor, torch.nn.Parameter) else tensor.numel()
            return tensor

        objective.encoder.pictures.register_forward_pre_hook(
            lambda _, given, met=met: met.__setitem__(0, max(met[0], len(given[0])))
        )
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            (loss,) = objective.loss(*batch, progress=0.0).values()
        loss.backward()
        kept.append(numbers[0])
        largest.append(met[0])
    assert largest == [40, 8]
    assert kept[1] < kept[0] / 10


def test_in_parts_batch_norm_counts_each_sample_once() -> None:
    pictures, captions = coloured(40).batch(np.arange(40))
    parts, by_hand = (CLIP(small("convnet"), augment=None, part=20) for _ in range(2))
    (loss,) = parts.loss(pictures, captions, progress=0.0).values()
    loss.backward()
    for at in (0, 20):
        by_hand.encoder(pictures[at : at + 20])
    wanted = dict(by_hand.named_buffers())
    for name, buffer in parts.named_buffers():
        if "running" in name or "tracked" in name:
            assert torch.allclose(buffer, wanted[name], atol=1e-6), name
    with pytest.raises(OptionError):
        CLIP(small(), part=0)

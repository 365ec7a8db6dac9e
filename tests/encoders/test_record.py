"""Rows of tables to vectors, two towers, merges: values by hand, what is not known, what is carried over."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

from ilk.encoders import build, encode
from ilk.encoders._described import described
from ilk.encoders._merge import MERGES, Merge
from ilk.encoders.record import Record
from ilk.encoders.towers import Towers
from ilk.errors import OptionError, UnknownName
from ilk.source.interactions import Interactions, interactions
from ilk.source.tables import Table, tables

THINGS = tables(
    pa.table(
        {
            "id": list("abcd"),
            "colour": ["red", "blue", "red", "blue"],
            "price": [1.0, 3.0, None, 99.0],
            "tags": ["x|y", "y", "", "z"],
            "mood": pa.array([[0.0, 1], [1, 0], [0, 0], [1, 1]], pa.list_(pa.float32())),
        }
    )
)


def record(**options: object) -> Record:
    torch.manual_seed(0)
    return Record(described(THINGS, ["a", "b", "c"]), dim=4, **options)  # type: ignore[arg-type]


def test_the_sum_of_what_is_known() -> None:
    encoder = record(depth=0)
    one, colour, price, tags, mood = encoder.parts
    found = encode(encoder, THINGS.batch(np.arange(4)))
    by_hand = (
        one.vectors.weight[1]
        + colour.vectors.weight[1]
        + price.line(torch.tensor([(1 - np.mean([1, 3, 99])) / np.std([1, 3, 99]), 1], dtype=torch.float32))
        + tags.vectors.weight[1:3].mean(0)
        + mood(torch.tensor([0.0, 1]))
    )
    assert torch.allclose(found[0], by_hand)
    # c: no price and no tags are what stands for these; d: its id is not one of those met
    nothing = price.line(torch.zeros(2)) + tags.vectors.weight[0] + mood(torch.zeros(2))
    assert torch.allclose(found[2], one.vectors.weight[3] + colour.vectors.weight[1] + nothing)
    strange = THINGS.but(ids=["new", "a", "b", "c"]).batch(np.arange(4))
    assert torch.allclose(
        encode(encoder, strange)[0], found[0] - one.vectors.weight[1] + one.vectors.weight[0]
    )


def test_while_it_learns_ids_are_forgotten() -> None:
    encoder = record(depth=0, forget=0.5).train()
    torch.manual_seed(0)
    batch = THINGS.batch(np.zeros(1000, int))
    same = (encoder(batch) - encode(encoder, THINGS.batch(np.array([0])))).abs().amax(1) < 1e-6
    assert 400 < int(same.sum()) < 600


def test_by_attention_the_order_counts() -> None:
    one, other = (tables(pa.table({"id": ["a"], "seen": [s]})) for s in ("x|y|z", "z|y|x"))
    for sequence, alike in (("mean", True), ("attention", False)):
        torch.manual_seed(0)
        encoder = Record(described(one, []), dim=8, sequence=sequence)
        vectors = [encode(encoder, t.batch(np.array([0]))) for t in (one, other)]
        assert torch.allclose(*vectors, atol=1e-6) == alike


def test_names_are_carried_from_one_tower_to_the_other() -> None:
    source = interactions(pa.table({"user": list("aabb"), "item": list("xyyz")}))
    users, items = (Record(described(t, source.met(t.side)), dim=4) for t in (source.users, source.items))
    assert users.start_from(items) == 3
    history, ids = users.parts[1], items.parts[0]
    for name in "xyz":
        at = 1 + list(history.names).index(name), 1 + list(ids.names).index(name)
        assert torch.equal(history.vectors.weight[at[0]], ids.vectors.weight[at[1]])


def test_texts_and_pictures_have_networks_of_their_own() -> None:
    table = Table(["a", "b"], pa.table({"says": ["of two words", ""]}), {"says": "text"})
    with pytest.raises(OptionError, match="no network for the text in says"):
        Record(described(table, []))


def test_two_towers_meet(source: Interactions) -> None:
    both = Towers(*(Record(described(t, source.met(t.side)), dim=4) for t in (source.users, source.items)), 3)
    users, items = source.batch(np.arange(4))
    u, v = encode(both, users), encode(both, items)
    assert torch.allclose(u.norm(dim=1), torch.ones(4))
    assert torch.allclose(encode(both, (users, items)), F.normalize(u + v))
    assert torch.allclose(both.score(u, v), (u * v).sum(1))


@pytest.fixture
def source() -> Interactions:
    return interactions(pa.table({"user": list("aabb"), "item": list("xyyz")}))


@pytest.mark.parametrize("how", MERGES[1:])
def test_a_merge_scores_all_with_all_as_each_with_each(how: str) -> None:
    torch.manual_seed(0)
    merge = Merge(how, 6)
    u, v = torch.randn(3, 6), torch.randn(4, 6)
    table = merge(u[:, None], v[None])
    assert table.shape == (3, 4)
    each = torch.stack([merge(u[i : i + 1], v[j : j + 1])[0] for i in range(3) for j in range(4)])
    assert torch.allclose(table.reshape(-1), each, atol=1e-6)
    torch.sum(table).backward()
    assert all(p.grad is not None and p.grad.any() for p in merge.parameters() if p.numel() > 1) or how == "x"
    swapped = merge(v[None], u[:, None])
    assert torch.allclose(swapped, table, atol=1e-6) == (how in ("sum", "product", "difference"))


def test_what_is_refused(source: Interactions) -> None:
    for options in ({"sequence": "last"}, {"columns": {}}, {"forget": 1.0}):
        with pytest.raises((UnknownName, OptionError)):
            Record(**{"columns": described(THINGS, []), **options})  # type: ignore[arg-type]
    one = build("pixels", {})
    with pytest.raises(UnknownName):
        Towers(one, one, merge="sums")

"""Two towers: losses by hand, log Q, a space of items beside one of users, what is recommended."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
import torch

import ilk
from ilk.encoders import build, embed
from ilk.encoders._described import described
from ilk.encoders.record import Record
from ilk.encoders.towers import Towers
from ilk.errors import EncoderMismatch, OptionError, SpaceError, UnknownName
from ilk.objectives.two_tower import TwoTower, bce, bpr, softmax
from ilk.source.interactions import Interactions
from ilk.source.tastes import tastes
from ilk.training.recipe import Recipe

SCORES = torch.tensor([[2.0, 0, 1], [0, 1, 0], [3, 0, 1]])
OWN = torch.eye(3, dtype=torch.bool)
ALL = torch.ones(3, 3, dtype=torch.bool)


def towers(source: Interactions, merge: str = "dot") -> Towers:
    torch.manual_seed(0)
    halves = (Record(described(t, source.met(t.side)), dim=8, forget=0) for t in (source.users, source.items))
    return Towers(*halves, 8, merge)


def test_the_losses_by_hand() -> None:
    e = np.exp
    rows = [1 + e(-2) + e(-1), 1 + 2 * e(-1), 1 + e(2) + e(-1)]
    assert softmax(SCORES, OWN, ALL).item() == pytest.approx(np.log(rows).mean())
    gaps = np.array([-2, -1, -1, -1, 2, -1])  # another's score less the own
    assert bpr(SCORES, OWN, ALL).item() == pytest.approx(np.log1p(e(gaps)).mean())
    right, wrong = np.log1p(e(-np.array([2.0, 1, 1]))), np.log1p(e(np.array([0.0, 1, 0, 0, 3, 0])))
    assert bce(SCORES, OWN, ALL).item() == pytest.approx((right.mean() + wrong.mean()) / 2)
    asked = OWN.clone()
    asked[0, 1] = True
    assert softmax(SCORES, OWN, asked).item() == pytest.approx(np.log1p(e(-2)) / 3)
    assert bpr(SCORES, OWN, asked).item() == pytest.approx(np.log1p(e(-2)))


def test_what_a_user_is_known_to_have_chosen_is_no_opposite() -> None:
    """Of the rows (a, x), (a, y), (b, y) only a, x and b are told apart: b from x, and x's user from none."""
    from ilk.objectives.two_tower import _asked
    from ilk.source._records import Records

    users, items = Records("users", list("aab"), {}), Records("items", list("xyy"), {})
    own, asked = _asked(users, items, torch.device("cpu"))
    assert own.tolist() == OWN.tolist()
    assert asked.int().tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_log_q_is_taken_off() -> None:
    source = tastes(20, 30, each=4, topics=3)
    rows = np.arange(0, 64, 4)
    objective = TwoTower(towers(source))
    (chance,) = objective.beside(source, rows)
    count = np.bincount(source.ends[:, 1], minlength=30)[source.ends[rows, 1]]
    assert chance.exp().tolist() == pytest.approx((count / len(source)).tolist())
    users, items = source.batch(rows)
    told = objective.loss(users, items, chance, progress=0.0)["near"]
    u, v = objective.encoder(users), objective.encoder(items)
    scores = u @ v.T * 10 - chance
    same = np.array(
        [
            [a == b or i == j for b, j in map(source.__getitem__, rows)]
            for a, i in map(source.__getitem__, rows)
        ]
    )
    asked = torch.from_numpy(~same) | torch.eye(len(rows), dtype=torch.bool)
    assert told.item() == pytest.approx(softmax(scores, torch.eye(len(rows), dtype=torch.bool), asked).item())
    assert TwoTower(towers(source), corrected=False).beside(source, rows) == ()


def test_a_tower_that_stands_still() -> None:
    source = tastes(20, 30, each=4, topics=3)
    objective = TwoTower(towers(source), still="items")
    terms = objective.loss(*source.batch(np.arange(0, 40, 4)), progress=0.0)
    terms["near"].backward()
    assert all(p.grad is None for p in objective.encoder.items.parameters())
    assert all(p.grad is not None for p in objective.encoder.users.parameters())


@pytest.mark.parametrize("how", ["softmax", "bpr", "bce"])
def test_a_merge_is_learnt_beside_the_cosine(how: str) -> None:
    source = tastes(20, 30, each=4, topics=3)
    objective = TwoTower(towers(source, "concat"), how=how)
    terms = objective.loss(*source.batch(np.arange(0, 40, 4)), progress=0.0)
    assert terms.keys() == {"near", "merged"}
    sum(terms.values(), torch.zeros(())).backward()
    assert objective.encoder.merged is not None
    assert all(p.grad is not None for p in objective.encoder.merged.parameters())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Learnt from files, as a user would: 150 users, 60 items, of which a sixth of the choices came later."""
    folder = tmp_path_factory.mktemp("shop")
    source = tastes(150, 60, each=10, topics=3)
    chosen, later = source.metadata(), np.arange(len(source)) % 6 == 0
    pa.csv.write_csv(chosen.filter(pa.array(~later)), folder / "likes.csv")
    pa.csv.write_csv(chosen.filter(pa.array(later)), folder / "later.csv")
    items = source.items.columns.select(["topic", "price"])
    pa.csv.write_csv(items.add_column(0, "id", [source.items.ids]), folder / "items.csv")
    ilk.learn(
        ilk.pairs(folder / "likes.csv", items=folder / "items.csv", users=None),
        out=folder / "shop",
        dim=16,
        merge="product",
        recipe=Recipe(steps=150, batch=64, learning_rate=1e-2, checks=1),
    )
    return folder


def test_a_space_of_items_and_one_of_users(shop: Path) -> None:
    items, users = ilk.Space.open(shop / "shop.space"), ilk.Space.open(shop / "shop.users.space")
    assert (len(items), len(users)) == (60, 150)
    assert items.fingerprint == users.fingerprint
    assert items.reading["side"] == "items"
    assert set(items.metadata().column_names) == {"topic", "price"}
    again = ilk.learn(
        ilk.pairs(shop / "likes.csv", items=shop / "items.csv", users=None),
        out=shop / "shop",
        dim=16,
        merge="product",
        recipe=Recipe(steps=150, batch=64, learning_rate=1e-2, checks=1),
    )
    assert again.fingerprint == items.fingerprint  # gone on with, not learnt anew


def test_what_suits_a_user(shop: Path) -> None:
    items, users = ilk.Space.open(shop / "shop.space"), ilk.Space.open(shop / "shop.users.space")
    found = ilk.recommend(items, ["u3", "u4"], 5)
    assert found.ids.shape == (2, 5)
    before = users.metadata(["u3"])["history"].to_pylist()[0]
    assert not {*found.ids[0]} & {*before}
    whole = ilk.recommend(items, "u3", 60, again=True)
    assert {*before} <= {*whole.ids[0]}
    assert (np.diff(whole.distances) >= 0).all()
    merged = items.encoder
    assert isinstance(merged, Towers)
    v = torch.from_numpy(np.array(items.vectors()))
    u = torch.from_numpy(np.array(users.vectors()[users.ids().index("u3")]))
    by_hand = merged.score(u[None], v).detach().numpy()
    assert [items.ids()[i] for i in np.argsort(-by_hand)[:10]] == whole.ids[0, :10].tolist()


def test_in_hindsight_it_beats_what_is_popular(shop: Path) -> None:
    found = ilk.hindsight(ilk.Space.open(shop / "shop.space"), shop / "later.csv", 10)
    ways = {w.way: w for w in found.ways}
    assert list(ways) == ["the space", "matrix factorisation", "popularity"]
    assert ways["the space"].recall > 1.3 * ways["popularity"].recall
    assert ways["the space"].coverage > ways["popularity"].coverage
    assert found.users <= 150
    assert f"{found.users:,} users chose later" in found.sentence()


def test_new_items_and_new_users_are_put_beside(shop: Path) -> None:
    """What nobody has chosen yet is told by its columns, and a new user by what was chosen so far."""
    items, users = ilk.Space.open(shop / "shop.space"), ilk.Space.open(shop / "shop.users.space")
    topics = items.metadata()["topic"].to_pylist()
    (shop / "more.csv").write_text("id,topic,price\nnew0,topic 0,10\nnew1,topic 1,11\nnew2,topic 2,12\n")
    assert items.add(shop / "more.csv").added == 3
    for i in range(3):
        near = items.search(f"new{i}", 5, where="id NOT LIKE 'new%'").ids[0]
        assert sum(topics[items.ids().index(n)] == f"topic {i}" for n in near) >= 3
    own = [n for n, t in zip(items.ids(), topics) if t == "topic 1"]
    (shop / "people.csv").write_text(f"id,history\nfresh,{'|'.join(own[:6])}\n")
    assert users.add(shop / "people.csv").added == 1
    found = ilk.recommend(items, "fresh", 8).ids[0]
    assert not {*found} & {*own[:6]}
    assert sum(n in own or n == "new1" for n in found) >= 5
    items.delete([f"new{i}" for i in range(3)])


def test_spaces_that_do_not_belong_together(shop: Path) -> None:
    items = ilk.Space.open(shop / "shop.space")
    with pytest.raises(UnknownName, match="nobody"):
        ilk.recommend(items, "nobody")
    with pytest.raises(OptionError):
        ilk.recommend(items, "u3", 0)
    with pytest.raises(SpaceError):
        ilk.recommend(ilk.Space.open(shop / "shop.users.space"), "u3")
    with pytest.raises(SpaceError):
        ilk.recommend(items, "u3", users=items)
    other = ilk.Space.create(
        shop / "other.space",
        build("record", {}, columns={"n": {"is": "vector", "wide": 1}}),
        reading={"reader": "tables", "side": "users"},
    )
    with pytest.raises(EncoderMismatch):
        ilk.recommend(items, "u3", users=other)


def test_users_put_beside_are_not_lost(shop: Path, tmp_path: Path) -> None:
    source = tastes(20, 30, each=4, topics=3)
    (tmp_path / "x.users.space").mkdir()
    with pytest.raises(OptionError, match=r"users\.space"):
        ilk.learn(source, out=tmp_path / "x", recipe=Recipe(steps=2))


def test_the_vectors_are_those_of_the_towers(shop: Path) -> None:
    items = ilk.Space.open(shop / "shop.space")
    source = ilk.tables(shop / "items.csv").on("items")
    assert embed(items.encoder, source) == pytest.approx(np.array(items.vectors()), abs=1e-5)


def test_what_is_refused() -> None:
    source = tastes(20, 30, each=4, topics=3)
    with pytest.raises(OptionError, match="Towers"):
        TwoTower(build("pixels", {}))  # type: ignore[arg-type]
    for options in ({"how": "hinge"}, {"still": "both"}, {"temperature": 0.0}):
        with pytest.raises((UnknownName, OptionError)):
            TwoTower(towers(source), **options)  # type: ignore[arg-type]

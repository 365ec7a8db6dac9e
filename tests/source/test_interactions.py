"""Who chose what: reading, what else a user chose, what cannot be used; tastes that are known."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import spearmanr

import ilk
from ilk.errors import DataError, OptionError, UnknownName
from ilk.source._kind import kind
from ilk.source._records import Coded
from ilk.source.interactions import Interactions, interactions
from ilk.source.tastes import tastes, truth

LIKES = pa.table({"user": list("aaabbc"), "item": list("xyzxyx"), "time": [3, 1, 2, 1, 2, 1]})


def history(source: Interactions, rows: list[int]) -> list[list[str]]:
    found = source.batch(np.array(rows))[0].columns["history"]
    assert isinstance(found, Coded)
    return [[found.names[c] for c in row if c >= 0] for row in found.codes]


def test_of_a_user_the_items_before_are_known_never_the_one_asked_for() -> None:
    source = interactions(LIKES)
    assert (len(source), source[2], source.id(2)) == (6, ("a", "z"), "a z")
    assert history(source, [0, 1, 2, 5]) == [["y", "z"], [], ["y"], []]
    assert source.users.columns["history"].to_pylist() == [["y", "z", "x"], ["x", "y"], ["x"]]
    unordered = interactions(LIKES.drop_columns(["time"]))
    assert history(unordered, [0, 1, 2, 5]) == [["y", "z"], ["z", "x"], ["x", "y"], []]
    short = interactions(LIKES, history=1)
    assert history(short, [0, 1]) == [["z"], []]
    none = interactions(LIKES, history=0)
    assert "history" not in none.batch(np.array([0]))[0].columns
    assert none.users.columns["history"].to_pylist()[2] == ["x"]  # kept, so that it is not shown again


def test_the_earlier_to_learn_from_and_the_later_to_judge_by() -> None:
    """Of the times 3 1 2 1 2 1 the last fifth begins at the second moment: that and all since are later."""
    source = interactions(LIKES)
    earlier, later = source.parted(0.2)
    assert [earlier[i] for i in range(len(earlier))] == [("a", "y"), ("b", "x"), ("c", "x")]
    assert [later[i] for i in range(len(later))] == [("a", "x"), ("a", "z"), ("b", "y")]
    assert earlier.users.columns["history"].to_pylist() == [["y"], ["x"], ["x"]]  # of what comes, nothing
    assert len(source.parted(0.01)[1]) == 1
    with pytest.raises(OptionError):
        source.parted(1.0)
    with pytest.raises(DataError, match="one moment"):
        source.parted(0.9)
    with pytest.raises(DataError, match="which came later"):
        interactions(LIKES.drop_columns(["time"])).parted()


def test_a_part_knows_of_no_other_choices() -> None:
    part = interactions(LIKES).take(np.array([0, 2]))
    assert history(part, [0, 1]) == [["z"], []]
    assert (len(part.users), part.met("users"), part.met("items")) == (3, ["a"], ["x", "z"])
    assert part.matrix.toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert np.exp(part.chance).tolist() == pytest.approx([0.5, 0.25, 0.5])


def test_a_tower_alone_learns_from_those_who_share() -> None:
    found = interactions(LIKES).swapped("items")
    assert {found[i] for i in range(len(found))} == {("x", "y"), ("y", "z"), ("z", "x"), ("y", "x")}
    users = interactions(LIKES).swapped("users")
    assert {users[i] for i in range(len(users))} >= {("a", "b"), ("b", "c"), ("c", "a")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "likes.csv").write_text(
        "userId,movieId,stars\n1,01,5\n1,02,4\n2,01,3\n1,02,5\n,02,1\n2,,1\n3,01,2\n2,99,1\n"
    )
    (tmp_path / "users.csv").write_text("id,age\n1,30\n2,40\n")
    (tmp_path / "items.csv").write_text("id,genre,year\n01,fun,1990\n02,fun,2000\n03,sad,2010\n")
    return tmp_path


def test_tables_of_users_and_items(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = ilk.pairs(folder / "likes.csv", users=folder / "users.csv", items=folder / "items.csv")
    assert isinstance(found, Interactions)
    assert [found[i] for i in range(len(found))] == [("1", "01"), ("1", "02"), ("2", "01")]
    assert [s.why for s in found.skipped] == [
        "it has no userId",
        "it has no movieId",
        "no table holds the userId 3",
        "no table holds the movieId 99",
    ]
    told = capsys.readouterr().err
    assert "left out 4 interactions" in told
    assert "1 interactions came before" in told
    assert (len(found.items), found.met("items")) == (3, ["01", "02"])
    users, items = found.batch(np.array([2]))
    assert (users.side, items.side, users.ids, items.ids) == ("users", "items", ["2"], ["01"])
    assert np.asarray(users.columns["age"]).tolist() == [40]
    with pytest.raises(DataError, match="it has no userId"):
        interactions(
            folder / "likes.csv", users=folder / "users.csv", items=folder / "items.csv", strict=True
        )


def test_they_are_a_kind_of_data(folder: Path) -> None:
    assert kind(folder / "likes.csv") == "interactions"
    assert kind(LIKES) == "interactions"
    assert kind(interactions(LIKES)) == "interactions"
    assert kind(pa.table({"user": ["a"], "text": ["b"]})) == "text"
    (folder / "none.csv").write_text("user,item\n")
    assert kind(folder / "none.csv") == "interactions"
    with pytest.raises(DataError, match="no interactions"):
        interactions(folder / "none.csv")


def test_any_two_columns_that_belong_together() -> None:
    asked = ["how is the weather today", "what is there to eat", "how is the weather today"]
    table = pa.table({"question": asked, "answer": pa.array([[0.0, 1], [1, 0], [1, 1]])})
    found = ilk.pairs(table, user="question", item="answer")
    assert (found.users.kinds["question"], found.items.kinds) == ("text", {"answer": "vector"})
    users, items = found.batch(np.array([2]))
    assert users.columns["question"] == ["how is the weather today"]
    assert np.asarray(items.columns["answer"]).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("table", "options", "error"),
    [
        (pa.table({"a": ["x"], "b": ["y"], "c": ["z"]}), {}, DataError),
        (LIKES, {"user": "who"}, UnknownName),
        (LIKES, {"time": "when"}, UnknownName),
        (LIKES, {"history": -1}, OptionError),
        (LIKES.slice(0, 0), {}, DataError),
        (LIKES, {"users": pa.table({"id": ["nobody"]})}, DataError),
    ],
)
def test_what_is_refused(table: pa.Table, options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        interactions(table, **options)  # type: ignore[arg-type]


def test_tastes_are_what_is_chosen() -> None:
    source = tastes(400, 60, each=6, topics=3)
    chance = truth(source)
    assert chance.sum(1) == pytest.approx(1)
    assert np.bincount(source.ends[:, 0]).tolist() == [6] * 400
    assert len(np.unique(source.ends, axis=0)) == 2400
    chosen = source.matrix.toarray().astype(bool)
    assert np.log(chance)[chosen].mean() > np.log(chance).mean() + 1
    assert spearmanr(chosen.sum(0), chance.sum(0)).statistic > 0.8
    with pytest.raises(OptionError):
        tastes(10, 10, each=6)

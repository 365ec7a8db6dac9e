"""Old versions: looked at, brought back, and removed, but never while somebody looks at one."""

import gc
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import ilk
from ilk.errors import OptionError, SpaceBusy, SpaceError
from ilk.space import Space

from .conftest import names, numbers

ROOT = Path(ilk.__file__).parent.parent


def versions(space: Space) -> list[int]:
    return space.versions()["version"].to_pylist()


def test_versions_say_when_and_how_many_rows(space):
    began = datetime.now(UTC)
    space.upsert_vectors(names(5), numbers(5))
    space.delete(names(2))
    table = space.versions()
    assert table.column_names == ["version", "time", "rows"]
    assert table["version"].to_pylist() == [1, 2, 3]
    assert table["rows"].to_pylist() == [0, 5, 3]
    times = table["time"].to_pylist()
    assert times == sorted(times)
    assert began - timedelta(seconds=1) < times[1] <= datetime.now(UTC)


def test_an_old_version_is_looked_at_and_not_written(space):
    space.upsert_vectors(names(5), numbers(5), pa.table({"n": range(5)}))
    then = space.info()["version"]
    space.upsert_vectors(names(5), numbers(5, seed=1))
    space.delete(names(2, 1))
    old = Space.open(space.path, version=then)
    assert old.ids() == names(5)
    np.testing.assert_array_equal(old.vectors(), numbers(5))
    assert old.search(numbers(5)[1], k=1, where="n < 3").ids.tolist() == [["thing-0001"]]
    old.refresh()
    assert old.info()["version"] == then
    for write in (
        lambda: old.upsert_vectors(["a"], numbers(1)),
        lambda: old.delete(["thing-0001"]),
        lambda: old.write_layer("x", pa.table({"id": ["a"], "x": [1]}), {}),
        lambda: old.restore(then),
        lambda: old.compact(),
    ):
        with pytest.raises(SpaceError, match=rf"old version {then}, to look at\n.*restore\({then}\)"):
            write()
    assert len(Space.open(space.path)) == 3


def test_a_version_is_brought_back_as_a_new_one(space):
    space.upsert_vectors(names(5), numbers(5))
    then = space.info()["version"]
    space.write_layer("n", pa.table({"id": names(5), "n": range(5)}), {})
    space.delete(names(4))
    space.upsert_vectors(["new"], numbers(1))
    other = Space.open(space.path)
    before = versions(space)
    space.restore(then)
    assert space.ids() == names(5)
    np.testing.assert_array_equal(space.vectors(), numbers(5))
    assert space.search("thing-0001", k=9).ids.shape == (1, 4)
    assert space.layer("n")["n"].to_pylist() == list(range(5))  # layers have no versions: n was never changed
    assert versions(space) == [*before, before[-1] + 1]  # nothing is lost by going back
    assert other.ids() == ["thing-0004", "new"]
    other.restore(before[-1])
    assert Space.open(space.path).ids() == ["thing-0004", "new"]
    other.upsert_vectors(["after"], numbers(1))
    assert Space.open(space.path).ids() == ["thing-0004", "new", "after"]


def test_a_version_that_is_not_there_is_told(space):
    space.upsert_vectors(names(3), numbers(3))
    for ask in (lambda: Space.open(space.path, version=9), lambda: space.restore(9)):
        with pytest.raises(OptionError, match=r"no version 9 .*\n.*2, from 1 to 2"):
            ask()
    assert versions(space) == [1, 2]


def churned(space: Space) -> None:
    space.upsert_vectors(names(300), numbers(300), pa.table({"n": range(300)}))
    for i in range(6):
        space.upsert_vectors(names(200, 10 * i), numbers(200, seed=i), pa.table({"n": range(200)}))
    space.delete(names(100))


def bytes_of_rows(space: Space) -> int:
    return sum(f.stat().st_size for f in (space.path / "rows.lance").rglob("*") if f.is_file())


def test_compact_gives_room_back_and_changes_no_row(space):
    churned(space)
    ids, vectors = space.ids(), np.array(space.vectors())
    before, old = bytes_of_rows(space), versions(space)
    done = space.compact()
    assert versions(space) == [space.info()["version"]]
    assert done.versions >= len(old)
    assert done.held == 0
    least = 200 * 16 * 4
    assert least < bytes_of_rows(space) < 2 * least
    assert (done.before, done.after) == (before, bytes_of_rows(space))
    assert before > 6 * least
    (file,) = (space.path / "rows.lance" / "data").iterdir()
    assert file.stat().st_size > least
    for at in (space, Space.open(space.path)):
        found = dict(zip(at.ids(), at.vectors().tolist()))
        assert found == dict(zip(ids, vectors.tolist()))
        assert at.search(vectors[7], k=1).ids.tolist() == [[ids[7]]]
    again = space.compact()
    assert (again.versions, again.held) == (0, 0)
    assert again.before == again.after == done.after


READER = """
import sys
import numpy as np
from ilk.space import Space
space = Space.open(sys.argv[1], version=int(sys.argv[2]))
print("open", flush=True)
for line in sys.stdin:
    ids = sorted(space.ids())
    vectors = space.vectors()
    found = space.search(vectors[space.ids().index("thing-0007")], k=1, where="n = 7")
    print(len(ids), float(np.abs(vectors).sum()), found.ids.tolist(), flush=True)
"""


def test_a_version_stays_while_another_process_looks_at_it(space):
    space.upsert_vectors(names(300), numbers(300), pa.table({"n": range(300)}))
    then = space.info()["version"]
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, space.path, str(then)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout.readline() == "open\n"  # and nothing read yet
    churned(space)
    done = space.compact()
    assert done.held == 1
    assert versions(space) == [then, space.info()["version"]]
    expected = f"300 {float(np.abs(numbers(300)).sum())} [['thing-0007']]\n"
    for _ in range(2):
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == expected
        space.upsert_vectors(names(1), numbers(1))
        space.compact()
    reader.kill()  # its lease goes with it
    reader.communicate()
    space.upsert_vectors(names(1), numbers(1))
    assert space.compact().held == 0
    assert versions(space) == [space.info()["version"]]
    with pytest.raises(OptionError, match=f"no version {then}"):
        Space.open(space.path, version=then)


def test_a_version_stays_while_another_space_of_this_process_looks_at_it(space):
    churned(space)
    readers = [Space.open(space.path, version=v) for v in (2, 5)]
    shown = [dict(zip(r.ids(), r.vectors().tolist())) for r in readers]
    del readers[0]
    gc.collect()
    space.compact()
    assert versions(space) == [5, space.info()["version"]]
    again = Space.open(space.path, version=5)
    assert dict(zip(again.ids(), again.vectors().tolist())) == shown[1]


def test_readers_open_all_the_while_versions_go(space):
    """Between choosing a version and holding it, none may go away."""
    space.upsert_vectors(names(20), numbers(20))
    stop, failed = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                assert len(Space.open(space.path).metadata()["n"]) == 20
            except AssertionError:
                raise
            except Exception as e:
                failed.append(e)
                return

    space.upsert_vectors(names(20), numbers(20), pa.table({"n": range(20)}))
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for i in range(25):
        space.upsert_vectors(names(20), numbers(20, seed=i), pa.table({"n": range(20)}))
        space.compact()
    stop.set()
    for thread in readers:
        thread.join()
    assert failed == []


def test_tidying_keeps_the_versions_of_the_last_day(space, monkeypatch):
    monkeypatch.setattr("ilk.space.current.TIDY_EVERY", 5)
    for i in range(23):
        space.upsert_vectors(names(3), numbers(3, seed=i))
    kept = versions(space)
    assert kept == list(range(1, kept[-1] + 1))
    assert len(list((space.path / "rows.lance" / "data").iterdir())) > 20
    np.testing.assert_array_equal(
        np.sort(Space.open(space.path, version=3).vectors(), 0)[0], np.sort(numbers(3, seed=1), 0)[0]
    )
    monkeypatch.setattr("ilk.space.current.KEEP", timedelta(0))
    for i in range(5):
        space.upsert_vectors(names(3), numbers(3, seed=i))
    assert len(versions(space)) < 6


def test_of_one_day_not_more_than_so_many_versions_stay(space, monkeypatch):
    monkeypatch.setattr("ilk.space.current.TIDY_EVERY", 5)
    monkeypatch.setattr("ilk.space.current.MANY", 7)
    for i in range(40):
        space.upsert_vectors(names(3), numbers(3, seed=i))
    assert 7 < len(versions(space)) <= 7 + 5 + 1
    assert (space.path / "leases").is_dir()
    assert len(list((space.path / "leases").iterdir())) <= 7


def test_compact_and_restore_take_turns_with_other_writers(space):
    from ilk.space._lock import writing

    space.upsert_vectors(names(3), numbers(3))
    with writing(space.path):
        for write in (space.compact, lambda: space.restore(1)):
            with pytest.raises(SpaceBusy):
                write()
    assert space.ids() == names(3)

"""What was acknowledged is there: after a kill, on a full disk, beside readers and other writers."""

import gc
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import ilk
from ilk.errors import DiskFull, SpaceBusy, SpaceError
from ilk.space import Space

from .conftest import READING, names, numbers

ROOT = Path(ilk.__file__).parent.parent

# Step n of the endless story: every fourth deletes, the others upsert forty rows, half of them known.
STORY = """
import sys
import numpy as np
from pathlib import Path

def step(n):
    if n % 4 == 3:
        return "delete", [f"row-{20 * n - i}" for i in range(0, 40, 3)], None
    ids = [f"row-{20 * n + i}" for i in range(40)]
    return "upsert", ids, np.random.default_rng(n).standard_normal((40, 16)).astype(np.float32)
"""

WRITER = (
    STORY
    + """
import ilk.space.current
from ilk.space import Space

ilk.space.current.TIDY_EVERY = 5  # so that kills meet compaction too
space = Space.open(sys.argv[1])
assert "torch" not in sys.modules
for n in range(int(sys.argv[2]), 10**6):
    what, ids, vectors = step(n)
    space.delete(ids) if what == "delete" else space.upsert_vectors(ids, vectors)
    print(n, flush=True)
"""
)


def start(code: str, *args: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def told(steps: int) -> dict[str, list[float]]:
    """The rows after so many steps of the story."""
    story: dict[str, object] = {}
    exec(STORY, story)
    model: dict[str, list[float]] = {}
    for n in range(steps):
        what, ids, vectors = story["step"](n)  # type: ignore[operator]
        if what == "delete":
            model = {i: v for i, v in model.items() if i not in set(ids)}
        else:
            model |= dict(zip(ids, vectors.tolist()))
    return model


def stored(space: Space) -> dict[str, list[float]]:
    ids = space.ids()
    assert len(set(ids)) == len(ids)
    return dict(zip(ids, space.vectors().tolist()))


@pytest.mark.whole
@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_a_killed_writer_loses_nothing_acknowledged(space):
    chance, steps = random.Random(0), 0
    for _ in range(4):
        writer = start(WRITER, space.path, steps)
        acknowledged = writer.stdout.readline()
        time.sleep(chance.random())
        writer.send_signal(signal.SIGKILL)
        rest, errors = writer.communicate()
        lines = (acknowledged + rest).split(b"\n")[:-1]  # a line that was cut short was not told
        assert lines, errors.decode()
        again = Space.open(space.path)
        done = int(lines[-1]) + 1
        now = stored(again)
        # The step that was being taken may have come through whole, but never in part.
        steps = done if now == told(done) else done + 1
        assert now == told(steps)
        some = chance.choice(list(now))
        assert again.search(np.array(now[some]), k=1).ids.tolist() == [[some]]
    assert again.upsert_vectors(["still writable"], numbers(1)).added == 1  # the lock died with its holder


def test_a_second_writer_is_told_who_writes(space):
    code = "import sys, time; from pathlib import Path; from ilk.space._lock import writing\n"
    code += "with writing(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    holder = start(code, space.path)
    assert holder.stdout.readline().strip() == b"held"
    for write in (
        lambda: space.upsert_vectors(["a"], numbers(1)),
        lambda: space.delete(["a"]),
        lambda: space.write_layer("n", pa.table({"id": ["a"], "n": [1]}), {}),
    ):
        with pytest.raises(SpaceBusy, match=f"process {holder.pid}"):
            write()
    assert len(Space.open(space.path)) == 0  # reading goes on
    holder.kill()
    holder.communicate()
    assert space.upsert_vectors(["a"], numbers(1)).added == 1


def test_a_space_that_may_only_be_read(space):
    space.upsert_vectors(["a", "b"], numbers(2))
    (space.path / "lock").chmod(0o444)
    if os.access(space.path / "lock", os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(SpaceError, match="may only be read"):
        space.delete(["a"])
    assert Space.open(space.path).search("a", k=1).ids.tolist() == [["b"]]


def test_two_spaces_of_one_process_take_turns(space):
    other = Space.open(space.path)
    space.upsert_vectors(["a"], numbers(1))
    done = other.upsert_vectors(["b", "a"], numbers(2))  # continues from what the first wrote
    assert (done.added, done.replaced) == (1, 1)
    assert sorted(other.ids()) == ["a", "b"]
    assert space.ids() == ["a"]
    space.refresh()
    assert sorted(space.ids()) == ["a", "b"]


def test_a_reader_keeps_its_version_while_a_writer_goes_on(space, monkeypatch):
    monkeypatch.setattr("ilk.space.current.TIDY_EVERY", 5)
    monkeypatch.setattr("ilk.space.current.MANY", 2)
    space.upsert_vectors(names(30), numbers(30), pa.table({"n": range(30)}), [b"PNG"] * 30)
    reader = Space.open(space.path)
    for i in range(12):
        space.upsert_vectors(names(5, 3 * i), numbers(5, seed=i))
        space.delete(names(1, i))
    # Nothing was touched before: all of this is read from files that the writer replaced long ago.
    assert reader.ids() == names(30)
    np.testing.assert_array_equal(reader.vectors(), numbers(30))
    assert reader.metadata()["n"].to_pylist() == list(range(30))
    assert reader.pictures(["thing-0007"]) == [b"PNG"]
    found = reader.search(numbers(30)[7], k=1, where="n BETWEEN 5 AND 9")
    assert found.ids.tolist() == [["thing-0007"]]
    reader.refresh()
    assert stored(reader) == stored(space)
    assert len(manifests(space)) <= 9
    assert len(list((space.path / "rows.lance" / "data").iterdir())) <= 10
    before = stored(space)
    assert stored(Space.open(space.path)) == before


def manifests(space: Space) -> list[Path]:
    return list((space.path / "rows.lance" / "_versions").glob("*.manifest"))


def fill_until_full(space: Space) -> int:
    """How many batches were acknowledged."""
    n = 0
    with suppress(DiskFull):
        for n in range(1000):
            space.upsert_vectors(names(500, 500 * n), numbers(500, seed=n))
    return n


def test_a_full_disk_loses_nothing_acknowledged(tmp_path, encoder):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        space = Space.create(small / "s.space", encoder, reading=READING)
        batches = fill_until_full(space)
        assert 2 < batches < 999
        (small / "ballast").write_bytes(bytes(os.statvfs(small).f_bavail * os.statvfs(small).f_frsize))
        for at in (space, Space.open(space.path)):
            assert at.ids() == names(500 * batches)
            assert at.search(numbers(500, seed=1)[7], k=1).ids.tolist() == [["thing-0507"]]
            with pytest.raises(DiskFull, match="before is kept"):
                at.upsert_vectors(names(500, 10**6), numbers(500))
            with pytest.raises(DiskFull):
                at.write_layer("n", pa.table({"id": names(9), "n": [b"x" * 5000] * 9}), {})
            assert at.layers() == []
        (small / "ballast").unlink()
        with pytest.raises(DiskFull):
            Space.create(small / "t.space", encoder, reading={"reader": "x" * 10**6})
        assert [p.name for p in small.iterdir()] == ["s.space"]
        again = Space.open(space.path)
        assert again.upsert_vectors(["one more"], numbers(1)).added == 1
        assert Space.open(space.path).ids() == [*names(500 * batches), "one more"]
        del again, at, space
        gc.collect()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


@pytest.mark.skipif(os.name != "posix", reason="limits the size of a file")
def test_a_file_that_may_not_grow_is_a_full_disk(space):
    space.upsert_vectors(names(3), numbers(3))
    code = """
import resource, sys
import numpy as np
from ilk.errors import DiskFull
from ilk.space import Space
space = Space.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    space.upsert_vectors([str(i) for i in range(2000)], np.random.standard_normal((2000, 16)))
except DiskFull:
    print(len(space), space.search("thing-0001", k=2).ids.shape)
"""
    out, errors = start(code, space.path).communicate()
    assert out.strip() == b"3 (1, 2)", errors.decode()
    assert stored(Space.open(space.path)) == dict(zip(names(3), numbers(3).tolist()))

"""Nothing that was acknowledged is lost: killed writers, full disks, damaged files, bad input."""

import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import ilk
from ilk.cli import app
from ilk.errors import DataError, DiskFull, EncoderMismatch, FilterError, OptionError, SpaceError, UnknownName
from ilk.space import Space, _whole, keeping, making
from ilk.space.index.tuning import KINDS
from ilk.space.spread import spread

from .conftest import READING, names, numbers

ROOT = Path(ilk.__file__).parent.parent


@pytest.mark.whole
@pytest.mark.skipif(sys.platform != "linux", reason="forks, kills, and limits the size of files")
def test_fifty_killed_writers_lose_nothing():
    command = [sys.executable, "-W", "ignore", "-m", "tests.space.faults", "--kills", "50", "--seed", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    kills, full, busy = done.stdout.strip().split("\n")
    assert kills.startswith("50 kills, nothing lost: ")
    assert all(f" {kind}" in kills for kind in KINDS)
    assert int(re.match(r"\d+", full)[0]) > 0
    assert int(re.search(r"\d+", busy)[0]) > 0


def damaged(file: Path, chance: np.random.Generator) -> None:
    data = bytearray(file.read_bytes())
    at = int(chance.integers(len(data)))
    if chance.random() < 0.3:
        del data[at:]
    else:
        data[at] ^= 1 << int(chance.integers(8))
    file.write_bytes(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bit_that_flips_anywhere_in_an_index_is_told(tmp_path, encoder, kind, capsys):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, metric="whitened")
    space.upsert_vectors(names(300), numbers(300))
    space.index(kind)
    expected = space.search(numbers(3, seed=5), k=4)
    shutil.copytree(space.path / "index", tmp_path / "index")
    for seed in range(12):
        shutil.rmtree(space.path / "index")
        shutil.copytree(tmp_path / "index", space.path / "index")
        (base,) = (space.path / "index").iterdir()
        files = sorted(base.iterdir())
        capsys.readouterr()
        damaged(files[seed % len(files)], np.random.default_rng(seed))
        again = Space.open(space.path)
        found = again.search(numbers(3, seed=5), k=4)
        assert "is damaged" in capsys.readouterr().err
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(again.vectors(), numbers(300))
        assert again._at.base.kind == kind


def test_a_file_that_lance_left_cut_short_is_a_full_disk(space, monkeypatch):
    """As on a full disk, where Lance does not hear that the last bytes were not written."""
    import lance

    def cut(table, uri):
        pieces = written(table, uri)
        newest = max((Path(uri) / "data").iterdir(), key=lambda f: f.stat().st_mtime_ns)
        newest.write_bytes(newest.read_bytes()[:-1])
        return pieces

    space.upsert_vectors(names(2000), numbers(2000))
    written = lance.fragment.write_fragments
    monkeypatch.setattr(lance.fragment, "write_fragments", cut)
    with pytest.raises(DiskFull, match="no room left"):
        space.upsert_vectors(names(2000, 5000), numbers(2000))
    monkeypatch.undo()
    assert Space.open(space.path).ids() == space.ids() == names(2000)
    assert space.upsert_vectors(names(1, 9000), numbers(1)).added == 1


def test_a_list_of_deleted_rows_that_was_cut_short_is_seen(space):
    space.upsert_vectors(names(9000), numbers(9000))
    space.delete(names(9))
    space.delete(names(5000, 100))  # so many that Lance writes a bitmap
    files = {f.suffix: f for f in (space.path / "rows.lance" / "_deletions").iterdir()}
    files |= {
        f.suffix: f for f in (space.path / "rows.lance").glob("*/*") if f.suffix in (".lance", ".manifest")
    }
    assert {".arrow", ".bin", ".lance", ".manifest"} <= set(files)
    for file in files.values():
        assert _whole.whole(str(file))
        content = file.read_bytes()
        for length in (0, 1, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:length])
            assert not _whole.whole(str(file)), (file, length)
        file.write_bytes(content)


def test_the_kind_that_was_planned_last_counts(space):
    space.upsert_vectors(names(200), numbers(200))
    other = Space.open(space.path)
    other.index("hnsw")
    stale = next((space.path / "index").iterdir())
    shutil.copytree(stale, space.path / "stale")
    space.index("ivf")
    shutil.copytree(space.path / "stale", space.path / "index" / f"base-9{stale.name[6:]}")  # a late writer's
    again = Space.open(space.path)
    again.search(numbers(1)[0])
    assert again._at.base.kind == again.info()["index"]["kind"] == "ivf"


def test_what_the_index_takes_in_late_is_what_later_versions_call_by_its_numbers(space, monkeypatch):
    """The thread starts at one version and works when others have replaced rows of it."""
    monkeypatch.setattr(keeping, "LATE", 10)
    go, work = threading.Event(), keeping.Keeper._work
    monkeypatch.setattr(keeping.Keeper, "_work", lambda self, at: go.wait(60) and work(self, at))
    space.upsert_vectors(names(300), numbers(300))
    space.index("hnsw")
    for i in range(6):
        space.upsert_vectors(names(15, 300 + 10 * i), numbers(15, seed=i + 1))
    go.set()
    space._now.keeper.wait()
    slots, near = space._at.slots, space._at.base.near
    assert near.covered == 315
    for slot in np.flatnonzero(slots.alive[: near.covered]):  # the index holds what the slots hold
        found = near.candidates(space._at.base.metric.ready(slots.vectors(np.array([slot]))), 20)
        assert slot in found


def test_the_spread_of_an_extended_base_is_that_of_its_rows(tmp_path, encoder):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, metric="whitened")
    space.upsert_vectors(names(200), numbers(200))
    space.index("ivf")
    base = space._at.base
    space.upsert_vectors(names(60, 180), 5 * numbers(60, seed=1))
    slots = space._at.slots
    base.near.add(base.metric.ready(slots.vectors(np.arange(200, len(slots)))))
    with making._lock.making(space.path):
        making.extended(space.path, space._at.rows.version, base, slots)
    again = Space.open(space.path)
    assert len(again._at.base.slots) == 260
    deviations = spread(iter([again.vectors()]), 16).deviations()
    np.testing.assert_allclose(again._at.metric.weights, 1 / deviations, rtol=1e-9)


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_a_row_without_measure_leaves_nothing_behind(tmp_path, encoder, kind):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, metric="whitened")
    far = np.full((1, 16), 1e12, np.float32)
    space.upsert_vectors([*names(200), "far"], np.concatenate([numbers(200), far]))
    space.index(kind)
    space.delete(["far"])
    deviations = numbers(200).astype(np.float64).std(0)
    np.testing.assert_allclose(space._at.metric.weights, 1 / deviations, rtol=1e-9)


BAD = {
    "dimension": (EncoderMismatch, r"8 dimensions.*16", lambda s: s.upsert_vectors(["x"], numbers(1, 8))),
    "NaN": (DataError, r"NaN or inf.*'x'", lambda s: s.upsert_vectors(["x"], np.full((1, 16), np.nan))),
    "ids": (OptionError, "2 ids for 1 vectors", lambda s: s.upsert_vectors(["x", "y"], numbers(1))),
    "metadata": (OptionError, "2 rows of metadata", lambda s: s.upsert_vectors(["x"], numbers(1), TWO)),
    "query": (EncoderMismatch, r"8 dimensions.*16", lambda s: s.search(numbers(1, 8)[0])),
    "NaN query": (DataError, "NaN or inf", lambda s: s.search(np.full(16, np.nan))),
    "k": (OptionError, "k=0", lambda s: s.search(numbers(1)[0], k=0)),
    "filter": (FilterError, "Columns: id, n", lambda s: s.search(numbers(1)[0], where="n >")),
    "recall": (OptionError, "recall=2", lambda s: s.index("hnsw", recall=2)),
    "no recall": (OptionError, "recall=nan", lambda s: s.index("hnsw", recall=float("nan"))),
    "kind": (UnknownName, "ivf-pq", lambda s: s.index("magic")),
    "old": (SpaceError, "old version", lambda s: Space.open(s.path, version=2).index("ivf")),
    "no version": (OptionError, "no version 999", lambda s: s.restore(999)),
}
TWO = pa.table({"n": [1, 2]})


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_is_told_and_changes_nothing(space, kind):
    space.upsert_vectors(names(60), numbers(60), pa.table({"n": range(60)}))
    space.index(kind)
    before = snapshot(space)
    for error, says, do in BAD.values():
        with pytest.raises(error, match=f"(?s){says}") as told:
            do(space)
        assert told.value.do
        assert snapshot(space) == before
    twice = numbers(2, seed=8)
    space.upsert_vectors(["same", "same"], twice)  # the last of two counts
    assert space.search(twice[1], k=1).distances[0, 0] == pytest.approx(0, abs=1e-6)
    assert space.search(twice, k=10**6).ids.shape == (2, 61)
    assert space.search(twice[:0], k=3).ids.shape == (0, 3)
    assert snapshot(Space.open(space.path)) == snapshot(space)


def snapshot(space: Space) -> object:
    folder = sorted(str(f) for f in space.path.rglob("*") if "leases" not in f.parts)
    return space.ids(), space.vectors().tolist(), space.info()["index"], space.info()["version"], folder


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_space_of_every_kind(space, kind):
    space.upsert_vectors(names(40), numbers(40))
    space.index(kind)
    space.delete(names(40))
    for one in (space, Space.open(space.path)):
        assert one.search(numbers(2), k=3).ids.shape == (2, 0)
        assert one.vectors().shape == (0, 16)
    space.upsert_vectors(names(3), numbers(3, seed=2))
    assert Space.open(space.path).search(numbers(3, seed=2)[1], k=1).ids.tolist() == [["thing-0001"]]


def test_index_by_hand(space):
    run, path = CliRunner(), str(space.path)
    empty = run.invoke(app, ["index", path, "--kind", "hnsw"])
    assert empty.exit_code != 0
    space.upsert_vectors(names(300), numbers(300))
    done = run.invoke(app, ["index", path, "--kind", "ivf", "--recall", "0.9", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["index"] == "ivf"
    assert said["recall"] >= 0.9
    assert Space.open(space.path)._at.base.kind == "ivf"
    for bad in (["--kind", "magic"], ["--recall", "2"], ["--memory", "much"]):
        assert run.invoke(app, ["index", path, *bad]).exit_code != 0
    assert Space.open(space.path).info()["index"]["kind"] == "ivf"

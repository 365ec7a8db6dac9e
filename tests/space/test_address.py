"""Rows that live elsewhere: in a folder at a file:// address, and in an S3-compatible store."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import ilk
from ilk.encoders import Encoder
from ilk.errors import FormatError, OptionError, SpaceError
from ilk.space import Space

from .conftest import READING, names, numbers

ROOT = Path(ilk.__file__).parent.parent
SERVER = """
import logging
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
"""


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """An S3-compatible server of this machine, in a process of its own; the address of a bucket in it."""
    if find_spec("moto") is None or find_spec("flask") is None:
        pytest.skip("needs moto[server], of the extra dev")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        lines = (line for line in server.stdout if line.strip().isdigit())
        endpoint = f"http://127.0.0.1:{int(next(lines))}"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {
                "AWS_ACCESS_KEY_ID": "key-that-is-nowhere-kept",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT": endpoint,
                "AWS_ALLOW_HTTP": "true",
                "NO_PROXY": "127.0.0.1",
            }.items():
                patch.setenv(name, value)
            urllib.request.urlopen(urllib.request.Request(f"{endpoint}/bucket", method="PUT")).close()
            yield "s3://bucket"
    finally:
        server.kill()
        server.communicate()


@pytest.fixture(params=["file", "s3"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return (tmp_path / "far away" / "50% é.lance").as_uri()
    return f"{request.getfixturevalue('store')}/{tmp_path.name}/x.lance"


@pytest.fixture
def far(tmp_path: Path, encoder: Encoder, rows: str) -> Space:
    return Space.create(tmp_path / "far.space", encoder, reading=READING, rows=rows)


def test_a_space_whose_rows_live_elsewhere_does_all_that_others_do(far, rows, tmp_path):
    assert len(far) == 0
    v = numbers(30)
    assert far.upsert_vectors(names(30), v, pa.table({"n": range(30)}), [b"PNG"] * 30).added == 30
    assert far.upsert_vectors(names(2, 29), v[:2], pa.table({"m": [0.5, 1.5]})).replaced == 1
    assert far.delete(["thing-0000"]) == 1
    far.write_layer("cluster", pa.table({"id": names(30), "cluster": [i % 3 for i in range(30)]}), {})
    again = Space.open(far.path)
    for at in (far, again):
        assert len(at) == 30
        assert at.search(v[7], k=1).ids.tolist() == [["thing-0007"]]
        assert at.search(v[7], k=99, where="cluster = 1 and n < 9").ids.shape == (1, 3)
        assert at.pictures(["thing-0003"]) == [b"PNG"]
    assert far.info()["address"] == (
        rows if rows.startswith("s3") else str(tmp_path / "far away/50% é.lance")
    )
    assert not (far.path / "rows.lance").exists()
    assert json.loads((far.path / "space.json").read_text())["rows"] == rows
    assert "key-that-is-nowhere-kept" not in (far.path / "space.json").read_text()
    then = again.info()["version"]
    far.delete(names(30))
    assert len(Space.open(far.path, version=then)) == 30
    far.restore(then)
    np.testing.assert_array_equal(np.sort(again.vectors(), 0), np.sort(far.vectors(), 0))
    assert len(Space.open(far.path)) == 30
    far.export(tmp_path / "all.parquet")


def test_a_folder_that_moves_finds_its_rows(far, tmp_path):
    far.upsert_vectors(names(3), numbers(3))
    moved = tmp_path / "elsewhere" / "moved.space"
    moved.parent.mkdir()
    shutil.move(far.path, moved)
    assert Space.open(moved).ids() == names(3)


def test_where_rows_are_already_none_are_put(far, rows, tmp_path, encoder):
    far.upsert_vectors(names(3), numbers(3))
    with pytest.raises(SpaceError, match=r"holds rows already"):
        Space.create(tmp_path / "second.space", encoder, reading=READING, rows=rows)
    assert not (tmp_path / "second.space").exists()
    assert len(Space.open(far.path)) == 3


def test_compact_of_rows_on_this_machine(tmp_path, encoder):
    """A path is an address too. Its readers are seen, so old versions go."""
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, rows=tmp_path / "big" / "rows.lance")
    for i in range(5):
        space.upsert_vectors(names(30), numbers(30, seed=i))
    assert space.compact().versions > 4
    assert space.versions().num_rows == 1
    assert (tmp_path / "big" / "rows.lance" / "_versions").is_dir()
    assert Space.open(space.path).search(numbers(30, seed=4)[3], k=1).ids.tolist() == [["thing-0003"]]


def test_compact_of_a_store_leaves_the_last_day_to_machines_that_are_not_seen(
    store, tmp_path, encoder, monkeypatch
):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, rows=f"{store}/compact/x.lance")
    for i in range(5):
        space.upsert_vectors(names(30), numbers(30, seed=i))
    before = space.versions().num_rows
    assert space.compact().versions == 0
    assert space.versions().num_rows == before == 6
    monkeypatch.setattr("ilk.space.rows.KEEP", timedelta(0))
    assert space.compact().versions == 5
    assert Space.open(space.path).search(numbers(30, seed=4)[3], k=1).ids.tolist() == [["thing-0003"]]


@pytest.mark.parametrize("address", ["http://host/x.lance", "ftp://host/x", "memory://x"])
def test_an_address_of_an_unknown_kind_is_told(tmp_path, encoder, address):
    with pytest.raises(OptionError, match=r"file://, s3://, gs://, az://"):
        Space.create(tmp_path / "s.space", encoder, reading=READING, rows=address)
    assert list(tmp_path.iterdir()) == []


def test_a_space_of_a_stranger_may_not_name_any_address(tmp_path, encoder):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, rows=tmp_path / "r.lance")
    about = json.loads((space.path / "space.json").read_text())
    for wrong in ("memory://x", 3, "http://host/x"):
        (space.path / "space.json").write_text(json.dumps(about | {"rows": wrong}))
        with pytest.raises(FormatError, match=r"space\.json.* is damaged"):
            Space.open(space.path)


def test_rows_that_are_not_at_their_address_are_told(far, rows):
    about = json.loads((far.path / "space.json").read_text())
    (far.path / "space.json").write_text(json.dumps(about | {"rows": f"{rows}.gone"}))
    with pytest.raises(FormatError, match=r"cannot be read"):
        Space.open(far.path)


def test_another_machine_that_writes_at_the_same_time_is_noticed(far, tmp_path):
    """The lock is the folder's; with a copy of the folder, another machine is not kept out."""
    far.upsert_vectors(names(3), numbers(3))
    shutil.copytree(far.path, tmp_path / "copy.space")
    other = Space.open(tmp_path / "copy.space")
    stale = far._at.rows
    assert other.upsert_vectors(["new"], numbers(1)).added == 1
    far.refresh()
    assert len(far) == 4
    table = stale.columns(["id", "vector", "encoder", "picture"]).slice(0, 1)
    with pytest.raises(SpaceError, match="another machine wrote"):
        stale.upsert(table.set_column(0, "id", [["new"]]))


WRITER = """
import sys
import numpy as np
from ilk.space import Space
space = Space.open(sys.argv[1])
for n in range(10**6):
    space.upsert_vectors([f"row-{n}-{i}" for i in range(5)], np.full((5, 16), n + 1, np.float32))
    print(n, flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
def test_a_killed_writer_to_a_store_loses_nothing_acknowledged(store, tmp_path, encoder):
    space = Space.create(tmp_path / "s.space", encoder, reading=READING, rows=f"{store}/kill/x.lance")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, space.path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for _ in range(6):
        acknowledged = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    again = Space.open(space.path)
    vectors = dict(zip(again.ids(), again.vectors()[:, 0].tolist()))
    for n in range(acknowledged + 1):
        assert [vectors[f"row-{n}-{i}"] for i in range(5)] == [n + 1] * 5
    assert len(vectors) % 5 == 0  # never a part of a batch
    assert again.upsert_vectors(["still writable"], numbers(1)).added == 1

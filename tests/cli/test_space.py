"""`ilk versions`, `restore` and `compact`, in this process."""

import json
from pathlib import Path

import numpy as np
import pytest

from ilk.encoders.pixels import Pixels
from ilk.space import Space

from .conftest import Run


@pytest.fixture
def ilk(typed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line beside things.space: three rows, then two."""
    monkeypatch.chdir(tmp_path)
    space = Space.create("things.space", Pixels(1, 2), reading={})
    space.upsert_vectors(["a", "b", "c"], np.eye(4, dtype=np.float32)[:3])
    space.delete(["b"])
    del space

    return typed


def test_versions_restore_compact(ilk):
    code, out, _ = ilk("versions", "things", "--json")
    found = json.loads(out)
    assert code == 0
    assert [(v["version"], v["rows"]) for v in found] == [(1, 0), (2, 3), (3, 2)]
    assert found[1]["time"] < found[2]["time"]

    assert ilk("restore", "things", "2")[:2] == (0, "restored  2\nrows      3\n")
    assert Space.open("things.space").ids() == ["a", "b", "c"]

    code, out, _ = ilk("compact", "things", "--json")
    done = json.loads(out)
    assert (code, done["versions"], done["held"]) == (0, 3, 0)
    assert done["after"] < done["before"]
    assert Space.open("things.space").versions().num_rows == 1


def test_a_version_that_is_not_there(ilk):
    code, _, err = ilk("restore", "things", "9")
    assert code == 1
    assert "error: things.space has no version 9 (any more)\nIt has 3, from 1 to 3" in err
    code, _, err = ilk("restore", "things", "yesterday")
    assert code == 2
    assert "Invalid value for 'VERSION'" in err

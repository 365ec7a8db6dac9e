"""`ilk invariance`, `ilk anomalies`, `ilk diagnose`: what programs read, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ilk import Space
from ilk.encoders.pixels import Pixels
from tests.cli.conftest import Run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A space of no pictures: two groups, and a row far from both."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((120, 3)).astype(np.float32)
    x[:60, 0] += 8
    x[119] = -40
    space = Space.create("s.space", Pixels(3, 1), reading={"reader": "text"}, metric="l2")
    kinds = pa.table({"kind": ["a"] * 60 + ["b"] * 60})
    space.upsert_vectors([f"{i:03d}" for i in range(120)], x, kinds)
    return tmp_path


def test_anomalies_and_diagnose_for_programs(here: Path, typed: Run) -> None:
    odd = typed("anomalies", "s", "--top", "2", "--json").json
    assert (odd["rows"][0]["id"], odd["rows"][0]["kind"]) == ("119", "isolated")
    assert [r["kind"] for r in odd["rows"][1:]] == [""]
    found = typed("diagnose", "s", "--label", "kind", "--split", "kind", "--json").json
    assert [len(found[name]) for name in ("curve", "suspects", "leaks")] == [5, 0, 0]
    assert found["says"].endswith("No near-duplicate crosses the split.")


def test_what_is_refused(here: Path, typed: Run) -> None:
    assert "s.space was not filled with pictures" in typed("invariance", "s").err
    assert "no column called 'knd'" in typed("diagnose", "s", "--label", "knd").err
    assert "level is 0" in typed("anomalies", "s", "--level", "0").err

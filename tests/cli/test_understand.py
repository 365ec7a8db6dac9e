"""Verbs that ask what a space means: what they keep in files, units from a file, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ilk import Space
from ilk.encoders.pixels import Pixels
from tests.cli.conftest import Run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A space that follows the product of two amounts; a part of it lies far off."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    light, dust = rng.uniform(0.5, 2, (2, 150))
    far = np.arange(150) % 3 == 0
    x = np.c_[np.log(light * dust), 9 * far + 0.1 * rng.normal(size=150), 0.1 * rng.normal(size=150)]
    space = Space.create("s.space", Pixels(3, 1), reading={"reader": "text"}, metric="l2")
    known = pa.table({"light": light, "dust": dust, "kind": np.where(far, "far", "near")})
    space.upsert_vectors([f"{i:03d}" for i in range(150)], x.astype(np.float32), known)
    return tmp_path


def test_clusters_with_cards_memberships_and_a_picture(here: Path, typed: Run) -> None:
    words = ("clusters", "s", "--cards", "--memberships", "m.parquet", "--save", "p.svg", "--what", "again")
    found = typed(*words, "--json").json
    assert [r["size"] for r in found["rows"]] == [100, 50]
    assert any("kind is far (100%, there 0%)" in w for w in found["rows"][1]["differs"])
    chances = pq.read_table("m.parquet")
    assert chances.column_names == ["id", "cluster_0", "cluster_1"]
    sums = chances["cluster_0"].to_numpy() + chances["cluster_1"].to_numpy()
    np.testing.assert_allclose(sums, 1, atol=1e-6)
    assert Path("p.svg").read_text().count("<svg") == 1


def test_units_from_words_and_from_a_file(here: Path, typed: Run) -> None:
    words = typed("dimensionless", "s", "light=W", "dust=1/W", "--json").json
    assert [r["product"] for r in words["rows"]] == ["light dust"]
    assert words["rows"][0]["low"] < words["rows"][0]["R2"] < words["rows"][0]["high"]
    Path("u.toml").write_text('title = "of this set"\n[units]\nlight = "W"\ndust = "1/W"\n')
    assert typed("dimensionless", "s", "u.toml", "--json").json == words
    Path("flat.toml").write_text('light = "W"\n')
    assert typed("dimensionless", "s", "flat.toml", "dust=1/W", "--json").json == words
    assert typed("dimensionless", "s", "flat.toml", "dust=1/W", "--constant", "c", "--json").json == words
    assert "none of the columns light, dust, kind tells its unit" in typed("dimensionless", "s").err


def test_compare_and_whitening(here: Path, typed: Run) -> None:
    same = typed("compare", "s", "s", "kind", "--json").json
    assert [(r["by"], r["p"]) for r in same["rows"]] == [("linear", 1), ("knn", 1)]
    found = typed("whitening", "s", "kind", "--save", "w.csv", "--json").json
    assert [r["distance"] for r in found["rows"]] == ["l2", "evened dimensions", "whitened directions"]
    assert len(Path("w.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("dimensionless s light", "'light' has no unit"),
        ("dimensionless s no.toml", "no file no.toml"),
        ("dimensionless s bad.toml", "bad.toml is no TOML"),
        ("dimensionless s odd.toml", "odd.toml: light is 3"),
        ("clusters s --save p.gif", "p.gif is neither a picture nor a table"),
        ("clusters s --save p.png --what no", "no picture called 'no'"),
        ("clusters s --memberships m.txt", "a table cannot be called m.txt"),
        ("axes s light --way up", "no way to turn called 'up'"),
        ("compare s s no", "no column called 'no'"),
        ("diagnose s --split kind", "--split goes with --label"),
        ("diagnose s", "tells of no training"),
    ],
)
def test_what_is_refused(words: str, says: str, here: Path, typed: Run) -> None:
    Path("bad.toml").write_text("light = W")
    Path("odd.toml").write_text("light = 3")
    said = typed(*words.split())
    assert said.code == 1
    assert says in said.err

"""ilk split, pairs, graph and search --local, as typed."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ilk import images
from ilk.encoders import build
from ilk.space import Space

from .conftest import Run


@pytest.fixture
def ilk(typed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line beside d.space, sixty digits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ILK_CACHE", str(tmp_path / "cache"))
    Path("digits").mkdir()
    for i, image in enumerate(load_digits().images[:60]):
        Image.fromarray((image * 15).astype(np.uint8)).save(f"digits/{i:03d}.png")
    source = images("digits")
    Space.create("d.space", build("pixels", source.traits).eval(), reading=source.reading).upsert(source)

    return typed


def test_split_and_search_in_the_parts(ilk: Run) -> None:
    refused = ilk("search", "d", "000.png", "--local")
    assert refused.code == 1
    assert refused.err == "error: d.space has no parts\nMake them: ilk split d.space\n"
    said = ilk("split", "d", "-k", "3", "--dim", "2", "--write", "apart")
    assert said.code == 0
    assert said.err.startswith("3 patches of rows near one another. Distances inside a part ")
    lines = [line.split("\t") for line in said.out.splitlines()]
    assert lines[0] == ["part", "rows", "share", "dims", "spread", "typical", "space"]
    assert [line[0] for line in lines[1:]] == ["0", "1", "2"]
    assert sum(int(line[1]) for line in lines[1:]) == 60
    for line in lines[1:]:
        own = Space.open(line[-1])
        assert (line[-1], len(own)) == (f"apart/d-{line[0]}.space", int(line[1]))
        assert line[5] in own.ids()
    found = ilk("search", "d", "000.png", "--local", "-k", "2", "--json").json
    assert [set(one) for one in found] == [{"rank", "id", "distance"}] * 2
    assert found[0]["distance"] <= found[1]["distance"]
    where = ("--where", "id > '000.png'")
    one = ilk("search", "d", "digits/001.png", "--local", "-k", "1", *where, "--json").json
    assert (one[0]["id"], one[0]["distance"] < 1e-5) == ("001.png", True)
    again = ilk("split", "d", "-k", "3", "--write", "apart")
    assert again.code == 1
    assert "apart/d-0.space exists already" in again.err


def test_duplicates(ilk: Run) -> None:
    said = ilk("duplicates", "d", "--json").json
    assert said["rows"] == []
    assert said["says"].startswith("0 of 60 rows have a near-duplicate, in 0 groups: distance up to 0.")
    space = Space.open("d.space")
    space.upsert_vectors(["copy.png"], space.vectors()[:1])
    said = ilk("duplicates", "d", "--within", "0")
    assert [line.split("\t") for line in said.out.splitlines()] == [
        ["group", "id", "nearest", "distance"],
        ["0", "000.png", "copy.png", "0"],
        ["0", "copy.png", "000.png", "0"],
    ]
    assert said.err == "2 of 61 rows have a near-duplicate, in 1 group (distance up to 0).\n"


def test_graph(ilk: Run) -> None:
    said = ilk("graph", "d", "-k", "4", "--to", "g.parquet", "--json").json
    assert said == {"written": "g.parquet", "rows": 60, "neighbours": 4}
    exact = pq.read_table("g.parquet").to_pydict()
    assert exact["neighbour"][:4] == Space.open("d.space").search("000.png", 4).ids[0].tolist()
    assert ilk("graph", "d", "-k", "4", "--to", "g.parquet", "--quick").code == 0
    assert pq.read_table("g.parquet").to_pydict()["neighbour"] == exact["neighbour"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["split", "d", "-k", "0"], "0 parts of 60 rows"),
        (["split", "d", "-k", "2", "--dim", "0"], "0 axes a part"),
        (["duplicates", "d", "--within", "-1"], "near-duplicates within -1.0"),
        (["graph", "d", "--to", "g.csv"], "g.csv is not the name of a parquet file"),
        (["graph", "d", "-k", "0"], "k=0"),
        (["split", "nowhere"], "no space nowhere"),
    ],
)
def test_what_makes_no_sense_is_a_message(ilk: Run, words: list[str], told: str) -> None:
    said = ilk(*words)
    assert (said.code, said.out) == (1, "")
    assert told in said.err

"""From texts to a space that words are asked of: in Python, on the command line, by the page."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from ilk import Id, encoders, learn, objectives
from ilk.cli import main
from ilk.encoders.bag import Bag
from ilk.encoders.transformer import Transformer
from ilk.errors import OptionError, UnknownName
from ilk.learning.towers import start_from
from ilk.learning.usual import encoder_for, objectives_for, takes
from ilk.space import Space
from ilk.training.recipe import Recipe

DOCS = Path(__file__).parents[2] / "docs"
FEW = Recipe(steps=3, batch=16, checks=1)
TINY = {"dim": 16, "width": 16, "depth": 1, "heads": 2, "length": 32, "vocabulary": 400}


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as they are now."""
    return Path(shutil.copytree(DOCS, tmp_path_factory.mktemp("text") / "docs"))


@pytest.fixture(scope="module")
def space(docs: Path) -> Space:
    return learn(docs, "sif", out=docs.parent / "found", dim=64)


def test_a_folder_of_text_is_read_as_such(docs: Path, space: Space) -> None:
    assert space.reading == {"reader": "text", "by": "file"}
    assert len({i.partition("#")[0] for i in space.ids()}) == sum(
        p.suffix in (".md", ".py") for p in docs.rglob("*")
    )
    shown = dict(zip(space.ids(), space.metadata()["text"].to_pylist()))
    assert shown["start.md#1"].startswith("# Start")
    some = ["start.md#1", "space.md#2"]
    assert space.metadata(some)["text"].to_pylist() == [shown[i] for i in some]
    assert (takes(type(space.encoder)), space.pictures(some)) == ("text", [None, None])


def test_words_find_what_says_the_like(space: Space) -> None:
    found = space.search("black holes seen by a radio telescope", 3)
    assert any(i.startswith("blackholes.md") for i in found.ids[0])
    two = space.search(["photon ring of a black hole", "restore an old version of a space"], 1).ids[:, 0]
    assert [i.partition(".")[0] for i in two] == ["blackholes", "space"]


def test_an_id_or_a_file_goes_before_words(space: Space, tmp_path: Path) -> None:
    assert "start.md#1" not in space.search("start.md#1", 3).ids
    (tmp_path / "q.txt").write_text("photon ring of a black hole")
    assert space.search(str(tmp_path / "q.txt"), 1).ids[0][0].startswith("blackholes")
    with pytest.raises(UnknownName):
        space.search(Id("photon ring"))
    with pytest.raises(OptionError, match="no word of '日本' is known"):
        space.search("日本")
    assert space.search("word " * 5000, 1).ids.shape[1] == 1  # longer than a name may be


def test_more_text_is_read_alike(space: Space, tmp_path: Path) -> None:
    (tmp_path / "new.md").write_text("Words that were never there before.\n\nTwo paragraphs.")
    assert space.add(tmp_path).added == 1
    assert space.search("words never there before", 1).ids[0][0] == "new.md"
    assert space.delete(["new.md"]) == 1


@pytest.mark.parametrize("objective", ["simcse", "bert"])
def test_networks_learn_their_pieces_from_the_text(docs: Path, tmp_path: Path, objective: str) -> None:
    space = learn(docs, objective, out=tmp_path / "d", recipe=FEW, **TINY)
    assert space.dim == 16
    assert space.search("photon ring", 2).ids.shape == (1, 2)
    again = learn(docs, objective, out=tmp_path / "d", recipe=FEW, **TINY)
    assert again.fingerprint == space.fingerprint  # the vocabulary is the same, or it could not go on


def test_a_network_may_begin_with_the_words_of_sif(docs: Path, space: Space, tmp_path: Path) -> None:
    rest = {k: v for k, v in TINY.items() if k != "vocabulary"}
    where = str(space.path)
    begun = learn(docs, "simcse", out=tmp_path / "on", recipe=FEW, start=where, halves=True, **rest)
    network, bag = begun.encoder.encoder, space.encoder  # type: ignore[attr-defined]
    assert isinstance(network, Transformer)
    assert isinstance(bag, Bag)
    assert network.tokenizer == bag.tokenizer
    fresh = encoders.build("transformer", {}, tokenizer=bag.tokenizer, dim=16, width=16, depth=1, heads=2)
    start_from(fresh, where)
    ratio = fresh.embed.weight / bag.vectors[:, :16]  # type: ignore[attr-defined]
    assert torch.allclose(ratio[bag.vectors[:, :16] != 0], ratio[10, 0], rtol=1e-3)
    with pytest.raises(OptionError, match="does not begin"):
        start_from(bag, where)
    with pytest.raises(OptionError, match="no bag"):
        start_from(fresh, str(begun.path))


def test_parts_are_for_a_kind_of_data(tmp_path: Path) -> None:
    for objective, why in (("simclr", "simclr is for images"), ("pca", "pca is for images")):
        with pytest.raises(OptionError, match=why):
            learn(DOCS, objective, out=tmp_path / "d")
    with pytest.raises(OptionError, match="convnet is for images"):
        learn(DOCS, "simcse", out=tmp_path / "d", encoder="convnet")
    with pytest.raises(OptionError, match="sif is for text"):
        learn(np.zeros((20, 8, 8)), "sif", out=tmp_path / "d")
    assert not (tmp_path / "d.run").exists()
    assert {"sif", "simcse", "bert", "tfidf"} <= set(objectives_for("text")) - set(objectives_for("images"))
    assert (encoder_for("simcse", "text"), encoder_for("simclr", "images")) == ("transformer", "convnet")
    assert {takes(encoders.find(n)) for n in ("transformer", "bag", "hub_text")} == {"text"}
    assert takes(objectives.find("ibot")) == "images"


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[str, str]:
    monkeypatch.setattr("sys.argv", ["ilk", *words])
    with contextlib.suppress(SystemExit):
        main()
    out, err = capsys.readouterr()
    return out, err


def test_search_shows_what_was_found(
    space: Space, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = run(capsys, monkeypatch, "search", str(space.path), "photon ring of a black hole", "-k", "1")
    assert "No id and no file is called that: searched for what it says." in err
    row = dict(zip(*(line.split("\t") for line in out.splitlines())))
    assert row["id"].startswith("blackholes.md")
    assert len(row["text"]) == 100
    out, err = run(capsys, monkeypatch, "search", str(space.path), "start.md#1", "-k", "1", "--json")
    assert err == ""
    assert "\n" in json.loads(out)[0]["text"]


def test_learn_refuses_what_is_for_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, err = run(capsys, monkeypatch, "learn", str(DOCS), "--size", "32")
    assert err.startswith("error: --size is for images, and the data are text\n")
    _, err = run(capsys, monkeypatch, "learn", str(DOCS), "--as", "sound")
    assert err.startswith("error: no kind of data called 'sound'")
    (tmp_path / "empty.txt").write_text("")
    _, err = run(capsys, monkeypatch, "learn", "empty.txt")
    assert err.startswith("error: no text in empty.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["empty.txt"]


def test_the_page_searches_by_words(space: Space) -> None:
    from ..view.looked_at import Visitor

    visitor = Visitor(space.path)
    assert visitor.get("/api/space")["has"]["text"] is True
    found = visitor.post("/api/search", json={"text": "photon ring of a black hole", "k": 2})
    assert found["total"] == len(found["rows"]) == 2
    assert found["rows"][0]["id"].startswith("blackholes.md")
    assert found["rows"][0]["distance"] < found["rows"][1]["distance"]
    assert visitor.post("/api/search", json={"text": "/etc/passwd", "k": 1})["total"] == 1  # words, no path

"""The report of a space: all on one page, every figure with what it means and the command that makes it."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

import ilk
from ilk.analysis.clusters import clusters
from ilk.cli import app
from ilk.encoders.pixels import Pixels
from ilk.errors import OptionError, UnknownName
from ilk.space import Space
from ilk.view.report import SECTIONS, Report
from tests.analysis.test_result import space  # noqa: F401 (a fixture)
from tests.cli.conftest import Run, typed  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def made(space: Space) -> tuple[Space, Report, str]:  # noqa: F811
    clusters(space, 2, starts=2)
    units = {"width": "m", "light": ""}
    found = ilk.report(space, space.path.parent / "new" / "r.html", columns=["width", "light"], units=units)
    return space, found, found.path.read_text()


def test_all_that_can_be_asked_is_there_and_what_cannot_is_said(made: tuple[Space, Report, str]) -> None:
    _, found, page = made
    assert set(found.says) == set(SECTIONS) - {"learning"}
    assert set(found.left_out) == {"learning"}
    for name, says in found.says.items():
        assert f'<h2 id="{name}">' in page
        assert f'href="#{name}"' in page
        assert says.split(".")[0] in page.replace("&#x27;", "'").replace("&amp;", "&")
    assert "tells of no training" in page
    assert [r["section"] for r in found.table().to_pylist()] == [*found.says, "learning"]


def test_every_figure_has_its_meaning_and_a_command_that_is_one(made: tuple[Space, Report, str]) -> None:
    page = made[2]
    captions = re.findall(r"</svg><figcaption>(.*?)</figcaption>", page, re.S)
    assert len(captions) > 15
    known = get_command(app).commands  # type: ignore[attr-defined]
    for caption in captions:
        text, command = re.fullmatch(r"(.{30,}?)<code>(.*)</code>", caption, re.S).groups()  # type: ignore[union-attr]
        words = re.sub(r"<.*?>", "", command).split()
        assert words[0] == "ilk"
        options = {o for p in known[words[1]].params for o in p.opts}
        assert {w.partition("=")[0] for w in words if w.startswith("-") and w != "-k2"} <= options, words
        assert re.search(r"interval|median|band|chance|distance|spread|map|group|axes|account", text), text


def test_the_page_stands_alone_and_shows_faces(made: tuple[Space, Report, str]) -> None:
    space, _, page = made  # noqa: F811
    assert not re.search(r"(src|href)=[\"']?(https?:|//|file:)", page)
    assert "<script" not in page
    face = base64.b64encode(space.pictures([space.ids()[0]])[0] or b"").decode()
    assert len(face) > 100
    assert page.count("data:image/png;base64,") > 20
    ids = re.findall(r' id="([^"]+)"', page)
    assert len([i for i in ids if i in SECTIONS]) == len(set(ids) & set(SECTIONS))


def test_the_groups_are_those_that_were_asked_for_and_stay(made: tuple[Space, Report, str]) -> None:
    space, found, page = made  # noqa: F811
    assert "2 groups" in found.says["groups"]
    assert "<h3>Group 1</h3>" in page
    assert "ilk clusters s.space -k2 --covariance=full --starts=2 --cards" in re.sub(r"<.*?>", "", page)
    assert "ilk report s.space --to=r.html --columns=width,light --units=width=m --units=light=" in page
    assert space.info()["layers"]["cluster"]["parameters"]["given"] == 2
    assert set(space.layers()) == {"cluster", "map"}


def test_a_bare_space_and_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Run) -> None:  # noqa: F811
    monkeypatch.chdir(tmp_path)
    bare = Space.create("b.space", Pixels(4, 1), reading={"reader": "text"}, metric="l2")
    bare.upsert_vectors(
        [f"<{i}>" for i in range(70)], np.random.default_rng(0).normal(size=(70, 4)).astype("f4")
    )
    told = typed("report", "b", "--json", "--without", "neighbours", "--to", "deep/b.html").json
    assert set(told["left out"]) == {"parameters", "products", "labels", "invariance", "learning"}
    page = Path("deep/b.html").read_text()
    assert "No clear groups" in page
    assert re.search(r"<\d+>", page) is None  # an id is no markup
    assert "no section called 'odds'\nDid you mean 'odd'" in typed("report", "b", "--without", "odds").err
    few = [f"--without={name}" for name in SECTIONS if name != "odd"]
    told = typed("report", "b", "--json", "--pdf", *few).json
    assert told["pdf"] == "b.pdf"
    paper = Path("b.pdf").read_bytes()
    assert b"/Title (Nothing odd beyond chance)" in paper
    assert "--pdf" in re.sub(r"<.*?>", "", Path("b.html").read_text())
    assert "cannot be called r.pdf" in typed("report", "b", "--to", "r.pdf").err
    with pytest.raises(OptionError, match="--pdf puts a PDF beside it"):
        ilk.report(bare, "r.pdf")
    with pytest.raises(UnknownName):
        ilk.report(bare, "r.html", without=["map"])

"""The edges of the graph that a space was learnt from: of the server, in pictures, on the page."""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from playwright.sync_api import Browser

import ilk
from ilk.analysis.linked import edges, graph_of
from ilk.analysis.map import layout
from ilk.errors import DataError
from ilk.source.graphs import Graph
from ilk.space import Space
from ilk.view import picture
from ilk.view._server.edges import MOST

from .browser import CHROMIUM, Visit, chromium, serving
from .looked_at import Visitor

CLUB = nx.karate_club_graph()
KNOWN = {frozenset((str(a), str(b))) for a, b in CLUB.edges}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """Zachary's, learnt from a file; and a member whom the graph does not know."""
    folder = tmp_path_factory.mktemp("edges")
    nx.write_graphml(CLUB, folder / "club.graphml")
    space = ilk.learn(folder / "club.graphml", "node2vec", out=folder / "club", dim=8, threads=1)
    space.upsert_vectors(["guest"], np.ones((1, 8), np.float32))
    layout(space, epochs=20)
    return space


def test_each_edge_is_there_once_between_its_rows(club: Space) -> None:
    ids, found = club.ids(), edges(club.id_array(), graph_of(club))
    named = [frozenset((ids[a], ids[b])) for a, b in found]
    assert len(named) == len(set(named)) == CLUB.number_of_edges()
    assert set(named) == KNOWN
    one_way = ilk.graphs(pa.table({"source": ["a", "b", "b"], "target": ["b", "a", "c"]}), directed=True)
    assert isinstance(one_way, Graph)
    assert sorted(map(sorted, edges(pa.array(["c", "b", "a"]), one_way).tolist())) == [[0, 1], [1, 2]]
    with pytest.raises(DataError, match="no row is a node of this graph"):
        edges(pa.array(["x", "y"]), one_way)


def test_the_server_reads_the_graph_when_it_is_asked(club: Space, tmp_path: Path) -> None:
    visitor, ids = Visitor(club.path), club.ids()
    assert visitor.get("/api/space")["has"]["edges"]
    assert visitor.get("/api/edges") == {"edges": 78, "sent": 78}
    pairs = np.frombuffer(visitor.get("/api/edges.bin").content, "<u4").reshape(-1, 2)
    assert {frozenset((ids[a], ids[b])) for a, b in pairs} == KNOWN
    other = tmp_path / "other.edges"
    other.write_text("0 1\n33 2\n")
    assert Visitor(club.path, str(other)).get("/api/edges")["edges"] == 2
    other.write_text("a b\n")
    assert "no row is a node" in Visitor(club.path, str(other)).get("/api/edges", 400)["error"]
    other.write_text("a b c\nd\n")
    assert "lines of [1, 3] words" in Visitor(club.path, str(other)).get("/api/edges", 400)["error"]
    gone = Visitor(club.path, str(tmp_path / "gone.graphml"))
    assert "there is no file" in gone.get("/api/edges", 400)["error"]


def test_of_too_many_an_even_choice_is_sent(club: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilk.view._server.routes.MOST", 10)
    visitor = Visitor(club.path)
    assert visitor.get("/api/edges") == {"edges": 78, "sent": 10}
    assert len(visitor.get("/api/edges.bin").content) == 10 * 8
    assert MOST * 8 == 8_000_000  # bytes that a page may be sent


def test_a_space_of_something_else_has_none(visitor: Visitor) -> None:
    assert not visitor.get("/api/space")["has"]["edges"]
    assert "no space of a graph's nodes" in visitor.get("/api/edges", 400)["error"]


def test_pictures_have_a_line_an_edge(club: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ET.fromstring(ilk.map(club, tmp_path / "m.svg", edges=True).read_text())
    lines = [e.get("d", "") for e in tree.iter(SVG + "path")]
    dots = {e.findtext(SVG + "title"): (e.get("cx"), e.get("cy")) for e in tree.iter(SVG + "circle")}
    drawn = [tuple(tuple(end.split()) for end in d[1:].split("L")) for d in lines]
    assert {frozenset(ends) for ends in drawn} == {frozenset(dots[i] for i in pair) for pair in KNOWN}
    plain, linked = (
        np.asarray(Image.open(ilk.map(club, tmp_path / f"{w}.png", edges=w)).convert("L"), float)
        for w in (False, True)
    )
    (a, b) = drawn[0]
    x, y = ((float(a[i]) + float(b[i])) / 2 for i in (0, 1))
    near = slice(int(y) - 2, int(y) + 3), slice(int(x) - 2, int(x) + 3)
    assert linked[near].min() < plain[near].min() - 20
    monkeypatch.setattr(picture, "MOST", 5)
    few = ET.fromstring(ilk.map(club, tmp_path / "few.svg", edges=True, data=ilk.graphs(CLUB)).read_text())
    assert len(list(few.iter(SVG + "path"))) == 5
    assert any("5 of 78 edges" in (e.text or "") for e in few.iter(SVG + "text"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_draws_them_on_demand(browser: Browser, club: Space) -> None:
    n = len(club.ids())
    with serving(club.path) as url:
        visit = Visit(browser, url)
        page = visit.page
        places = visit.places(n)
        empty = seen(visit)
        assert visit.js("ilk.edges()") == 0
        page.get_by_role("button", name="Edges of the graph").click()
        visit.said("78 edges")
        visit.still()
        assert visit.js("ilk.edges()") == 78
        linked = seen(visit)
        rows = {i: row for row, i in enumerate(club.ids())}
        pairs = np.array([[rows[i] for i in pair] for pair in KNOWN])
        middles = places[pairs].mean(1)  # (m, 2)
        darker = [at(empty, middle) - at(linked, middle) for middle in middles]
        assert np.mean(np.array(darker) > 20) > 0.95  # but for middles that lie on a point

        hub = rows["33"]
        page.mouse.move(*places[hub])
        page.wait_for_timeout(100)
        chosen = seen(visit)
        own = (pairs == hub).any(1)
        stronger = np.array([at(linked, m) - at(chosen, m) for m in middles])
        assert (stronger[own] > 20).mean() > 0.8  # in the full ink
        page.mouse.move(5, 5)
        page.keyboard.press("g")
        visit.still()
        assert visit.js("ilk.edges()") == 0
        assert np.abs(seen(visit) - empty).mean() < 0.5
        visit.end()


def seen(visit: Visit) -> np.ndarray:
    """(h, w) grey values of the page."""
    return np.array(Image.open(io.BytesIO(visit.page.screenshot())).convert("L"), float)


def at(page: np.ndarray, place: np.ndarray) -> float:
    """The darkest of the pixels around."""
    x, y = np.rint(place).astype(int)
    return float(page[y - 1 : y + 2, x - 1 : x + 2].min())

"""Every result: a sentence, a table, pictures; and each of them as a file."""

import csv
import importlib
import inspect
import io
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from PIL import Image

import ilk
from ilk import analysis, learning
from ilk.analysis._probed import Measure, Probed
from ilk.analysis._result import Picture, Result, keep
from ilk.analysis.again import again
from ilk.analysis.axes import axes
from ilk.analysis.course import read
from ilk.analysis.dimensionless import dimensionless
from ilk.analysis.inside import Sinks
from ilk.analysis.inside_text import TextSinks
from ilk.analysis.intrinsic import intrinsic
from ilk.analysis.linked import Linked
from ilk.analysis.map import layout
from ilk.analysis.recommend import Hindsight, Quality
from ilk.analysis.retrieval import both_ways
from ilk.analysis.words import Alike
from ilk.analysis.zeroshot import ZeroShot
from ilk.encoders import build
from ilk.encoders.pixels import Pixels
from ilk.errors import MissingExtra, OptionError, UnknownName
from ilk.learning.finetuning import Finetuned
from ilk.learning.linking import Foretold, Links
from ilk.objectives.simclr import SimCLR
from ilk.source.images import images
from ilk.space import Space
from ilk.training.recipe import Recipe

N, SIDE = 90, 8


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """Spots of three widths, that lie apart, with what is known of them."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    kind = np.arange(N) % 3
    width, light = 0.2 + 0.5 * kind + rng.uniform(0, 0.1, N), rng.uniform(0.5, 1, N)
    spots = 200 * light[:, None, None] * np.exp(-(x**2 + y**2) / width[:, None, None] ** 2)
    spots += rng.uniform(0, 8, spots.shape)
    source = images(spots.astype(np.uint8)[:, None])
    path = tmp_path_factory.mktemp("results") / "s.space"
    space = Space.create(path, Pixels(1, SIDE), reading=source.reading, metric="l2")
    known = pa.table({"width": width, "light": light, "kind": np.array(list("abc"))[kind]})
    faces = [source.picture(i) for i in range(N)]
    x = spots.reshape(N, -1).astype(np.float32) / 255
    space.upsert_vectors([f"{i:02d}" for i in range(N)], x, known, faces)
    return space


def others(space: Space, name: str, vectors: np.ndarray, ids: list[str]) -> Space:
    made = Space.create(space.path.parent / name, space.encoder, reading=space.reading, metric="l2")
    made.upsert_vectors(ids, vectors)
    return made


def later(space: Space) -> Space:
    moved = np.asarray(space.vectors())[:30] + 1
    both = np.concatenate([space.vectors(), moved])
    return others(space, "later.space", both, [*space.ids(), *(f"new-{i}" for i in range(30))])


def copies(space: Space) -> Space:
    twins = np.asarray(space.vectors())[:5] + 1e-6
    return others(space, "copies.space", np.concatenate([space.vectors(), twins]),
                  [*space.ids(), *(f"copy-{i}" for i in range(5))])  # fmt: skip


def newer(space: Space) -> Space:
    path = space.path.parent / "new.space"
    if path.exists():
        return Space.open(path)
    made = Space.create(path, Pixels(1, 4), reading=space.reading, metric="l2")
    made.upsert_vectors(space.ids(), np.asarray(space.vectors())[:, :16] * 2)
    return made


def learnt(space: Space) -> Path:
    run, source = space.path.parent / "simclr", again(space)
    objective = SimCLR(build("convnet", source.traits, dim=4, width=4))
    ilk.fit(objective, source, Recipe(steps=4, batch=8), run=run)
    return run


RESULTS: dict[str, Callable[[Space], Result]] = {
    "Clusters": lambda s: ilk.clusters(s, starts=3),
    "Cards": lambda s: ilk.cluster_cards(s, ilk.clusters(s, 3, starts=2)),
    "Anomalies": lambda s: ilk.anomalies(s, write=False),
    "Probed": lambda s: ilk.probe(s, "kind"),
    "Parameters": lambda s: ilk.parameters(s, ["width"]),
    "Axes": lambda s: axes(s, ["width", "light"], "pca", 3),
    "Products": lambda s: dimensionless(s, {"width": "m", "light": ""}, most=1),
    "Invariance": ilk.invariance,
    "Diagnosis": lambda s: ilk.diagnose(s, "kind"),
    "Drift": lambda s: ilk.drift(s, later(s)),
    "Duplicates": lambda s: ilk.duplicates(copies(s)),
    "Comparison": lambda s: ilk.compare(s, newer(s), "kind"),
    "Whitening": lambda s: ilk.whitening(s, "width"),
    "Course": lambda s: read(learnt(s)),
    "Alignment": lambda s: ilk.align(s, newer(s)),
    "Intrinsic": lambda s: intrinsic(s.vectors()),
    "Layout": lambda s: layout(s, epochs=5),
    "FewShots": lambda s: ilk.few_shots(s, "kind", 2, draws=5),
    "Communities": lambda _: ilk.communities(CLUB),
    "Linked": lambda _: linked(),
    "Retrieval": lambda _: both_ways(np.eye(4), np.eye(4)[[0, 1, 3, 2]], list("abcd")),
    # Their own tests make them; here they are as small as can be.
    "ZeroShot": lambda s: ZeroShot(s.ids(), ["a", "b"], KIND, np.full(N, 0.7, "f4"), "kind", 0.5, N),
    "Links": lambda _: Links(2, 20, [Foretold("wl", 0.9, {9: 0.5}), Foretold("plain", 0.6, {9: 0.2})], NONE),
    "Hindsight": lambda _: Hindsight(10, 5, [Quality("a", 0.5, 0.4, 0.9), Quality("b", 0.2, 0.1, 0.1)]),
    "Alike": lambda _: Alike(["queen", "prince"], np.array([0.9, 0.8])),
    "Sinks": lambda _: Sinks([1.5, 9.0], [0.1, 0.2]),
    "TextSinks": lambda _: TextSinks(["[CLS]", "."], [1.5, 9.0]),
    "Finetuned": lambda s: Finetuned(s, "kind", True, 70, probed(0.7), probed(0.9), 5, 1, {}),
}  # fmt: skip
CLUB = ilk.graphs(nx.karate_club_graph())
KIND, NONE = np.arange(N) % 2, pa.table({"one": ["a"]})

# What the other public functions give is no finding: data, what is kept on disk, a plain value, a tool.
OTHERS = {
    *("Images", "Boxed", "Text", "Table", "Interactions", "Source", "Graph | Graphs", "tuple"),
    *("Space", "Parts", "Path", "Graph", "Encoder", "Report", "Reproduced", "Demo"),
    *("None", "float", "str", "Neighbours", "list"),
    *("Latent", "Pictures", "Widget"),
    "Posterior",  # a result that its own tests ask (tests/generate)
}


def probed(right: float) -> Probed:
    return Probed("linear", 20, 1, {"accuracy": Measure(right, right - 0.1, 1, 0.5)}, np.zeros(0), None)


def linked() -> Linked:
    unlike = np.append(np.linspace(0.1, 0.3, 30), 0.9)
    return Linked([str(i) for i in range(31)], np.full(31, 4), unlike, (unlike - 0.2) * 10, 3.5)


def kinds() -> set[str]:
    """All that there are: a new one has to be added here."""
    for package in (analysis, learning):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    rooms = (analysis.__name__, learning.__name__)
    return {c.__name__ for c in Result.__subclasses__() if c.__module__.startswith(rooms)}


def test_all_results_are_asked() -> None:
    assert kinds() == set(RESULTS)


def test_every_public_function_that_finds_something_gives_a_result() -> None:
    functions = [f for f in (getattr(ilk, name) for name in ilk._PUBLIC) if inspect.isfunction(f)]
    given = {f.__name__: inspect.formatannotation(inspect.signature(f).return_annotation) for f in functions}
    told = {name: kind.strip("'").partition("[")[0].rpartition(".")[2] for name, kind in given.items()}
    assert {name: kind for name, kind in told.items() if kind not in {*RESULTS, *OTHERS}} == {}
    assert len(set(told.values()) & set(RESULTS)) > 15


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_says_tables_draws_and_keeps(name: str, space: Space, tmp_path: Path) -> None:
    found = RESULTS[name](space)
    assert type(found).__name__ == name
    with pytest.raises(AttributeError):
        found.level = 1  # type: ignore[attr-defined]
    sentence, table, pictures = found.sentence(), found.table(), found.pictures()
    assert sentence.endswith(".")
    assert "nan" not in sentence
    assert table.num_rows
    assert pictures
    for what, picture in pictures.items():
        ax = Figure().subplots()
        assert found.plot(ax, what=what) is ax
        assert ax.has_data() or ax.images, what
        assert ax.get_xlabel(), what
        assert picture.caption.strip().endswith("."), what
    assert found.save(tmp_path / "t.parquet").exists()
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    with open(found.save(tmp_path / "t.csv"), newline="") as f:
        assert len(list(csv.reader(f))) == 1 + table.num_rows
    assert b"<text" in found.save(tmp_path / "new" / "p.svg").read_bytes()  # letters, not outlines


class Dot(Result):
    def sentence(self) -> str:
        return "One dot."

    def table(self) -> pa.Table:
        return pa.table({"x": [1], "many": [["a", "b"]]})

    def pictures(self) -> dict[str, Picture]:
        return {"dot": Picture(lambda ax: ax.plot([1], [1], "o") and None, "A dot.", 2, 1)}


class Blank(Dot):
    def pictures(self) -> dict[str, Picture]:
        return {}


def test_pictures_are_of_the_size_of_a_column_and_tables_are_flat(tmp_path: Path) -> None:
    png = Image.open(io.BytesIO(Dot().save(tmp_path / "p.png").read_bytes()))
    assert png.size == (600, 300)  # 2 by 1 inches at 300 dots
    twice = [Dot().save(tmp_path / name).read_bytes() for name in ("p.svg", "q.svg")]
    assert twice[0] == twice[1]  # no date, no random names
    assert Dot().save(tmp_path / "p.pdf").read_bytes().startswith(b"%PDF")
    assert Dot().save(tmp_path / "t.csv").read_text().splitlines() == ['"x","many"', '1,"a; b"']


def test_a_notebook_shows_the_sentence_and_rows_as_text() -> None:
    class Odd(Dot):
        def table(self) -> pa.Table:
            return pa.table({"id": [f"<b>{i}" for i in range(12)], "x": [1 / 3] * 12})

    shown = Odd()._repr_html_()
    assert shown.startswith(
        "<p>One dot.</p><table><tr><th>id</th><th>x</th></tr><tr><td>&lt;b&gt;0</td><td>0.3333"
    )
    assert shown.count("<tr>") == 11


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"p\.gif is neither a picture nor a table"):
        Dot().save(tmp_path / "p.gif")
    with pytest.raises(UnknownName, match="no picture called 'dit'\nDid you mean 'dot'"):
        Dot().plot(what="dit")
    with pytest.raises(OptionError, match="nothing to draw"):
        Blank().save(tmp_path / "p.png")
    with pytest.raises(OptionError, match=r"a table cannot be called t\.txt"):
        keep(Dot().table(), tmp_path / "t.txt")
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    with pytest.raises(MissingExtra, match=r"pip install 'ilk\[plot\]'"):
        Dot().save(tmp_path / "p.png")


def test_a_confusion_is_drawn_as_it_is_counted() -> None:
    """Shares of the row as shades, counts in the cells; of amounts there is none."""
    counts = np.array([[9, 1], [0, 10]])
    found = Probed(
        "tree", 20, 5, {"accuracy": Measure(0.95, 0.9, 1, 0.5)}, np.zeros(0), None, ["a", "b"], counts
    )
    ax = found.plot(Figure().subplots(), what="confusion")
    np.testing.assert_allclose(np.asarray(ax.images[0].get_array()), [[0.9, 0.1], [0, 1]])
    assert {(t.get_position(), t.get_text()) for t in ax.texts} == {
        ((0, 0), "9"),
        ((1, 0), "1"),
        ((1, 1), "10"),
    }
    amounts = Probed("tree", 20, 5, {"R2": Measure(0.9, 0.8, 1, 0)}, np.zeros(0), None)
    with pytest.raises(UnknownName, match="no picture called 'confusion'"):
        amounts.plot(what="confusion")

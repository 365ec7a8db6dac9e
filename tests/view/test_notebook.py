"""The map as a notebook's widget: its Python half over the widget protocol, both halves in a real browser.

What stands in for the notebook carries messages between them and does nothing else: a comm of Jupyter's on
this side, a model with anywidget's get, set, save_changes, send, on and off on the other.
"""

import base64
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import numpy as np
import pytest
from comm.base_comm import BaseComm
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import ilk
from ilk.errors import IlkError, MissingExtra, UnknownName
from ilk.space import Space

from .browser import CHROMIUM, chromium
from .looked_at import N


class Line(BaseComm):
    """Jupyter's end of a comm. What the widget says is kept until it is taken."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.said: list[dict[str, Any]] = []
        super().__init__(*args, **options)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **more: Any
    ) -> None:
        self.said.append({"data": data, "buffers": [bytes(b) for b in buffers or []]})

    def hear(self, data: dict[str, Any], buffers: list[bytes]) -> None:
        self.handle_msg({"content": {"data": data}, "buffers": [memoryview(b) for b in buffers]})

    def taken(self) -> list[dict[str, Any]]:
        said, self.said = self.said, []
        return said


@pytest.fixture
def make(made: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(comm, "create_comm", Line)
    return lambda **options: ilk.widget(made, **options)


@pytest.fixture
def space(made: Path) -> Space:
    return Space.open(made)


def packed(*rows: int) -> bytes:
    return np.array(rows, "<u4").tobytes()


def asked(widget: Any, address: str) -> tuple[dict[str, Any], bytes]:
    """The answer to a question as the map puts it."""
    widget.comm.taken()
    widget.comm.hear({"method": "custom", "content": {"id": "a:1", "address": address}}, [])
    (answer,) = widget.comm.taken()
    return answer["data"]["content"], answer["buffers"][0]


def test_a_selection_set_here_goes_out_and_one_made_there_comes_in(make: Any, space: Space) -> None:
    widget, ids = make(), space.ids()
    assert widget.selection == []
    widget.comm.taken()
    widget.selection = [ids[9], ids[4], ids[9]]
    assert widget.selection == [ids[4], ids[9]]  # as they stand in the space, each once
    (said,) = widget.comm.taken()
    assert said["data"]["buffer_paths"] == [["rows"]]
    assert said["buffers"] == [packed(4, 9)]
    heard = []
    widget.observe(lambda change: heard.append(change["new"]), "selection")
    update = {"method": "update", "state": {"rows": None}, "buffer_paths": [["rows"]]}
    widget.comm.hear(update, [packed(0, 2)])
    assert widget.selection == [ids[0], ids[2]]
    assert heard == [[ids[0], ids[2]]]


def test_what_is_not_there_is_refused_and_changes_nothing(make: Any, space: Space) -> None:
    widget, ids = make(colour="digit"), space.ids()
    widget.selection = ids[:1]
    with pytest.raises(UnknownName, match=r"no id called '99\.png'"):
        widget.selection = [ids[1], "99.png"]
    with pytest.raises(UnknownName, match=r"no column called 'digti'\nDid you mean 'digit'"):
        widget.colour = "digti"
    for rows in (packed(N), b"abc"):
        with pytest.raises(IlkError, match="no rows of this space"):
            widget.rows = rows
    assert (widget.selection, widget.colour) == (ids[:1], "digit")


def test_points_and_pictures_travel_as_bytes(make: Any, space: Space) -> None:
    widget = make()
    about, body = asked(widget, "api/points.bin")
    assert (about["id"], about["status"]) == ("a:1", 200)
    xy = space.layer("map")
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", N), xy["x"].to_numpy())
    np.testing.assert_array_equal(np.frombuffer(body, "<f4", N, 4 * N), xy["y"].to_numpy())
    about, body = asked(widget, "api/thumbnails?rows=3%2C5")
    assert about["type"] == "image/png"
    with Image.open(io.BytesIO(body)) as opened:
        assert opened.size == (128, 64)
    about, body = asked(widget, "api/column?name=nothing")
    assert (about["status"], b"no column called" in body) == (404, True)
    assert asked(widget, "api/labels")[0]["status"] == 200
    assert asked(widget, "index.html")[0]["status"] == 404  # no pages, only answers
    widget.comm.hear({"method": "custom", "content": ["not", "a question"]}, [])
    assert widget.comm.taken() == []


def test_without_the_extra_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "ilk.view.notebook", raising=False)
    monkeypatch.delitem(vars(ilk), "widget", raising=False)
    with pytest.raises(MissingExtra) as told:
        _ = ilk.widget
    assert str(told.value) == (
        "ilk.widget needs anywidget, which is not installed\npip install 'ilk[notebook]'"
    )


# In the browser

MODEL = """async (opened) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  const text = (view) => btoa(String.fromCharCode(...new Uint8Array(view.buffer)));
  const state = {}, calls = {}, changed = new Set();
  const emit = (event, ...told) => (calls[event] ?? []).forEach((call) => call(...told));
  const put = (name, value) => ((state[name] = value), emit(`change:${name}`));
  const take = ({ data, buffers }) => {
    const views = buffers.map(bytes);
    if (data.method === "custom") return emit("msg:custom", data.content, views);
    (data.buffer_paths ?? []).forEach(([name], i) => (data.state[name] = views[i]));
    Object.entries(data.state).forEach(([name, value]) => put(name, value));
  };
  globalThis.fromKernel = take;
  const model = {
    get: (name) => state[name],
    set: (name, value) => (changed.add(name), put(name, value)),
    save_changes: async () => {
      for (const name of changed) {
        const view = state[name] instanceof DataView;
        const data = { method: "update", state: { [name]: view ? null : state[name] } };
        if (view) data.buffer_paths = [[name]];
        (await kernel(data, view ? [text(state[name])] : [])).forEach(take);
      }
      changed.clear();
    },
    send: async (content) => (await kernel({ method: "custom", content }, [])).forEach(take),
    on: (event, call) => (calls[event] ??= []).push(call),
    off: (event, call) => (calls[event] = (calls[event] ?? []).filter((c) => c !== call)),
  };
  take(opened);
  const module = await import(URL.createObjectURL(new Blob([state._esm], { type: "text/javascript" })));
  const el = document.body.appendChild(document.createElement("div"));
  globalThis.end = module.default.render({ model, el });
  globalThis.rows = () => Array.from(new Uint32Array(state.rows.buffer));
}"""


class Notebook:
    """A page with one widget on it. All that is asked of anybody but the kernel is kept."""

    def __init__(self, page: Page, widget: Any) -> None:
        self.page, self.line = page, widget.comm
        self.asked: list[str] = []
        self.wrong: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.wrong.append(said.text))
        page.expose_function("kernel", self.kernel)
        page.set_content(
            "<body style='margin: 0; background: #101114'><style>button { display: none }</style>"
        )
        opened = self.line.taken()[0]
        page.evaluate(MODEL, self.carried(opened))
        expect(page.get_by_role("status")).to_contain_text("Coloured by")
        page.wait_for_timeout(600)  # the pictures come

    def kernel(self, data: dict[str, Any], buffers: list[str]) -> list[dict[str, Any]]:
        self.line.hear(data, [base64.b64decode(b) for b in buffers])
        return [self.carried(one) for one in self.line.taken()]

    def carried(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"data": said["data"], "buffers": [base64.b64encode(b).decode() for b in said["buffers"]]}

    def told(self) -> None:
        """What Python has said since, for nobody had asked."""
        for said in self.line.taken():
            self.page.evaluate("(said) => fromKernel(said)", self.carried(said))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with chromium() as opened:
        yield opened


def test_the_map_selects_and_shows_what_is_selected(browser: Browser, make: Any, space: Space) -> None:
    widget, ids = make(height=600), space.ids()
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    book = Notebook(page, widget)
    box = page.locator(".map").bounding_box()
    assert box is not None
    assert box["height"] > 500
    everything = np.array(Image.open(io.BytesIO(page.locator(".map").screenshot())).convert("L"))
    assert everything.mean() < 90  # dark, as the notebook is
    assert everything.std() > 5
    expect(
        page.get_by_label("Lasso (L, or Shift and drag)")
    ).to_be_visible()  # the notebook's style stays out

    # By hand: one, then those within a line.
    at = places(space, box)
    page.mouse.click(*at[11])
    expect(page.locator("[data-count]")).to_have_attribute("data-count", "1")
    assert widget.selection == [ids[11]]
    middle = np.median(at, 0)
    turn = np.linspace(0, 2 * np.pi, 90)
    line = middle + 110 * np.stack([np.cos(turn), np.sin(turn)], 1)
    page.get_by_label("Lasso (L, or Shift and drag)").click()
    page.mouse.move(*line[0])
    page.mouse.down()
    for x, y in line[1:]:
        page.mouse.move(x, y)
    page.mouse.up()
    inside = np.flatnonzero(np.linalg.norm(at - middle, axis=1) < 110)
    assert 3 < len(inside) < N - 3
    expect(page.locator("[data-count]")).to_have_attribute("data-count", str(len(inside)))
    assert widget.selection == [ids[i] for i in inside]
    assert page.evaluate("rows()") == inside.tolist()
    page.keyboard.press("Escape")
    expect(page.locator("[data-count]")).to_have_attribute("data-count", "0")
    assert widget.selection == []

    # From Python, and back.
    widget.selection = ids[5:8]
    book.told()
    expect(page.locator("[data-count]")).to_have_attribute("data-count", "3")
    marked = np.array(Image.open(io.BytesIO(page.locator(".map").screenshot())).convert("L"))
    assert (np.abs(marked.astype(int) - everything) > 8).mean() > 0.002  # the others step back
    page.get_by_role("button", name="Closer").click()
    assert widget.selection == ids[5:8]
    widget.colour = "digit"
    book.told()
    expect(page.get_by_label("Colour by")).to_have_value("digit")
    page.get_by_label("Colour by").select_option("kind")
    expect(page.get_by_role("status")).to_have_text("Coloured by kind.")
    assert widget.colour == "kind"
    page.get_by_role("button", name="high").click()
    truth = space.metadata()["kind"].to_pylist()
    expect(page.locator("[data-count]")).to_have_attribute("data-count", str(truth.count("high")))
    assert widget.selection == [i for i, kind in zip(ids, truth) if kind == "high"]

    page.evaluate("end()")
    assert page.locator(".map").count() == 0
    assert not book.wrong
    assert all(url.startswith(("blob:", "data:", "about:")) for url in book.asked)
    page.close()


def places(space: Space, box: Any) -> np.ndarray:
    """(n, 2) pixels where the rows are when the whole map is shown, below the tools, in its margins."""
    layer = space.layer("map")
    xy = np.stack([layer["x"].to_numpy(), layer["y"].to_numpy()], 1)
    low, high = np.percentile(xy, (0.1, 99.9), axis=0)
    scale = 0.88 * min(box["width"] / (high - low)[0], (box["height"] - 56) / (high - low)[1])
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 28])
    return np.asarray((xy - (low + high) / 2) * [scale, -scale] + middle)

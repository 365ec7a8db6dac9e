"""`ilk look` as a person uses it: a real server, a real browser, every request watched."""

import base64
import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from benchmarks.look import synthetic
from ilk import Recipe, learn
from ilk.detection import Detections, keep
from ilk.space import Space
from ilk.things import Found

from .browser import CHROMIUM, Visit, chromium, serving
from .looked_at import N

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def kept(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look")
    shutil.copytree(made.parent / "digits", folder / "digits")
    return Path(shutil.copytree(made, folder / "digits.space"))


@pytest.fixture(scope="module")
def url(kept: Path) -> Iterator[str]:
    with serving(kept) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, url: str) -> Iterator[Visit]:
    visit = Visit(browser, url)
    yield visit
    visit.end()


def test_a_click_shows_the_sample_that_is_there(visit: Visit, kept: Path) -> None:
    ids = Space.open(kept).ids()
    shown = [int(row) for row in visit.js("ilk.pictures()")]
    assert len(shown) > 10  # so few samples are pictures from the start
    places = visit.places(N)
    for row in shown[:3]:
        visit.page.mouse.click(*places[row])
        visit.page.locator(f"[data-row='{row}']").wait_for()
        expect(visit.page.locator("[data-row] h2")).to_have_text(ids[row])
    visit.page.keyboard.press("p")  # points in place of pictures
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e9 * np.eye(N)
    for row in np.argsort(-apart.min(1))[:3].tolist():
        visit.page.mouse.click(*places[row] + [3, -2])
        visit.page.locator(f"[data-row='{row}']").wait_for()


def test_a_lasso_selects_exactly_those_inside(visit: Visit) -> None:
    places = visit.places(N)
    middle = np.median(places, 0)
    turn = np.linspace(0, 2 * np.pi, 40)
    far = 120 + 70 * np.cos(3 * turn)  # three bays
    line = middle + np.stack([far * np.cos(turn), far * np.sin(turn)], 1)
    inside = [row for row in range(N) if odd(line, *places[row])]
    assert 3 < len(inside) < N - 3
    visit.page.keyboard.down("Shift")
    visit.drag(line)
    visit.page.keyboard.up("Shift")
    assert visit.selection() == inside
    expect(visit.page.locator("[data-count]")).to_have_attribute("data-count", str(len(inside)))


def test_box_legend_and_filter_are_combined(visit: Visit, kept: Path) -> None:
    truth = Space.open(kept).metadata()
    digit = np.array(truth["digit"])
    visit.search("digit < 5")
    visit.said("digit < 5")
    assert visit.selection() == np.flatnonzero(digit < 5).tolist()
    visit.page.get_by_label("Colour by").select_option("kind")
    visit.said("Coloured by kind")
    visit.page.get_by_label("Add to the selection").click()
    visit.page.get_by_role("button", name="high").click()
    assert visit.selection() == list(range(N))
    visit.page.keyboard.press("0")
    visit.still()
    places = visit.places(N)
    middle, top = np.median(places[:, 0]), places[:, 1].min() - 5
    corner = places.max(0) + 5  # where nothing lies over the map
    visit.page.get_by_label("Subtract from the selection").click()
    visit.page.keyboard.press("b")
    visit.drag(np.array([corner, corner - 30, [middle, top]]))
    assert visit.selection() == np.flatnonzero(places[:, 0] < middle).tolist()
    visit.page.keyboard.press("u")
    assert visit.selection() == list(range(N))


def test_a_filter_that_makes_no_sense_is_explained(visit: Visit) -> None:
    visit.search("digits < ")
    expect(visit.page.get_by_role("alert")).to_contain_text("digits")
    visit.wrong.clear()  # the browser reports the answer 400 as an error of the console
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Escape")
    expect(visit.page.get_by_role("alert")).to_have_count(0)


def test_texts_are_found_by_words(browser: Browser, tmp_path: Path) -> None:
    kinds = {"rain": "wet street", "bread": "warm oven", "engine": "loud piston", "planet": "far orbit"}
    lines = [f"{word} and a {rest} number {i}" for word, rest in kinds.items() for i in range(8)]
    space = learn(lines, "tfidf", out=tmp_path / "lines", recipe=Recipe(seed=0))
    with serving(space.path) as address:
        visit = Visit(browser, address)
        visit.search("walking in the rain, not between houses")  # no condition, though it has its words
        visit.said("walking in the rain")
        expect(visit.page.get_by_role("alert")).to_have_count(0)
        listed = visit.page.locator("[role=tabpanel] .grid button").evaluate_all(
            "all => all.map((b) => b.title)"
        )
        texts = dict(zip(space.ids(), space.metadata()["text"].to_pylist()))
        assert all("rain" in texts[name] for name in listed[:8])
        visit.page.keyboard.press("Escape")  # out of the search box
        visit.search("text LIKE '%orbit%'")
        visit.said("orbit")
        ids = space.ids()
        assert {texts[ids[row]].split()[0] for row in visit.selection()} == {"planet"}
        visit.end()


def test_labels_train_a_probe_and_are_exported(visit: Visit, kept: Path, tmp_path: Path) -> None:
    space, page = Space.open(kept), visit.page
    digit = np.array(space.metadata()["digit"])
    for value, name in ((0, "zero"), (1, "one"), (2, "two")):
        visit.search(f"digit = {value}")
        visit.said(f"digit = {value}")
        page.keyboard.press("Escape")  # out of the search box
        page.keyboard.press("n")
        expect(page.get_by_label("Name for the selected samples")).to_be_focused()
        page.get_by_label("Name for the selected samples").fill(name)
        page.keyboard.press("Enter")
        visit.said(f"labelled {name}")
    labels = space.layer("labels").to_pydict()
    found = {i: name for i, name in zip(labels["id"], labels["labelled"]) if name}
    assert found == {
        i: ("zero", "one", "two")[d] for i, d in zip(space.ids(), digit.tolist(), strict=True) if d < 3
    }
    page.get_by_role("tab", name="Labels").click()
    page.get_by_role("button", name="Train the probe").click()
    visit.said("The probe is right for")
    assert "prediction" in space.layer("probe").column_names
    expect(page.get_by_text("label these next")).to_be_visible()

    visit.search("labelled = 'two'")
    visit.said("labelled = 'two'")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "two.csv")
    with open(tmp_path / "two.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert sorted(row["id"] for row in rows) == sorted(i for i, name in found.items() if name == "two")
    assert {row["digit"] for row in rows} == {"2"}

    page.get_by_role("button", name="Undo").first.click()
    visit.said("Undone")
    assert "two" not in space.layer("labels")["labelled"].to_pylist()


def test_a_dropped_picture_finds_its_like(visit: Visit, kept: Path) -> None:
    row = 17
    name = Space.open(kept).ids()[row]
    data = base64.b64encode((kept.parent / "digits" / name).read_bytes()).decode()
    visit.page.evaluate(
        """(data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const carried = new DataTransfer();
          carried.items.add(new File([bytes], "found.png", { type: "image/png" }));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true }));
        }""",
        data,
    )
    visit.said("like found.png")
    near = Space.open(kept).search(kept.parent / "digits" / name, 24).ids[0].tolist()
    assert name == near[0]
    listed = visit.page.locator("[role=tabpanel] .grid button").evaluate_all("all => all.map((b) => b.title)")
    assert listed == near


def test_everything_can_be_reached_from_the_keyboard(visit: Visit, kept: Path) -> None:
    keys = visit.page.keyboard
    keys.press("m")
    keys.press("ArrowRight")
    keys.press("ArrowDown")
    keys.press("Enter")
    visit.page.locator("[data-row]").wait_for()
    row = int(visit.page.locator("[data-row]").get_attribute("data-row") or -1)
    groups = Space.open(kept).layer("cluster")["cluster"].to_pylist()
    keys.press("c")  # the lasso's equivalent
    assert visit.selection() == [i for i, group in enumerate(groups) if group == groups[row]]
    zoom = visit.js("ilk.camera().scale")
    keys.press("+")
    assert visit.js("ilk.camera().scale") == pytest.approx(1.5 * zoom)
    keys.press("?")
    expect(visit.page.get_by_role("dialog")).to_be_visible()
    keys.press("Escape")
    expect(visit.page.get_by_role("dialog")).not_to_be_visible()
    visit.page.get_by_role("tab", name="Groups").focus()
    keys.press("ArrowRight")
    expect(visit.page.get_by_role("tab", name="Oddities")).to_be_focused()
    expect(visit.page.get_by_role("tab", name="Oddities")).to_have_attribute("aria-selected", "true")
    keys.press("m")
    keys.press("Escape")
    keys.press("Escape")
    assert visit.selection() == []


def test_a_slider_moves_the_decoded_picture(visit: Visit) -> None:
    visit.page.mouse.click(*visit.places(N)[int(visit.js("ilk.pictures()[0]"))])
    visit.page.locator("[data-row]").wait_for()
    visit.page.get_by_role("tab", name="Dimensions").click()
    moved = visit.page.get_by_alt_text("Decoded after the moves")
    expect(moved).to_be_visible()
    before = moved.get_attribute("src")
    slider = visit.page.get_by_label("Move dimension").first
    slider.focus()
    for _ in range(5):
        visit.page.keyboard.press("ArrowRight")
    expect(moved).not_to_have_attribute("src", before or "")
    assert before == visit.page.get_by_alt_text("What the decoder makes").get_attribute("src")


def test_a_thing_is_seen_in_its_field_and_the_others_there_lead_on(browser: Browser, tmp_path: Path) -> None:
    boxes = np.array([(6, 4, 16, 12), (30, 8, 50, 28), (60, 20, 70, 34)], np.float32)
    light = np.random.default_rng(0).normal(40, 3, (40, 80))
    for x0, y0, x1, y1 in boxes.astype(int).tolist():
        light[y0:y1, x0:x1] += 150
    (tmp_path / "sky").mkdir()
    Image.fromarray(light.clip(0, 255).astype(np.uint8)).save(tmp_path / "sky" / "a.png")
    found = Found(boxes, np.ones(3, np.float32), np.zeros(3, np.int64))
    told = Detections(["a.png"], [found], ("thing",), str(tmp_path / "sky"))
    space = keep(told, tmp_path / "objects.space", "pixels", size=8)
    with serving(space.path) as address:
        visit = Visit(browser, address)
        page, ids = visit.page, space.ids()
        row = ids.index("a.png@30,8,50,28")
        page.mouse.click(*visit.places(3)[row])
        page.locator(f"[data-row='{row}']").wait_for()
        expect(page.locator("[data-row] svg rect")).to_have_count(3)
        field, own = (page.locator(f"[data-row] {of}").bounding_box() for of in ("svg", "rect.own"))
        assert field is not None
        assert own is not None
        scale, above = field["width"] / 80, (field["height"] - field["width"] / 2) / 2  # in a square
        assert own["x"] - field["x"] == pytest.approx(30 * scale, abs=3)  # a frame is a few pixels thick
        assert own["y"] - field["y"] - above == pytest.approx(8 * scale, abs=3)
        assert own["width"] == pytest.approx(20 * scale, abs=5)
        page.get_by_role("button", name="a.png@60,20,70,34", exact=True).click()
        page.locator(f"[data-row='{ids.index('a.png@60,20,70,34')}']").wait_for()
        expect(page.locator("[data-row] rect.own")).to_have_attribute("aria-label", "a.png@60,20,70,34")
        visit.end()


def test_two_samples_side_by_side(visit: Visit, kept: Path) -> None:
    ids, places = Space.open(kept).ids(), visit.places(N)
    a, b = (int(row) for row in visit.js("ilk.pictures()")[:2])
    visit.page.mouse.click(*places[a])
    visit.page.locator(f"[data-row='{a}']").wait_for()
    visit.page.get_by_role("button", name="Compare with").click()
    visit.page.mouse.click(*places[b])
    visit.page.locator(f"[data-row='{b}']").wait_for()
    visit.page.get_by_role("tab", name="Compare").click()
    heads = visit.page.locator("[role=tabpanel] th[scope=col]")
    expect(heads).to_have_text([ids[a], ids[b]])


def test_the_map_comes_back_after_the_graphics_were_lost(visit: Visit) -> None:
    before = picture(visit)
    visit.page.evaluate(
        """() => new Promise((done) => {
          const canvas = document.querySelector(".map canvas");
          const lose = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
          canvas.addEventListener("webglcontextrestored", () => setTimeout(done, 50), { once: true });
          const back = () => setTimeout(() => lose.restoreContext(), 50);
          canvas.addEventListener("webglcontextlost", back, { once: true });
          lose.loseContext();
        })"""
    )
    visit.still()
    visit.page.wait_for_timeout(400)  # the pictures come again
    after = picture(visit)
    assert before.std() > 5
    assert np.abs(before.astype(int) - after).mean() < 0.5


def test_a_run_is_followed_from_its_first_step_to_rows_that_are_added(
    browser: Browser, kept: Path, tmp_path: Path
) -> None:
    log = tmp_path / "digits.run" / "simclr" / "metrics.jsonl"
    log.parent.mkdir(parents=True)

    def goes_on(*lines: str) -> None:
        with open(log, "a") as f:
            f.writelines(line + "\n" for line in lines)

    goes_on('{"step": 1, "loss": 4.5, "health": {"rank": 9.5, "view_retrieval": 0.25, "dim": 64}}')
    with serving(tmp_path / "digits.space") as url:
        visit = Visit(browser, url, empty=True)
        page = visit.page
        figures = page.locator(".figure")
        expect(figures).to_have_text(["loss 4.5", "rank 9.5", "view retrieval 0.25"])
        goes_on('{"step": 2, "loss": 3.25}', '{"step": 3, "loss": 2.125}')
        expect(page.get_by_text("running, step 3")).to_be_visible()
        expect(figures.first).to_have_text("loss 2.125")
        (log.parent / "health.json").write_text('{"verdict": "Learnt for 3 steps."}')
        expect(page.get_by_text("ended, step 3")).to_be_visible()
        expect(page.get_by_text("Learnt for 3 steps.")).to_be_visible()

        shutil.copytree(kept, tmp_path / "part")  # put in place whole, as `ilk learn` does
        (tmp_path / "part").rename(tmp_path / "digits.space")
        expect(page.get_by_text(f"{N} samples", exact=True)).to_be_visible()  # by itself: nothing was shown
        visit.until("ilk.settled()")
        space = Space.open(tmp_path / "digits.space")
        space.upsert_vectors(["new"], space.vectors()[:1])
        page.get_by_role("button", name="Show 1 new").click()
        expect(page.get_by_text(f"{N + 1} samples", exact=True)).to_be_visible()
        visit.still()
        places = visit.places(N + 1)
        far = np.linalg.norm(places[:N] - places[N], axis=1)
        assert 0 in np.argsort(far)[:6]  # among those like it: it equals the first
        visit.end()


def test_a_million_points_are_loaded_moved_and_picked(browser: Browser, tmp_path: Path) -> None:
    n = 1_000_000
    synthetic(tmp_path / "million.space", n)
    with serving(tmp_path / "million.space") as url:
        visit = Visit(browser, url)
        layer = Space.open(tmp_path / "million.space").layer("map")
        xy = np.stack([layer["x"].to_numpy(), layer["y"].to_numpy()], 1).astype(float)
        before, frames = visit.js("ilk.camera()"), visit.js("ilk.frames()")
        box = visit.page.locator(".map").bounding_box()
        assert box is not None
        start = np.array([box["x"] + 500, box["y"] + 300])
        visit.drag(start + np.outer(np.arange(21), [5.0, 3.0]))
        visit.still()
        now = visit.js("ilk.camera()")
        assert visit.js("ilk.frames()") > frames
        moved = np.array([before["x"] - now["x"], now["y"] - before["y"]]) * now["scale"]
        np.testing.assert_allclose(moved, [100, 60])

        # All those in a box, found again by arithmetic.
        corner = start + np.array([60.0, 40.0])
        visit.page.keyboard.press("b")
        visit.drag(np.array([start, start + 20, corner]))
        at = (xy - [now["x"], now["y"]]) * [now["scale"], -now["scale"]]  # pixels from the middle of the map
        at += [box["x"] + now["width"] / 2, box["y"] + now["height"] / 2]
        inside = np.flatnonzero(((at > start) & (at < corner)).all(1))
        assert len(inside) > 100
        assert visit.selection() == inside.tolist()
        visit.page.keyboard.press("Escape")
        far = np.linalg.norm(at[inside] - np.rint(at[inside]), axis=1)
        row = int(inside[far.argmin()])  # nearest to a place that the mouse can point to
        visit.page.mouse.click(*np.rint(at[row]))
        visit.page.locator(f"[data-row='{row}']").wait_for()
        visit.end()


def test_light_and_dark(browser: Browser, url: str) -> None:
    visit = Visit(browser, url, color_scheme="dark")
    assert visit.js("document.documentElement.dataset.theme") == "dark"
    dark = picture(visit)
    visit.page.get_by_role("button", name="Light").click()
    visit.still()
    assert dark.mean() < 90 < picture(visit).mean()
    visit.page.reload()
    visit.until("globalThis.ilk && ilk.settled()")
    assert visit.js("document.documentElement.dataset.theme") == "light"  # as it was chosen
    visit.end()


def odd(line: np.ndarray, x: float, y: float) -> bool:
    """Whether a ray to the right crosses the closed line an odd number of times."""
    crossings = 0
    for (ax, ay), (bx, by) in zip(line, np.roll(line, -1, 0), strict=True):
        if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
            crossings += 1
    return crossings % 2 == 1


def picture(visit: Visit) -> np.ndarray:
    """(h, w) grey values of the middle of the map."""
    data = visit.page.locator(".map").screenshot()
    return np.array(Image.open(io.BytesIO(data)).convert("L"))[60:400, 240:]

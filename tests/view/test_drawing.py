"""New pictures in the page: what the server draws, and how a person asks for it."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from playwright.sync_api import expect

import ilk
from ilk.generate._points import thumbnail
from ilk.generate.drawing import Drawing
from ilk.source.images import Images

from .browser import CHROMIUM, Visit, chromium, serving
from .looked_at import Visitor

SIZE, N = 10, 40


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars at a place and of a colour in words, and a network of few steps that may be told both."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, SIZE - 2, N)
    pixels = np.zeros((N, 3, SIZE, SIZE), np.uint8)
    for i, left in enumerate(at):
        pixels[i, i % 3, :, left : left + 3] = 255
    columns = pa.table(
        {"at": at.astype(float), "caption": [("red", "green", "blue")[i % 3] for i in range(N)]}
    )
    source = Images(pixels, [f"bar-{i}" for i in range(N)], columns=columns)
    folder = tmp_path_factory.mktemp("drawing")
    options: dict[str, Any] = {"condition": "at,caption", "vocabulary": 40, "width": 8, "levels": 1}
    recipe = ilk.Recipe(steps=4, batch=8, checks=1)
    ilk.learn(source, "diffusion", out=folder / "bars", recipe=recipe, **options)
    return folder / "bars.space"


@pytest.fixture(scope="module")
def bars(space: Path) -> Visitor:
    return Visitor(space)


def drawn(visitor: Visitor, **wish: Any) -> np.ndarray:
    """(n, H, W, 3) uint8."""
    found = visitor.post("/api/draw", json={"steps": 2, **wish})["pictures"]
    return np.stack([np.asarray(Image.open(io.BytesIO(base64.b64decode(p)))) for p in found])


def test_the_page_is_told_what_may_be_told(bars: Visitor, visitor: Visitor) -> None:
    assert bars.get("/api/space")["has"]["draws"]
    told = bars.get("/api/drawing")
    assert (told["words"], told["text"], told["size"], told["channels"]) == (True, "caption", SIZE, 3)
    (at,) = told["numbers"]
    assert (at["name"], at["low"], at["high"]) == ("at", 0, 7)
    assert not visitor.get("/api/space")["has"]["draws"]
    assert "nothing here draws" in visitor.get("/api/drawing", 400)["error"]
    assert "nothing here draws" in visitor.post("/api/draw", 400, json={})["error"]


def test_pictures_are_drawn_after_what_is_told(bars: Visitor, space: Path) -> None:
    plain = drawn(bars, n=3, seed=5)
    assert plain.shape == (3, SIZE, SIZE, 3)
    assert np.array_equal(plain, drawn(bars, n=3, seed=5))
    assert not np.array_equal(plain, drawn(bars, n=3, seed=6))
    assert not np.array_equal(plain, drawn(bars, n=3, seed=5, prompt="red", where={"at": 3}))
    source, tool = ilk.Space.open(space), Drawing.open(space)
    face = thumbnail(source, source.ids()[1])
    assert face is not None
    wanted = tool.draw(image=Images(face.numpy(), [""]), n=1, strength=0.3, steps=2).pixels[0]
    found = drawn(bars, n=1, row=1, strength=0.3)[0]
    np.testing.assert_allclose(found, np.moveaxis(255 * wanted.clip(0, 1), 0, -1), atol=1)


def test_a_part_is_drawn_anew_and_the_rest_stays(bars: Visitor) -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[2:5, 6:] = 1
    was, one, _ = drawn(bars, n=2, row=1, mask=letters(mask))
    assert np.array_equal(was[mask == 0], one[mask == 0])
    assert not np.array_equal(was[mask == 1], one[mask == 1])


def letters(mask: np.ndarray) -> str:
    bits = np.pad(mask.ravel(), (0, -mask.size % 8))
    return np.packbits(bits).tobytes().hex()[: -(-mask.size // 4)]


@pytest.mark.parametrize(
    ("wish", "status", "says"),
    [
        ({"where": {"at": 99}}, 400, "at is 99"),
        ({"where": {"att": 1}}, 404, "no number of this model called 'att'"),
        ({"prompt": "red " * 200}, 400, "the prompt has"),
        ({"row": 1, "mask": "0" * 25}, 400, "covers nothing"),
        ({"row": 1, "mask": "f" * 25}, 400, "covers all"),
        ({"row": 1, "mask": "f" * 24}, 400, "a mask of 24 letters"),
        ({"mask": "0f" * 12}, 400, "a mask over nothing"),
        ({"row": N}, 404, f"row {N}"),
        ({"row": 1, "mask": "xy"}, 422, "mask"),
        ({"n": 17}, 422, "n"),
        ({"steps": 1000}, 422, "steps"),
        ({"promt": "red"}, 422, "promt"),
    ],
)
def test_what_is_refused(bars: Visitor, wish: dict[str, Any], status: int, says: str) -> None:
    assert says in bars.post("/api/draw", status, json={"steps": 1, "n": 1, **wish})["error"]


def test_one_draws_at_a_time(bars: Visitor) -> None:
    door: Any = bars.app
    with door.app.state.desk.work("at something else"):
        assert "at something else" in bars.post("/api/draw", 409, json={})["error"]


# As a person uses it


@pytest.fixture(scope="module")
def visit(space: Path) -> Iterator[Visit]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with serving(space) as url, chromium() as browser:
        opened = Visit(browser, url)
        yield opened
        opened.end()


def test_a_person_draws_and_paints(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Draw").click()
    assert page.get_by_role("button", name="From sample").is_disabled()
    page.get_by_label("Words to draw after").fill("a red bar")
    page.get_by_role("slider", name="at").press("ArrowRight")
    made = page.get_by_alt_text("Drawn picture")
    expect(made).to_have_count(4)
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("button", name="Draw", exact=True)).to_be_enabled()
    made.first.click()
    expect(page.get_by_alt_text("Drawn picture 1, large")).to_be_visible()
    page.get_by_role("button", name="What is like it").click()
    expect(page.get_by_text("like drawn picture 1").first).to_be_visible()
    places = visit.places(N)
    page.mouse.click(*places[3])
    page.locator("[data-row]").wait_for()
    page.get_by_role("tab", name="Draw").click()
    page.get_by_role("button", name="Redraw a part").click()
    expect(page.get_by_role("button", name="Draw", exact=True)).to_be_disabled()  # nothing painted yet
    box = page.get_by_label("Paint over what shall be drawn anew").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    visit.drag(np.array([[box["x"] + 30 + 4 * i, middle] for i in range(30)]))
    expect(page.get_by_text("is drawn anew, the rest stays")).to_be_visible()
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("button", name="Draw", exact=True)).to_be_enabled()
    expect(made).to_have_count(4)
    assert not visit.wrong

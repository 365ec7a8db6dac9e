"""A page of HTML: every part is shown, nothing from data becomes markup."""

import base64
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from ilk.view import page as made

EVIL = "<script>alert('\"x')</script>"


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.attributes: list[dict[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append(dict(attrs))

    def handle_data(self, data):
        self.text.append(data.strip())


def page(tmp_path, *parts: made.Part) -> Seen:
    seen = Seen()
    written = made.Page("a title", "a lead", parts, [("fact", "figure")]).write(tmp_path / "page.html")
    seen.feed(written.read_text())
    return seen


@pytest.mark.parametrize(
    "part",
    [
        made.Heading(EVIL),
        made.Paragraph(EVIL),
        made.Code(EVIL),
        made.Figure(b"png", EVIL),
        made.Row([(b"png", EVIL)]),
        made.Verdict(EVIL),
        made.Grid([made.Figure(b"png", EVIL)]),
        made.Cards([made.Card(EVIL, "red", [("a", "b")], made.Row([]))]),
        made.Points([(EVIL, "there")]),
        made.Folded(EVIL, pa.table({"x": [1]})),
        pa.table({"name": [EVIL]}),
    ],
    ids=lambda p: type(p).__name__,
)
def test_text_stays_text(part, tmp_path):
    seen = page(tmp_path, part)
    assert "script" not in seen.tags
    assert EVIL in seen.text


def test_pictures_are_in_the_page(tmp_path):
    seen = page(tmp_path, made.Row([(b"one", "1"), (None, "none"), (b"two", "2")]))
    sources = [a["src"] for t, a in zip(seen.tags, seen.attributes) if t == "img"]
    assert sources == [f"data:image/png;base64,{base64.b64encode(p).decode()}" for p in (b"one", b"two")]


def test_table_numbers_and_gaps(tmp_path):
    seen = page(
        tmp_path, pa.table({"n": [1234567, None, 3], "x": [0.123456, 2.0, 0.001234], "s": ["a", None, ""]})
    )
    assert seen.tags.count("tr") == 4
    assert {"1,234,567", "0.12", "2.00", "a", "0.0012"} <= set(seen.text)


def test_a_drawing_stands_in_the_page_as_it_is(tmp_path):
    """No prolog, no size of its own, no names but those that it refers to itself."""
    svg = (
        b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="10pt" height="5pt" '
        b'viewBox="0 0 10 5"><metadata>when</metadata><defs><clipPath id="p1"/></defs><g id="figure_1" '
        b'clip-path="url(#p1)"><text>three</text></g></svg>'
    )
    drawing = made.Figure(svg, "A  drawing\nof three.", "ilk map s.space", 2)
    seen = page(tmp_path, made.Grid([drawing]))
    assert "three" in seen.text
    assert "when" not in seen.text
    assert [a["id"] for a in seen.attributes if "id" in a] == ["p1"]
    head = seen.attributes[seen.tags.index("svg")]
    assert "width" not in head
    assert (head["role"], head["aria-label"]) == ("img", "A drawing of three.")
    assert [t for t in seen.text if t in ("ilk", "map", "s.space")] == ["ilk", "map", "s.space"]


def test_what_is_not_known_is_left_blank(tmp_path):
    seen = page(
        tmp_path, pa.table({"held": [True, False], "x": [float("nan"), 1.5], "many": [["a", "b"], []]})
    )
    assert {"yes", "no", "1.50", "a; b"} <= set(seen.text)
    assert "nan" not in seen.text


def test_nothing_is_fetched(tmp_path):
    """No link, no script, no import: the page is whole."""
    seen = page(tmp_path, made.Points([("one", "there")]), made.Heading("There", "there"))
    assert not {"script", "link", "iframe"} & set(seen.tags)
    assert [a["href"] for a in seen.attributes if "href" in a] == ["#there"]
    assert "http" not in (tmp_path / "page.html").read_text()

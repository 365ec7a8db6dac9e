"""A page of HTML: every part is shown, nothing from data becomes markup."""

import base64
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from ilk.view import report

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


def page(tmp_path, *parts: report.Part) -> Seen:
    seen = Seen()
    seen.feed(report.write(tmp_path / "page.html", "a title", "a lead", parts).read_text())
    return seen


@pytest.mark.parametrize(
    "part",
    [
        report.Heading(EVIL),
        report.Paragraph(EVIL),
        report.Code(EVIL),
        report.Figure(b"png", EVIL),
        report.Row([(b"png", EVIL)]),
        pa.table({"name": [EVIL]}),
    ],
    ids=lambda p: type(p).__name__,
)
def test_text_stays_text(part, tmp_path):
    seen = page(tmp_path, part)
    assert "script" not in seen.tags
    assert EVIL in seen.text


def test_pictures_are_in_the_page(tmp_path):
    seen = page(tmp_path, report.Row([(b"one", "1"), (None, "none"), (b"two", "2")]))
    sources = [a["src"] for t, a in zip(seen.tags, seen.attributes) if t == "img"]
    assert sources == [f"data:image/png;base64,{base64.b64encode(p).decode()}" for p in (b"one", b"two")]


def test_table_numbers_and_gaps(tmp_path):
    seen = page(tmp_path, pa.table({"n": [1234567, None], "x": [0.123456, 2.0], "s": ["a", None]}))
    assert seen.tags.count("tr") == 3
    assert {"1,234,567", "0.12", "2.00", "a"} <= set(seen.text)

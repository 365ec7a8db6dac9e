"""The built page as it is shipped. That it is what web/ makes, `make web-current` compares, with Node."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ilk.view._server.pages import FOLDER

ROOT = Path(__file__).parents[2]


def test_the_page_and_all_it_names_are_there() -> None:
    page = (FOLDER / "index.html").read_text("utf-8")
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert all(address.startswith("./") for address in named)  # of the same server, also below a path
    files = [address for address in named if not address.startswith("./api/")]
    assert sorted(files) == ["./icon.svg", "./look.css", "./look.js"]
    assert all((FOLDER / file).stat().st_size > 0 for file in files)
    assert "<style" not in page  # what the security policy forbids
    assert not re.search(r"<script(?![^>]* src=)", page)


def test_the_pages_own_code_stays_small() -> None:
    code = (FOLDER / "look.js").read_bytes() + (FOLDER / "look.css").read_bytes()
    assert len(gzip.compress(code, mtime=0)) < 60_000
    assert len(gzip.compress((FOLDER / "widget.js").read_bytes(), mtime=0)) < 60_000


def test_the_widget_is_one_module_that_needs_no_other() -> None:
    code = (FOLDER / "widget.js").read_text("utf-8")
    assert re.search(r"export\{\w+ as default\};?\s*$", code)
    assert not re.search(r"\bimport\b\s*[({\"'*\w]", code)


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not in git's folder")
def test_git_keeps_the_build_and_not_the_tools() -> None:
    """What git ignores, hatchling leaves out of the wheel without a word."""

    def ignored(path: str) -> bool:
        return subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode == 0

    assert not any(ignored(f"ilk/view/static/{file.name}") for file in FOLDER.iterdir())
    assert ignored("web/node_modules/svelte/package.json")

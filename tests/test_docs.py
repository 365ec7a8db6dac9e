"""The pages in docs/: every block runs, page by page, and every name, option, link and table in them holds.

Blocks, by the word behind the three backticks:
    console     `$ command`, then what it prints; commands of ilk run here, others in a shell
    python      runs, in one namespace a page; `python NAME.py` is written to that file instead
    text        what the block before it prints
... stands for anything; how much white space there is does not count. What commands print may differ a little
from machine to machine: numbers by a fifth, and any of the pictures may come. What Python prints is exact.
Lines of progress, which come where a machine is slow, are left out.
A block that only sets up a machine, or takes minutes, stands below <!-- not run: REASON -->.
A page starts in a folder of its own, in which the blocks of start.md have run.
"""

import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import Any

import pytest
import typer

import ilk
from ilk import cli, console, encoders, objectives
from ilk.learning.usual import TOLD, TOWERS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p.name for p in DOCS.glob("*.md"))
LINKED = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(DOCS / name for name in PAGES)]
BLOCK = re.compile(
    r"^(?P<above><!--.*?-->\n)?```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.M | re.S
)
KINDS = ("console", "python", "text")
PROGRESS = re.compile(r"^[a-z][a-z ,-]*: \d+%.*\n", re.M)


@dataclass(frozen=True)
class Block:
    where: str  # page:line
    kind: str
    text: str
    file: str | None
    not_run: bool


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            f"{page.name}:{text.count(chr(10), 0, m.start('text'))}",
            m["kind"],
            m["text"],
            m["file"],
            "not run:" in (m["above"] or ""),
        )
        for m in BLOCK.finditer(text)
    ]


def run(page: Path) -> None:
    """All blocks of a page, in order, in the folder we are in."""
    names: dict[str, Any] = {"__name__": "docs"}
    printed = ""
    for block in blocks(page):
        if block.not_run:
            continue
        if block.kind == "python" and block.file:
            Path(block.file).write_text(block.text)
        elif block.kind == "python":
            printed = _printed_by_python(block, names)
        elif block.kind == "console":
            _console(block)
        elif block.kind == "text":
            _same(block, block.text, printed)


def _printed_by_python(block: Block, names: dict[str, Any]) -> str:
    console.quiet = False
    code = compile(block.text, block.where, "exec")
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()):
        exec(code, names)
    return out.getvalue()


def _console(block: Block) -> None:
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, _, expected = part.partition("\n")
        printed, status = _printed_by(command)
        assert (status == 0) == ("error:" not in expected), f"{block.where} {command}\n{printed}"
        if expected.strip():
            _same(block, expected, printed, command)


def _printed_by(command: str) -> tuple[str, int]:
    """What a terminal would show, standard output and error together, and the exit status."""
    words = shlex.split(command)
    if words[0] != "ilk" or "--use" in words:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command, shell=True, text=True, stdout=-1, stderr=-2, env=os.environ | {"PATH": path}
        )
        return PROGRESS.sub("", done.stdout), done.returncode
    shown, status = io.StringIO(), 0
    with redirect_stdout(shown), redirect_stderr(shown), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        patch.setattr(console, "quiet", False)
        try:
            cli.main()
        except SystemExit as e:
            status = int(e.code or 0)
    return PROGRESS.sub("", shown.getvalue()), status


def _same(block: Block, expected: str, printed: str, command: str = "") -> None:
    same = OutputChecker().check_output(expected, printed, ELLIPSIS | NORMALIZE_WHITESPACE)
    same = same or (bool(command) and alike(expected, printed))
    assert same, f"{block.where} {command}\n--- the page says\n{expected}\n--- printed\n{printed}"


NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![^\Wx]|\.\w)|\b\d{4}\.png")


def alike(expected: str, printed: str) -> bool:
    """The same words, with numbers a fifth off at most, and ... for anything."""
    frame = NUMBER.sub("\0", " ".join(expected.split()))
    pieces = [re.escape(p) for p in re.split(r"(?:(?<= )|^)\.\.\.(?= |$)", frame)]
    found = re.fullmatch(".*?".join(pieces).replace("\0", f"({NUMBER.pattern})"), " ".join(printed.split()))
    return found is not None and all(map(_near, NUMBER.findall(expected), found.groups()))


def _near(a: str, b: str) -> bool:
    if a.endswith(".png") or b.endswith(".png"):
        return a.endswith(".png") and b.endswith(".png")
    one, other = float(a.replace(",", "")), float(b.replace(",", ""))
    return abs(one - other) <= max(0.2 * max(one, other), 1e-4)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which start.md has run."""
    folder = tmp_path_factory.mktemp("start")
    with pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.setenv("ILK_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.syspath_prepend(".")  # as Python started there
        run(DOCS / "start.md")
        yield folder


@pytest.mark.whole
@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_the_page_runs(page: str, started: Path, tmp_path: Path) -> None:
    if page == "start.md":
        return  # has run
    folder = tmp_path / "here"
    shutil.copytree(started, folder)
    with chdir(folder):
        run(DOCS / page)


def test_pages_hold_only_blocks_that_are_tried() -> None:
    found = [b for name in PAGES for b in blocks(DOCS / name)]
    fences = sum((DOCS / name).read_text().count("\n```") for name in PAGES)
    assert fences == 2 * len(found)  # no block that the pattern above does not see
    assert [b.where for b in found if b.kind not in KINDS] == []
    assert sum(b.not_run for b in found) <= 5


def test_a_wrong_output_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(6 * 7)\n```\n\n```text\n42\n```\n")
    run(page)
    for wrong in (
        "```python\nprint(6 * 7)\n```\n\n```text\n41\n```\n",
        "```console\n$ ilk --version\nno\n```\n",
        "```console\n$ echo 3 rows of 100\n3 rows of 130\n```\n",
    ):
        page.write_text(wrong)
        with pytest.raises(AssertionError, match=r"page\.md:"):
            run(page)


def test_what_counts_as_alike() -> None:
    assert alike("1 0056.png 0.4917\n...", "1\t0090.png\t0.48\n2\t0091.png\t0.5")
    assert alike("32% of 30; in ... or", "30% of 30; in /tmp/x y or")
    assert alike("(1.1x the usual)", "(1.0x the usual)")
    assert alike("1,000 rows of ilk 0.1.0", "1,100 rows of ilk 0.1.0")
    assert not alike("1 0056.png 0.4917", "1 0090.png 0.3")
    assert not alike("added 1", "added 2")
    assert not alike("added 1", "deleted 1")
    assert not alike("added 1", "added 1 more")


COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]


TORCHRUNS = {"--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint", "--max-restarts"}


def options(verb: str) -> set[str]:
    return {o for p in COMMANDS[verb].params for o in [*p.opts, *p.secondary_opts] if o.startswith("-")}


def of_members() -> set[str]:
    """Options that objectives and encoders bring to `ilk learn`."""
    classes = [objectives.find(n) for n in objectives.names()] + [encoders.find(n) for n in encoders.names()]
    own = {p for c in classes for p in inspect.signature(c).parameters}
    return {f"--{p.replace('_', '-')}" for p in own.union(TOLD, *TOWERS.values())}


def test_every_verb_and_option_of_the_command_line_is_told() -> None:
    told = "\n".join((DOCS / name).read_text() for name in PAGES)
    for verb in COMMANDS:
        assert f"ilk {verb}" in told
        missing = [o for o in options(verb) if not re.search(rf"(?<![\w-]){o}(?![\w-])", told)]
        assert missing == [], f"ilk {verb}"


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_told_is_there(page: str) -> None:
    text = (DOCS / page).read_text()
    known = set.union(*map(options, COMMANDS)) | of_members() | {"--help", "--version", "--use", "--json"}
    written_here = {
        f"--{name}" for name in re.findall(r"(\w+): \w+(?: \| None)? = ", text)
    }  # by the page's own code
    pieces = re.findall(r"`[^`\n]+`", text) + [b.text for b in blocks(DOCS / page) if not b.not_run]
    told = {o for piece in pieces for o in re.findall(r"(?<![\w-])--[a-z][a-z-]*", piece)}
    assert told - known - written_here - TORCHRUNS == set()


def test_every_public_name_is_told_and_documented() -> None:
    told = "\n".join((DOCS / name).read_text() for name in PAGES)
    for name in ilk.__all__:
        if name != "__version__":
            assert re.search(rf"\bilk\.{name}\b", told), name
            assert (inspect.getdoc(getattr(ilk, name)) or "").strip(), name


@pytest.mark.parametrize("page", LINKED, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        to = page.parent / path if path else page
        assert to.exists(), f"{page.name} -> {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", to.read_text(), re.M)
            assert anchor in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings], target


@pytest.mark.parametrize("page", LINKED, ids=lambda p: p.name)
def test_files_named_in_the_text_are_there(page: Path) -> None:
    for name in re.findall(r"`((?:ilk|tests|docs|recipes|benchmarks)/[\w/]+\.\w+)`", page.read_text()):
        assert (ROOT / name).is_file(), f"{page.name}: {name}"


@pytest.mark.parametrize("page", LINKED, ids=lambda p: p.name)
def test_a_table_of_numbers_names_the_script_that_measured_it(page: Path) -> None:
    paragraphs = re.split(r"\n\s*\n", page.read_text())
    for i, part in enumerate(paragraphs):
        cells = [c.strip() for line in part.splitlines() if line.startswith("|") for c in line.split("|")]
        if any(re.fullmatch(r"[-+~]?[\d.,]+ ?%?", c) for c in cells):
            beside = "\n".join(paragraphs[max(0, i - 2) : i + 3])
            script = re.search(r"(recipes|benchmarks)/\w+\.py", beside)
            assert script, f"{page.name}: {part[:200]}"
            assert (ROOT / script[0]).is_file()

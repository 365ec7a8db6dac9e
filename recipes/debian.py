"""A large text out of documentation that anyone with Debian has, and word vectors learnt as it streams by.

    python -m recipes.debian docs.txt.xz python3-doc linux-doc postgresql-doc git-doc ...
    OMP_NUM_THREADS=1 python -m recipes.debian docs.txt.xz --learn [--keep]

The first fetches the packages as `apt-get download` does (none is installed) and writes what their manuals,
pages and texts say: a paragraph a line, English or not as they are. The second learns skip-gram vectors for
one epoch, as benchmarks/words.py does, from a tenth of the text and from all of it. Of either it prints
words, different words kept, CPU-seconds, and the most memory of its own that the process held beyond what it
had before (RssAnon: without files that are mapped): where a text streams, ten times as much of it needs no
more but for words that the tenth does not hold. `--keep` adds the rows to recipes/debian.csv
(docs/results.md).
"""

import argparse
import gzip
import lzma
import re
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path

from ilk.encoders.words import Words
from ilk.find import construct
from ilk.objectives import find
from ilk.objectives._base import ClosedForm
from ilk.source.text import text
from recipes.sections import keep

PAGES, TEXTS = (".html", ".htm"), (".txt", ".rst", ".md", ".texi", ".info", ".pod")
MANUAL = re.compile(r"/man/man\d/.*\.\d\w*(\.gz)?$")
ENDS = {"p", "li", "dd", "dt", "div", "tr", "h1", "h2", "h3", "h4", "pre", "br"}
FEWEST = 8  # words of a paragraph
FIGURES = ("words", "words kept", "CPU-seconds", "memory, MB")


class Paragraphs(HTMLParser):
    """What a page says."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.silent += tag in ("script", "style")
        if tag in ENDS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")
        if tag in ENDS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.said.append(re.sub(r"\s+", " ", data))


def paragraphs(name: str, raw: bytes) -> Iterator[str]:
    if name.endswith(".gz"):
        name, raw = name[:-3], gzip.decompress(raw)
    told = raw.decode("utf-8", "replace")
    if name.endswith(PAGES):
        page = Paragraphs()
        page.feed(told)
        parts = "".join(page.said).split("\n")
    else:  # of a manual, its commands of formatting go
        parts = re.split(r"\n\s*\n|\n\.\w+", re.sub(r"\\f.|\\", "", told) if MANUAL.search(name) else told)
    for part in parts:
        words = part.split()
        if len(words) >= FEWEST:
            yield " ".join(words)


def build(out: Path, packages: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, lzma.open(out, "wt", encoding="utf-8", preset=1) as file:
        subprocess.run(["apt-get", "download", *packages], cwd=folder, check=True)
        for package in sorted(Path(folder).glob("*.deb")):
            said = 0
            for one in _said(package):
                file.write(one + "\n")
                said += one.count(" ") + 1
            print(f"{package.name}: {said:,} words", flush=True)


def _said(package: Path) -> Iterator[str]:
    unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with unpack as files, tarfile.open(fileobj=files.stdout, mode="r|") as tar:
        for member in tar:
            held = tar.extractfile(member) if member.isfile() and _told(member.name) else None
            if held is not None:
                yield from paragraphs(member.name, held.read())


def _told(name: str) -> bool:
    return name.removesuffix(".gz").endswith((*PAGES, *TEXTS)) or bool(MANUAL.search(name))


class Watched:
    """The most memory of its own that this process holds while it is watched."""

    def __enter__(self) -> "Watched":
        self.before = self.most = own()
        self.over = threading.Event()
        self.watch = threading.Thread(target=self._go, daemon=True)
        self.watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watch.join()

    def _go(self) -> None:
        while not self.over.wait(0.05):
            self.most = max(self.most, own())

    @property
    def megabytes(self) -> float:
        return (self.most - self.before) / 1e3


def own() -> int:  # kB
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def learn(path: Path, kept: bool) -> None:
    cls = find("word2vec")
    assert issubclass(cls, ClosedForm)
    construct(cls, {"epochs": 1}, {}).solve(text(["a b c"] * 99))  # compiles
    print(f"| text | {' | '.join(FIGURES)} |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        lines = _count(path)
        for name, share in (("a tenth", 10), ("all", 1)):
            part = Path(folder) / "part.txt"
            with lzma.open(path, "rt", encoding="utf-8") as whole, open(part, "w", encoding="utf-8") as file:
                file.writelines(islice(whole, 0, None, share))
            with Watched() as watched:
                began = time.process_time()
                source = text(part, by="line")
                made = construct(cls, {"epochs": 1, "threads": 1}, {}).solve(source)
                spent = time.process_time() - began
            assert isinstance(made, Words)
            with open(part, encoding="utf-8") as file:
                words = sum(line.count(" ") + 1 for line in file)
            cells = (words, len(made.words), round(spent), round(watched.megabytes))
            print(f"| {name} of {lines:,} lines | {' | '.join(f'{c:,}' for c in cells)} |", flush=True)
            if kept:
                keep("debian", {"text": name} | dict(zip(FIGURES, cells)))


def _count(path: Path) -> int:
    with lzma.open(path, "rb") as file:
        return sum(1 for _ in file)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("packages", nargs="*")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if options.packages:
        build(options.text, options.packages)
    if options.learn:
        learn(options.text, options.keep)


if __name__ == "__main__":
    main()

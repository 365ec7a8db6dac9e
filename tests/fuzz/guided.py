"""The same files, changed by a fuzzer that sees which lines of ilk it reaches, and seeks new ones.

    python -m tests.fuzz.guided [-runs=300] [-max_total_time=60] [-seed=1]     (libFuzzer's options)

It stops with a traceback at the first error that is not ilk's own. The first byte of an input chooses the
target, the rest is the damaged file. Only what Python reads: libraries in C show it nothing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ilk"]):
    import ilk.encoders._words.files
    import ilk.source._boxes.coco
    import ilk.source._boxes.voc
    import ilk.source._graph.formats
    import ilk.source._reading.png
    import ilk.source._reading.shards
    import ilk.source._text.rows  # noqa: F401

from .__main__ import bound, made, read_bytes
from .folders import FOLDERS
from .targets import TARGETS

NAMES = ["deep.png", "shards", "jsonl", "graphml", "edges.csv", "words.bin"]
NAMES += ["boxes: COCO", "boxes: VOC", "boxes: CSV"]
CHOSEN = [t for t in TARGETS + FOLDERS if t.name in NAMES]


def one(data: bytes) -> None:
    if data:
        read_bytes(CHOSEN[data[0] % len(CHOSEN)], data[1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as corpus:
        for i, target in enumerate(CHOSEN):
            whole = Path(*made(target)).read_bytes()
            Path(corpus, str(i)).write_bytes(bytes([i]) + whole)
            read_bytes(target, whole)
        bound()
        atheris.Setup([*sys.argv, corpus], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

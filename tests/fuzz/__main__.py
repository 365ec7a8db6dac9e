"""Reads damaged files, and prints a line of JSON for each target: what came out that is no error of ilk.

    python -m tests.fuzz [--examples 25] [--seed 0] [NAME ...]

In a process of its own, whose memory is bounded: one that asks for more than a small file is worth fails.
"""

from __future__ import annotations

import argparse
import atexit
import faulthandler
import json
import os
import resource
import shutil
import tempfile
import traceback
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from ilk.errors import IlkError

from .folders import FOLDERS
from .mutation import CHANGES, Change, mutated
from .targets import TARGETS, Target

_ROOM = 2 << 30  # bytes of address space beyond what reading the whole files took
_PATIENCE = 30  # seconds for one file, after which it is a hang


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*")
    parser.add_argument("--examples", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    targets = [t for t in TARGETS + FOLDERS if not asked.names or t.name in asked.names]
    for target in targets:
        target.read(Path(*made(target)))  # whole, it is read; its libraries are in memory now
    bound()
    for target in targets:
        print(
            json.dumps({"name": target.name, "wrong": wrong(target, asked.examples, asked.seed)}), flush=True
        )


def read(target: Target, changes: list[Change]) -> None:
    whole, damaged = made(target)
    read_bytes(target, mutated((whole / damaged).read_bytes(), changes))


def read_bytes(target: Target, data: bytes) -> None:
    """A copy of the target's folder, in which the file holds other bytes."""
    faulthandler.dump_traceback_later(_PATIENCE, exit=True)
    whole, damaged = made(target)
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings(), suppress(IlkError):
        warnings.simplefilter("ignore")  # libraries warn of what they find in damaged files
        path = shutil.copytree(whole, Path(name) / "data") / damaged
        path.write_bytes(data)
        try:
            target.read(path)
        finally:
            assert os.listdir(name) == ["data"], "something was written outside the folder"
    faulthandler.cancel_dump_traceback_later()


@cache
def made(target: Target) -> tuple[Path, Path]:
    """A folder with the whole file, to be copied, and where in it that is."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return folder, target.make(folder).relative_to(folder)


def bound() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def wrong(target: Target, examples: int, number: int) -> str | None:
    """The first change that a reader does not stand, made as small as can be, and what it does then."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(CHANGES)
    def damage(changes: list[Change]) -> None:
        read(target, changes)

    try:
        damage()
    except BaseException:
        return traceback.format_exc()
    return None


if __name__ == "__main__":
    main()

"""Every reader with damaged real files: it reads what is left, or says what is wrong.

No crash, no hang, no memory without bound, nothing outside the folder, no error but ilk's own. A little of it
here; `make fuzz` goes on for long.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .folders import FOLDERS
from .targets import TARGETS


def child(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, whose memory can be bounded and which may crash."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_damaged_files_are_read_or_told():
    found = child("tests.fuzz", "--examples", "12")
    told = [json.loads(line) for line in found.stdout.splitlines() if line.startswith('{"name"')]
    assert not [t["wrong"] for t in told if t["wrong"]]
    assert found.returncode == 0, found.stderr[-2000:]
    assert [t["name"] for t in told] == [t.name for t in TARGETS + FOLDERS]


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is made for Linux, not for every Python")
def test_a_fuzzer_that_sees_the_lines_finds_nothing():
    found = child("tests.fuzz.guided", "-runs=100", "-seed=1")
    assert found.returncode == 0, found.stderr[-3000:]
    assert "Done 100 runs" in found.stderr

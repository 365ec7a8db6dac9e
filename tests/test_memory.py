"""Memory grows little with the number of samples: pictures stay on the disk, whatever is done with them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


def took(samples: int) -> dict[str, Any]:
    command = ["-m", "benchmarks.memory", "--samples", str(samples), "--size", "16", "--steps", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="told by Linux alone")
def test_learning_and_embedding_take_less_than_two_kilobytes_a_sample() -> None:
    few, many = took(9_000), took(29_000)  # from a full chunk of what is stored at once
    for phase in ("read", "learn", "embed"):
        assert (many[phase] - few[phase]) / 20_000 < 2_000, phase
        assert many[phase] < 400e6, phase

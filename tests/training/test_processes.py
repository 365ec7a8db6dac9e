"""Runs in processes of their own: killed, interrupted, and several as one."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ilk import saved
from ilk.encoders import Encoder
from ilk.training.fit import fit
from ilk.training.order import plan
from ilk.training.recipe import Recipe

from .learning_parts import Digits, Small, command, parts

ROOT = Path(__file__).parents[2]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    # As many threads as here: sums in another order would round otherwise.
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    python = [sys.executable, *arguments]
    return subprocess.Popen(python, cwd=ROOT, env=os.environ | threads, stderr=subprocess.PIPE, text=True)


def step_of(run: Path) -> int:
    try:
        with safe_open(run / "checkpoint.safetensors", "pt") as file:
            return int(json.loads(file.metadata()["ilk"])["step"])
    except FileNotFoundError:
        return -1


def until(run: Path, step: int, process: subprocess.Popen[str]) -> None:
    while step_of(run) < step and process.poll() is None:
        time.sleep(0.01)


def figures(run: Path) -> list[Any]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_killed_twice_and_resumed_equals_undisturbed(tmp_path: Path) -> None:
    recipe = {"steps": 150, "batch": 32, "accumulate": 2, "checkpoint_seconds": 0.03}  # some steps come twice
    fit(parts(), Digits(300), Recipe(**recipe), run=tmp_path / "undisturbed")

    run, dies_after = tmp_path / "run", random.randrange(1, 40)
    first = start(command(str(run), recipe, dies_after))
    said = first.communicate(timeout=100)[1]
    assert first.returncode == -signal.SIGKILL, said
    assert 0 <= step_of(run) <= dies_after

    second = start(command(str(run), recipe, seed=9))  # other weights: those of the checkpoint count
    until(run, dies_after + random.randrange(2, 60), second)
    second.kill()  # at any point, often within the writing of a checkpoint
    second.communicate()

    fit(parts(seed=3), Digits(300), Recipe(**recipe), run=run)
    assert figures(run) == figures(tmp_path / "undisturbed")  # losses, norms, rates and health, to the bit
    ours, theirs = (load_file(tmp_path / name / "encoder.safetensors") for name in ("run", "undisturbed"))
    assert all(torch.equal(ours[k], theirs[k]) for k in theirs)


def test_ctrl_c_ends_with_an_encoder_and_goes_on(tmp_path: Path) -> None:
    process = start(command(str(tmp_path), {"steps": 100_000, "batch": 32, "checkpoint_seconds": 0.0}))
    until(tmp_path, 3, process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 0, said
    assert "Ending after this step" in said
    assert "Traceback" not in said
    told = json.loads((tmp_path / "health.json").read_text())
    assert told["stopped"]
    assert told["verdict"].startswith(f"Stopped at step {told['step']}")
    assert told["step"] == step_of(tmp_path) < 100_000
    assert isinstance(saved.load(tmp_path, Encoder), Small)


def test_one_that_is_left_by_another_says_so() -> None:
    code = "import os; from ilk.training.distributed import group, wait\n"
    code += "with group() as (rank, _):\n wait()\n os._exit(9) if rank else wait()"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=place | {"RANK": rank}, stderr=-1, text=True)
        for rank in "01"
    ]
    said = [process.communicate(timeout=200)[1] for process in both]
    assert [process.returncode for process in both] == [1, 9]
    assert "Left: another process of this run has ended" in said[0]


class Cut(Digits):
    """Ends where the seventh batch would be read."""

    def __init__(self, n: int, recipe: Recipe) -> None:
        super().__init__(n)
        self.seventh = plan(n, recipe, 1).rows(6, 0, 0)

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        if np.array_equal(rows, self.seventh):
            raise KeyboardInterrupt
        return super().batch(rows)


def test_one_process_then_two_then_one_learn_what_one_does(tmp_path: Path) -> None:
    """Cut short alone; gone on with by two, of which one is killed, then both restarted by torchrun."""
    how: dict[str, Any] = {"norm": False, "noise": 0.0}  # batch norm and random views go by process
    recipe = {"steps": 20, "checks": 4, "batch": 64, "checkpoint_seconds": 0.0, "precision": "float32"}
    run, undisturbed = tmp_path / "changing", tmp_path / "one"
    with pytest.raises(KeyboardInterrupt):
        fit(parts(**how), Cut(300, Recipe(**recipe)), Recipe(**recipe), run=run)

    torchrun = ["-m", "torch.distributed.run", "--standalone", "--max-restarts", "1", "--nproc-per-node", "2"]
    process = start([*torchrun, "--no-python", sys.executable, *command(str(run), recipe, 7, **how)])
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 0, said
    assert f"Going on from step 6 of the run in {run}." in said
    # If torchrun leaves it the time, the other one says that its partner has ended, and keeps the last step.
    assert any(f"Going on from step {step} of the run in {run}." in said for step in (12, 13))
    assert said.count("Learnt for 20 steps") == 1, said  # one process talks
    assert len(weights := {path.read_text() for path in run.glob("weights-?")}) == 1, weights

    longer = Recipe(**{**recipe, "steps": 25})
    fit(parts(**how), Digits(300), longer, run=run)
    fit(parts(**how), Digits(300), Recipe(**recipe), run=undisturbed)
    changing, one = figures(run), figures(undisturbed)
    assert changing[-1]["step"] == 25
    assert [f["step"] for f in changing[: len(one)]] == [f["step"] for f in one]
    for ours, theirs in zip(changing, one):
        if "loss" in ours:
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
            assert ours["norm"] == pytest.approx(theirs["norm"], rel=1e-3)

"""Every verb has its place in the table; of each kind one is tried here, all of them by `make faults`."""

import subprocess
import sys

import pytest
import typer

from ilk import cli

from .verbs import ELSEWHERE, VERBS

TRIED = (
    "add",
    "axes",
    "import-words",
    "export",
    "info",
)  # rows, a layer, a space of its own, a file; nothing


def test_every_verb_says_what_it_leaves() -> None:
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    assert sorted({*VERBS, *ELSEWHERE}) == sorted(commands)
    assert {kind for kind, _ in VERBS.values()} == {"rows", "index", "layer", "files", "run", "nothing"}
    for verb, (_, command) in VERBS.items():
        assert command.split()[0] == verb


@pytest.mark.whole
@pytest.mark.skipif(sys.platform != "linux", reason="forks, kills, and gives up root's rights")
def test_what_is_left_is_old_or_new() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults"]
    done = subprocess.run(
        [*command, "--verbs", ",".join(TRIED), "--each", "1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.splitlines()[-1].endswith(": 0 wrong")

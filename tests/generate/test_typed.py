"""`ilk generate`, as it is typed."""

from pathlib import Path

from tests.cli.conftest import Run, typed

__all__ = ["typed"]  # a fixture


def test_texts_as_json_and_as_a_table(runs: Path, typed: Run) -> None:
    run = str(runs / "causal.run")
    how = ["--n", "4", "--temperature", ".8", "--top-p", ".9", "--beam", "4"]
    rows = typed("generate", run, "--prompt", "the sea", *how, "--json").json
    assert rows[0] == {"text": "the sea is deep", "ended": True, "likelihood": rows[0]["likelihood"]}
    said = typed("generate", run, "--prompt", "night", "--temperature", "0")
    assert said.out.splitlines()[1].startswith("night has come\t")


def test_what_cannot_be_is_said_in_two_lines(runs: Path, typed: Run) -> None:
    said = typed("generate", str(runs / "causal.run"), "--temperature", "-1")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: temperature is -1.0\nGive 0 (always the likeliest) or more.\n"
    assert typed("generate", str(runs / "none")).err.startswith("error: no run ")

import json
import sys
from collections.abc import Iterator

import pyarrow as pa
import pytest

from ilk import console
from ilk.cli._printing import Output

TABLE = pa.table({"id": ["a.png", "b\tc\nd.png"], "distance": [0.12345678, 12.0], "why": [None, "far"]})


@pytest.fixture(autouse=True)
def loud_again() -> Iterator[None]:
    yield
    console.quiet = False


def test_facts_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).facts({"rows": 80, "size on disk": "1 MB", "decoder": None, "columns": {}})
    assert capsys.readouterr().out == "rows          80\nsize on disk  1 MB\ndecoder\ncolumns       none\n"


def test_values_as_people_read_them(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).facts({"a": 0.123456789, "b": [1.5, "x"], "c": {"k": 2, "l": [0.25]}, "d": True})
    assert capsys.readouterr().out == "a  0.1235\nb  1.5, x\nc  k=2, l=0.25\nd  True\n"


def test_no_facts_and_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).table(TABLE.slice(0, 0))
    assert capsys.readouterr().out == "id\tdistance\twhy\n"


def test_a_table_in_a_pipe_is_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).table(TABLE, told="Two are near.")
    out, err = capsys.readouterr()
    assert out == "id\tdistance\twhy\na.png\t0.1235\t\nb c d.png\t12\tfar\n"
    assert err == "Two are near.\n"


def test_a_file_name_does_not_rule_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).facts({"id": "\x1b[31mred\r\x07\x9b.png"})
    assert capsys.readouterr().out == "id   [31mred   .png\n"


def test_json_is_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(True)
    output.table(TABLE)
    output.next("look", "ilk map x")
    console.say("nobody hears")
    out, err = capsys.readouterr()
    assert json.loads(out) == TABLE.to_pylist()
    assert err == ""


def test_json_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    Output(True).table(TABLE, told="Two are near.")
    assert json.loads(capsys.readouterr().out) == {"says": "Two are near.", "rows": TABLE.to_pylist()}


def test_json_knows_no_nan_and_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    Output(True).facts({"a": [float("nan"), 1.0], "b": {"c": float("-inf")}, "ü": "Ω"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out, parse_constant=pytest.fail) == {"a": [None, 1.0], "b": {"c": None}, "ü": "Ω"}


def test_a_terminal_gets_a_table_without_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "80")
    output = Output(False)
    output.table(pa.table({"id": ["[bold]a[/bold].png", "b.png"], "n": [5, 12345]}))
    output.next("look at it", "ilk map x.space")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "id                      n",
        "[bold]a[/bold].png      5",
        "b.png               12345",
        "To look at it: ilk map x.space",
    ]


def test_what_to_do_next_is_not_said_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Output(False).next("look at it", "ilk map x.space")
    assert capsys.readouterr().out == ""

import os
import pty
import sys
import threading
from collections.abc import Callable

import pytest

from ilk import console


class Clock:
    """The time that `console` reads, put forward by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(console.time, "monotonic", lambda: self.now)


def test_say_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("two of 5 are left out")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "two of 5 are left out\n")


def test_a_name_that_would_turn_the_terminal_red_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("left out \x1b[31mred.png, new\nline.png, ünï\u202f🙂.png")
    assert capsys.readouterr().err == "left out  [31mred.png, new line.png, ünï\u202f🙂.png\n"


def test_a_pipe_gets_a_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with console.progress("reading", 4000) as bar:
        for second in range(40):
            bar.note(f"at {second}")
            clock.now += 1
            bar.advance(100)
    err = capsys.readouterr().err
    assert err.splitlines() == ["reading: 28% at 10", "reading: 55% at 21", "reading: 82% at 32"]


def test_work_of_unknown_length_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with console.progress("listing") as bar:
        clock.now += 11
        bar.advance(1234567)
    assert capsys.readouterr().err == "listing: 1,234,567\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(console, "quiet", True)
    with console.progress("reading", 2) as bar:
        clock.now += 100
        bar.advance()
        bar.note("x")
    console.say("hello")
    assert capsys.readouterr() == ("", "")


END = b"<the end>"


def drawn_by(draw: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a real terminal gets as standard error."""
    ours, theirs = pty.openpty()
    drawn = bytearray()

    def read() -> None:
        while END not in drawn:
            drawn.extend(os.read(ours, 4096))

    reader = threading.Thread(target=read)
    reader.start()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(theirs, "w") as screen, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", screen)
        draw()
        print(END.decode(), file=screen, flush=True)
        reader.join()
    os.close(ours)
    return drawn.decode()


def test_a_terminal_gets_one_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw() -> None:
        with console.progress("outer", 10) as bar:
            bar.advance(5)
            bar.note("half way")
            with console.progress("inner", 3) as within:
                within.advance(1)
        with console.progress("after", 1) as bar:
            bar.advance(1)

    text = drawn_by(draw, monkeypatch)
    assert "outer" in text
    assert "half way" in text
    assert "50%" in text
    assert "after" in text
    assert "inner" not in text


def test_a_bar_ends_with_an_error_within_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw() -> None:
        with pytest.raises(ZeroDivisionError), console.progress("failing", 1):
            raise ZeroDivisionError
        with console.progress("next one", 1) as bar:
            bar.advance(1)

    assert "next one" in drawn_by(draw, monkeypatch)

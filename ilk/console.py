"""Progress and plain talk: bars on a terminal, one line now and then elsewhere, nothing when quiet.

Everything goes to standard error, so that standard output carries results only.
"""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a file name must not break a line or turn a terminal red

quiet = False  # set by the command line's --json and --quiet
_drawn = False  # a bar is on the terminal


class Bar(Protocol):
    def advance(self, n: float = 1) -> None: ...
    def note(self, text: str) -> None: ...  # shown behind the bar


class _Silent:
    def advance(self, n: float = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class _Lines:
    """A line every ten seconds, for logs and pipes."""

    def __init__(self, what: str, total: float | None) -> None:
        self.what, self.total, self.done, self.text = what, total, 0.0, ""
        self.said = time.monotonic()

    def advance(self, n: float = 1) -> None:
        self.done += n
        if time.monotonic() - self.said > 10:
            self.said = time.monotonic()
            share = f"{self.done / self.total:.0%}" if self.total else f"{self.done:,.0f}"
            say(f"{self.what}: {share} {self.text}".rstrip())

    def note(self, text: str) -> None:
        self.text = text


@contextmanager
def progress(what: str, total: float | None = None) -> Iterator[Bar]:
    """A bar for work of `total` units (None: not known yet). One within another stays silent."""
    global _drawn
    if quiet or _drawn:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(what, total)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(show_speed=True),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}", style="dim"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(what, total=total, text="")

            class _Rich:
                def advance(self, n: float = 1) -> None:
                    bars.advance(task, n)

                def note(self, text: str) -> None:
                    bars.update(task, text=text)

            _drawn = True
            try:
                yield _Rich()
            finally:
                _drawn = False


def say(text: str) -> None:
    """One plain line for the person watching."""
    if not quiet:
        print(CONTROL.sub(" ", text), file=sys.stderr, flush=True)

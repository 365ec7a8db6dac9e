"""Ctrl-C asks for an end after this step; a second one does not ask."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..console import say


class Wish:
    """Whether the person wants the run to end."""

    def __init__(self) -> None:
        self.to_stop = False


@contextmanager
def interruptible() -> Iterator[Wish]:
    """In the main thread; elsewhere signals are not ours, and the wish is never made."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: FrameType | None) -> None:
        wish.to_stop = True
        signal.signal(signal.SIGINT, before)
        say("Ending after this step, with what is learnt so far. Ctrl-C again stops at once.")

    signal.signal(signal.SIGINT, ask)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before)

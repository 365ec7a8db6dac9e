"""The next batches are read in a thread while this one is learnt from, or encoded."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")


@contextmanager
def prefetched(items: Iterator[T], ahead: int = 2) -> Iterator[Iterator[T]]:
    """The same items in the same order, up to `ahead` of them ready; their error is raised at its turn.

    The thread has ended when the block is left, however it is left.
    """
    ready: queue.Queue[T | _End] = queue.Queue(ahead)
    closing = threading.Event()

    def work() -> None:
        torch.set_num_threads(1)  # of this thread alone: the others' cores are busy learning
        end = _End(None)
        try:
            for item in items:
                ready.put(item)
                if closing.is_set():
                    return
        except BaseException as e:
            end = _End(e)
        ready.put(end)

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        yield _taken(ready)
    finally:
        closing.set()
        while thread.is_alive():  # it may be waiting for room
            _drain(ready)
            thread.join(0.01)
        torch.set_num_threads(torch.get_num_threads())  # threads to come take the number last set anywhere


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _taken(ready: "queue.Queue[T | _End]") -> Iterator[T]:
    while not isinstance(item := ready.get(), _End):
        yield item
    if item.error is not None:
        raise item.error


def _drain(ready: "queue.Queue[T | _End]") -> None:
    while True:
        try:
            ready.get_nowait()
        except queue.Empty:
            return

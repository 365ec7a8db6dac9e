"""Threads that go over a corpus together, each a stretch at a time, with a falling learning rate."""

import threading
from collections.abc import Callable, Iterator

import numpy as np

from ...cluster import cores
from ...console import progress
from ...encoders._words.kernels import Numbers
from .corpus import END

STRETCH = 1 << 19  # ids between two looks at the clock
CROWD = 100_000  # ids that a thread should have of its own: on fewer they overwrite each other's steps
LAST = 1e-4  # the learning rate in the end

Step = Callable[[int, int, int, Numbers], None]  # ids from, to; texts before; numbers


def train(
    step: Step,
    ids: np.ndarray,
    *,
    window: int,
    negative: int,
    rate: float,
    epochs: int,
    threads: int,
    seed: int,
) -> None:
    """`threads` 0: one a core. One gives the same bits for the same seed; several never wait."""
    threads = max(1, min(threads or cores(), len(ids) // CROWD))
    size = max(1, min(STRETCH, -(-len(ids) // threads)))
    parts, total = _parts(ids, size), max(1, epochs * len(ids))
    work = iter([(epoch, *part) for epoch in range(epochs) for part in parts])
    failed: list[BaseException] = []
    lock = threading.Lock()

    def rate_at(done: int) -> float:
        return rate + (min(LAST, rate) - rate) * done / total

    def go() -> None:
        try:
            while not failed:
                with lock:
                    number, (epoch, begin, end, before) = next(numbered)
                done = epoch * len(ids) + begin
                numbers = Numbers(
                    window, negative, rate_at(done), rate_at(done + end - begin), (seed << 32) + number + 1
                )
                step(begin, end, before, numbers)
                with lock:
                    bar.advance(end - begin)
        except StopIteration:
            pass
        except BaseException as e:
            failed.append(e)

    numbered = enumerate(work)
    with progress("learning", total) as bar:
        crew = [threading.Thread(target=go, daemon=True) for _ in range(threads)]
        for one in crew:
            one.start()
        try:
            for one in crew:
                one.join()
        except BaseException as e:  # Ctrl-C: the others end after their stretch
            failed.append(e)
    if failed:
        raise failed[0]


def _parts(ids: np.ndarray, size: int) -> list[tuple[int, int, int]]:
    """From, to, and how many texts end before."""

    def parts() -> Iterator[tuple[int, int, int]]:
        before = 0
        for begin in range(0, len(ids), size):
            end = min(begin + size, len(ids))
            yield begin, end, before
            before += int(np.count_nonzero(ids[begin:end] == END))

    return list(parts())

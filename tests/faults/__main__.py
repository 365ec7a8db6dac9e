"""Every verb with every fault, at every change of a file that it makes.

    python -m tests.faults [--verbs add,map] [--each 3] [--faults kill,full,...]

`--each`: so many of the moments of a verb, drawn by `--seed`; all of them otherwise.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from .trials import (
    Ended,
    State,
    changes,
    copied,
    cramped,
    dies,
    fills_up,
    forked,
    halves,
    litter,
    load,
    lockless,
    read_only,
    state,
    typed,
    yesterday,
)
from .verbs import VERBS, WORLD, data

FAULTS = ("kill", "full", "cramped", "read-only", "clock", "lockless")
NEEDS = {  # of the world, beside `digits`
    name: [made for made in WORLD if made in command.replace("-", " ").replace(".", " ").split()]
    for name, (_, command) in VERBS.items()
}


class Trials:
    """Of one verb after the other, in copies of a world that is made once."""

    def __init__(self, folder: Path, chance: random.Random, each: int | None) -> None:
        self.world, self.here = folder / "world", folder / "here"
        self.chance, self.each = chance, each
        self.wrong: list[str] = []
        self.done = Counter[str]()

    def make(self, verbs: list[str]) -> None:
        self.world.mkdir()
        data(self.world)
        for name in WORLD:
            if any(name in NEEDS[verb] for verb in verbs):
                ended = forked(partial(typed, self.world, WORLD[name]))
                assert not ended.code, f"{WORLD[name]}\n{ended.said}"
        if "digits" in {n for verb in verbs for n in NEEDS[verb]}:  # an older version to go back to
            ended = forked(partial(typed, self.world, "delete digits 0000.png"))
            assert not ended.code, ended.said

    def run(self, verb: str, faults: list[str]) -> None:
        kind, command = VERBS[verb]
        self.old = state(copied(self.world, self.here))
        marks = self.here.parent / "marks"
        marks.write_text("")
        began = time.perf_counter()
        ended = forked(partial(typed, self.here, command, partial(noted, marks)))
        took = time.perf_counter() - began
        self.new = state(self.here)
        if ended.code:
            self.wrong.append(f"{command}: {ended.said[-2000:]}")
            return
        if (self.new == self.old) != (kind == "nothing" or verb == "compact"):
            self.wrong.append(f"ilk {command}: changed {changed(self.old, self.new) or 'nothing'}")
        n = len(marks.read_text().splitlines())
        for fault in faults:
            for what, arm in self.moments(fault, n):
                self.trial(kind, command, fault, what, arm)
        print(f"{took:5.1f} s, {n:3} changes: ilk {command}", flush=True)

    def moments(self, fault: str, n: int) -> Iterator[tuple[str, Callable[[], object]]]:
        every = range(1, n + 1)
        some = list(every) if self.each is None else self.chance.sample(every, min(self.each, n))
        if fault == "kill":
            for i in some:
                by = (signal.SIGKILL, signal.SIGTERM)[i % 2]
                yield f"{by.name} at {i} of {n}", partial(dies, i, by)
        elif fault == "full":
            yield from ((f"no room from {i} of {n}", partial(fills_up, i)) for i in some)
        elif fault == "cramped":
            sizes = (100, 1000, 5000)[: self.each]
            yield from ((f"no file above {most} bytes", partial(cramped, most)) for most in sizes)
        else:
            yield fault, {"read-only": read_only, "clock": yesterday, "lockless": lockless}[fault]

    def trial(self, kind: str, command: str, fault: str, what: str, arm: Callable[[], object]) -> None:
        folder = copied(self.world, self.here)
        ended = forked(partial(typed, folder, command, arm))
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        now = state(folder)
        self.done[fault] += 1
        told = f"ilk {command}, {what} ({ended.code}): "
        if half := halves(self.old, self.new, now):
            self.wrong.append(f"{told}neither old nor new: {half}\n{ended.said[-500:]}")
        for problem in problems(kind, fault, ended, folder, now == self.new):
            self.wrong.append(f"{told}{problem}\n{ended.said[-1500:]}")
        again = forked(partial(typed, folder, command))
        if now != self.new and (again.code or state(folder) != self.new):
            left = changed(self.new, state(folder))
            self.wrong.append(f"{told}the same again does not mend it: {left}\n{again.said[-500:]}")


def problems(kind: str, fault: str, ended: Ended, folder: Path, done: bool) -> Iterator[str]:
    if fault == "kill":
        return
    if ended.code < 0 or "Traceback" in ended.said:
        yield "no message"
    elif ended.code and "error: " not in ended.said:
        yield "an unclear message"
    if not ended.code and not done:
        yield "said that it was done"
    if fault == "clock" or (kind == "nothing" and fault in ("read-only", "lockless")):
        if ended.code:
            yield "should have gone well"
    elif fault == "read-only" and kind != "nothing" and not ended.code and not done:
        yield "nothing was said"
    if fault == "lockless" and ended.code and "lock" not in ended.said:
        yield "says nothing of locks"
    left = [str(p.relative_to(folder)) for p in folder.rglob("*") if litter(p.relative_to(folder))]
    if fault in ("full", "cramped") and left:
        yield f"left {left}"


def noted(marks: Path) -> None:
    def then(n: int, event: str, path: str) -> None:
        with marks.open("a") as f:  # outside the folder: not seen itself
            f.write(f"{event} {path}\n")

    changes(then)


def changed(old: State, new: State) -> list[str]:
    return [k for k in old | new if old.get(k) != new.get(k)][:5]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verbs", default=",".join(VERBS))
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--each", type=int)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    verbs = asked.verbs.split(",")
    load()
    with tempfile.TemporaryDirectory() as name:
        trials = Trials(Path(name), random.Random(asked.seed), asked.each)
        trials.make(verbs)
        for verb in verbs:
            trials.run(verb, asked.faults.split(","))
    for line in trials.wrong:
        print("WRONG:", line)
    told = ", ".join(f"{n} {fault}" for fault, n in trials.done.items())
    print(f"{len(verbs)} verbs, {sum(trials.done.values())} faults ({told}): {len(trials.wrong)} wrong")
    sys.exit(bool(trials.wrong))


if __name__ == "__main__":
    main()

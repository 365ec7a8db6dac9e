"""One space, asked and changed for a long time by many at once: is it as quick and as small at the end?

    python -m tests.soak [--minutes 60] [--rows 20000] [--share 0.08]

A writer adds, replaces and deletes, and compacts once a minute; two searchers follow it; `ilk look` serves
the space to a visitor. Told of each process, by quarters of the run: memory of its own, open files, threads,
and the time its calls take. The first quarter warms up; the last is flat where it is about as the second.
Where the machine has become slower (a fixed sum is timed beside), so may calls.
It fails where something grew, where a searcher sees what should not be there, and where, at the end, a row
is not as the writer was told it is. `--share`: how much of a core each of the four takes at most. Memory and
files are read from /proc: Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ilk.encoders.pixels import Pixels
from ilk.errors import SpaceBusy
from ilk.space import Space

D, QUARTERS, BATCH = 64, 4, 500
READING = {"reader": "images", "size": 8, "channels": 1}
MACHINE = "the machine itself, ms"
PARTS = ("write", "search", "search 2", "visit")


def vector(i: int, turn: int) -> np.ndarray:  # (D,): what row i holds after so many replacements
    return np.random.default_rng([i, turn]).standard_normal(D).astype(np.float32)


def ids(some: range) -> list[str]:
    return [f"row-{i}" for i in some]


def leaving(some: range, turn: int) -> list[str]:
    """Those whose number ends in 7 go away in every second turn."""
    return ids(some)[7::10] if turn % 2 else []


# What the processes do: they yield what a call was


def write(path: Path, rows: int) -> Iterator[str]:
    space, turn, compacted = Space.open(path), 0, time.monotonic()
    while True:
        turn += 1
        for start in range(0, rows, BATCH):
            some = range(start, start + BATCH)
            vectors = np.stack([vector(i, turn) for i in some])
            yield ""
            yield from patiently(partial(space.upsert_vectors, ids(some), vectors))
            yield f"upsert {BATCH}"
            if leaving(some, turn):
                yield from patiently(partial(space.delete, leaving(some, turn)))
                yield f"delete {BATCH // 10}"
            asked = np.random.default_rng([turn, start]).integers(BATCH)
            found = space.search(vectors[asked], 1).ids[0, 0]
            gone = ids(some)[asked] in leaving(some, turn)
            assert gone or found == ids(some)[asked], f"{ids(some)[asked]} of turn {turn} is lost"
            print(json.dumps({"turn": turn, "start": start}), flush=True)
            if time.monotonic() - compacted > 60:
                yield ""
                yield from patiently(space.compact)
                compacted = time.monotonic()
                yield "compact"


def patiently(call: Callable[[], object]) -> Iterator[str]:
    """The lock is not waited for: whoever finds another writing tries again (the page keeps its map)."""
    while True:
        try:
            call()
            return
        except SpaceBusy:
            yield "told to try again"
            time.sleep(0.05)


def search(path: Path, rows: int) -> Iterator[str]:
    space, rng = Space.open(path), np.random.default_rng(os.getpid())
    while True:
        space.refresh()
        yield "refresh"
        for _ in range(20):
            found = space.search(rng.standard_normal((1, D)).astype(np.float32), 10)
            assert len(set(found.ids[0])) == 10
            assert (np.diff(found.distances) >= 0).all()
            yield "search"


def visit(path: Path, rows: int) -> Iterator[str]:
    """A server of `ilk look`, and who looks: the process that is measured is the server's."""
    command = [sys.executable, "-m", "ilk", "look", str(path), "--port", "0", "--no-open"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        link = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
        home, _, token = link.partition("?token=")
        print(json.dumps({"pid": server.pid}), flush=True)
        rng = np.random.default_rng(0)
        while True:
            row = int(rng.integers(rows // 2))
            for at in (f"rows/{row}", f"rows/{row}/neighbours?k=10", "space"):
                asked = urllib.request.Request(
                    f"{home}api/{at}", headers={"authorization": f"Bearer {token}"}
                )
                yield ""
                urllib.request.urlopen(asked, timeout=60).read()
                yield "page: " + at.replace(str(row), "N").partition("?")[0]
    finally:
        server.terminate()
        server.wait()


def part(name: str, path: Path, rows: int, share: float) -> None:
    """One process: a line for each call, what it was and how long it took."""
    if name != "visit":
        print(json.dumps({"pid": os.getpid()}), flush=True)
    working: Callable[[Path, int], Iterator[str]] = {"write": write, "search": search, "visit": visit}[name]
    began, rested = time.perf_counter(), time.perf_counter()
    for what in working(path, rows):
        now = time.perf_counter()
        if what:
            print(json.dumps({"call": what, "seconds": now - began}), flush=True)
        if what != "search":  # twenty of them stand together
            time.sleep(max(0.02, (now - rested) * (1 / share - 1)))
            rested = time.perf_counter()
        began = time.perf_counter()


# The process that watches them


def main() -> None:
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=how)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--share", type=float, default=0.08)
    parser.add_argument("--part", nargs=2)
    asked = parser.parse_args()
    if not Path("/proc/self/status").exists():
        sys.exit("The memory and the files of a process are read from /proc, which only Linux has.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # whoever has children ends them
    if asked.part:
        part(asked.part[0], Path(asked.part[1]), asked.rows, asked.share)
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "soak.space"
        space = Space.create(path, Pixels(1, 8), reading=READING)
        for start in range(0, asked.rows, 5000):
            some = range(start, min(start + 5000, asked.rows))
            space.upsert_vectors(ids(some), np.stack([vector(i, 0) for i in some]))
        space.index("ivf")
        del space
        wrong = watched(path, asked)
        wrong += lost(path, asked.rows)
    for line in wrong:
        print("WRONG:", line)
    print(f"{asked.minutes:g} minutes, {asked.rows:,} rows:", "not flat" if wrong else "flat, no row lost")
    sys.exit(len(wrong))


def watched(path: Path, asked: argparse.Namespace) -> list[str]:
    """Runs them side by side, and tells; what is wrong."""
    command = [sys.executable, "-m", "tests.soak", "--rows", str(asked.rows), "--share", str(asked.share)]
    running = {}
    for name in PARTS:
        with (path.parent / f"{name}.jsonl").open("w") as out:
            running[name] = subprocess.Popen([*command, "--part", name.split()[0], str(path)], stdout=out)
    seen: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in range(QUARTERS)])
    try:
        wrong = followed(path, asked.minutes, running, seen)
    finally:
        for child in running.values():
            child.terminate()  # wherever it stands
        for child in running.values():
            child.wait()
    slow = seen.pop(MACHINE)
    for p in (50, 95):
        tell(f"{MACHINE} (p{p})", [float(np.percentile(q, p)) for q in slow if q], grows=np.inf, slack=0)
    for what, quarters in seen.items():
        slack = 30 if "MB" in what else 4
        wrong += tell(what, [float(np.median(q)) for q in quarters if q], grows=1.1, slack=slack)
    return wrong + [line for name in PARTS for line in latencies(name, path.parent / f"{name}.jsonl", slow)]


def yardstick() -> float:
    """Milliseconds of what always takes the same: how busy the machine is with other things."""
    began = time.perf_counter()
    sum(range(300_000))
    return 1000 * (time.perf_counter() - began)


def followed(
    path: Path,
    minutes: float,
    running: dict[str, subprocess.Popen[bytes]],
    seen: dict[str, list[list[float]]],
) -> list[str]:
    """Measures them until the time is up, or one has ended, which is wrong."""
    began = time.monotonic()
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        time.sleep(2)
        quarter = min(QUARTERS - 1, int(share * QUARTERS))
        for name in running:
            for what, size in measured(path.parent / f"{name}.jsonl").items():
                seen[f"{name}: {what}"][quarter].append(size)
        seen[MACHINE][quarter].append(yardstick())
        seen["on disk, MB"][quarter].append(sum(bytes_of(f) for f in path.rglob("*")) / 1e6)
        if any(child.poll() is not None for child in running.values()):
            break
    return [f"{name} ended early" for name, child in running.items() if child.poll() is not None]


def measured(said: Path) -> dict[str, float]:
    """Of the process that wrote its number there: memory of its own, open files, threads."""
    with said.open() as f:
        first = f.readline()
    try:
        process = Path("/proc") / str(json.loads(first or "{}").get("pid", "none"))
        told = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        held = int(told["RssAnon"].split()[0]) / 1e3
        return {
            "memory, MB": held,
            "open files": len(os.listdir(process / "fd")),
            "threads": int(told["Threads"]),
        }
    except OSError:  # not yet, or no longer
        return {}


def bytes_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # put away meanwhile
        return 0


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def latencies(name: str, path: Path, slow: list[list[float]]) -> list[str]:
    """`slow`: how long the machine took for always the same, by quarters."""
    calls, wrong = defaultdict(list), []
    for told in lines(path):
        if "call" in told:
            calls[told["call"]].append(1000 * told["seconds"])
    for call, took in calls.items():
        quarters = [q for q in np.array_split(np.array(took), QUARTERS) if len(q)]
        print(f"{name}: {call}, {len(took):,} times")
        for p, grows in ((50, 1.5), (95, 2.0), (99, np.inf)):  # the last hundredth is the machine's
            medians = [float(np.percentile(q, p)) for q in quarters]
            slower = max(1.0, np.percentile(slow[-1], p) / np.percentile(slow[1], p)) if all(slow) else 1.0
            wrong += tell(f"    p{p}, ms", medians, grows=slower * grows, slack=2, of=f"{name}: {call}, ")
    return wrong


def tell(what: str, quarters: list[float], *, grows: float, slack: float, of: str = "") -> list[str]:
    """Of the quarters; the last is held against the second, as the first warms up."""
    print(f"{what:38}", *(f"{x:9.1f}" for x in quarters), flush=True)
    if len(quarters) == QUARTERS and quarters[-1] > grows * quarters[1] + slack:
        return [f"{of}{what.strip()} grew from {quarters[1]:.1f} to {quarters[-1]:.1f}"]
    return []


def lost(path: Path, rows: int) -> list[str]:
    """Every row is as the last batch that was told left it; the one after that may have come in part."""
    done = [line for line in lines(path.parent / "write.jsonl") if "turn" in line]
    turns = dict.fromkeys(range(0, rows, BATCH), 0) | {line["start"]: line["turn"] for line in done}
    last = turns[0], sum(turn == turns[0] for turn in turns.values()) * BATCH  # where the writer was
    open_ = last[1] if last[1] < rows else 0
    space = Space.open(path)
    held = dict(zip(space.ids(), space.vectors()))
    wrong = []
    for start in sorted(turns.keys() - {open_}):
        some = range(start, start + BATCH)
        away = set(leaving(some, turns[start]))
        for i, name in zip(some, ids(some)):
            same = name in held and np.array_equal(held[name], vector(i, turns[start]))
            if same == (name in away):
                wrong.append(f"{name} is not as turn {turns[start]} left it")
    print(f"{len(held):,} rows at the end, {len(wrong)} not as they should be; turn {turns[0]}")
    return wrong[:5]


if __name__ == "__main__":
    main()

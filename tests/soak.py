"""One space, asked and changed for a long time by many at once: is it as quick and as small at the end?

    python -m tests.soak [--minutes 60] [--rows 20000]

A writer adds, replaces and deletes, and compacts once a minute; two searchers follow it; `ilk look` serves
the space to a visitor. Of each process: memory, open files and the time its calls take, in every tenth of the
run. It fails where a writer loses a row, a searcher sees one that should not be there, or something grows.
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
from pathlib import Path

import numpy as np

from ilk.encoders.pixels import Pixels
from ilk.space import Space

D, TENTHS, BATCH = 64, 10, 500
READING = {"reader": "images", "size": 8, "channels": 1}


def vector(i: int, turn: int) -> np.ndarray:  # (D,): what row i holds after so many replacements
    return np.random.default_rng([i, turn]).standard_normal(D).astype(np.float32)


def write(path: Path, rows: int) -> Iterator[str]:
    """Rows by tens of replacements; those whose number ends in 7 go away in every second turn."""
    space, turn, compacted = Space.open(path), 0, time.monotonic()
    while True:
        turn += 1
        for start in range(0, rows, BATCH):
            some = range(start, start + BATCH)
            space.upsert_vectors([f"row-{i}" for i in some], np.stack([vector(i, turn) for i in some]))
            yield "upsert 500"
            if turn % 2:
                space.delete([f"row-{i}" for i in some if i % 10 == 7])
                yield "delete 50"
            asked = np.random.default_rng(turn).integers(start, start + BATCH)
            gone = turn % 2 and asked % 10 == 7
            found = space.search(vector(int(asked), turn), 1)
            assert gone or found.ids[0, 0] == f"row-{asked}", f"row-{asked} of turn {turn} is lost"
            if time.monotonic() - compacted > 60:
                space.compact()
                compacted = time.monotonic()
                yield "compact"


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
    server = subprocess.Popen(
        [sys.executable, "-m", "ilk", "look", str(path), "--port", "0", "--no-open"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server.stdout is not None
        link = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
        home, _, token = link.partition("?token=")
        print(json.dumps({"pid": server.pid}), flush=True)
        rng = np.random.default_rng(0)
        while True:
            row = int(rng.integers(rows // 2))
            for at in (f"api/rows/{row}", f"api/rows/{row}/neighbours?k=10", "api/space"):
                asked = urllib.request.Request(home + at, headers={"authorization": f"Bearer {token}"})
                urllib.request.urlopen(asked, timeout=60).read()
                yield f"look {at.rpartition('/')[2].partition('?')[0] if 'neigh' in at else at[4:8]}"
            time.sleep(0.05)  # as a person, not as a flood
    finally:
        server.terminate()


PARTS: dict[str, Callable[[Path, int], Iterator[str]]] = {"write": write, "search": search, "visit": visit}


def part(name: str, path: Path, rows: int) -> None:
    """One process: a line for each call, what it was and how long it took."""
    print(json.dumps({"pid": os.getpid()}), flush=True)
    began = time.perf_counter()
    for what in PARTS[name](path, rows):
        now = time.perf_counter()
        print(json.dumps({"call": what, "seconds": now - began}), flush=True)
        began = time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--part", nargs=2)
    asked = parser.parse_args()
    if asked.part:
        part(asked.part[0], Path(asked.part[1]), asked.rows)
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "soak.space"
        space = Space.create(path, Pixels(1, 8), reading=READING)
        for start in range(0, asked.rows, 5000):
            some = range(start, min(start + 5000, asked.rows))
            space.upsert_vectors([f"row-{i}" for i in some], np.stack([vector(i, 0) for i in some]))
        space.index("ivf")
        del space
        sys.exit(watched(path, asked.minutes, asked.rows))


def watched(path: Path, minutes: float, rows: int) -> int:
    """Runs them side by side, and tells. The number of things that are wrong."""
    folder = path.parent
    began, running = time.time(), {}
    for name in ("write", "search", "search 2", "visit"):
        out = (folder / f"{name}.jsonl").open("w")
        command = [
            sys.executable,
            "-m",
            "tests.soak",
            "--rows",
            str(rows),
            "--part",
            name.split()[0],
            str(path),
        ]
        running[name] = subprocess.Popen(command, stdout=out, stderr=sys.stderr)
    sizes: dict[str, list[list[tuple[float, int]]]] = {n: [[] for _ in range(TENTHS)] for n in running}
    disk: list[list[float]] = [[] for _ in range(TENTHS)]
    while (share := (time.time() - began) / (60 * minutes)) < 1:
        time.sleep(1)
        tenth = min(TENTHS - 1, int(share * TENTHS))
        for name in running:
            pids = [told["pid"] for told in lines(folder / f"{name}.jsonl") if "pid" in told][-1:]
            sizes[name][tenth] += [measured(pid) for pid in pids]
        disk[tenth].append(sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) / 1e6)
        if any(child.poll() is not None for child in running.values()):
            break
    wrong = [f"{name} ended early" for name, child in running.items() if child.poll() is not None]
    for child in running.values():
        child.send_signal(signal.SIGTERM)
    for child in running.values():
        child.wait()
    tell("on disk, MB", [float(np.median(d)) for d in disk if d])
    for name, tenths in sizes.items():
        memory, handles = ([float(np.median([s[i] for s in t])) for t in tenths if t] for i in (0, 1))
        wrong += tell(f"{name}: memory, MB", memory, grows=1.25, slack=60)
        wrong += tell(f"{name}: open files", handles, grows=1.2, slack=8)
        wrong += latencies(name, folder / f"{name}.jsonl")
    for line in wrong:
        print("WRONG:", line)
    return len(wrong)


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def measured(pid: int) -> tuple[float, int]:
    """Resident MB, open files."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        return resident, len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0.0, 0


def latencies(name: str, path: Path) -> list[str]:
    calls, wrong = defaultdict(list), []
    for told in lines(path):
        if "call" in told:
            calls[str(told["call"])].append(1000 * told["seconds"])
    for call, took in calls.items():
        parts = [p for p in np.array_split(np.array(took), TENTHS) if len(p)]
        p50, p95, p99 = np.percentile(took, (50, 95, 99))
        print(f"{name}: {call}: {len(took):,} calls, p50 {p50:.2f} ms, p95 {p95:.2f}, p99 {p99:.2f}")
        wrong += tell(
            f"{name}: {call}, median ms", [float(np.median(p)) for p in parts], grows=1.5, slack=p95
        )
    return wrong


def tell(what: str, tenths: list[float], *, grows: float = np.inf, slack: float = 0.0) -> list[str]:
    """The second tenth (the first warms up) beside the last."""
    print(f"{what:38}", *(f"{x:9.1f}" for x in tenths), flush=True)
    if len(tenths) > 2 and tenths[-1] > grows * tenths[1] + slack:
        return [f"{what} grew from {tenths[1]:.1f} to {tenths[-1]:.1f}"]
    return []


if __name__ == "__main__":
    main()

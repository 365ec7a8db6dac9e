"""How soon the command line answers, and `import ilk` is there; against Python's own start.

    python benchmarks/startup.py

Median wall seconds of 15 processes each, taken in turns, so that a busy moment falls on all alike. The
limits: 0.5 s for help, 0.2 s for the import beyond Python's own start.
"""

import subprocess
import sys
import time
from statistics import median

ROUNDS = 15
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import ilk": ["-c", "import ilk"],
    "ilk --version": ["-m", "ilk", "--version"],
    "ilk --help": ["-m", "ilk", "--help"],
    "ilk learn --help": ["-m", "ilk", "learn", "--help"],
    "ilk serch (wrong)": ["-m", "ilk", "serch"],
}


def seconds(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], capture_output=True, check=False)
    return time.perf_counter() - began


def main() -> None:
    for words in COMMANDS.values():
        seconds(words)  # files into memory
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, words in COMMANDS.items():
            times[name].append(seconds(words))
    bare = median(times["python -c pass"])
    for name, each in times.items():
        print(f"{name:<18} {median(each):6.3f} s   {median(each) / bare:4.1f} x python")
    limits = {"ilk --help": 0.5, "import ilk": 0.2 + bare}
    for name, limit in limits.items():
        verdict = "within" if median(times[name]) < limit else "OVER"
        print(f"{name}: {verdict} the limit of {limit:.3f} s")


if __name__ == "__main__":
    main()

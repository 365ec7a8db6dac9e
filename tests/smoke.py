"""A wheel, installed into a clean environment, through every stage as a user would.

python -m tests.smoke dist
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

DATA = """
from pathlib import Path
from PIL import Image
from sklearn.datasets import load_digits
data, folder = load_digits(), Path("digits")
folder.mkdir()
for i in range(200):
    Image.fromarray((data.images[i] * 15).astype("uint8")).save(folder / f"{i:03}.png")
Path("notes.txt").write_text("the ring is bright\\na bright ring\\nthe jet is long\\na long jet\\n" * 10)
"""
STEPS = [
    "learn digits",
    "learn digits --objective simclr --steps 5 --width 4 --out network",
    "learn digits --objective vae --steps 5 --width 4 --out made",
    "learn notes.txt --objective sif --dim 4",
    "objectives",
    "search digits.space 003.png",
    "index digits.space --kind ivf",
    "clusters digits.space",
    "anomalies digits.space",
    "duplicates digits.space",
    "map digits.space --to map.png",
    "add digits.space digits/007.png",
    "delete digits.space 008.png",
    "compact digits.space",
    "info digits.space",
    "export digits.space all.parquet",
    "generate made.run -n 4 --out made.png",
    "align digits.space network.space",
    "report digits.space --to digits.html",
    "reproduce network.run",
]


USER = """
import ilk

space: ilk.Space = ilk.learn("digits")
ids: list[str] = space.ids()
ilk.map(space, "m.png")
"""


def main() -> None:
    wheel = next(Path(sys.argv[1]).resolve().glob("*.whl"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        venv.create(folder / "env", with_pip=True)
        bin_ = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        install(bin_, str(wheel))
        run([str(bin_ / "python"), "-c", DATA], folder)
        for step in STEPS:
            began = time.monotonic()
            said = run([str(bin_ / "ilk"), *step.split(), "--json"], folder)
            json.loads(said.splitlines()[-1])
            print(f"{time.monotonic() - began:5.1f} s  ilk {step}", flush=True)
        install(bin_, f"{wheel}[look]", "mypy")
        looked_at(bin_, folder)
        typed(bin_, folder)


def install(bin_: Path, *what: str) -> None:
    began = time.monotonic()
    run([str(bin_ / "python"), "-m", "pip", "install", "--quiet", *what], bin_)
    print(
        f"{time.monotonic() - began:5.1f} s  pip install {' '.join(Path(w).name for w in what)}", flush=True
    )


def looked_at(bin_: Path, folder: Path) -> None:
    """The page comes, and the space behind it."""
    command = [str(bin_ / "ilk"), "look", "digits.space", "--port", "0", "--no-open"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            link = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
            home, _, token = link.partition("?token=")
            for at, expected in (("", b"<html"), ("api/space", b"199")):
                asked = urllib.request.Request(home + at, headers={"authorization": f"Bearer {token}"})
                if expected not in (found := urllib.request.urlopen(asked, timeout=60).read()):
                    sys.exit(f"{home}{at} says {found[:300]!r}")
        finally:
            server.terminate()
    print("ilk look: the page and its space")


def typed(bin_: Path, folder: Path) -> None:
    """A user's file passes a strict type checker: the types come with the package."""
    (folder / "mine.py").write_text(USER)
    run([str(bin_ / "python"), "-m", "mypy", "--strict", "mine.py"], folder)
    print("mypy --strict on a user's file")


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()

"""A wheel, installed into a clean environment, through every stage as a user would.

python -m tests.smoke dist
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

DIGITS = """
from pathlib import Path
from PIL import Image
from sklearn.datasets import load_digits
data, folder = load_digits(), Path("digits")
folder.mkdir()
for i in range(200):
    Image.fromarray((data.images[i] * 15).astype("uint8")).save(folder / f"{i:03}.png")
"""
STEPS = [
    "learn digits",
    "learn digits --objective simclr --steps 5 --width 4 --out network",
    "search digits.space 003.png",
    "index digits.space --kind ivf",
    "clusters digits.space",
    "anomalies digits.space",
    "map digits.space --out map.png",
    "add digits.space digits/007.png",
    "delete digits.space 008.png",
    "info digits.space",
    "export digits.space all.parquet",
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
        run([str(bin_ / "python"), "-m", "pip", "install", "--quiet", str(wheel)], folder)
        run([str(bin_ / "python"), "-c", DIGITS], folder)
        for step in STEPS:
            said = run([str(bin_ / "ilk"), *step.split(), "--json"], folder)
            json.loads(said.splitlines()[-1])
            print(f"ilk {step}", flush=True)
        typed(bin_, folder)


def typed(bin_: Path, folder: Path) -> None:
    """A user's file passes a strict type checker: the types come with the package."""
    run([str(bin_ / "python"), "-m", "pip", "install", "--quiet", "mypy"], folder)
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

"""Runs the notebooks of examples/ cell by cell, as Jupyter does, and keeps what they show.

    python -m tests.examples [NAME ...]

Each runs in an empty folder. Pictures become small PNGs, so that a notebook stays light to carry.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import Any

from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from PIL import Image
from traitlets.config import Config

FOLDER = Path(__file__).parents[1] / "examples"
SIDE, COLOURS = 900, 64  # of a picture that is kept


def run(notebook: dict[str, Any], folder: Path) -> None:
    """Fills in the outputs of every cell; the first that fails stops it, with its error."""
    quiet = Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"xmode": "Plain"}})
    shell = InteractiveShell.instance(config=quiet)
    shell.display_formatter.active_types = shell.display_formatter.format_types  # as a notebook's page takes
    n = 0
    try:
        with chdir(folder):
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    n += 1
                    last: list[dict[str, Any]] = []
                    shell.display_trap.hook = CapturingDisplayHook(shell=shell, outputs=last)
                    with capture_output() as shown:
                        done = shell.run_cell("".join(cell["source"]))
                    done.raise_error()
                    cell["execution_count"] = n
                    displayed = [rich.data for rich in shown.outputs] + [value["data"] for value in last]
                    cell["outputs"] = outputs(shown.stdout, displayed)
    finally:
        InteractiveShell.clear_instance()


def outputs(printed: str, displayed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As nbformat 4 writes them: what was printed, then what was shown."""
    found: list[dict[str, Any]] = []
    if printed:
        lines = printed.splitlines(keepends=True)
        found.append({"name": "stdout", "output_type": "stream", "text": lines})
    for every in displayed:
        data = {kind: value for kind, value in every.items() if kind in ("text/html", "image/png")}
        if "image/png" in data:
            data = {"image/png": small(data["image/png"])}
        data = data or {"text/plain": every["text/plain"]}
        found.append({"data": data, "metadata": {}, "output_type": "display_data"})
    return found


def small(png: str | bytes) -> str:
    raw = base64.b64decode(png) if isinstance(png, str) else png
    picture = Image.open(io.BytesIO(raw)).convert("RGB")
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    picture.quantize(COLOURS).save(out, "png", optimize=True)
    return base64.b64encode(out.getvalue()).decode() + "\n"


def main() -> None:
    for path in sorted(FOLDER.glob("*.ipynb")):
        if path.stem not in (sys.argv[1:] or [path.stem]):
            continue
        notebook = json.loads(path.read_text())
        with tempfile.TemporaryDirectory() as name:
            run(notebook, Path(name))
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

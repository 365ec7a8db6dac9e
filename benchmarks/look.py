"""The map of `ilk look` beside regl-scatterplot 1.16, on the same points in the same browser.

    make web && python benchmarks/look.py [rounds, 3]

Headless Chromium that draws in software, a map of 1000 x 800; ilk's page with all its panels on its own
server, the peer alone on a page. A fresh browser for each figure, the two in turn. Ends with 1 if a limit
does not hold. A few minutes; needs Node, Chromium and, for the peer, the npm registry.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import numpy as np
import pyarrow as pa
from playwright.sync_api import Page, sync_playwright

from ilk.encoders.pixels import Pixels
from ilk.space import Space

HERE = Path(__file__).parent
PEER = "1.16.0"
PATIENCE = 90  # s
FRAMES = 24  # a figure, after 4 to warm up
# Each way: points are on the picture, all of them are, a step that moves the map and waits for its picture.
OURS = {
    "painted": "globalThis.ilk && ilk.painted()",
    "whole": "globalThis.ilk && ilk.settled()",
    "ready": """const canvas = document.querySelector(".map canvas"); canvas.setPointerCapture = () => {};
        const gl = canvas.getContext("webgl2"); let [x, y] = [700, 400];
        const send = (kind) => canvas.dispatchEvent(
          new PointerEvent(kind, { pointerId: 1, button: 0, clientX: x, clientY: y, bubbles: true }));
        send("pointerdown"); x += 9; send("pointermove");
        const pan = () => { x += steps++ % 2 ? 5 : -5; y += 1.6; send("pointermove"); };""",
}
THEIRS = {
    "painted": "globalThis.peer?.painted()",
    "whole": "globalThis.peer?.painted()",
    "ready": "const { gl, pan } = peer;",
}


@dataclass
class Figures:
    painted: float  # ms from the start of loading
    whole: float
    pan: float  # ms a frame
    memory: float  # MB of all of the browser's processes


def synthetic(path: Path, n: int, groups: int = 12, seed: int = 0) -> None:
    """A space of Gaussian groups whose map is known, so that it need not be laid out."""
    rng = np.random.default_rng(seed)
    at = rng.integers(0, groups, n)
    spread = rng.uniform(0.5, 1.8, groups)[at, None]
    xy = (rng.normal(size=(groups, 2))[at] * 6 + rng.normal(size=(n, 2)) * spread).astype(np.float32)
    ids = [f"s{i:07d}" for i in range(n)]
    vectors = np.concatenate([xy, np.ones((n, 2), np.float32)], 1)
    space = Space.create(path, Pixels(1, 2), reading={"reader": "images", "size": 2}, metric="l2")
    space.upsert_vectors(ids, vectors)
    marks = pa.array(np.zeros(n, np.int64))
    space.write_layer(
        "map", pa.table({"id": ids, "x": xy[:, 0], "y": xy[:, 1], "mark": marks}), {"by": "map"}
    )
    space.write_layer("cluster", pa.table({"id": ids, "cluster": at}), {"by": "clusters"})


@contextmanager
def looking(space: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "ilk", "look", str(space), "--port", "0", "--no-open", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            told += server.stdout.readline()
        url = str(json.loads(told)["url"])
        urlopen(f"{url}api/clusters").read()  # the server has read the space: that is not what is measured
        try:
            yield url
        finally:
            server.terminate()


@contextmanager
def peer(folder: Path) -> Iterator[str]:
    """The peer's page, built as ours is, on a server of plain files."""
    web = HERE.parent / "web"
    shutil.copy(HERE / "look_peer.js", folder / "peer.js")
    script = '<canvas width="1000" height="800"></canvas><script type="module" src="./peer.js"></script>'
    (folder / "index.html").write_text(f"<!doctype html><style>body {{ margin: 0 }}</style>{script}")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    subprocess.run(["npm", "install", "--silent", f"regl-scatterplot@{PEER}"], cwd=folder, check=True)
    build = [str(web / "node_modules/.bin/vite"), "build", "--logLevel", "error", "--base", "./"]
    subprocess.run([*build, "--target", "es2022"], cwd=folder, check=True)
    for points in folder.glob("*.bin"):
        points.rename(folder / "dist" / points.name)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder / "dist")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


def until(page: Page, what: str) -> float:
    """ms since the page began to load, with all that was drawn really there."""
    began = time.monotonic()
    while not page.evaluate(f"() => !!({what})"):
        time.sleep(0.01)
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(f"{page.url}: never true: {what}")
    return float(page.evaluate("() => performance.now()"))


def measure(url: str, way: dict[str, str]) -> Figures:
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or "chromium"
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1616, "height": 874})  # which leaves our map 1000 x 800
        page.goto(url, wait_until="commit")
        painted, whole = until(page, way["painted"]), until(page, way["whole"])
        page.wait_for_timeout(1500)
        pan = page.evaluate(
            f"""async () => {{
              let steps = 0; {way["ready"]}
              const pixel = new Uint8Array(4);
              let began = 0;
              for (let i = 0; i < {FRAMES + 4}; i++) {{
                if (i === 4) began = performance.now();
                pan();
                await new Promise((done) => requestAnimationFrame(done));
                await new Promise((done) => setTimeout(done)); // after whatever that frame drew
                gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel); // waits for it
              }}
              return (performance.now() - began) / {FRAMES};
            }}"""
        )
        page.wait_for_timeout(1500)
        found = Figures(painted, whole, float(pan), memory(os.getpid()))
        browser.close()
    return found


def memory(parent: int) -> float:
    """MB of the browser that this process started; what its processes share is counted once."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if "chrom" in (process / "comm").read_text() and descends(int(process.name), parent):
                rollup = (process / "smaps_rollup").read_text()
                total += int(rollup.partition("\nPss:")[2].split()[0])
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total / 1024


def descends(process: int, ancestor: int) -> bool:
    while process > 1:
        if process == ancestor:
            return True
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def main(rounds: int) -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sizes = (100_000, 1_000_000)
        for n in sizes:
            synthetic(folder / f"{n}.space", n)
            with looking(folder / f"{n}.space") as url:
                (folder / f"points-{n}.bin").write_bytes(urlopen(f"{url}api/points.bin").read())
        with peer(folder) as other:
            for n in sizes:
                with looking(folder / f"{n}.space") as url:
                    pairs = [(measure(url, OURS), measure(f"{other}?n={n}", THEIRS)) for _ in range(rounds)]
                missed += told(n, pairs)
    return 1 if missed else 0


def told(n: int, pairs: list[tuple[Figures, Figures]]) -> int:
    """Prints the medians, and counts the limits that do not hold."""
    many = n > 500_000
    limits = {"painted": 3.0 if many else 0.0, "whole": 0.0, "pan": 2.5 if many else 1.5, "memory": 1.0}
    missed = 0
    print(f"{n:,} points".ljust(28), f"{'ilk':>8} {'peer':>8} {'ratio':>6}  at least")
    for name, limit in limits.items():
        ours, theirs = (median(getattr(pair[side], name) for pair in pairs) for side in (0, 1))
        ratio = median(getattr(b, name) / getattr(a, name) for a, b in pairs)
        missed += ratio < limit
        what = f"  {name}, {'MB' if name == 'memory' else 'ms'}".ljust(28)
        print(what, f"{ours:8.0f} {theirs:8.0f} {ratio:6.1f}  {limit or '-'}{' MISSED' * (ratio < limit)}")
    return missed


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))

"""What is read, each beside a small real file of its kind.

A target's `make` writes the file (and what belongs to it) into a folder and returns the path that is
damaged; its `read` reads all of it.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile
from PIL import Image

import ilk
from ilk.encoders._words import exchange
from ilk.source import Source

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 12, 10, 3), np.uint8)  # (B, H, W, C)


@dataclass(frozen=True)
class Target:
    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


def _all(source: Source) -> None:
    for row in range(min(len(source), 50)):
        source.batch(np.array([row]))
        source.ids[row]


def _pictures(data: Any) -> None:
    _all(ilk.images(data, size=8))


def _written(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def _by_pillow(form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(out, form, **options)
    return out.getvalue()


def _picture(name: str, data: bytes) -> Target:
    """A damaged picture beside a whole one, which is read in any case."""

    def make(folder: Path) -> Path:
        Image.fromarray(PIXELS[1]).save(folder / "whole.png")
        return _written(f"hurt.{name}", data)(folder)

    def read(path: Path) -> None:
        found = ilk.images(path.parent, size=8)
        _all(found)
        assert "whole.png" in found.ids.to_pylist()

    return Target(name, make, read)


def _deep_png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(PIXELS[0, :, :, 0].astype(np.uint16) * 200).save(out, "PNG")
    return out.getvalue()


def _tiff() -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, PIXELS[..., 0].astype(np.float32), compression="zlib", photometric="minisblack")
    return out.getvalue()


def _fits(folder: Path) -> Path:
    from astropy.io import fits

    fits.writeto(folder / "sky.fits", PIXELS[..., 0].astype(np.float32))
    return folder / "sky.fits"


def _h5(folder: Path) -> Path:
    with h5py.File(folder / "stack.h5", "w") as f:
        f.create_dataset("images", data=PIXELS[..., 0], compression="gzip", chunks=(1, 12, 10))
    return folder / "stack.h5"


def _npy(folder: Path) -> Path:
    np.save(folder / "stack.npy", PIXELS[..., 0])
    return folder / "stack.npy"


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "stack.npz", images=PIXELS[..., 0], label=np.arange(3))
    return folder / "stack.npz"


def _shard(folder: Path) -> Path:
    with tarfile.open(folder / "shard.tar", "w") as tar:
        for i in range(3):
            for end, data in (("png", _by_pillow("PNG")), ("json", json.dumps({"n": i}).encode())):
                info = tarfile.TarInfo(f"{i}.{end}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return folder / "shard.tar"


def _table_of_pictures(folder: Path) -> Path:
    Image.fromarray(PIXELS[0]).save(folder / "a.png")
    table = pa.table({"path": ["a.png", "a.png"], "id": ["x", "y"], "mass": [1.5, None]})
    pq.write_table(table, folder / "table.parquet")
    return folder / "table.parquet"


TEXT = "The ring is bright.\nA jet, seen from the side; naïve counting fails.\n" * 5
ROWS = "\n".join(json.dumps({"text": t, "n": i}) for i, t in enumerate(TEXT.splitlines())) + "\n"
CSV = "id,text,n\n" + "\n".join(f'{i},"{t}",{i}' for i, t in enumerate(TEXT.splitlines())) + "\n"
GRAPHML = """<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="w" for="edge" attr.name="weight" attr.type="double"/><graph edgedefault="undirected">
<node id="a"/><node id="b"/><node id="c"/><edge source="a" target="b"><data key="w">0.5</data></edge>
<edge source="b" target="c"/></graph></graphml>"""


def _words(folder: Path) -> Path:
    """word2vec's own binary form."""
    vectors = np.arange(12, dtype="<f4").reshape(3, 4)
    body = b"".join(w.encode() + b" " + v.tobytes() + b"\n" for w, v in zip(("sun", "star", "ring"), vectors))
    return _written("words.bin", b"3 4\n" + body)(folder)


def _graph_npz(folder: Path) -> Path:
    np.savez(folder / "g.npz", edges=np.array([[0, 1], [1, 2], [2, 0]]), labels=np.array(["a", "b", "a"]))
    return folder / "g.npz"


def _graph(path: Path) -> None:
    graph = ilk.graphs(path)
    list(graph.ids)


def _text(path: Path) -> None:
    _all(ilk.text(path))


TARGETS = [
    _picture("png", _by_pillow("PNG")),
    _picture("deep.png", _deep_png()),
    _picture("jpg", _by_pillow("JPEG")),
    _picture("gif", _by_pillow("GIF")),
    _picture("bmp", _by_pillow("BMP")),
    _picture("webp", _by_pillow("WEBP")),
    _picture("tif", _tiff()),
    Target("fits", _fits, _pictures),
    Target("hdf5", _h5, _pictures),
    Target("npy", _npy, _pictures),
    Target("npz", _npz, _pictures),
    Target("shards", _shard, _pictures),
    Target("parquet", _table_of_pictures, _pictures),
    Target("txt", _written("a.txt", TEXT.encode()), _text),
    Target("txt.gz", _written("a.txt.gz", gzip.compress(TEXT.encode())), _text),
    Target("txt.xz", _written("a.txt.xz", lzma.compress(TEXT.encode())), _text),
    Target("jsonl", _written("a.jsonl", ROWS.encode()), _text),
    Target("csv", _written("a.csv", CSV.encode()), _text),
    Target("graphml", _written("g.graphml", GRAPHML.encode()), _graph),
    Target("graph.npz", _graph_npz, _graph),
    Target("edges.csv", _written("g.csv", b"source,target,weight\na,b,1\nb,c,0.5\nc,c,2\n"), _graph),
    Target("words.bin", _words, exchange.load),
]

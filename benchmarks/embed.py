"""A folder of JPEGs to vectors: what ilk takes beside the least that decoding and encoding take.

    OMP_NUM_THREADS=1 python -m benchmarks.embed [--pictures 512] [--encoder convnet] [--rounds 3]

By CPU-seconds, medians of rounds that take turns: decoding alone (Pillow, at the fraction that is enough, and
a resize), the encoder alone on arrays in memory, and `ilk.images` with `embed` on a folder never seen before.
Both share the same cores here, so the least is the sum; on a GPU it is the slower of the two. Then the
encoder alone in other ways: bfloat16, ONNX Runtime in float32 and int8, with the lowest cosine to float32.
Wanted: at least 0.9 of the limit; other ways where they are faster at a cosine of 0.999.
"""

import argparse
import statistics
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.limits import cpu_seconds as seconds
from benchmarks.limits import decoded, jpeg, machine
from ilk import console
from ilk.encoders import Encoder, build, embed
from ilk.encoders._export import export
from ilk.encoders.onnx import session
from ilk.source.images import Images, images

SIZE, BATCH = 64, 256


def alone(files: list[Path]) -> np.ndarray:
    """Decoded as simply as can be: (n, 3, 64, 64) uint8."""
    small = [Image.fromarray(decoded(f.read_bytes(), SIZE)).resize((SIZE, SIZE)) for f in files]
    return np.stack([np.moveaxis(np.asarray(p), -1, 0) for p in small])


def forward(encoder: Encoder, batches: list[torch.Tensor]) -> None:
    with torch.inference_mode():
        for batch in batches:
            encoder(batch)


def folder_to_vectors(encoder: Encoder, folder: Path, count: int, rounds: int) -> Images:
    files = [folder / f"{i:06d}.jpg" for i in range(count)]
    data = jpeg(256)
    for i, file in enumerate(files):  # a comment makes each file another one
        file.write_bytes(data[:2] + b"\xff\xfe\x00\x08%06d" % i + data[2:])
    source = images(folder, size=SIZE, cache=False)
    batches = [source.batch(np.arange(i, min(i + BATCH, count))) for i in range(0, count, BATCH)]
    found = []
    for _ in range(rounds):
        decode = seconds(lambda: alone(files))
        encode = seconds(lambda: forward(encoder, batches))
        both = seconds(lambda: embed(encoder, images(folder, size=SIZE, cache=False)))
        found.append((decode, encode, both))
    decode, encode, both = (count / statistics.median(f[i] for f in found) for i in range(3))
    limit = statistics.median((d + e) / b for d, e, b in found)
    print(
        f"pictures a CPU-second: decoded alone {decode:,.0f}, encoded alone {encode:,.0f}, "
        f"a folder to vectors {both:,.0f}: {limit:.2f} of the limit"
    )
    return source


def other_ways(encoder: Encoder, source: Images, rounds: int) -> None:
    whole = embed(encoder, source)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "float32": lambda: embed(encoder, source),
        "bfloat16": lambda: embed(encoder, source, precision="bfloat16"),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        export(encoder, path, channels=3, size=SIZE)
        ways["ONNX Runtime, float32"] = _by_onnx(path, source)
        ways["ONNX Runtime, int8"] = _by_onnx(_quantised(path, source), source)
        for way in ways.values():
            way()
        spent = [{name: seconds(way) for name, way in ways.items()} for _ in range(rounds)]
        for name, way in ways.items():
            ratio = statistics.median(s["float32"] / s[name] for s in spent)
            vectors = way()
            near = (whole * vectors).sum(1) / np.linalg.norm(whole, axis=1) / np.linalg.norm(vectors, axis=1)
            print(f"{name:24} {ratio:5.2f} times float32, lowest cosine {near.min():.5f}")


def _by_onnx(path: Path, source: Images) -> Callable[[], np.ndarray]:
    ready = session(path.read_bytes(), path.name)
    starts = range(0, len(source), BATCH)

    def run() -> np.ndarray:
        rows = [np.arange(at, min(at + BATCH, len(source))) for at in starts]
        return np.concatenate([ready.run(None, {"x": source.batch(r).numpy()})[0] for r in rows])

    return run


def _quantised(path: Path, source: Images) -> Path:
    """Static int8, its ranges taken from 128 pictures."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Some(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(np.array_split(np.arange(min(128, len(source))), 4))

        def get_next(self) -> dict[str, np.ndarray] | None:
            rows = next(self.left, None)
            return None if rows is None else {"x": source.batch(rows).numpy()}

    out = path.with_name("int8.onnx")
    quantize_static(path, out, Some(), per_channel=True)
    return out


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--pictures", type=int, default=512)
    options.add_argument("--encoder", default="convnet")
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    console.quiet = True
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoder = build(given.encoder, {"channels": 3, "size": SIZE}).eval()
    print(f"{machine()}; {given.encoder}, JPEGs of 256 pixels, seen at {SIZE}")
    with tempfile.TemporaryDirectory() as folder:
        source = folder_to_vectors(encoder, Path(folder), given.pictures, given.rounds)
        other_ways(encoder, source, given.rounds)


if __name__ == "__main__":
    main()

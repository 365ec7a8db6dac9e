"""What 10 billion rows take: bytes, machines and seconds, from rates measured here and now on one core.

    OMP_NUM_THREADS=1 python benchmarks/scale.py [--dim 128] [--code 32] [--share 0.005] [--memory 64]

Measured: storing rows in a space (batches of 10,000), assigning a vector to one of 40,000 centroids and
encoding it in `code` bytes, looking at codes, looking at whole vectors. All else is multiplication.
Assumed, and to be replaced by your own: a query looks at the `share` of each shard's codes (`ilk index` tells
what your vectors need for the recall you want), and a machine has `memory` GB for codes, and `cores`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np

from ilk.encoders.pixels import Pixels
from ilk.space import Space

ROWS, BATCH = 100_000, 10_000
SHARD = 10**8  # rows
CENTROIDS = 40_000  # of a shard: four times the square root of its rows
SIZES = {"1 million": 10**6, "100 million": 10**8, "10 billion": 10**10}


def rate(work: Callable[[], object], n: int, *, least: float = 1.0) -> float:
    """How many of n things a CPU-second does."""
    began, times = time.process_time(), 0
    while time.process_time() - began < least:
        work()
        times += 1
    return n * times / (time.process_time() - began)


def stored(vectors: np.ndarray) -> tuple[float, float]:
    """Rows a CPU-second, and bytes a row on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        space = Space.create(Path(folder) / "s.space", Pixels(vectors.shape[1], 1), reading={})
        began = time.process_time()
        for start in range(0, len(vectors), BATCH):
            ids = [f"row-{i:012d}" for i in range(start, start + BATCH)]
            space.upsert_vectors(ids, vectors[start : start + BATCH])
        seconds = time.process_time() - began
        return len(vectors) / seconds, space.compact().after / len(vectors)


def measured(dim: int, code: int) -> dict[str, float]:
    vectors = np.random.default_rng(0).standard_normal((ROWS, dim)).astype(np.float32)
    write, size = stored(vectors)
    centroids = np.random.default_rng(1).standard_normal((CENTROIDS, dim)).astype(np.float32)
    codes = faiss.IndexPQ(dim, code, 8)
    codes.train(vectors[:20_000])
    codes.add(vectors)
    return {
        "write": write,
        "size": size,
        "assign": rate(lambda: faiss.knn(vectors[:500], centroids, 1), 500),
        "encode": rate(lambda: codes.sa_encode(vectors[:5000]), 5000),
        "code": rate(lambda: codes.search(vectors[:1], 100), ROWS),
        "vector": rate(lambda: faiss.knn(vectors[:1], vectors, 100), ROWS),
    }


def told(rows: int, found: dict[str, float], given: argparse.Namespace) -> list[str]:
    shards = max(1, rows // SHARD)
    index = rows * (given.code + 8) + shards * CENTROIDS * given.dim * 4
    machines = int(np.ceil(index / (given.memory * 1e9)))
    looked = rows * given.share / found["code"] + shards * CENTROIDS / found["vector"]
    return [
        f"{shards:,}",
        size(rows * found["size"]),
        size(index),
        f"{machines:,}",
        hours(rows / found["write"]),
        hours(rows / found["assign"] + rows / found["encode"]),
        f"{looked:.3g}",
        f"{looked / machines / min(given.cores, np.ceil(shards / machines)):.2g}",
        f"{machines * given.cores / looked:,.0f}",
    ]


WHAT = [
    "shards",
    "rows on disk, without thumbnails",
    "index in memory",
    "machines for it",
    "CPU-hours to store",
    "CPU-hours to index",
    "CPU-seconds a query",
    "seconds a query",
    "queries a second, all machines",
]


def size(n: float) -> str:
    unit, name = next((u, name) for u, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")) if n >= u)
    return f"{n / unit:.3g} {name}"


def hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2g}" if seconds < 36_000 else f"{seconds / 3600:,.0f}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--dim", type=int, default=128)
    options.add_argument("--code", type=int, default=32, help="bytes of a vector's code")
    options.add_argument("--share", type=float, default=0.005, help="of the codes that a query looks at")
    options.add_argument("--memory", type=float, default=64, help="GB for codes on a machine")
    options.add_argument("--cores", type=int, default=16, help="of a machine")
    given = options.parse_args()
    faiss.omp_set_num_threads(1)
    found = measured(given.dim, given.code)
    print(
        f"a CPU-second stores {found['write']:,.0f} rows, assigns {found['assign']:,.0f} vectors and encodes "
        f"{found['encode']:,.0f}, looks at {found['code'] / 1e6:.3g} million codes or "
        f"{found['vector'] / 1e6:.3g} million vectors\n"
    )
    columns = [told(rows, found, given) for rows in SIZES.values()]
    print("| | " + " | ".join(SIZES) + " |\n|---" + "|---:" * len(SIZES) + "|")
    for what, *values in zip(WHAT, *columns):
        print(f"| {what} | " + " | ".join(values) + " |")


if __name__ == "__main__":
    main()

"""What a space costs beside the bare library, on the same vectors, interleaved.

    python benchmarks/space.py [--rows 100000] [--kinds flat ivf ivf-pq hnsw] [--peers]

Clustered vectors, d = 128, cosine. For each kind the space is tuned by itself to recall@10 >= 0.95; FAISS's
own index of the same family (vectors kept whole, as one would build it by hand; ivf-pq with FAISS's own exact
refinement) is given the least effort that reaches the same. Medians of single questions, one after the other
in turn, and of batches; the ratio is FAISS's time by ours, so above 1 is quicker than FAISS. `--peers`:
hnswlib, usearch and LanceDB's own index too, where they are installed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as ilk asks, where it is imported first
import faiss

from ilk.encoders.pixels import Pixels
from ilk.space import Space

D, K, QUERIES, SINGLE, WISHED = 128, 10, 1000, 200, 0.95
PATIENCE = 20.0  # seconds for one measurement
EFFORTS = (
    *range(1, 9),
    *range(10, 17, 2),
    *range(20, 33, 4),
    *range(40, 65, 8),
    *range(80, 257, 16),
    320,
    384,
    512,
)
Ask = Callable[[np.ndarray], Any]  # (q, D) -> neighbours (q, K)


def clustered(n: int, seed: int = 0) -> np.ndarray:  # (n, D)
    """Groups that touch one another, each with 64 dimensions of its own: a graph search takes 0.2 ms."""
    rng = np.random.default_rng(seed)
    centres, group = 0.6 * rng.standard_normal((200, D)), rng.integers(200, size=n)
    axes = 1.2 * rng.standard_normal((200, 64, D)) / 8
    out = 0.25 * rng.standard_normal((n, D), dtype=np.float32)
    for g in range(200):
        rows = np.flatnonzero(group == g)
        out[rows] += centres[g] + rng.standard_normal((len(rows), 64)) @ axes[g]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="*", default=["flat", "ivf", "ivf-pq", "hnsw"])
    parser.add_argument("--peers", action="store_true")
    asked = parser.parse_args()
    vectors = clustered(asked.rows + QUERIES)
    queries, vectors = vectors[asked.rows :].copy(), vectors[: asked.rows]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    asking = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    truth = faiss.knn(asking, unit, K)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.space"
        space = stored(path, vectors)
        head = (
            ("recall", 16),
            ("single us", 18),
            ("ratio", 7),
            ("batch us", 18),
            ("ratio", 7),
            ("bytes/vector", 14),
        )
        print("\n" + 9 * " " + "".join(f"{name:>{width}}" for name, width in head) + "   (ours, FAISS's)")
        for kind in asked.kinds:
            compare(space, kind, unit, queries, asking, truth)
        upsert(space, vectors, queries)
        if asked.peers:
            peers(unit, asking, truth, Path(folder))


def stored(path: Path, vectors: np.ndarray) -> Space:
    space = Space.create(path, Pixels(2, 8), reading={"reader": "images", "size": 8, "channels": 2})
    times = []
    for start in range(0, len(vectors), 10_000):
        block = vectors[start : start + 10_000]
        names = [f"row-{i}" for i in range(start, start + len(block))]
        began = time.perf_counter()
        space.upsert_vectors(names, block)
        times.append(time.perf_counter() - began)
    print(
        f"ingest, batches of 10,000: {len(vectors) / sum(times):,.0f} rows/s, the slowest {max(times):.2f} s"
    )
    began = time.perf_counter()
    space.search(vectors[0])
    print(f"first search after it {time.perf_counter() - began:.2f} s")
    return space


def compare(
    space: Space, kind: str, unit: np.ndarray, queries: np.ndarray, asking: np.ndarray, truth: np.ndarray
) -> None:
    began = time.perf_counter()
    planned = space.index(kind, recall=WISHED)
    built = time.perf_counter() - began
    began = time.perf_counter()
    bare = of_faiss(kind, unit, asking, truth)
    beside = time.perf_counter() - began
    found = space.search(queries, K).ids
    ours = recall(np.array([[int(i[4:]) for i in row] for row in found]), truth)
    theirs = recall(bare(asking), truth)
    single = turns(lambda q, a: space.search(q, K), lambda q, a: bare(a), queries, asking, 1, SINGLE)
    many = QUERIES if kind != "flat" else QUERIES // 4
    batch = turns(lambda q, a: space.search(q, K), lambda q, a: bare(a), queries, asking, many, 5)
    print(
        f"{kind:9}{ours:8.3f}{theirs:8.3f}"
        f"{single[0]:9.0f}{single[1]:9.0f}{single[1] / single[0]:7.2f}"
        f"{batch[0]:9.0f}{batch[1]:9.0f}{batch[1] / batch[0]:7.2f}{planned.bytes or 0:14.0f}"
        f"   built in {built:.0f} s, FAISS's {beside:.0f} s",
        flush=True,
    )


def turns(
    ours: Callable[[np.ndarray, np.ndarray], Any],
    theirs: Callable[[np.ndarray, np.ndarray], Any],
    queries: np.ndarray,
    asking: np.ndarray,
    q: int,
    rounds: int,
) -> tuple[float, float]:
    """Median microseconds a query, of each, in turn; the first rounds do not count."""
    times: tuple[list[float], list[float]] = ([], [])
    end, warm = time.perf_counter() + PATIENCE, 3 if q == 1 else 1
    for i in range(rounds + warm):
        if i > warm + 2 and time.perf_counter() > end:
            break
        at = np.arange(i * q, (i + 1) * q) % len(queries)
        for ask, found in zip((ours, theirs), times):
            one, other = queries[at], asking[at]
            began = time.perf_counter()
            ask(one, other)
            found.append((time.perf_counter() - began) / q * 1e6)
    return statistics.median(times[0][warm:]), statistics.median(times[1][warm:])


def alone(ask: Ask, asking: np.ndarray, q: int, rounds: int) -> float:
    return turns(lambda queries, a: ask(a), lambda queries, a: None, asking, asking, q, rounds)[0]


def of_faiss(kind: str, unit: np.ndarray, asking: np.ndarray, truth: np.ndarray) -> Ask:
    """FAISS's index of the family, as one would make it by hand, with the least effort for the recall."""
    from ilk.space.index.hnsw import LINKS
    from ilk.space.index.ivf import lists_for
    from ilk.space.index.pq import parts

    lists = lists_for(len(unit))
    made = {
        "flat": "Flat",
        "ivf": f"IVF{lists},Flat",
        "pq": f"PQ{parts(D)},RFlat",
        "ivf-pq": f"IVF{lists},PQ{parts(D)},RFlat",
        "hnsw": f"HNSW{LINKS},Flat",
    }[kind]
    index = faiss.index_factory(D, made)
    if kind == "hnsw":
        index.hnsw.efConstruction = 80
    if not index.is_trained:
        index.train(unit[: 64 * max(256, lists)])
    index.add(unit)
    name = {"hnsw": "efSearch", "ivf": "nprobe", "ivf-pq": "nprobe"}.get(kind)
    space = faiss.ParameterSpace()
    for wider in (10, 30) if kind.endswith("pq") else (1,):
        if kind.endswith("pq"):
            space.set_index_parameter(index, "k_factor_rf", wider)
        for effort in EFFORTS if name else (1,):
            if name:
                space.set_index_parameter(index, name, effort)
            if recall(index.search(asking, K)[1], truth) >= WISHED:
                return lambda q: index.search(q, K)[1]
    return lambda q: index.search(q, K)[1]


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([len(np.intersect1d(f, t)) / K for f, t in zip(found, truth)]))


def upsert(space: Space, vectors: np.ndarray, queries: np.ndarray) -> None:
    space.index("ivf")
    rng, times, after = np.random.default_rng(0), [], []
    for _ in range(5):
        rows = rng.choice(len(vectors), 1000, replace=False)
        began = time.perf_counter()
        space.upsert_vectors([f"row-{i}" for i in rows], vectors[rows] + np.float32(0.01))
        between = time.perf_counter()
        space.search(queries[0])
        after.append(time.perf_counter() - between)
        times.append(between - began)
    print(f"\nupsert of 1,000 rows {statistics.median(times):.3f} s", end=", ")
    print(f"the next search {statistics.median(after):.3f} s")
    began = time.perf_counter()
    again = Space.open(space.path)
    again.search(queries[0])
    print(f"open and answer {time.perf_counter() - began:.2f} s")
    size = sum(f.stat().st_size for f in space.path.rglob("*") if f.is_file())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"on disk {size / len(vectors):,.0f} bytes a row, old versions included")
    print(f"at most in memory {most:.2f} GB, FAISS's index and the vectors here included")


def peers(unit: np.ndarray, asking: np.ndarray, truth: np.ndarray, folder: Path) -> None:
    print(f"\n{'peer':22}{'recall':>8}{'single us':>11}{'batch us':>10}")
    for name, make in {"hnswlib": hnswlib, "usearch": usearch, "lancedb": lancedb}.items():
        try:
            library = importlib.import_module(name)
        except ImportError:
            print(f"{name:22}  not installed")
            continue
        ask, how = make(library, unit, asking, truth, folder)
        single, batch = alone(ask, asking, 1, 50), alone(ask, asking, 200, 3)
        print(
            f"{name + ' ' + how:22}{recall(ask(asking[:200]), truth[:200]):8.3f}{single:11.0f}{batch:10.0f}"
        )


def hnswlib(
    library: Any, unit: np.ndarray, asking: np.ndarray, truth: np.ndarray, _: Path
) -> tuple[Ask, str]:
    index = library.Index("l2", D)
    index.init_index(len(unit), ef_construction=80, M=16)
    index.add_items(unit)
    for effort in EFFORTS[3:]:
        index.set_ef(max(effort, K))
        if recall(index.knn_query(asking[:200], K)[0], truth[:200]) >= WISHED:
            break
    return lambda q: index.knn_query(q, K)[0].astype(np.int64), f"ef {effort}"


def usearch(
    library: Any, unit: np.ndarray, asking: np.ndarray, truth: np.ndarray, _: Path
) -> tuple[Ask, str]:
    index = importlib.import_module("usearch.index").Index(
        ndim=D, metric="l2sq", connectivity=16, expansion_add=80
    )
    index.add(np.arange(len(unit)), unit)

    def ask(q: np.ndarray) -> np.ndarray:
        return np.asarray(index.search(q, K).keys, np.int64).reshape(len(q), -1)

    for effort in EFFORTS[3:]:
        index.expansion_search = max(effort, K)
        if recall(ask(asking[:200]), truth[:200]) >= WISHED:
            break
    return ask, f"ef {effort}"


def lancedb(
    library: Any, unit: np.ndarray, asking: np.ndarray, truth: np.ndarray, folder: Path
) -> tuple[Ask, str]:
    import pyarrow as pa

    shutil.rmtree(folder / "peer", ignore_errors=True)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(unit.reshape(-1)), D)
    table = library.connect(folder / "peer").create_table(
        "t", pa.table({"n": range(len(unit)), "vector": flat})
    )
    table.create_index(metric="l2", num_partitions=256, num_sub_vectors=32)

    def asks(effort: int) -> Ask:
        def ask(q: np.ndarray) -> np.ndarray:
            rows = [
                table.search(one).nprobes(effort).refine_factor(10).limit(K).select(["n"]).to_arrow()["n"]
                for one in q
            ]
            return np.array([r.to_pylist() for r in rows])

        return ask

    for effort in EFFORTS:
        if recall(asks(effort)(asking[:200]), truth[:200]) >= WISHED:
            break
    return asks(effort), f"nprobes {effort}"


if __name__ == "__main__":
    main()

"""The map beside PCA and scikit-learn's t-SNE, on the same rows: quality, and CPU seconds as a ratio.

    python benchmarks/map_layout.py [mnist.npz] [--rows 5000] [--no-tsne]

Trustworthiness: are the 15 neighbours in the plane neighbours in the data (1: all). kNN: share of rows whose
label 10 neighbours in the plane tell. The file holds train_images (n, 28, 28) and train_labels, from any
copy of MNIST; without one, scikit-learn's 1,797 digits are used.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from ilk.analysis.map import place


def rows(path: str | None, n: int) -> tuple[np.ndarray, np.ndarray]:
    if path is None:
        x, y = load_digits(return_X_y=True)
        return np.asarray(x[:n], np.float32), np.asarray(y[:n])
    with np.load(path, allow_pickle=False) as f:
        return f["train_images"][:n].reshape(n, -1).astype(np.float32) / 255, f["train_labels"][:n]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", nargs="?")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--no-tsne", action="store_true")
    args = parser.parse_args()
    x, labels = rows(args.path, args.rows)
    t = time.process_time()
    place(x[:50])
    print(f"compiled (kept for the next time): {time.process_time() - t:.1f} CPU-s")
    x = PCA(min(50, x.shape[1]), random_state=0).fit_transform(x).astype(np.float32)  # for all three alike
    ways: dict[str, Callable[[], np.ndarray]] = {"map": lambda: place(x), "PCA": lambda: x[:, :2]}
    if not args.no_tsne:
        ways["t-SNE"] = lambda: np.asarray(TSNE(random_state=0, n_jobs=1).fit_transform(x))
    ours = 0.0
    for name, way in ways.items():
        t = time.process_time()
        xy = way()
        cpu = time.process_time() - t
        ours = ours or cpu
        some = np.random.default_rng(0).permutation(len(x))[:5000]  # trustworthiness is quadratic
        trust = trustworthiness(x[some], xy[some], n_neighbors=15)
        knn = cross_val_score(KNeighborsClassifier(10), xy, labels, cv=5).mean()
        cost = f"{cpu:6.1f} CPU-s  {cpu / ours:5.2f} of the map's"
        print(f"{name:6s} trustworthiness {trust:.3f}  kNN {knn:.3f}  {cost}")


if __name__ == "__main__":
    main()

"""What normalisation leaves of position angle, shift, flux and mass; what it keeps of the rest; its cost.

    python benchmarks/normalise.py [pictures, 3000]

R2 from ten principal components of black-hole pictures, linear / 15 nearest neighbours, five-fold: the
removed four must be at most 0.05, linearly shown and under a square root. About 50 CPU-seconds.
"""

import sys
import time

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor

from ilk.source.blackholes import blackholes
from ilk.source.normalise import normalise

LIMIT = 0.05


def r2(z: np.ndarray, values: np.ndarray, how: LinearRegression | KNeighborsRegressor) -> float:
    guess = cross_val_predict(how, z, values, cv=KFold(5, shuffle=True, random_state=0))
    return 1 - float(((guess - values) ** 2).sum() / ((values - values.mean(0)) ** 2).sum())


def both(pixels: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    z = PCA(10, svd_solver="randomized", random_state=0).fit_transform(pixels.reshape(len(pixels), -1))
    return r2(z, values, LinearRegression()), r2(z, values, KNeighborsRegressor(15, weights="distance"))


def main() -> None:
    torch.set_num_threads(1)
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    for kind in ("continuum", "populations"):
        source = blackholes(n, kind, seed=1)
        assert source.columns is not None
        truth = {name: source.columns[name].to_numpy() for name in source.columns.column_names}
        angle = np.radians(truth["position_angle"])
        removed = {
            "position angle": np.stack([np.cos(angle), np.sin(angle)], 1),
            "shift": np.stack([truth["shift_x"], truth["shift_y"]], 1),
            "flux": np.log(truth["flux"]),
            "mass": np.log(truth["mass"]),
        }
        kept = {"cos i": truth["cos_i"], "spin": truth["spin"], "p": truth["p"]}
        kept |= {f"ln {name}": np.log(truth[name]) for name in ("r_in", "tau", "h", "beam")}
        normalise(source.pixels[:64])
        start = time.process_time()
        done, _ = normalise(source.pixels)
        cost = (time.process_time() - start) / n * 1e3
        print(f"\n{kind}, {n} pictures: {cost:.2f} CPU-ms a picture")
        print(f"{'R2 linear / kNN':16}{'raw':>16}{'normalised':>16}{'its square root':>18}")
        for name, values in (removed | kept).items():
            cells = [both(x, values) for x in (source.pixels, done, np.sqrt(done))]
            left = max(max(cell) for cell in cells[1:])
            verdict = ("ok" if left <= LIMIT else "TOO MUCH") if name in removed else ""
            print(f"{name:16}" + "".join(f"{a:9.2f} /{b:5.2f}" for a, b in cells) + f"   {verdict}")


if __name__ == "__main__":
    main()

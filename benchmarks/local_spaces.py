"""Does it help to split a space into local ones? Neighbours by the local distance against the space's own.

    python -m benchmarks.local_spaces [mnist.npz openmoji-72.tar] [--sets mnist emoji populations continuum]

About 4 CPU-minutes. Of 600 rows each the 10 nearest others: the share of them that has the same label (the
digit, the emoji's group, the black hole's population), and the R2 of their mean cos i, ln r_in and ln tau.

    space      the space's own distance (cosine for patches, Euclidean for PCA)
    whitened   the Euclidean distance, each dimension divided by its spread in the whole space
    routed     among the three nearest parts, by the space's own distance
    local      the same by the distance that `ilk split` settled on: what `ilk search --local` answers
    forced     the same, had it always taken the parts' own shape (shrinkage 0.5)

`gain` is what another distance leaves less open than the space's own when half of the dimensions foretell the
other (`ilk.analysis.split.shrinkage`); from 0.1 on it is taken. It knows no label.
Parts are what `ilk split` makes of the space: its groups or, where there are none, patches; and `-k 20`.
What came out stands in docs/groups.md. The files are those of `benchmarks/judges.py`.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.judges import emoji, given, mnist
from ilk.analysis.split import split
from ilk.encoders import Encoder, embed
from ilk.objectives.patches import Patches
from ilk.objectives.pca import PCA
from ilk.source.blackholes import blackholes
from ilk.source.images import Images
from ilk.source.normalise import normalise
from ilk.space import Neighbours, Space
from ilk.space.parts import Parts

ASKED, NEAR = 600, 10
WAYS: dict[str, tuple[str, Callable[[Images], Encoder]]] = {
    "patches": ("cosine", lambda s: Patches().solve(s)),
    "PCA 64": ("l2", lambda s: PCA(dim=64).solve(s)),
    "PCA 10, white": ("l2", lambda s: PCA(dim=10, whiten=1).solve(s)),
}
Search = Callable[[np.ndarray, int], Neighbours]


def holes(kind: str, n: int) -> Images:
    made = blackholes(n, kind)
    known = made.columns
    assert known is not None
    columns = {"cos_i": known["cos_i"], "r_in": np.log(known["r_in"]), "tau": np.log(known["tau"])}
    label = {"label": known["population"]} if kind == "populations" else {}
    return Images(normalise(made.pixels)[0], made.ids, columns=pa.table(columns | label))


def ask(search: Search, x: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(q, k) places of the nearest others."""
    found = search(x[rows], NEAR + 1).ids
    other = found != ids[rows, None]
    other[other.all(1), -1] = False
    place = {name: i for i, name in enumerate(ids.tolist())}
    return np.array([place[i] for i in found[other].tolist()]).reshape(len(rows), NEAR)


def scores(columns: pa.Table, rows: np.ndarray, near: np.ndarray) -> dict[str, float]:
    found, amounts = {}, [n for n in columns.column_names if n != "label"]
    if "label" in columns.column_names:
        label = np.array(columns["label"].to_pylist())
        found["same label"] = float((label[near] == label[rows, None]).mean())
    if amounts:
        values = [columns[name].to_numpy() for name in amounts]
        missed = [((v[near].mean(1) - v[rows]) ** 2).mean() / v[rows].var() for v in values]
        found["R2"] = 1 - float(np.mean(missed))
    return found


def lines(name: str, encoder: Encoder, metric: str, source: Images, folder: Path) -> None:
    """One line for each way to split and each score."""
    x, ids, columns = embed(encoder, source), np.array(source.ids), source.columns
    assert columns is not None
    rows = np.random.default_rng(0).permutation(len(x))[:ASKED]
    made = {}
    for kind in (metric, "whitened"):
        made[kind] = Space.create(folder / f"{name}-{kind}.space", encoder, reading={}, metric=kind)
        made[kind].upsert_vectors(ids.tolist(), x)
    space = made[metric]

    def score(search: Search) -> dict[str, float]:
        return scores(columns, rows, ask(search, x, ids, rows))

    plain = {"space": score(space.search), "whitened": score(made["whitened"].search)}
    for k in (None, 20):
        parts = split(space, k)
        local = parts.local
        ways = {"routed": replace(local, shrink=1.0), "local": local, "forced": replace(local, shrink=0.5)}
        found = plain | {way: score(Parts(space, model).search) for way, model in ways.items()}
        what = "groups" if "one for each group" in parts.sentence() else "patches"
        for measure in plain["space"]:
            values = "".join(f"{f[measure]:10.3f}" for f in found.values())
            settled = f"{local.shrink:6}{local.about['gain']:6.2f}"
            print(f"  {name:14}{len(parts):3} {what:8}{settled}  {measure:11}{values}", flush=True)


def main() -> None:
    said = given(__doc__)
    makers: dict[str, Callable[[], Images]] = {
        "mnist": lambda: mnist(said.mnist)[0],
        "emoji": lambda: emoji(said.emoji)[0],
        "populations": lambda: holes("populations", 2000),
        "continuum": lambda: holes("continuum", 2500),
    }
    ways = ("space", "whitened", "routed", "local", "forced")
    for name in said.sets:
        start, source = time.process_time(), makers[name]()
        print(
            f"\n{name}: {len(source):,} pictures\n  {'':25}shrink {'':12}" + "".join(f"{w:>10}" for w in ways)
        )
        with tempfile.TemporaryDirectory() as folder:
            for way, (metric, solve) in WAYS.items():
                lines(way, solve(source), metric, source, Path(folder))
        print(f"  {time.process_time() - start:.0f} CPU-seconds")


if __name__ == "__main__":
    main()

"""Every verb, what of it lasts, and a command that makes it write. A verb that is not here fails a test."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

# What the verbs work on: a folder of data for each, and the command that makes a space of it.
WORLD = {
    "digits": "learn digits/labels.csv --objective pca --dim 8 --out digits",
    "other": "learn digits/labels.csv --objective pca --dim 6 --out other",
    "made": "learn digits --objective vae --steps 2 --width 4 --dim 6 --out made",
    "drawn": "learn digits/labels.csv --objective diffusion --condition ink --steps 2 --width 8 --levels 1 "
    "--out drawn",
    "words": "learn notes.txt --objective word2vec --dim 6 --epochs 2 --threads 1 --out words",
    "club": "learn club.csv --as graphs --objective node2vec --dim 4 --epochs 1 --threads 1",
    "both": "learn captions --objective clip --steps 2 --batch 8 --width 4 --dim 8 --out both",
    "shop": "learn likes.csv --objective two_tower --steps 2 --dim 4 --out shop",
}

# What a verb leaves: `rows` and `index` of a space, a `layer`, `files`, a `run` with its space; or `nothing`.
VERBS: dict[str, tuple[str, str]] = {
    "learn": ("run", "learn digits --objective simclr --steps 3 --width 4 --dim 6 --out network"),
    "finetune": ("run", "finetune made digits/labels.csv --label kind --steps 3"),
    "reproduce": ("run", "reproduce other.run --out again"),
    "import-words": ("run", "import-words words.vec --out imported.space"),
    "detect": (
        "run",
        "detect discover scenes --into things --objective pca --size 8 --csv boxes.csv --draw seen",
    ),
    "add": ("rows", "add digits more"),
    "delete": ("rows", "delete digits 0003.png 0004.png 0005.png"),
    "restore": ("rows", "restore digits 2"),
    "compact": ("rows", "compact digits"),
    "index": ("index", "index digits --kind hnsw"),
    "align": ("rows", "align other digits --carry --save way.csv"),
    "split": ("layer", "split digits -k 2 --write parts"),
    "clusters": ("layer", "clusters digits -k 2 --memberships chances.csv --save groups.png"),
    "anomalies": ("layer", "anomalies digits --save odd.csv"),
    "map": ("layer", "map digits"),
    "probe": ("layer", "probe digits kind --how knn --write --picture confusion.png"),
    "axes": ("layer", "axes digits ink --write --save axes.csv"),
    "zero-shot": ("layer", "zero-shot both round straight"),
    "communities": ("layer", "communities club"),
    "strangers": ("layer", "strangers club"),
    "export": ("files", "export digits all.parquet"),
    "export-encoder": ("files", "export-encoder made made.pt2"),
    "export-words": ("files", "export-words words words.txt"),
    "graph": ("files", "graph digits"),
    "links": ("files", "links club.csv --objective node2vec --dim 4 --threads 1 --to missing.parquet"),
    "report": ("files", "report digits --without invariance --without products"),
    "inside": ("files", "inside made 0003.png --cells 2"),
    "generate": ("files", "generate made.run -n 2 --out sheet.png"),
    "interpolate": ("files", "interpolate made 0003.png 0004.png --steps 3"),
    "walk": ("files", "walk made --dimension 0 --steps 3"),
    "edit": ("files", "edit drawn --image digits/0003.png --mask mask.png --where ink=5 -n 1 --steps 2"),
    "denoise": ("files", "denoise drawn digits/0003.png --noise 0.2 --out clean"),
    "posterior": (
        "files",
        "posterior made digits/0003.png --noise 0.2 --draws 20 --warmup 20 --chains 2 --out under.png",
    ),
    "diagnose": ("files", "diagnose digits --label kind --save curve.csv"),
    "invariance": ("files", "invariance digits --save changes.csv"),
    "parameters": ("files", "parameters digits ink --save known.csv"),
    "dimensionless": ("files", "dimensionless digits ink=m size=m --save products.csv"),
    "whitening": ("files", "whitening digits kind --save white.csv"),
    "compare": ("files", "compare digits other kind --save better.csv"),
    "drift": ("files", "drift digits --since 2 --save drift.csv"),
    "search": ("nothing", "search digits 0003.png"),
    "duplicates": ("nothing", "duplicates digits"),
    "info": ("nothing", "info digits"),
    "versions": ("nothing", "versions digits"),
    "words": ("nothing", "words words ring"),
    "retrieval": ("nothing", "retrieval both"),
    "recommend": ("nothing", "recommend shop u1"),
    "objectives": ("nothing", "objectives"),
}

# Tried elsewhere: a server that runs until it is ended (tests/soak.py, tests/view); the demonstration, which
# is learn, clusters, parameters and map in one (tests/test_demonstration.py).
ELSEWHERE = {"look", "demo"}


def data(folder: Path) -> None:
    """A few digits with columns, notes, a graph, captions, scenes, and who chose what."""
    digits, rng = load_digits(), np.random.default_rng(0)
    pictures = [Image.fromarray((x * 15).astype("uint8")).resize((16, 16)) for x in digits.images[:90]]
    for name in ("digits", "more", "captions", "scenes"):
        (folder / name).mkdir()
    rows = [("path", "kind", "ink", "size")]
    for i, picture in enumerate(pictures):
        picture.save(folder / ("digits" if i < 80 else "more") / f"{i:04d}.png")
        kind = "round" if digits.target[i] in (0, 6, 8, 9) else "straight"
        rows.append((f"{i:04d}.png", kind, float(digits.images[i].mean()), 1.0 + i % 5))
        if i < 24:
            picture.save(folder / "captions" / f"{i}.png")
            (folder / "captions" / f"{i}.txt").write_text(f"a {kind} {digits.target[i]}")
    _table(folder / "digits" / "labels.csv", rows[:81])
    for i in range(2):
        scene = np.zeros((32, 32), "uint8")
        scene[4:12, 4 + i : 12 + i] = scene[20:28, 18:26] = 200
        Image.fromarray(scene).save(folder / "scenes" / f"{i}.png")
    Image.fromarray(np.repeat([[0] * 8 + [255] * 8], 16, 0).astype("uint8")).save(folder / "mask.png")
    (folder / "notes.txt").write_text("the ring is bright\na bright ring\nthe jet is long\na long jet\n" * 20)
    (folder / "words.vec").write_text("2 3\nring 1 0 0.5\njet 0 1 0.5\n")
    edges = {(i, (i + step) % 12) for i in range(12) for step in (1, 2)}
    _table(folder / "club.csv", [("source", "target"), *sorted(edges)])
    likes = {(f"u{u}", f"i{i}") for u, i in rng.integers(0, 12, (90, 2))}
    _table(folder / "likes.csv", [("user", "item"), *sorted(likes)])


def _table(path: Path, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="") as f:
        csv.writer(f).writerows(rows)

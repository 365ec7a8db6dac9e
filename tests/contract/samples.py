"""Real data for the contract suites, and how each member is made.

A new kind of data adds a row to SOURCES; an encoder whose constructor cannot be called with traits alone,
or that is large unless told otherwise, adds a row to SPECIAL. Nothing else in the suites knows any member by
name.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import torch
from sklearn.datasets import load_digits

from ilk import decoders, encoders, find, objectives
from ilk.decoders import Decoder
from ilk.decoders._blanks import BLANKS
from ilk.encoders import Encoder, MapEncoder
from ilk.encoders._described import described
from ilk.encoders._tokenizer import train
from ilk.encoders.detector import Detector
from ilk.encoders.fused import Fused
from ilk.encoders.orbit import Orbit
from ilk.encoders.projected import project
from ilk.encoders.record import Record
from ilk.encoders.towers import Towers
from ilk.encoders.two import Two
from ilk.find import construct
from ilk.learning.usual import encoder_for, takes
from ilk.objectives import ClosedForm, Objective
from ilk.source import Source
from ilk.source._kind import kind
from ilk.source.boxes import Boxed
from ilk.source.graphs import Graph, Graphs, graphs
from ilk.source.images import Images
from ilk.source.interactions import Interactions
from ilk.source.pairs import Pairs
from ilk.source.scenes import scenes
from ilk.source.tables import Table
from ilk.source.tastes import tastes
from ilk.source.text import Text, text

HERE = Path(__file__).parents[2]


def images(channels: int = 1, size: int = 16, n: int = 64) -> Images:
    """Handwritten digits, enlarged; the further channels the same with less contrast, turned, mirrored."""
    digits = load_digits().images[:n]  # (n, 8, 8), 0 to 16
    change = (np.copy, np.sqrt, np.rot90, np.fliplr, np.flipud, np.transpose, np.cbrt)[:channels]
    small = np.stack([np.stack([f(d) for f in change]) for d in digits]) * 15  # (n, C, 8, 8)
    at = np.arange(size) * 8 // size
    return Images(small[:, :, at][..., at].astype(np.uint8), [f"digit-{i}" for i in range(n)])


def texts(n: int = 64) -> Text:
    """Paragraphs of a page of this project."""
    page = text(HERE / "docs" / "space.md", by="paragraph", longest=300)
    assert len(page) >= n
    return Text(page.texts.slice(0, n), list(page.ids[:n]), reading=page.reading)


def graph() -> Graph:
    """A club of 34; each node's feature is to be itself."""
    return graphs(nx.karate_club_graph(), features=np.eye(34))


def molecules(n: int = 40) -> Graphs:
    """Small graphs, each a sample; two kinds of bonds between three kinds of atoms."""
    made = [nx.gnm_random_graph(5 + i % 8, 6 + i % 5, seed=i) for i in range(n)]
    rng = np.random.default_rng(0)
    for i, one in enumerate(made):
        nx.set_node_attributes(one, {v: "CNO"[rng.integers(3)] for v in one}, "element")
        nx.set_edge_attributes(one, {e: float((e[0] + i) % 2) for e in one.edges}, "bond")
    found = graphs(made, features=["element"], edge_features=["bond"])
    assert isinstance(found, Graphs)
    return found


@cache
def vocabulary() -> str:
    return train("wordpiece", iter(texts().batch(np.arange(64))), 330, extra=BLANKS)


def pairs() -> Pairs:
    """Digits, and a paragraph for each."""
    return Pairs(images(), texts())


def boxed() -> Boxed:
    """Digits strewn over a ground, and where they are."""
    return scenes(64, "digits", size=32, many=(1, 3))


def interactions() -> Interactions:
    """Who chose which of 30 things, told by all that a tower looks at but texts and pictures."""
    return tastes(20, 30, each=4, topics=3)


def flat(source: Source) -> Source:
    """As many pictures of one grey, texts of one word, nodes in a ring: nothing to learn, nor to fail by."""
    if isinstance(source, Pairs):
        grey = flat(source.pictures)
        assert isinstance(grey, Images)
        return Pairs(grey, Text([f"grey {i}" for i in range(len(grey))], grey.ids))
    if isinstance(source, Boxed):
        known = source.boxes(np.arange(len(source)))
        grey = flat(source.pictures)
        assert isinstance(grey, Images)
        return Boxed(grey, [b for b, _ in known], [c for _, c in known], source.classes)
    if isinstance(source, Interactions):
        users, items = (
            t.but(columns=t.columns.take(np.zeros(len(t), int))) for t in (source.users, source.items)
        )
        return Interactions(users, items, source.ends)
    if isinstance(source, Text):
        return Text(["grey"] * len(source), source.ids)
    if isinstance(source, Graphs):
        return graphs([nx.cycle_graph(4)] * len(source), features=np.ones((4 * len(source), 3)))
    if isinstance(source, Graph):
        return graphs(nx.cycle_graph(len(source)), features=np.ones((len(source), source.features.shape[1])))
    assert isinstance(source, Images)
    return Images(np.full_like(source.pixels, 100), source.ids)


SOURCES: dict[str, list[Callable[[], Source]]] = {  # kind of data -> sources of it
    "images": [images, partial(images, 3, 24), partial(images, 5)],
    "text": [texts],
    "graphs": [graph, molecules],
    "pairs": [pairs],
    "boxes": [boxed],
    "interactions": [interactions],
    "tables": [lambda: interactions().users],
}
ONLY = {"infomax": 0, "node2vec": 0, "nodes": 0, "wl": 1}  # member -> the one of these sources that it takes
REFUSED = {"colorize": 1}  # objective -> so many of these sources it has a reason not to take
VIT: dict[str, Any] = {  # a model of `transformers` without its files: first weights
    "name": "tiny",
    "config": {
        **{"model_type": "vit", "image_size": 16, "patch_size": 4, "hidden_size": 16},
        **{"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    },
    "preprocessing": {"side": 16, "mean": [0.3], "std": [0.4]},
}
SPECIAL: dict[str, Callable[[Source], Encoder]] = {
    "bag": lambda source: solved("sif", source),
    "causal": lambda source: encoders.build(
        "causal", {}, tokenizer=vocabulary(), length=32, dim=16, depth=1, heads=2
    ),
    "fused": lambda source: fused(),
    "hub_text": lambda source: encoders.build("hub_text", {}, model=reading(), tune=True),
    "detector": lambda source: detector(source),
    "documents": lambda source: solved("doc2vec", source),
    "nodes": lambda source: solved("node2vec", source),
    "fixed_point": lambda source: encoders.build("fixed_point", source.traits, dim=16, width=16),
    "mpnn": lambda source: encoders.build("mpnn", source.traits, dim=16, width=16),
    "wl": lambda source: solved("wl", source),
    "words": lambda source: solved("word2vec", source),
    "transformer": lambda source: encoders.build(
        "transformer",
        {},
        **{"tokenizer": vocabulary(), "length": 32, "dim": 16, "width": 32, "depth": 2, "heads": 2},
        segments=True,
    ),
    "gcn": lambda source: encoders.build("gcn", source.traits, dim=64, width=64),
    "hub": lambda source: encoders.build("hub", source.traits, model=seeing(source), tune=True),
    "latent": lambda source: encoders.build("latent", source.traits, side=4, width=8),
    "onnx": lambda source: encoders.build("onnx", source.traits, model=exported(source)),
    "orbit": lambda source: Orbit(encoders.build("convnet", source.traits, width=4), turns=8),
    "projected": lambda source: project(encoders.build("pixels", source.traits), source, 12),
    "bent": lambda source: encoders.build("bent", {"encoder": encoder("projected", source), "width": 16}),
    "quantised": lambda source: encoders.build("quantised", {"encoder": encoder("vit", source)}, codes=16),
    "resnet": lambda source: encoders.build("resnet", source.traits, width=4),
    "record": lambda source: record(source),
    "towers": lambda source: towers(source),
    "two": lambda source: two(),
    "unet": lambda source: encoders.build("unet", source.traits, width=8, levels=2),
    "vgg": lambda source: encoders.build("vgg", source.traits, width=4),
    "vit": lambda source: encoders.build("vit", source.traits, width=32, depth=2, heads=2, patch=4),
}
BEHIND = {
    "unet": ("net.up.", "net.even.", "net.paint."),
    "latent": ("back.", "wide."),
    "fused": ("odds.",),
}  # the way back to pictures, past the vector; what tells whether two match
SMALL = {  # options of objectives that make them small
    **{"width": 8, "prototypes": 64, "queue": 64, "narrow": 2},
    "decoder_width": 32,
}
OPTIONS: dict[str, Callable[[Source], dict[str, Any]]] = {  # of closed forms that need one, or take long
    **{name: lambda source: {"min_count": 1, "threads": 1} for name in ("word2vec", "fasttext", "doc2vec")},
    **{name: lambda source: {"dim": 16, "vocabulary": 300} for name in ("sif", "tfidf")},
    "node2vec": lambda source: {"dim": 16, "walks": 2, "length": 10, "threads": 1},
    "infomax": lambda source: {"dim": 16, "width": 16, "epochs": 5},
    "pretrained": lambda source: {"model": seeing(source)},
    "shaded": lambda source: {"steps": 50},
}


def record(source: Source, met: Sequence[str] = ()) -> Encoder:
    assert isinstance(source, Table)
    return Record(described(source, met), dim=16, forget=0)


def towers(source: Source) -> Encoder:
    assert isinstance(source, Interactions)
    return Towers(
        *(record(t, source.met(t.side)) for t in (source.users, source.items)),
        dim=12,
    )


def detector(source: Source) -> Encoder:
    trunk = encoders.build("convnet", source.traits, width=4)
    assert isinstance(trunk, MapEncoder)
    return Detector(trunk, [*source.classes] if isinstance(source, Boxed) else ["thing"], pyramid=8)


def two() -> Encoder:
    seeing = encoders.build("convnet", images().traits, dim=16, width=8)
    return Two(seeing, spelling(16), 12)


def fused() -> Encoder:
    seeing = encoders.build("vit", images().traits, dim=16, width=16, depth=1, heads=2, patch=8)
    return Fused(Two(seeing, spelling(16), 12), heads=2)


def spelling(dim: int) -> Encoder:
    small = {"length": 32, "dim": dim, "width": 32, "depth": 2, "heads": 2, "dropout": 0.0}
    return encoders.build("transformer", {}, tokenizer=vocabulary(), **small)


def reading() -> dict[str, Any]:
    torch.manual_seed(0)
    config = {"model_type": "bert", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    config |= {"num_attention_heads": 2, "vocab_size": 330, "max_position_embeddings": 64}
    described = {"name": "tiny", "config": config, "tokenizer": vocabulary()}
    return described | {"pool": "mean", "length": 64, "unit": True}


def seeing(source: Source) -> dict[str, Any]:
    torch.manual_seed(0)
    return VIT | {"config": VIT["config"] | {"num_channels": source.traits["channels"]}}


def exported(source: Source) -> str:
    """A file that another tool wrote: the pixels times a matrix."""
    from onnx import TensorProto, helper, save

    shape = [source.traits["channels"], source.traits["size"], source.traits["size"]]
    weights = np.random.default_rng(0).normal(size=(int(np.prod(shape)), 6)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *size])
        for name, size in (("x", shape), ("y", [6]))
    ]
    held = helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)
    graph = helper.make_graph(nodes, "pixels", ends[:1], ends[1:], [held])
    path = Path(tempfile.mkdtemp()) / "pixels.onnx"
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    return str(path)


def sources(cls: type[Any]) -> list[Callable[[], Source]]:
    """Sources of the kind that `cls` is for: pictures where nothing tells."""
    every, name = SOURCES[takes(cls) or "images"], cls.__module__.rpartition(".")[2]
    return [every[ONLY[name]]] if name in ONLY else every[REFUSED.get(name, 0) :]


def encoder(name: str, source: Source) -> Encoder:
    return SPECIAL[name](source) if name in SPECIAL else encoders.build(name, source.traits)


def decoder(name: str, source: Source, dim: int) -> Decoder:
    offered = {"tokenizer": vocabulary(), "length": 12} if isinstance(source, Text) else {}
    return decoders.build(name, source.traits | offered, dim=dim)


def objective(cls: type[Objective], source: Source) -> Objective:
    """Around a small encoder of the kind it asks for; what else it owns is small too where it can be."""
    if kind(source) in ("pairs", "interactions"):
        both = encoder(objectives.usual_encoder(cls), source)
        return construct(cls, {}, {"encoder": both, **source.traits})
    if takes(cls) == "boxes":
        return construct(cls, {}, {"encoder": detector(source), **source.traits})
    name = encoder_for(cls.__module__.rpartition(".")[2], kind(source))
    if name == "vit":
        small = encoders.build("vit", source.traits, dim=16, width=32, depth=2, heads=2, patch=4)
    elif name == "convnet":
        small = encoders.build("convnet", source.traits, dim=16, width=8)
    else:
        small = encoder(name, source)
    known = find.parameters(cls)
    return construct(cls, {k: v for k, v in SMALL.items() if k in known}, {"encoder": small, **source.traits})


def solved(name: str, source: Source, seed: int = 0) -> Encoder:
    cls = objectives.find(name)
    assert issubclass(cls, ClosedForm)
    options = OPTIONS[name](source) if name in OPTIONS else {}
    return construct(cls, options, source.traits).solve(source, seed=seed)


def closed_forms() -> list[str]:
    return [name for name in objectives.names() if issubclass(objectives.find(name), ClosedForm)]

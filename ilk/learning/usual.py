"""What is taken where nothing is named, for each kind of data; and whether what is named is for that kind."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .. import encoders, objectives
from ..encoders import Encoder
from ..errors import OptionError, UnknownName
from ..find import parameters
from ..objectives import ClosedForm, Objective
from ..source import Source
from ..source._kind import kind as kind_of
from ..source.boxes import Boxed
from ..source.graphs import Graph, Graphs


@dataclass(frozen=True)
class Usual:
    quick: str  # the objective that `auto` takes at once
    slow: str  # the one that it gives more minutes to
    plain: str  # the baseline that it keeps where that is better than both
    encoder: str  # of objectives that train any network
    batch: int = 64  # samples a step


USUAL = {  # a new kind of data adds its own, as in source/_kind.py
    "images": Usual("patches", "simclr", "pca", "convnet"),
    "text": Usual("sif", "simcse", "tfidf", "transformer"),
    "graphs": Usual("node2vec", "infomax", "features", "gcn"),
    "whole graphs": Usual("wl", "graph_contrast", "features", "gcn"),  # each of many is a sample
    "pairs": Usual("clip", "clip", "", "convnet"),  # but one way; the encoder of the pictures
    "boxes": Usual("yolo", "yolo", "", "convnet", batch=8),  # a picture holds several, and thousands of cells
    "interactions": Usual("two_tower", "two_tower", "", "record"),  # of either side
}
# The kind of data that the encoder is for
HALVES = {"pairs": "images", "interactions": "tables", "boxes": "images"}
TRAITS = {
    "channels": "images",
    "size": "images",
    "augment": "images",
    "tokenizer": "text",
    "features": "graphs",
}


TOWERS = {  # options of what is made of two networks, see towers.py
    "pairs": ("words", "vocabulary"),
    "boxes": ("start", "how", "levels", "pyramid"),  # see trunk.py
    "interactions": ("words", "vocabulary", "merge"),
}
TOLD = ("condition", "words", "vocabulary")  # options of what draws after something, see telling.py


def usual(kind: str) -> Usual:
    """Of a kind that nobody told of (a source of the user's own): as for pictures."""
    return USUAL.get(kind, USUAL["images"])


def kind_for(objective: str, data: Any) -> str:
    """Of the data as they look; pictures are pairs, or have boxes, where the objective wants such."""
    seen = kind_of(data)
    wanted = None if objective == "auto" else takes(objectives.find(objective))
    if isinstance(data, Source):
        return "boxes" if wanted == "boxes" and isinstance(data, Boxed) else seen
    if wanted == "boxes":  # a file of labels says nothing of what it labels
        return wanted
    return "pairs" if (seen, wanted) == ("images", "pairs") else seen


def takes(cls: type[Objective] | type[ClosedForm] | type[Encoder]) -> str | None:
    """The one kind of data that a class is for: as it says, or as its keywords tell; None: any."""
    return cls.kind or next((TRAITS[p] for p in parameters(cls) if p in TRAITS), None)


def suits(
    name: str,
    cls: type[Objective] | type[ClosedForm] | type[Encoder],
    kind: str,
    others: Callable[[str], Iterable[str]],
) -> None:
    """Refuses what is for another kind of data than this; `others`: which may do for a kind."""
    wanted = takes(cls)
    if wanted not in (None, kind):
        raise OptionError(
            f"{name} is for {wanted}, and the data are {kind}",
            f"For {kind}: {', '.join(others(kind))}. "
            f"Or say what the data are: as_='{wanted}' (--as {wanted}).",
        )


def encoder_for(objective: str, kind: str) -> str:
    """The network that an objective is usually given."""
    cls = objectives.find(usual(kind).slow if objective == "auto" else objective)
    if kind in HALVES:
        return usual(kind).encoder
    asked = objectives.usual_encoder(cls)
    return asked if takes(encoders.find(asked)) in (None, kind) else usual(kind).encoder


def objectives_for(kind: str) -> list[str]:
    return [n for n in objectives.names() if takes(objectives.find(n)) in (None, kind)]


def options_of(network: type[Encoder]) -> list[str]:
    """What can be said of an encoder; `vocabulary`: of how many pieces, where they are learnt."""
    known = parameters(network)
    if "numbers" in known:
        return [*known, *TOLD]
    return [*known, "vocabulary", "start"] if "tokenizer" in known else known


def check(
    objective: str,
    encoder: str | None,
    dim: int | None,
    options: dict[str, Any],
    *,
    others: Iterable[str] = (),
    of: str = "images",
) -> None:
    """Finds now what is wrong with these names, before data are read for hours or a space is thrown away.

    `others`: more names that the caller takes as options; `of`: the kind of data.
    """
    do, known, sized = "", list[str](), True
    if objective == "auto":
        do = "Options of an objective want that objective: see `ilk objectives`."
    else:
        cls, name = objectives.find(objective), encoder or encoder_for(objective, of)
        network = encoders.find(name)
        suits(objective, cls, of, objectives_for)
        known = parameters(cls)
        sized = "dim" in known
        if not issubclass(cls, ClosedForm):
            tower = HALVES.get(of, of)
            suits(name, network, tower, lambda kind: [encoder_for(objective, kind)])
            known = [*(p for p in known if p != "encoder"), *options_of(network)]
            known += TOWERS.get(of, ())
            sized = "dim" in parameters(network)
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {objective}", option, {*known, *others}, do)
    if dim is not None and (dim < 1 or not sized):
        raise OptionError(
            f"dim is {dim}",
            "Give 1 or more." if sized else f"The vectors of {objective} cannot have another length.",
        )
    try:
        json.dumps(options)
    except TypeError as e:
        raise OptionError(f"an option of {objective} cannot be kept: {e}", "Give numbers and text.") from e


def check_graph(objective: str, source: Source) -> None:
    """Refuses many graphs for what learns from the nodes of one, and one for what compares many."""
    if objective == "auto" or not isinstance(source, Graph | Graphs):
        return
    cls, many = objectives.find(objective), isinstance(source, Graphs)
    if issubclass(cls, ClosedForm) and cls.whole == (not many):
        seen = "each of many graphs is a sample" if many else "the nodes of one graph are the samples"
        do = f"Take {usual('whole graphs' if many else 'graphs').quick}, or auto. {_MANY if many else _ONE}"
        raise OptionError(f"{seen}: {objective} is not for these", do)


_MANY = "One file or graph, instead of a folder or list, is read as one whose nodes are the samples."
_ONE = "A folder or list is read as many graphs, each a sample."


def check_label(label: str | None, source: Source) -> None:
    table = source.metadata()
    columns = [] if table is None else table.column_names
    if label is not None and label not in columns:
        do = "Samples bring columns along when a table of them, or of their paths, is given (CSV, parquet)."
        raise UnknownName("metadata column", label, columns, do)

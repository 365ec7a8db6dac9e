"""ilk learns what is alike in data that nobody has labelled.

space = ilk.learn("folder/of/pictures")
space.search("one.png")
ilk.clusters(space)
ilk.map(space, "map.png")
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Read when torch loads OpenMP. Its threads otherwise wait for each other spinning, and where the cores are
# shared with anything else that costs several times the time (benchmarks/threads.py).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0.dev0"

# The public names and where they stand. Each is imported when it is first asked for: torch takes seconds.
_PUBLIC = {
    "Boxed": "source.boxes",
    "Drawing": "generate.drawing",
    "Graph": "source.graphs",
    "Graphs": "source.graphs",
    "Id": "space",
    "IlkError": "errors",
    "Images": "source.images",
    "Interactions": "source.interactions",
    "Pairs": "source.pairs",
    "Recipe": "training.recipe",
    "Reproduced": "learning.reproducing",
    "Source": "source",
    "Space": "space",
    "Table": "source.tables",
    "Text": "source.text",
    "Watch": "training.watch",
    "align": "analysis.align",
    "anomalies": "analysis.anomalies",
    "blackholes": "source.blackholes",
    "boxes": "source.boxes",
    "cluster_cards": "analysis.cards",
    "clusters": "analysis.clusters",
    "communities": "analysis.communities",
    "compare": "analysis.compare",
    "demo": "demonstration",
    "diagnose": "analysis.diagnose",
    "drift": "analysis.drift",
    "duplicates": "analysis.pairs",
    "export_words": "analysis.words",
    "few_shots": "analysis.shots",
    "finetune": "learning.finetuning",
    "fit": "training.fit",
    "graphs": "source.graphs",
    "hindsight": "analysis.recommend",
    "images": "source.images",
    "import_words": "analysis.words",
    "inside": "view.inside",
    "interactions": "source.interactions",
    "invariance": "analysis.invariance",
    "latent": "generate.latent",
    "learn": "learning.learn",
    "likeness": "analysis.words",
    "links": "learning.linking",
    "map": "view",
    "neighbour_graph": "analysis.pairs",
    "normalise": "source.normalise",
    "odd_one_out": "analysis.words",
    "paint": "generate.pictures",
    "pairs": "source.pairs",
    "parameters": "analysis.parameters",
    "posterior": "generate.posterior",
    "probe": "analysis.probing",
    "recommend": "analysis.recommend",
    "report": "view.report",
    "reproduce": "learning.reproducing",
    "retrieval": "analysis.retrieval",
    "scenes": "source.scenes",
    "split": "analysis.split",
    "strangers": "analysis.linked",
    "tables": "source.tables",
    "text": "source.text",
    "whitening": "analysis.whitening",
    "widget": "view.notebook",
    "words": "analysis.words",
    "write": "generate.text",
    "zero_shot": "analysis.zeroshot",
}

# Written out for type checkers and editors, which do not run code.
__all__ = [
    "Boxed",
    "Drawing",
    "Graph",
    "Graphs",
    "Id",
    "IlkError",
    "Images",
    "Interactions",
    "Pairs",
    "Recipe",
    "Reproduced",
    "Source",
    "Space",
    "Table",
    "Text",
    "Watch",
    "__version__",
    "align",
    "anomalies",
    "blackholes",
    "boxes",
    "cluster_cards",
    "clusters",
    "communities",
    "compare",
    "demo",
    "diagnose",
    "drift",
    "duplicates",
    "export_words",
    "few_shots",
    "finetune",
    "fit",
    "graphs",
    "hindsight",
    "images",
    "import_words",
    "inside",
    "interactions",
    "invariance",
    "latent",
    "learn",
    "likeness",
    "links",
    "map",
    "neighbour_graph",
    "normalise",
    "odd_one_out",
    "paint",
    "pairs",
    "parameters",
    "posterior",
    "probe",
    "recommend",
    "report",
    "reproduce",
    "retrieval",
    "scenes",
    "split",
    "strangers",
    "tables",
    "text",
    "whitening",
    "widget",
    "words",
    "write",
    "zero_shot",
]

if TYPE_CHECKING:
    from .analysis.align import align
    from .analysis.anomalies import anomalies
    from .analysis.cards import cluster_cards
    from .analysis.clusters import clusters
    from .analysis.communities import communities
    from .analysis.compare import compare
    from .analysis.diagnose import diagnose
    from .analysis.drift import drift
    from .analysis.invariance import invariance
    from .analysis.linked import strangers
    from .analysis.pairs import duplicates, neighbour_graph
    from .analysis.parameters import parameters
    from .analysis.probing import probe
    from .analysis.recommend import hindsight, recommend
    from .analysis.retrieval import retrieval
    from .analysis.shots import few_shots
    from .analysis.split import split
    from .analysis.whitening import whitening
    from .analysis.words import export_words, import_words, likeness, odd_one_out, words
    from .analysis.zeroshot import zero_shot
    from .demonstration import demo
    from .errors import IlkError
    from .generate.drawing import Drawing
    from .generate.latent import latent
    from .generate.pictures import paint
    from .generate.posterior import posterior
    from .generate.text import write
    from .learning.finetuning import finetune
    from .learning.learn import learn
    from .learning.linking import links
    from .learning.reproducing import Reproduced, reproduce
    from .source import Source
    from .source.blackholes import blackholes
    from .source.boxes import Boxed, boxes
    from .source.graphs import Graph, Graphs, graphs
    from .source.images import Images, images
    from .source.interactions import Interactions, interactions
    from .source.normalise import normalise
    from .source.pairs import Pairs, pairs
    from .source.scenes import scenes
    from .source.tables import Table, tables
    from .source.text import Text, text
    from .space import Id, Space
    from .training.fit import fit
    from .training.recipe import Recipe
    from .training.watch import Watch
    from .view import map
    from .view.inside import inside
    from .view.notebook import widget
    from .view.report import report


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"ilk has no {name!r}; it has {', '.join(__all__)}")
    found = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__

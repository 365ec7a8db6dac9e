"""Objectives that train networks on graphs: losses by hand, blocks found again, fine-tuning, whole graphs."""

from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import ilk
from ilk import Recipe
from ilk.encoders import embed
from ilk.encoders.features import Features
from ilk.encoders.gcn import GCN
from ilk.errors import DataError, OptionError
from ilk.objectives import Objective
from ilk.objectives.graph_autoencoder import GraphAutoencoder, Pairs, drawn, surprise
from ilk.objectives.graph_contrast import GraphContrast
from ilk.objectives.masked_features import MaskedFeatures, unlike
from ilk.source.graphs import Graph, Graphs
from ilk.training.fit import fit

from .test_graphs import BLOCKS, SIZE, recovered

STEPS = Recipe(steps=60, batch=100, checks=1, learning_rate=1e-2, held_out=0)


@pytest.fixture(scope="module")
def planted() -> tuple[Graph, np.ndarray]:
    """Blocks known, and features that tell them badly."""
    G = nx.planted_partition_graph(BLOCKS, SIZE, 0.4, 0.03, seed=1)
    truth = np.repeat(np.arange(BLOCKS), SIZE)
    seen = np.eye(BLOCKS)[truth] + np.random.default_rng(0).normal(size=(BLOCKS * SIZE, BLOCKS))
    found = ilk.graphs(G, features=seen)
    assert isinstance(found, Graph)
    return found, truth


@pytest.fixture(scope="module")
def shapes() -> Graphs:
    """Rings and trees of many sizes."""
    made = [nx.cycle_graph(5 + i) if i % 2 else nx.full_rary_tree(2, 5 + i) for i in range(40)]
    for i, one in enumerate(made):
        one.graph["shape"] = "ring" if i % 2 else "tree"
    found = ilk.graphs(made)
    assert isinstance(found, Graphs)
    return found


@pytest.mark.parametrize("cls", [GraphContrast, GraphAutoencoder, MaskedFeatures])
def test_blocks_are_found_again(
    cls: type[Objective], planted: tuple[Graph, np.ndarray], tmp_path: Path
) -> None:
    graph, truth = planted
    torch.manual_seed(0)
    encoder = GCN(BLOCKS, dim=8, width=16)
    assert recovered(graph.features.toarray(), truth) < 0.3
    fit(cls(encoder), graph, STEPS, run=tmp_path)  # type: ignore[call-arg]
    assert recovered(embed(encoder, graph), truth) > 0.6


def test_what_is_linked_and_what_is_not(planted: tuple[Graph, np.ndarray], shapes: Graphs) -> None:
    for source, owner in ((planted[0], None), (shapes, np.repeat(np.arange(40), np.diff(shapes.starts)))):
        arcs = source.structure.arcs
        batch = source.batch(np.arange(0, len(source), 3))
        torch.manual_seed(0)
        pairs = drawn(batch)
        (a, b), (c, d) = pairs.nodes[pairs.linked].T, pairs.nodes[pairs.others].T
        assert len(a) == len(batch.nodes)  # each has a neighbour
        assert (arcs[a, b] > 0).all()
        assert (arcs[c, d] == 0).all()
        assert (c != d).all()
        assert 0.3 * len(a) < len(c) < len(a)
        if owner is not None:
            assert (owner[c] == owner[d]).all()
    alone = ilk.graphs(nx.empty_graph(3)).batch(np.arange(3))
    assert drawn(alone).linked.shape == (0, 2)


def test_surprise_by_hand() -> None:
    z = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, -1.0]])
    pairs = Pairs(np.arange(3), np.array([[0, 1]]), np.array([[0, 2], [1, 2]]))
    true, false = F.softplus(torch.tensor(-3.0)), F.softplus(torch.tensor([-2.0, 0.0])).mean()
    assert surprise(z, pairs).item() == pytest.approx(((true + false) / 2).item())


def test_the_variational_loss_and_its_parts(planted: tuple[Graph, np.ndarray]) -> None:
    graph = planted[0]
    objective = GraphAutoencoder(GCN(BLOCKS, dim=8), beta=0.5)
    with torch.no_grad():  # every cloud a standard normal
        for p in objective.parameters():
            p.zero_()
    terms = objective.loss(graph.batch(np.arange(50)), progress=0.0)
    assert terms["divergence"].item() == pytest.approx(0)
    with torch.no_grad():  # middles at 2 in each dimension: 2^2 / 2 nats each
        objective.encoder.lines[-1].bias.fill_(2.0)  # type: ignore[attr-defined]
        objective.encoder.bends[-1].weight.fill_(1.0)  # type: ignore[attr-defined]
    terms = objective.loss(graph.batch(np.arange(50)), progress=0.0)
    assert terms["divergence"].item() == pytest.approx(0.5 * 2)
    assert GraphAutoencoder(GCN(BLOCKS)).loss(graph.batch(np.arange(9)), progress=0).keys() == {"edges"}


def test_hidden_features_are_not_seen_and_asked_for(planted: tuple[Graph, np.ndarray]) -> None:
    told, truth = (
        torch.tensor([[2.0, 0], [0, 3], [1, 1], [9, 9]]),
        torch.tensor([[1.0, 0], [1, 0], [1, 0], [0, 0]]),
    )
    by_hand = (0 + 1 + (1 - 0.5**0.5) ** 2) / 3  # the last is of a node of which nothing is said
    assert unlike(told, truth, 2).item() == pytest.approx(by_hand)
    objective = MaskedFeatures(Features(BLOCKS), share=0.5)
    objective.head = nn.Linear(BLOCKS, BLOCKS, bias=False)
    with torch.no_grad():
        objective.head.weight.copy_(torch.eye(BLOCKS))  # would give back whatever is seen
    loss = objective.loss(planted[0].batch(np.arange(100)), progress=0)["features"]
    assert loss.item() == pytest.approx(1)  # nothing is: the cosine with zeros is 0


def test_whole_graphs_learn_and_are_searched(shapes: Graphs, tmp_path: Path) -> None:
    """Without a label; then their space answers a graph that it never met, and shows its groups."""
    space = ilk.learn(shapes, "wl", out=tmp_path / "wl", dim=8, labels=False)
    assert len(space) == 40
    stranger = space.encode([nx.cycle_graph(50)])
    near = space.search(stranger, 5).ids[0]
    assert {space.metadata([i])["shape"][0].as_py() for i in near} == {"ring"}
    path = tmp_path / "ring.graphml"
    nx.write_graphml(nx.cycle_graph(50), path)
    assert space.search(path, 5).ids[0].tolist() == near.tolist()
    taught = ilk.learn(
        *(shapes, "graph_contrast"),
        out=tmp_path / "gc",
        encoder="mpnn",
        width=8,
        dim=8,
        label="shape",
        recipe=Recipe(steps=20, batch=40, checks=1),
    )
    assert taught.metadata().num_rows == 40
    near = taught.search(taught.encode([nx.cycle_graph(15)]), 5).ids[0]
    assert {taught.metadata([i])["shape"][0].as_py() for i in near} == {"ring"}


def test_few_labels(planted: tuple[Graph, np.ndarray], shapes: Graphs, tmp_path: Path) -> None:
    """Nodes, and whole graphs: a probe of what was learnt without labels, and the network learning on."""
    graph, truth = planted
    graph = ilk.graphs(
        nx.from_scipy_sparse_array(graph.arcs),
        nodes=None,
        features=graph.features,
    )
    graph.columns = pa.table({"block": [f"block {t}" if i % 4 == 0 else None for i, t in enumerate(truth)]})
    recipe = Recipe(steps=20, batch=16, checks=1, held_out=0)
    ilk.learn(graph, "graph_contrast", out=tmp_path / "n", dim=8, width=16, recipe=recipe)
    found = ilk.finetune(tmp_path / "n.space", graph, label="block", out=tmp_path / "nf", recipe=recipe)
    assert found.after.rows + found.learnt == 25
    assert max(found.before.measures["accuracy"].value, found.after.measures["accuracy"].value) > 0.7
    told = found.space.layer("predicted-block")["block_predicted"].to_pylist()
    assert np.mean([t == f"block {truth[int(i)]}" for t, i in zip(told, found.space.ids())]) > 0.6
    ilk.learn(shapes, "graph_contrast", out=tmp_path / "g", dim=8, width=16, recipe=recipe)
    whole = ilk.finetune(tmp_path / "g.space", shapes, label="shape", out=tmp_path / "gf", recipe=recipe)
    assert max(whole.before.measures["accuracy"].value, whole.after.measures["accuracy"].value) > 0.9


def test_what_is_for_nodes_is_not_for_whole_graphs(
    planted: tuple[Graph, np.ndarray], shapes: Graphs, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match="each of many graphs is a sample: node2vec is not for these"):
        ilk.learn(shapes, "node2vec", out=tmp_path / "x")
    with pytest.raises(OptionError, match="the nodes of one graph are the samples: wl is not for these"):
        ilk.learn(planted[0], "wl", out=tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_says_so() -> None:
    with pytest.raises(OptionError, match="drop is 1"):
        GraphContrast(GCN(3), drop=1)
    with pytest.raises(OptionError, match="temperature is 0"):
        GraphContrast(GCN(3), temperature=0)
    with pytest.raises(OptionError, match="share is 1"):
        MaskedFeatures(GCN(3), share=1)
    with pytest.raises(OptionError, match="beta is -1"):
        GraphAutoencoder(GCN(3), beta=-1)
    with pytest.raises(DataError, match="nodes with 16 features meet an encoder that takes 3"):
        embed(GCN(3), ilk.graphs(nx.path_graph(3)))

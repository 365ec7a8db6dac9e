"""Networks on graphs against loops over nodes, fixed points against unrolling, colours against the kernel."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from torch import Tensor

import ilk
from ilk.analysis.isomorphism import kernel
from ilk.encoders import embed, encode
from ilk.encoders._segments import WAYS
from ilk.encoders.features import Features
from ilk.encoders.fixed_point import FixedPoint, norm
from ilk.encoders.gcn import GCN
from ilk.encoders.mpnn import MESSAGES, MPNN, UPDATES
from ilk.errors import DataError, OptionError, UnknownName
from ilk.objectives.wl import WL
from ilk.source._graph.structure import Messages
from ilk.source.graphs import Graph, Graphs


def graph() -> Graph:
    """One way and both ways, weighted, a feature an edge, a node that hears of nobody."""
    edges = [("a", "b"), ("b", "a"), ("c", "b"), ("d", "b"), ("b", "d"), ("d", "c")]
    G = nx.DiGraph()
    G.add_nodes_from("abcde")
    G.add_edges_from((a, b, {"weight": 1.0 + i, "kind": i % 2}) for i, (a, b) in enumerate(edges))
    rng = np.random.default_rng(0)
    return ilk.graphs(G, features=rng.normal(size=(5, 3)), edge_features=["kind"])


def by_loops(encoder: MPNN, graph: Graph) -> Tensor:
    """m_i = gather over j -> i of M(h_i, h_j, e_ij), h_i <- U(h_i, m_i), one node after the other."""
    h = torch.relu(encoder.first(torch.from_numpy(graph.features.toarray())))
    arcs = graph.arcs.tocoo()
    edges = list(zip(*arcs.coords, arcs.data, graph.structure.edges))
    for r in encoder.rounds:
        after = []
        for i in range(len(graph)):
            said = []
            for j, to, weight, told in edges:
                if to == i:
                    m = r.near(h[j]) + r.edge(torch.tensor([weight, *told]))
                    if encoder.message == "mlp":
                        m = r.said(torch.relu(m + r.own(h[i])))
                    said.append(torch.relu(m))
            m = gathered(said, encoder.gather, r.score) if said else torch.zeros(encoder.width)
            if encoder.update == "gru":
                after.append(r.gru(m[None], h[i][None])[0])
            else:
                after.append(h[i] + r.taken(torch.cat([h[i], m])))
        h = torch.stack(after)
    return encoder.last(h)


def gathered(said: list[Tensor], way: str, score: torch.nn.Module | None) -> Tensor:
    x = torch.stack(said)
    if score is not None:
        return torch.softmax(torch.nn.functional.leaky_relu(score(x), 0.2), 0).T[0] @ x
    return {"sum": x.sum(0), "mean": x.mean(0), "max": x.max(0).values}[way]


@pytest.mark.parametrize(("message", "update", "gather"), list(product(MESSAGES, UPDATES, WAYS)))
def test_messages_by_loops(message: str, update: str, gather: str) -> None:
    one = graph()
    torch.manual_seed(0)
    encoder = MPNN(3, 1, dim=5, width=4, steps=2, message=message, update=update, gather=gather).eval()
    with torch.no_grad():
        wanted = by_loops(encoder, one)
    for rows in (np.arange(5), np.array([3, 1, 3])):
        torch.testing.assert_close(encode(encoder, one.batch(rows)), wanted[rows])


def test_readouts_by_hand() -> None:
    many = ilk.graphs([nx.path_graph(2), nx.path_graph(1)], features=np.array([[1.0, -2], [3, -6], [5, 7]]))
    encoder = Features(2)
    found = {way: Reader(way, encoder)(many) for way in ("sum", "mean", "max")}
    assert found == {"sum": [[4, -8], [5, 7]], "mean": [[2, -4], [5, 7]], "max": [[3, -2], [5, 7]]}
    gcn = GCN(2, dim=2, depth=1, readout="attention")
    batch = many.batch(np.arange(2))
    z = gcn.nodes(batch)
    weight = torch.softmax(gcn.read.score(z[:2]), 0)  # type: ignore[misc]
    torch.testing.assert_close(gcn(batch), torch.stack([(weight * z[:2]).sum(0), z[2]]))
    with pytest.raises(UnknownName, match="no readout called 'middle'"):
        GCN(2, readout="middle")


class Reader:
    def __init__(self, way: str, encoder: Features) -> None:
        from ilk.encoders._graph import Readout

        self.read, self.encoder = Readout(encoder.dim, way), encoder

    def __call__(self, many: Graphs) -> list[list[float]]:
        batch = many.batch(np.arange(len(many)))
        found: list[list[float]] = self.read(self.encoder.nodes(batch), batch).tolist()
        return found


def test_edges_tell_graphs_apart_that_have_none_else() -> None:
    single, double = nx.path_graph(2), nx.path_graph(2)
    single.edges[0, 1]["bond"], double.edges[0, 1]["bond"] = "single", "double"
    many = ilk.graphs([single, double], edge_features=["bond"])
    torch.manual_seed(0)
    a, b = embed(MPNN(16, 2), many)
    assert np.abs(a - b).max() > 1e-3
    a, b = embed(GCN(16), many)
    assert a == pytest.approx(b)
    with pytest.raises(DataError, match="edges with 2 features meet an encoder that takes 0"):
        embed(MPNN(16), many)
    with pytest.raises(DataError, match="nodes with 16 features meet an encoder that takes 3"):
        embed(MPNN(3, 2), many)


@pytest.fixture(scope="module")
def settling() -> tuple[FixedPoint, Messages, Tensor]:
    one = graph()
    torch.manual_seed(0)
    encoder = FixedPoint(3, 1, dim=5, width=4, penalty=0.0).double()
    seen, at = one.batch(np.arange(5)).endless()
    assert at.tolist() == [0, 1, 2, 3, 4]
    hops = [replace(h, edges=h.edges.double(), share=h.share.double()) for h in seen.hops]
    return encoder, Messages(seen.features.double(), hops), torch.randn(5, 4, dtype=torch.double)


def test_a_fixed_point_is_one(settling: tuple[FixedPoint, Messages, Tensor]) -> None:
    """z_i = R x_i + V mean over j -> i of tanh(A x_i + B e_ij + C x_j + U z_j), node by node."""
    encoder, seen, _ = settling
    z = encoder.settled(seen).detach()
    x, hop = seen.features.to_dense(), seen.hops[0]
    for i in range(5):
        told = [
            torch.tanh(encoder.target(x[i]) + encoder.edge(e) + encoder.source(x[j]) + encoder.state(z[j]))
            for j, to, e in zip(hop.source, hop.target, hop.edges)
            if to == i
        ]
        mean = torch.stack(told).mean(0) if told else torch.zeros(4, dtype=torch.double)
        torch.testing.assert_close(z[i], encoder.own(x[i]) + encoder.out(mean), atol=1e-5, rtol=1e-5)


def test_its_gradient_is_that_of_unrolling(settling: tuple[FixedPoint, Messages, Tensor]) -> None:
    encoder, seen, g = settling
    encoder.zero_grad()
    (encoder.settled(seen) * g).sum().backward()
    implicit = {n: p.grad.clone() for n, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad()
    step, z = encoder.transition(seen.features, seen.hops[0]), torch.zeros(5, 4, dtype=torch.double)
    for _ in range(100):
        z = step(z)
    (z * g).sum().backward()
    assert len(implicit) == 8
    for name, one in implicit.items():
        unrolled = encoder.get_parameter(name).grad
        assert unrolled is not None
        torch.testing.assert_close(one, unrolled, rtol=1e-5, atol=1e-6)


def test_a_hub_of_many_has_the_right_gradient_too() -> None:
    """On the way back what 30 nodes heard of the hub comes together: the terms grow before they fall."""
    star = ilk.graphs(nx.star_graph(30), features=np.eye(31))
    torch.manual_seed(0)
    encoder = FixedPoint(31, dim=2, width=3, penalty=0.0)
    seen, _ = star.batch(np.arange(31)).endless()
    encoder.settled(seen)[1:].sum().backward()
    implicit = encoder.source.weight.grad.clone()  # type: ignore[union-attr]
    encoder.zero_grad()
    step, z = encoder.transition(seen.features, seen.hops[0]), torch.zeros(31, 3)
    for _ in range(60):
        z = step(z)
    z[1:].sum().backward()
    torch.testing.assert_close(implicit, encoder.source.weight.grad, rtol=1e-3, atol=1e-4)


def jacobian(step: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    n = z.numel()
    found: Tensor = torch.autograd.functional.jacobian(step, z)
    return found.reshape(n, n)


def test_the_norm_is_that_of_the_whole_jacobian(settling: tuple[FixedPoint, Messages, Tensor]) -> None:
    encoder, seen, _ = settling
    step, z = encoder.transition(seen.features, seen.hops[0]), encoder.settled(seen).detach()
    root = torch.tensor([1.0, 2, 3, 4, 5], dtype=torch.double)[:, None]
    weigh = root.repeat_interleave(4)
    exact = torch.linalg.matrix_norm(weigh[:, None] * jacobian(step, z) / weigh, 2)
    start = z.requires_grad_()
    found = max(norm(step(start), start, root).item() for _ in range(5))
    assert found <= exact + 1e-9
    assert found == pytest.approx(exact.item(), rel=0.05)


def test_all_batches_of_a_graph_share_one_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """And none is taken from before the weights changed, of another graph, or while gradients are wanted."""
    settled, asked = FixedPoint.settled, []

    def counted(self: FixedPoint, seen: Messages) -> Tensor:
        asked.append(seen)
        return settled(self, seen)

    monkeypatch.setattr(FixedPoint, "settled", counted)
    torch.manual_seed(0)
    one, encoder = graph(), FixedPoint(3, 1, dim=5, width=4)
    apart = embed(encoder, one, batch=2)
    assert len(asked) == 1
    np.testing.assert_array_equal(apart, embed(encoder, one, np.arange(5)[::-1])[::-1])
    assert len(asked) == 1
    with torch.no_grad():
        encoder.own.weight.add_(0.5)
    assert np.abs(embed(encoder, one) - apart).max() > 0.01
    with torch.no_grad():
        encoder.own.weight.sub_(0.5)
    np.testing.assert_allclose(embed(encoder, one), apart, atol=1e-5)
    assert len(asked) == 3
    embed(encoder, graph())
    encoder(one.batch(np.arange(2)))
    assert len(asked) == 5


def test_the_penalty_brings_states_that_run_away_back(capsys: pytest.CaptureFixture[str]) -> None:
    ring = ilk.graphs(nx.wheel_graph(9), features=np.eye(9))
    torch.manual_seed(0)
    encoder = FixedPoint(9, dim=4, width=4, rounds=30)
    with torch.no_grad():
        encoder.state.weight.copy_(torch.eye(4))
        encoder.out.weight.copy_(-4 * torch.eye(4))  # against all of one sign another sign is the answer
    batch = ring.batch(np.arange(9))
    encoder.eval()(batch)
    assert "States have not settled after 30 rounds" in capsys.readouterr().err
    optimiser = torch.optim.Adam(encoder.parameters(), 0.1)
    encoder.train()
    for _ in range(15):
        optimiser.zero_grad()
        (encoder(batch).sum() * 0).backward()  # nothing to learn but to settle
        optimiser.step()
    encoder.eval()(batch)
    assert capsys.readouterr().err == ""
    seen, _ = batch.endless()
    step = encoder.transition(seen.features, seen.hops[0])
    with torch.no_grad():
        z = encoder.settled(seen)
    assert torch.linalg.eigvals(jacobian(step, z)).abs().max() < 1
    with pytest.raises(OptionError, match=r"most is 1\.0"):
        FixedPoint(3, most=1.0)


def test_what_is_far_off_reaches_a_node() -> None:
    """Ten edges along a path, where two layers see two."""
    path = nx.path_graph(11)
    near, far = (ilk.graphs(path, features=np.eye(11) * scale) for scale in (1.0, 1.0))
    far.features.data[10] = 5  # the last node is told otherwise
    torch.manual_seed(0)
    for encoder, reaches in ((FixedPoint(11, dim=4, width=8), True), (GCN(11, dim=4), False)):
        one, other = (embed(encoder.eval(), g, np.array([0])) for g in (near, far))
        assert (np.abs(one - other).max() > 0) == reaches


def test_graphs_without_an_edge_have_vectors_too() -> None:
    alone = [ilk.graphs(nx.empty_graph(3)), ilk.graphs([nx.empty_graph(2), nx.path_graph(2)])]
    for source, readout in product(alone, WAYS):
        for cls in (GCN, MPNN, FixedPoint):
            vectors = embed(cls(16, dim=4, readout=readout).eval(), source)
            assert vectors.shape == (len(source), 4)
            assert np.isfinite(vectors).all()


@pytest.fixture(scope="module")
def random_graphs() -> Graphs:
    rng = np.random.default_rng(0)
    made = [
        nx.gnm_random_graph(int(rng.integers(4, 12)), int(rng.integers(3, 15)), seed=i) for i in range(25)
    ]
    found = ilk.graphs(made)
    assert isinstance(found, Graphs)
    return found


def test_cosines_of_colours_are_the_kernel(random_graphs: Graphs) -> None:
    encoder = WL(labels=False, rounds=3).solve(random_graphs)
    z = embed(encoder, random_graphs, batch=4)
    wanted = kernel(list(random_graphs), rounds=3)
    off = ~np.eye(25, dtype=bool)
    assert (z @ z.T)[off] == pytest.approx(wanted[off], abs=1e-5)
    short = embed(WL(labels=False, dim=5).solve(random_graphs), random_graphs)
    assert short.shape == (25, 5)
    best = np.linalg.eigvalsh(z.astype(float) @ z.T)[-5:]
    assert np.linalg.eigvalsh(short.astype(float) @ short.T)[-5:] == pytest.approx(best, rel=1e-4)


def test_names_of_nodes_do_not_matter_and_labels_do(random_graphs: Graphs) -> None:
    encoder = WL().solve(random_graphs)
    for one in list(random_graphs)[:5]:
        order = np.random.default_rng(1).permutation(len(one))
        same = ilk.graphs([one.arcs[order][:, order]])
        again = ilk.graphs([one.arcs])
        assert embed(encoder, same) == pytest.approx(embed(encoder, again), abs=1e-6)
    plain = [
        {"edges": np.array([[0, 1], [1, 2]]), "features": f}
        for f in np.eye(3)[[[0, 1, 0], [0, 0, 1], [0, 1, 0]]]
    ]
    a, b, c = embed(WL(rounds=1).solve(ilk.graphs(plain)), ilk.graphs(plain))
    assert a == pytest.approx(c)
    assert not np.allclose(a, b)
    a, b, c = embed(WL(rounds=1, labels=False).solve(ilk.graphs(plain)), ilk.graphs(plain))
    assert a == pytest.approx(b)


def test_whole_graphs_only(random_graphs: Graphs) -> None:
    club = ilk.graphs(nx.karate_club_graph())
    with pytest.raises(DataError, match="the WL kernel compares graphs; this is a Graph"):
        WL().solve(club)
    with pytest.raises(DataError, match="compares whole graphs; these are nodes of one"):
        embed(WL().solve(random_graphs), club)
    odd = [{"edges": np.array([[0, 1]]), "features": np.full((2, 1), v)} for v in (1.0, 2.0)]
    with pytest.raises(DataError, match="no two of 2 graphs have a colour in common"):
        WL().solve(ilk.graphs(odd))

"""The original graph network (Scarselli et al. 2009): states that agree with those of their neighbours.

z_i = R x_i + V mean over arcs j -> i of tanh(A x_i + B e_ij + C x_j + U z_j), for all nodes at once z = T(z).
Where T brings states nearer to each other there is one such z, and applying T again and again leads there.

Contraction is held by a penalty: the norm of the Jacobian J of T at z shall not be above `most`. Lengths are
weighed by the nodes' degrees d, in which a mean over neighbours lengthens nothing: D^1/2 (D^-1 A) D^-1/2 has
eigenvalues in [-1, 1]. The penalty enters the backward pass only, so that any objective trains this encoder.

Gradient: z = T(z, w) gives dz = J dz + T_w dw, so of a loss whose gradient at z is g, that at w is
(1 - J^T)^-1 g times T_w. It is found as z was, by u <- J^T u + g again and again. No iterate is stored.

Legend: P nodes, k arcs, F features, E of edges (their weight before them), W the state's width, D dimensions.
"""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..console import say
from ..errors import OptionError
from ..source._graph.nodes import Batch
from ..source._graph.structure import Hop, Messages, Structure
from ._embed import device_of
from ._graph import GraphEncoder, Readout
from ._segments import total

NEAR = 1e-6  # relative change of a state at which it has settled
AWAY = 100  # times as large as at first: a gradient that will not settle either
POWER = 5  # steps towards the direction that J lengthens most
Held = tuple[weakref.ref[Structure], str, Tensor]  # of which graph, when and how looked at, the states (n, W)


class FixedPoint(GraphEncoder):
    """A node's vector tells of all that it is linked with, however far off, the nearer the more.

    width    numbers in a state
    most     norm of the Jacobian, above which the penalty begins: below 1, or states need not settle
    penalty  its weight beside the objective's loss
    rounds   how often T is applied, at most
    readout  of a whole graph: the mean, sum or max of its nodes' vectors, or attention
    """

    def __init__(
        self,
        features: int = 16,
        edge_features: int = 0,
        dim: int = 128,
        width: int = 64,
        most: float = 0.9,
        penalty: float = 10.0,
        rounds: int = 200,
        readout: str = "mean",
    ) -> None:
        super().__init__()
        if not 0 < most < 1:
            raise OptionError(f"most is {most}", "Give a number between 0 and 1.")
        if rounds < 1:
            raise OptionError(f"rounds is {rounds}", "Give 1 or more.")
        self.features, self.edge_features, self.dim, self.width = features, edge_features, dim, width
        self.most, self.penalty, self.rounds, self.readout = most, penalty, rounds, readout
        self.own, self.target = nn.Linear(features, width), nn.Linear(features, width)
        self.source = nn.Linear(features, width, bias=False)
        self.edge = nn.Linear(1 + edge_features, width, bias=False)
        self.state, self.out = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.last = nn.Linear(width, dim)
        self.read = Readout(dim, readout)
        self._held: Held | None = None
        nn.init.orthogonal_(self.state.weight)
        nn.init.orthogonal_(self.out.weight, gain=0.5)  # so that it begins as a contraction

    def _nodes(self, x: Batch) -> Tensor:  # -> (P, D)
        self.fits(x, self.edge_features)
        vectors: Tensor = self.last(self._learning(x) if torch.is_grad_enabled() else self._known(x))
        return vectors

    def _learning(self, x: Batch) -> Tensor:  # -> (P, W)
        seen, at = x.endless()
        z = self.settled(seen.to(device_of(self)))
        return z[torch.from_numpy(at).to(z.device)]

    def _known(self, x: Batch) -> Tensor:  # -> (P, W)
        """Of one graph the states of all nodes settle at once: they are held for its other batches."""
        rows = x.closed()
        if len(rows) < x.structure.arcs.shape[0] or x.look.blind is not None:
            return self._learning(x)
        weights = [(p._version, p.data_ptr()) for p in self.parameters()]
        when = f"{x.look} {weights} {self.training}"
        if self._held is None or self._held[0]() is not x.structure or self._held[1] != when:
            z = self.settled(x.structure.messages(rows, 1, x.look).to(device_of(self)))
            self._held = weakref.ref(x.structure), when, z
        z = self._held[2]
        return z[torch.from_numpy(np.ascontiguousarray(x.nodes)).to(z.device)]

    def settled(self, seen: Messages) -> Tensor:  # -> (P, W)
        hop = seen.hops[0]
        step = self.transition(seen.features, hop)
        with torch.no_grad():
            zero = self.last.weight.new_zeros(seen.features.shape[0], self.width)
            z, change = _repeated(step, zero, self.rounds)
        if change > NEAR and not self.training:
            say(f"States have not settled after {self.rounds} rounds: they still change by {change:.1g}.")
        if not torch.is_grad_enabled():
            return z
        return self._with_gradient(step, z, hop)

    def transition(self, features: Tensor, hop: Hop) -> Callable[[Tensor], Tensor]:
        """T, with all that does not change from round to round worked out once."""
        n = features.shape[0]
        of, to = (torch.sparse.mm(features, one.weight.T) for one in (self.source, self.target))  # (P, W)
        fixed = of[hop.source] + (to + self.target.bias)[hop.target] + self.edge(hop.edges)  # (k, W)
        own = torch.sparse.mm(features, self.own.weight.T) + self.own.bias  # (P, W)
        share = hop.share[:, None].to(own)
        share = share / total(share, hop.target, n)[hop.target]  # (k, 1), of each node's the sum 1

        def step(z: Tensor) -> Tensor:  # (P, W) -> (P, W)
            told = torch.tanh(fixed + self.state(z)[hop.source])
            mixed: Tensor = own + self.out(total(share * told, hop.target, n))
            return mixed

        return step

    def _with_gradient(self, step: Callable[[Tensor], Tensor], z: Tensor, hop: Hop) -> Tensor:
        start = z.detach().requires_grad_()
        once = step(start)

        def back(u: Tensor) -> Tensor:  # J^T u
            return torch.autograd.grad(once, start, u, retain_graph=True)[0]

        found = step(z)
        if self.training:
            # States that never settle go from z to T(z) and back undiminished: J lengthens them where tanh is
            # steep, which is between the two, and not at either.
            between = ((z + once) / 2).detach().requires_grad_()
            degree = torch.bincount(hop.target, minlength=len(z)).clamp(min=1)
            length = norm(step(between), between, degree.to(z)[:, None].sqrt())
            found = _beside(found, self.penalty * F.relu(length - self.most).square())
        if found.requires_grad:
            found.register_hook(lambda g: _solved(back, g, self.rounds))  # type: ignore[no-untyped-call]
        return found


def norm(once: Tensor, start: Tensor, root: Tensor) -> Tensor:
    """Of the Jacobian of `once` (P, W) by `start`, where rows are weighed by `root` (P, 1) squared."""
    probe = torch.zeros_like(once, requires_grad=True)
    told = torch.autograd.grad(once, start, probe * root, create_graph=True)[0] / root  # J'^T probe, linear
    u = torch.randn_like(once)
    for _ in range(POWER):
        v = torch.autograd.grad(once, start, u * root, retain_graph=True)[0] / root
        u = torch.autograd.grad(told, probe, v / v.norm().clamp(min=1e-12), retain_graph=True)[0]
        u = u / u.norm().clamp(min=1e-12)
    back = torch.autograd.grad(once, start, u.detach() * root, create_graph=True)[0] / root
    length: Tensor = back.norm()
    return length


def _repeated(step: Callable[[Tensor], Tensor], z: Tensor, rounds: int) -> tuple[Tensor, float]:
    """Until z hardly changes; by how much it still did, as a share of its size."""
    change = torch.inf
    for _ in range(rounds):
        before, z = z, step(z)
        change = float((z - before).abs().max() / z.abs().max().clamp(min=1e-12)) if len(z) else 0.0
        if change <= NEAR:
            break
    return z, change


def _solved(back: Callable[[Tensor], Tensor], g: Tensor, rounds: int) -> Tensor:
    """(1 - J^T)^-1 g = g + J^T g + ...; where J does not contract yet, until the terms run away.

    They may grow at first though it does: what a hub hears comes from all its neighbours.
    """
    total, term, most = g, g, AWAY * g.norm()
    for _ in range(rounds):
        term = back(term)
        if term.norm() > most or term.norm() <= NEAR * total.norm():
            break
        total = total + term
    return total


def _beside(z: Tensor, penalty: Tensor) -> Tensor:
    """z itself; on the way back the penalty is minimised along with whatever is made of z."""
    found: Tensor = _Beside.apply(z, penalty)  # type: ignore[no-untyped-call]
    return found


class _Beside(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, penalty: Tensor) -> Tensor:
        return z.view_as(z)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return gradient, torch.ones((), device=gradient.device, dtype=gradient.dtype)

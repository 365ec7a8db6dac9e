"""Nodes are told from the same nodes with others' features (Velickovic et al. 2019, Deep Graph Infomax).

Legend: n nodes, D dimensions.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..console import progress
from ..encoders import Encoder
from ..encoders.gcn import GCN
from ..errors import DataError, OptionError
from ..source import Source
from ..source.graphs import Graph
from ._base import ClosedForm


class Infomax(ClosedForm):
    """What a node is and what is around it: a GCN of `depth` layers, taught by the whole graph at every step.

    The mean over all nodes must fit each node's vector, and not that of a node in a graph whose features were
    dealt out anew: so vectors keep what features and edges have to do with each other.

    width  numbers between two layers
    epochs steps; each looks at all nodes and edges twice
    rate   of Adam
    """

    kind: ClassVar[str] = "graphs"
    whole: ClassVar[bool | None] = False

    def __init__(
        self, *, dim: int = 128, width: int = 128, depth: int = 2, epochs: int = 50, rate: float = 5e-3
    ) -> None:
        for name, value in {"dim": dim, "width": width, "depth": depth, "epochs": epochs}.items():
            if value < 1 or value != int(value):
                raise OptionError(f"{name} is {value}", "Give a whole number, 1 or more.")
        if not rate > 0:
            raise OptionError(f"rate is {rate}", "Give a number above 0.")
        self.dim, self.width, self.depth, self.epochs, self.rate = dim, width, depth, epochs, rate

    def solve(self, source: Source, *, seed: int = 0) -> Encoder:
        if not isinstance(source, Graph):
            do = "Read it with ilk.graphs, or say --as graphs."
            raise DataError(f"infomax learns from a graph; this is a {type(source).__name__}", do)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = GCN(source.traits["features"], self.dim, self.width, self.depth)
            told = nn.Linear(self.dim, self.dim, bias=False)
            optimiser = torch.optim.Adam([*encoder.parameters(), *told.parameters()], self.rate)
            part = source.structure.whole(self.depth)
            with progress("infomax", int(self.epochs)) as bar:
                for _ in range(int(self.epochs)):
                    loss = surprise(
                        encoder.through(part), encoder.through(part, torch.randperm(len(source))), told
                    )
                    optimiser.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                    bar.note(f"loss {loss.item():.3f}")
                    bar.advance()
        return encoder.eval()


def surprise(true: Tensor, false: Tensor, told: nn.Module) -> Tensor:  # (n, D), (n, D) -> ()
    """Mean -log of the chance given to what each node is: sigmoid(z W s), s = sigmoid(mean of true z)."""
    summary = told(torch.sigmoid(true.mean(0)))  # (D,)
    return (F.softplus(-(true @ summary)).mean() + F.softplus(false @ summary).mean()) / 2

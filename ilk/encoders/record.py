"""A row of a table to a vector: what each column says of a thing, added up, and what they say together.

The sum alone is LightFM's (Kula 2015): a thing whose id is not known is still the sum of what is known of it.

Legend: B rows, L entries of a list, D dimensions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError, UnknownName
from ..source._records import Coded, Pictures, Records
from ._attention import Attention
from ._base import Encoder
from ._embed import device_of

SEQUENCES = ("mean", "attention")
NEAR = 5.0  # spreads from the mean, beyond which a number counts as that far


class Record(Encoder):
    """`columns`: what each is, see `described`; other columns of a row are not looked at.

    depth     so many layers in which columns meet, after their sum; 0: none
    sequence  how a list becomes a vector: mean, or attention, which knows the order
    forget    how often an id is left out while learning, so that one never met stands for something
              (DropoutNet, Volkovs et al. 2017)
    words, pictures  the networks of texts and of pictures, where there are such columns
    """

    kind: ClassVar[str] = "tables"

    def __init__(
        self,
        columns: dict[str, dict[str, Any]],
        dim: int = 64,
        depth: int = 1,
        sequence: str = "mean",
        forget: float = 0.5,
        words: Encoder | None = None,
        pictures: Encoder | None = None,
    ) -> None:
        super().__init__()
        if not columns:
            raise OptionError("no column to look at", "Give one or more.")
        if sequence not in SEQUENCES:
            raise UnknownName("way to read a list", sequence, SEQUENCES)
        if not 0 <= forget < 1:
            raise OptionError(f"forget is {forget}", "Give a share: 0 or more, below 1.")
        self.columns, self.dim, self.depth, self.sequence = columns, dim, depth, sequence
        self.forget, self.words, self.pictures = forget, words, pictures
        self.parts = nn.ModuleList(self._part(name, about) for name, about in columns.items())
        self.layers = nn.ModuleList(_Layer(dim) for _ in range(depth))

    def forward(self, x: Records) -> Tensor:  # (B,) rows -> (B, D)
        z: Tensor = torch.stack([self._told(n, part, x) for n, part in zip(self.columns, self.parts)]).sum(0)
        for layer in self.layers:
            z = layer(z)
        return z

    def start_from(self, other: "Record") -> int:
        """Takes over what `other` knows of names and words that both know; returns how many vectors.

        A name is the same wherever it stands: the items of a user's history are those of the items' ids.
        """
        known: dict[str, Tensor] = {}
        for part in (p for p in other.parts if isinstance(p, _Names) and other.dim == self.dim):
            known |= dict(zip(part.names, part.vectors.weight.detach()[1:]))
        taken = 0
        for part in (p for p in self.parts if isinstance(p, _Names)):
            for i, name in enumerate(part.names, 1):
                if name in known:
                    part.vectors.weight.data[i] = known[name]
                    taken += 1
        for mine, theirs in ((self.words, other.words), (self.pictures, other.pictures)):
            if mine is not None and theirs is not None:
                mine.load_state_dict(theirs.state_dict())
        return taken

    def _part(self, name: str, about: Mapping[str, Any]) -> nn.Module:
        kind = about["is"]
        if kind in ("id", "category"):
            return _One(about["names"], self.dim, self.forget if kind == "id" else 0.0)
        if kind == "several":
            return _Mean(about["names"], self.dim) if self.sequence == "mean" else _Order(about, self.dim)
        if kind == "number":
            return _Number(about["mean"], about["spread"], self.dim)
        if kind == "vector":
            return nn.Linear(about["wide"], self.dim)
        network = {"text": self.words, "image": self.pictures}[kind]
        if network is None:
            raise OptionError(f"no network for the {kind} in {name}", "Give words=... or pictures=...")
        return nn.Linear(network.dim, self.dim)

    def _told(self, name: str, part: nn.Module, x: Records) -> Tensor:  # (B, D)
        values, device = x.columns[name], device_of(self)
        if isinstance(values, list):
            assert self.words is not None
            said: Tensor = part(self.words(values))
            return said * torch.tensor([[bool(v)] for v in values], device=device)
        if isinstance(values, Pictures):
            assert self.pictures is not None
            shown: Tensor = part(self.pictures(values.pixels.to(device)))
            return shown * values.known[:, None].to(device)
        told: Tensor = part(torch.from_numpy(values).to(device) if isinstance(values, np.ndarray) else values)
        return told


class _Names(nn.Module):
    """Vectors of names; the first is that of all others."""

    def __init__(self, names: Sequence[str], dim: int) -> None:
        super().__init__()
        self.names = names
        self.vectors = nn.Embedding(1 + len(names), dim)
        nn.init.normal_(self.vectors.weight, std=0.1)  # a rare one is moved by a few steps only
        self._place = {name: i for i, name in enumerate(names, 1)}
        self._last: tuple[Sequence[str], np.ndarray] | None = None

    def at(self, values: Coded) -> Tensor:
        """The place of each among the vectors; 0: none of them."""
        if self._last is None or self._last[0] is not values.names:
            places = np.array([*(self._place.get(n, 0) for n in values.names), 0], np.int64)
            self._last = values.names, places  # -1, for none, is the last of these
        return torch.from_numpy(self._last[1][values.codes]).to(self.vectors.weight.device)


class _One(_Names):
    def __init__(self, names: Sequence[str], dim: int, forget: float) -> None:
        super().__init__(names, dim)
        self.forget = forget

    def forward(self, values: Coded) -> Tensor:  # (B,) -> (B, D)
        at = self.at(values)
        if self.training and self.forget:
            at = at * (torch.rand(len(at), device=at.device) >= self.forget)
        found: Tensor = self.vectors(at)
        return found


class _Mean(_Names):
    def forward(self, values: Coded) -> Tensor:  # (B, L) -> (B, D)
        at = self.at(values)
        known = at > 0
        some = known | (~known.any(1, keepdim=True) & (torch.arange(at.shape[1], device=at.device) == 0))
        share = some / some.sum(1, keepdim=True)  # (B, L)
        mean: Tensor = (self.vectors(at) * share[..., None]).sum(1)
        return mean


class _Order(_Names):
    """One question is put to all entries, counted from the last."""

    def __init__(self, about: Mapping[str, Any], dim: int) -> None:
        super().__init__(about["names"], dim)
        self.place = nn.Parameter(0.1 * torch.randn(about["longest"], dim))
        self.question = nn.Parameter(0.1 * torch.randn(1, 1, dim))
        self.look = Attention(dim, heads=4 if dim % 4 == 0 else 1)

    def forward(self, values: Coded) -> Tensor:  # (B, L) -> (B, D)
        at = self.at(values)[:, -len(self.place) :]
        known = F.pad(at > 0, (1, 0), value=True)  # (B, 1 + L): first what stands for nothing known
        entries = self.vectors(F.pad(at, (1, 0)))
        entries = entries + F.pad(self.place[-at.shape[1] :], (0, 0, 1, 0))  # the last has the last place
        asked = self.question.expand(len(at), -1, -1)
        found: Tensor = self.look(asked, entries, allowed=known[:, None, None])[:, 0]
        return found


class _Number(nn.Module):
    def __init__(self, mean: float, spread: float, dim: int) -> None:
        super().__init__()
        self.mean, self.spread = mean, spread
        self.line = nn.Linear(2, dim)

    def forward(self, values: Tensor) -> Tensor:  # (B,) -> (B, D)
        known = values.isfinite()
        even = torch.where(known, (values - self.mean) / self.spread, 0).clamp(-NEAR, NEAR)
        told: Tensor = self.line(torch.stack([even, known.float()], 1))
        return told


class _Layer(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)
        )

    def forward(self, z: Tensor) -> Tensor:  # (B, D) -> (B, D)
        out: Tensor = z + self.change(z)
        return out

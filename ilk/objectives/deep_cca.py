"""Deep CCA (Andrew et al. 2013): two networks whose vectors vary together as much as vectors can.

Canonical correlations (Hotelling 1936) are the singular values of C, the covariance of the two halves after
each was whitened; the networks learn to make their sum large. No pair is told from others, so those that say
the same do no harm; but a batch must hold several times as many pairs as there are dimensions.

What is kept (`teacher`) has other last layers, found from running means: each half whitened, turned into the
other's frame, and each direction weighed by its correlation. Only so do the two halves' numbers compare.

Legend: B pairs (of all processes), D dimensions of the space, P and T those of the two networks.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor

from ..encoders import Encoder
from ..encoders.projected import Projected
from ..encoders.two import Two
from ..errors import OptionError
from ..source import Source
from ..source.pairs import Pairs
from ._base import Objective
from ._gather import gather
from .clip import Shown

SLOW = 0.95  # of the running means, so much stays at each step
STEPS = 20  # of Newton, which suffice for spreads that differ ten thousand times


class DeepCCA(Objective):
    """`ridge`: a share of the mean spread, added to every direction, so that none is blown up.

    augment  how pictures are changed while it learns (see `ilk.source.views`); None: not at all
    """

    kind: ClassVar[str] = "pairs"
    dim: ClassVar[int] = 32
    level: ClassVar[bool] = False
    encoder: Two

    def __init__(self, encoder: Two, *, ridge: float = 1e-2, augment: str | None = "captioned") -> None:
        super().__init__()
        if not isinstance(encoder, Two):
            raise OptionError(
                f"{type(encoder).__name__} takes pictures or words", "Give both: Two(pictures, words)."
            )
        if not 0 < ridge < 1:
            raise OptionError(f"ridge is {ridge}", "Give a share: more than 0, less than 1.")
        self.encoder, self.ridge, self.augment = encoder, ridge, augment
        self.views = Shown(augment)
        self.teacher = Two(_centred(encoder.pictures), _centred(encoder.words), encoder.dim)
        for head in (self.teacher.of_pictures, self.teacher.of_words):
            head.requires_grad_(False)
        size = encoder.pictures.dim + encoder.words.dim
        self.register_buffer("mean", torch.zeros(size))  # of what the two networks give, side by side
        self.register_buffer("moments", torch.zeros(size, size))
        self.register_buffer("met", torch.zeros(()))
        self.mean: Tensor
        self.moments: Tensor
        self.met: Tensor

    def loss(self, *views: Any, progress: float) -> dict[str, Tensor]:
        pictures, captions = views
        told = torch.cat([self.encoder.pictures(pictures), self.encoder.words(captions)], 1)  # (B, P + T)
        with torch.autocast(told.device.type, enabled=False):
            both = gather(told.float())
            mean = both.mean(0)
            moments = both.T @ both / len(both)
            if self.training:
                self._count(mean.detach(), moments.detach())
            _, _, joint = self._whitened(mean, moments)
            return {"apart": 1 - torch.linalg.svdvals(joint).mean()}

    @property
    def kept(self) -> Encoder:
        return self.teacher

    def content(self, source: Source, encoder: Encoder) -> Source:
        """The pictures, to be searched with words."""
        return source.pictures if isinstance(source, Pairs) else source

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        share = 1 - SLOW ** self.met.clamp(min=1)
        mean = self.mean / share
        one, other, joint = self._whitened(mean, self.moments / share)
        _, correlations, right = torch.linalg.svd(joint)
        weighed = (
            right.T * correlations @ right
        )  # (C^T C)^(1/2): the frame of the words, each direction weighed
        two, p = self.teacher, self.encoder.pictures.dim
        for head, own, onto in (
            (two.of_pictures, self.encoder.of_pictures, one @ joint),
            (two.of_words, self.encoder.of_words, other @ weighed),
        ):
            head.weight.copy_(onto.T @ own.weight)
        for half, middle in ((two.pictures, mean[:p]), (two.words, mean[p:])):
            assert isinstance(half, Projected)
            half.mean.copy_(middle)

    def _count(self, mean: Tensor, moments: Tensor) -> None:
        self.mean.lerp_(mean, 1 - SLOW)
        self.moments.lerp_(moments, 1 - SLOW)
        self.met += 1

    def _whitened(self, mean: Tensor, moments: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What whitens either half in the space, and C; each (D, D)."""
        covariance = moments - mean[:, None] * mean  # (P + T, P + T)
        p, a, b = self.encoder.pictures.dim, self.encoder.of_pictures.weight, self.encoder.of_words.weight
        one = self._root(a @ covariance[:p, :p] @ a.T)
        other = self._root(b @ covariance[p:, p:] @ b.T)
        return one, other, one @ (a @ covariance[:p, p:] @ b.T) @ other

    def _root(self, covariance: Tensor) -> Tensor:
        """To the power -1/2, with the ridge; by Newton's steps (Higham 2008), as the gradient of
        eigenvectors has no bounds where two spreads are nearly the same.
        """
        unit = torch.eye(len(covariance), device=covariance.device)
        held = covariance + self.ridge * (covariance.diagonal().mean() + 1e-6) * unit
        size = held.norm()
        y, z = held / size, unit  # to (held / size)^(1/2), and to the power -1/2
        for _ in range(STEPS):
            t = (3 * unit - z @ y) / 2
            y, z = y @ t, t @ z
        found: Tensor = z / size.sqrt()
        return found


def _centred(network: Encoder) -> Projected:
    """The same network, its mean taken off."""
    found = Projected(network, network.dim, whiten=0.0)
    torch.nn.init.eye_(found.matrix)
    return found

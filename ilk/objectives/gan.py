"""Generative adversarial network (Goodfellow et al. 2014): a generator paints, a critic tells true from made.

Both players step at once, by one optimiser: the critic learns from paintings that are cut off from the
generator, and the generator from a critic whose weights are held still, so no player's loss moves the other.

The critic also has to tell of a painting which vector it was made from, and the generator to make that
possible, as in InfoGAN (Chen et al. 2016). That ties every dimension to something that can be seen, works
against collapse, and makes the critic's trunk an encoder: its vector of a picture is what the generator would
be given for it.

Legend: B samples, D the vector's dimensions, F the critic's features.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..decoders.convnet import ConvNet
from ..encoders._bounded import Bounded, tighten
from ..encoders.critic import Critic
from ..errors import OptionError, UnknownName
from ._base import Objective
from ._teacher import follow

LOSSES = ("softplus", "hinge")
FOUR = 4  # pictures that are looked at side by side
FIRST = 64


class GAN(Objective):
    """The decoder, an average of the generator over the last steps, makes pictures of normal vectors.

    how      softplus (non-saturating) or hinge: what the players' losses are
    slope    weight of the squared gradient of the verdict at true pictures (R1, Mescheder et al. 2018)
    recover  weight of finding the vector again
    share    of the learning rate, at which both players learn
    average  how much of the averaged generator stays at each step, once it has seen many
    width    the generator's
    """

    dim: ClassVar[int] = 32
    prior: ClassVar[bool] = True
    inertia: ClassVar[float | None] = 0.5  # with 0.9 both players overshoot, and nothing is learnt
    encoder: Critic

    def __init__(
        self,
        encoder: Critic,
        *,
        channels: int = 1,
        size: int = 64,
        width: int = 16,
        how: str = "softplus",
        slope: float = 10.0,
        recover: float = 2.0,
        share: float = 0.5,
        average: float = 0.995,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Critic):
            raise OptionError(f"a gan with the encoder {type(encoder).__name__}", "Give a critic, or none.")
        if how not in LOSSES:
            raise UnknownName("loss of a gan", how, LOSSES)
        if not 0 <= average < 1 or slope < 0 or recover < 0 or not share > 0:
            what = f"average is {average}, slope {slope}, recover {recover}, share {share}"
            raise OptionError(what, "Give an average below 1, a share above 0, the others 0 or more.")
        self.encoder, self.channels, self.size, self.width, self.how = encoder, channels, size, width, how
        self.slope, self.recover, self.share, self.average = slope, recover, share, average
        self.generator = _varied(ConvNet(encoder.dim, channels, size, width))
        self.verdict = Bounded(nn.Linear(encoder.features_dim + 1, 1))
        self.teacher: ConvNet = ConvNet(encoder.dim, channels, size, width).requires_grad_(False)
        self.teacher.load_state_dict(self.generator.state_dict())
        self.decoder: ConvNet = self.teacher

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures, and for each a vector to paint from (B, D)."""
        return batch, torch.randn(len(batch), self.encoder.dim, device=batch.device)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        x, z = views  # (B, C, H, W), (B, D)
        real = self.encoder.standardise(x).detach().requires_grad_(self.slope > 0)
        self.generator.standardise(x)  # it paints on the scale that it has seen
        made = self.generator.standard(z)
        true, _ = self._judged(real)
        told, guess = self._judged(made.detach())
        with still(self.encoder, self.verdict):
            passed, held_guess = self._judged(made)
        terms = {
            "critic": of_critic(true, told, self.how),
            "generator": of_generator(passed, self.how),
        }
        if self.recover:  # once for each player; the value is the same
            terms["recovered"] = self.recover * (F.mse_loss(guess, z) + F.mse_loss(held_guess, z))
        if self.slope:
            terms["slope"] = self.slope / 2 * slope(true, real)
        return terms

    def _judged(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The verdict (B,) on pictures (B, C, H, W), and the vectors (B, D) that they were made from."""
        features = self.encoder.features(x)  # (B, F)
        # counted as much as all features together: as one among hundreds it would not keep what is made apart
        beside = math.sqrt(features.shape[1]) * company(features)
        told = self.verdict(torch.cat([features, beside], 1))  # (B, 1)
        return told[:, 0].float(), self.encoder.head(features).float()

    def pace(self, name: str) -> float:
        return self.share

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        tighten(self)
        seen = int(self.generator.standardise.num_batches_tracked or 0)
        follow(self.teacher, self.generator, min(self.average, (1 + seen) / (10 + seen)))
        self.teacher.standardise.load_state_dict(self.generator.standardise.state_dict())

    @torch.no_grad()
    def made(self, n: int) -> Tensor:
        device = self.teacher.lift.weight.device
        was_training = self.teacher.training
        pictures: Tensor = self.teacher.eval()(torch.randn(n, self.encoder.dim, device=device))
        self.teacher.train(was_training)
        return pictures


def of_critic(real: Tensor, made: Tensor, how: str) -> Tensor:
    """Its loss by verdicts (B,), which are above 0 for what it takes for true."""
    if how == "hinge":  # Lim & Ye 2017
        return F.relu(1 - real).mean() + F.relu(1 + made).mean()
    return F.softplus(-real).mean() + F.softplus(made).mean()


def of_generator(made: Tensor, how: str) -> Tensor:
    return -made.mean() if how == "hinge" else F.softplus(-made).mean()


def slope(told: Tensor, x: Tensor) -> Tensor:
    """Mean squared length of the gradient of verdicts (B,) at their pictures (B, C, H, W)."""
    (gradient,) = torch.autograd.grad(told.sum(), x, create_graph=True)
    return gradient.float().square().flatten(1).sum(1).mean()


def company(features: Tensor) -> Tensor:  # (B, F) -> (B, 1)
    """How far each four in a row differ (Karras et al. 2018): one that makes all alike is seen through."""
    fours = torch.split(features, FOUR)
    told = [(x.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1) for x in fours]
    return torch.cat(told)


def _varied(generator: ConvNet) -> ConvNet:
    """With first pictures as varied as the data: the critic can then tell each of them where to go."""
    with torch.no_grad():
        first = generator.standard(torch.randn(FIRST, generator.dim))
        generator.paint.weight /= first.std(0).mean()
    return generator


@contextmanager
def still(*networks: nn.Module) -> Iterator[None]:
    """What passes through them meanwhile does not teach them."""
    taught = [p for network in networks for p in network.parameters() if p.requires_grad]
    for p in taught:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in taught:
            p.requires_grad_()

"""A small real source, encoder and objective for the tests of the loop, also in processes of their own."""

import gzip
import os
import signal
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from ilk.encoders import Encoder
from ilk.objectives import Objective
from ilk.objectives._gather import gather
from ilk.source import Json, Source, Views
from ilk.training.fit import fit
from ilk.training.recipe import Recipe


class Digits(Source):
    """The first `n` of scikit-learn's 1,797 handwritten digits, 8 x 8; read without importing that."""

    def __init__(self, n: int = 1797, *, paired: bool = True) -> None:
        spec = find_spec("sklearn")
        assert spec is not None
        assert spec.origin is not None
        with gzip.open(Path(spec.origin).parent / "datasets/data/digits.csv.gz") as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.float32, max_rows=n, ndmin=2)
        self.pixels, self.labels = table[:, :-1].reshape(-1, 1, 8, 8) / 16, table[:, -1].astype(int)
        self.paired = paired

    @property
    def reading(self) -> dict[str, Json]:
        return {"reader": "digits"}

    @property
    def traits(self) -> dict[str, Any]:
        return {"channels": 1, "size": 8}

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> Tensor:
        return self.batch(np.array([i]))[0]

    def id(self, i: int) -> str:
        return f"digit/{i}"

    def batch(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self.pixels[rows])  # (B, 1, 8, 8)

    def metadata(self) -> pa.Table:
        return pa.table({"digit": self.labels})

    def views(self) -> Views | None:
        return noisy if self.paired else None


def noisy(batch: Tensor) -> tuple[Tensor, Tensor]:
    return batch + 0.2 * torch.randn_like(batch), batch + 0.2 * torch.randn_like(batch)


class Small(Encoder):
    def __init__(self, dim: int = 16, *, norm: bool = True) -> None:
        super().__init__()
        self.dim, self.norm = dim, norm
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1),
            nn.BatchNorm2d(8) if norm else nn.Identity(),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 16, dim),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 8, 8) -> (B, D)
        z: Tensor = self.layers(x)
        return z


class Vicreg(Objective):
    """Invariance, variance, covariance (Bardes et al. 2022), about a centre that is kept by averaging.

    `spoil`: in the second half of the run the vectors are drawn together instead. `dies_after`: after so
    many steps in this process it is killed.
    """

    def __init__(self, encoder: Encoder, *, noise: float = 0.2, spoil: bool = False) -> None:
        super().__init__()
        self.encoder, self.noise, self.spoil = encoder, noise, spoil
        self.head = nn.Linear(encoder.dim, 8)
        self.register_buffer("centre", torch.zeros(8))
        self.latest = torch.zeros(8)
        self.taken = self.dies_after = 0

    def views(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        if not self.noise:
            return batch, batch.flip(3)
        return batch + self.noise * torch.randn_like(batch), batch + self.noise * torch.randn_like(batch)

    def loss(self, *views: Tensor, progress: float) -> dict[str, Tensor]:
        z = [self.encoder(v) for v in views]
        if self.spoil and progress >= 0.5:
            return {"spread": torch.stack([(one - one.mean(0)).square().sum() for one in z]).sum()}
        a, b = (gather(self.head(one)) for one in z)  # (N, 8)
        self.latest = a.detach().float().mean(0)
        spread = torch.stack([(1 - (x.var(0) + 1e-4).sqrt()).relu().mean() for x in (a, b)]).sum()
        return {"invariance": (a - b).square().mean(), "variance": spread, "covariance": self._beside(a)}

    def _beside(self, a: Tensor) -> Tensor:
        a = a - self.centre
        c = a.T @ a / len(a)  # (8, 8)
        return (c - torch.diag(c.diagonal())).square().mean()

    def after_step(self, progress: float) -> None:
        if not self.spoil:
            self.centre.lerp_(self.latest, 0.1)
        self.taken += 1
        if self.taken == self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)


def parts(seed: int = 0, *, norm: bool = True, **options: Any) -> Vicreg:
    torch.manual_seed(seed)
    return Vicreg(Small(norm=norm), **options)


def main(run: str, recipe: dict[str, Any], dies_after: int = 0, **options: Any) -> None:
    """What a test starts in a process of its own.

    Under torchrun the second process dies, in its first life; each tells what weights it ends with.
    """
    objective = parts(**options)
    rank = int(os.environ.get("RANK", "-1"))
    if rank < 0 or (rank == 1 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"):
        objective.dies_after = dies_after
    fit(objective, Digits(300), Recipe(**recipe), run=Path(run))
    if rank >= 0:
        weights = b"".join(v.numpy().tobytes() for v in objective.state_dict().values())
        (Path(run) / f"weights-{rank}").write_text(sha256(weights).hexdigest())


def command(*given: Any, **options: Any) -> list[str]:
    """`main` with these arguments, for `python -c`."""
    call = ", ".join([*map(repr, given), *(f"{k}={v!r}" for k, v in options.items())])
    return ["-c", f"from {__name__} import main; main({call})"]

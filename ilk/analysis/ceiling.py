"""How well amounts could be read by one who was told them: what vectors learnt without answers cannot beat.

Legend: n rows, E axes, c amounts.
"""

from __future__ import annotations

import numpy as np
import torch
from sklearn.model_selection import KFold
from torch import Tensor, nn

NOISE = 0.5  # of the axes' spread, added anew at every step: without it 2,000 rows are learnt by heart
BATCH, RATE, DECAY, WIDTH = 256, 2e-3, 1e-2, 192


def ceiling(
    axes: np.ndarray, amounts: np.ndarray, *, folds: int = 5, epochs: int = 50, seed: int = 0
) -> np.ndarray:
    """R2 of each of `amounts` (n, c), in rows held out, by a network taught with the answers of the others.

    `axes` (n, E): main axes of the samples, as many as hold them. The folds are those of `probe.r2`.
    """
    z = torch.from_numpy(np.asarray(axes, np.float32))
    z = (z - z.mean(0)) / z.std(0).mean()
    y = torch.from_numpy((amounts - amounts.mean(0)) / amounts.std(0)).float()
    guess = torch.empty_like(y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for train, test in KFold(folds, shuffle=True, random_state=seed).split(z):
            network = _taught(z[train], y[train], epochs)
            with torch.inference_mode():
                guess[test] = network(z[test])
    r2: np.ndarray = 1 - ((y - guess) ** 2).mean(0).numpy()  # y has mean 0 and spread 1
    return r2


def _taught(z: Tensor, y: Tensor, epochs: int) -> nn.Module:  # (n, E), (n, c)
    size = min(BATCH, len(z))
    steps = epochs * len(z) // size
    network = nn.Sequential(
        *(nn.Linear(z.shape[1], WIDTH), nn.GELU()),
        *(nn.Linear(WIDTH, WIDTH), nn.GELU()),
        nn.Linear(WIDTH, y.shape[1]),
    )
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for _ in range(steps):
        some = torch.randint(len(z), (size,))
        x = z[some] + NOISE * torch.randn(size, z.shape[1])
        loss = nn.functional.mse_loss(network(x), y[some])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        pace.step()
    return network.eval()

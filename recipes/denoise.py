"""Taking noise off before a vector is made: are parameters read better off it?

    python recipes/denoise.py OUT        # after: python recipes/diffusion.py holes OUT

Black holes of that recipe under white noise of three strengths (1 is from black to white, after the square
root), 1,200 to fit to and 300 to ask for. Each way cleans both; main axes and kNN are fitted to the cleaned
ones, as for a space made of them. Printed: root mean square error beside the true pictures, and R2 of each
parameter.

none       as they are
Fourier    each frequency times the share of its power that is not noise (Wiener), by the mean of all pictures
wavelets   Haar's, three levels, soft thresholds of each band by BayesShrink (Chang, Yu & Vetterli 2000)
variation  least total variation (Chambolle 2004), its weight the best on 200 true pictures
diffusion  one look of the model (`ilk denoise`), the strength given
clean      no noise to begin with: the ceiling

Printed: docs/diffusion.md.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ilk.generate.drawing import Drawing
from ilk.source.images import Images
from recipes.diffusion import TOLD, Probe, holes

NOISES = (0.05, 0.1, 0.2)
WEIGHTS = (0.3, 0.6, 1.0, 1.5, 2.5)  # of variation, in standard deviations of the noise
LEVELS = 3

Way = Callable[[Tensor, float], Tensor]  # pictures (B, 1, H, W) under noise so strong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=int, default=1500)
    options = parser.parse_args()
    taught, asked = holes(options.pictures)
    drawing = Drawing.open(options.out.with_suffix(".run"))
    torch.manual_seed(0)
    print(f"| noise | way | error | {' | '.join(TOLD)} |\n|---|---|---|{'---|' * len(TOLD)}")
    for noise in NOISES:
        pair = tuple(_noisy(source, noise) for source in (taught, asked))
        for name, way in ways(drawing, taught).items():
            _line(name, noise, [way(x, noise) for x in pair], taught, asked)
    _line("clean", 0.0, [_all(taught), _all(asked)], taught, asked)


def _noisy(source: Images, noise: float) -> Tensor:
    x = _all(source)
    return x + noise * torch.randn_like(x)


def _all(source: Images) -> Tensor:
    return source.batch(np.arange(len(source)))


def _line(name: str, noise: float, cleaned: list[Tensor], taught: Images, asked: Images) -> None:
    fitted = Images(cleaned[0].numpy(), taught.ids, columns=taught.columns)
    found = Probe(fitted)(cleaned[1], asked)
    off = float((cleaned[1] - _all(asked)).square().mean().sqrt())
    print(f"| {noise} | {name} | {off:.3f} | {' | '.join(f'{found[n]:.2f}' for n in TOLD)} |", flush=True)


def ways(drawing: Drawing, taught: Images) -> dict[str, Way]:
    some = taught.batch(np.arange(200))

    def least_variation(x: Tensor, noise: float) -> Tensor:
        tried = some + noise * torch.randn_like(some)
        off = [float((variation(tried, w * noise) - some).square().mean()) for w in WEIGHTS]
        return variation(x, WEIGHTS[int(np.argmin(off))] * noise)

    def diffusion(x: Tensor, noise: float) -> Tensor:
        found, _ = drawing.denoise(Images(x.numpy(), [""] * len(x)), noise=noise)
        return torch.from_numpy(found.pixels)

    return {
        "none": lambda x, noise: x,
        "Fourier": fourier,
        "wavelets": wavelets,
        "variation": least_variation,
        "diffusion": diffusion,
    }


def fourier(x: Tensor, noise: float) -> Tensor:
    waves = torch.fft.rfft2(x - x.mean(0))
    power = waves.abs().square().mean(0)  # (1, H, W / 2 + 1)
    share = (1 - noise**2 * x.shape[2] * x.shape[3] / power).clamp(min=0)
    back: Tensor = torch.fft.irfft2(waves * share, s=x.shape[2:])
    return back + x.mean(0)


def wavelets(x: Tensor, noise: float, levels: int = LEVELS) -> Tensor:
    a, b, c, d = x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]
    smooth = (a + b + c + d) / 2
    bands = [_shrunk(v / 2, noise) for v in (a - b + c - d, a + b - c - d, a - b - c + d)]
    smooth = wavelets(smooth, noise, levels - 1) if levels > 1 else smooth
    h, v, o = bands
    parts = [smooth + h + v + o, smooth - h + v - o, smooth + h - v - o, smooth - h - v + o]
    whole: Tensor = F.pixel_shuffle(torch.cat(parts, 1) / 2, 2)
    return whole


def _shrunk(band: Tensor, noise: float) -> Tensor:
    spread = (band.square().mean((1, 2, 3), keepdim=True) - noise**2).clamp(min=0).sqrt()
    least = torch.where(spread > 0, noise**2 / spread.clamp(min=1e-9), band.abs().amax())
    return band.sign() * (band.abs() - least).clamp(min=0)


def variation(x: Tensor, weight: float, steps: int = 60) -> Tensor:
    """The y of least |y - x|^2 / 2 + weight x total variation."""
    flow = x.new_zeros(2, *x.shape)  # down, across
    for _ in range(steps):
        y = _spread(flow) - x / weight
        slope = torch.stack([F.pad(y.diff(dim=2), (0, 0, 0, 1)), F.pad(y.diff(dim=3), (0, 1))])
        flow = (flow + 0.25 * slope) / (1 + 0.25 * slope.square().sum(0).sqrt())
    return x - weight * _spread(flow)


def _spread(flow: Tensor) -> Tensor:
    """The divergence, minus the transpose of the slope."""
    down, across = flow[0, ..., :-1, :], flow[1, ..., :-1]
    rows = F.pad(down, (0, 0, 0, 1)) - F.pad(down, (0, 0, 1, 0))
    return rows + F.pad(across, (0, 1)) - F.pad(across, (1, 0))


if __name__ == "__main__":
    main()

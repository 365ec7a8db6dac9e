"""What a space knows of amounts: which, in which dimension, along which axes, in which products.

Legend: p amounts, D dimensions.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._result import COLUMN, Picture
from . import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..axes import Turned
    from ..dimensionless import Products
    from ..intrinsic import Intrinsic
    from ..parameters import Amount, Parameters

MOST = 40  # dimensions drawn: those that know most of any amount
SCATTERS = 6  # amounts, those best told
SCATTER = """Each sample's value, and what was told of it by a model that had not seen it, over five folds.
Line: all right; the interval is that of R2."""
SPECTRUM = """The share of the spread that so many main axes hold (dot: nine tenths). Orange: the dimension
of the cloud where it is looked at closely, with its 95% interval."""
MATRIX = """What each dimension knows of each amount, as the correlation that a straight line of equal
mutual information would have; what chance gives is left blank."""
TOLD = """The share of each amount's variance that is told of samples held out (R2, five folds, 95%
interval), by the best of three ways; grey: no more than chance."""
CLEAR = """How far the first axis that follows an amount stands out from the second (squared rank
correlations, on rows not used; 95% interval). Blue: turned axes; grey: the space's own dimensions. Tick: what
one in twenty amounts would reach by chance."""
PRODUCTS = """R2 of the logarithm of each product without a unit, on rows that it was not chosen by (95%
interval). Grey: the best that one of its amounts reaches alone."""


def of_parameters(found: Parameters) -> dict[str, Picture]:
    p, d = len(found.amounts), min(MOST, len(found.amounts[0].information))
    known = [a for a in found.amounts if a.known][:SCATTERS]
    clouds = {f"scatter-{a.name}": Picture(partial(scatter, a), SCATTER, 2.8, 2.6) for a in known}
    return {
        "told": Picture(partial(told, found), TOLD, COLUMN, 0.8 + 0.2 * p),
        "matrix": Picture(partial(matrix, found), MATRIX, max(COLUMN, 1.2 + 0.16 * d), 1 + 0.22 * p),
        **clouds,
    }


def told(found: Parameters, ax: Axes) -> None:
    best = [a.r2[a.best] for a in found.amounts]
    hues = [ink.BLUE if a.known else ink.GREY for a in found.amounts]
    value, low, high = (np.array([getattr(m, name) for m in best]) for name in ("value", "low", "high"))
    ink.bars(ax, [a.name for a in found.amounts], value, np.maximum(low, -0.2), high, hues)
    ax.axvline(0, color=ink.GREY, linewidth=0.6)
    ax.set(xlabel="R2, held out", xlim=(min(-0.05, max(-0.2, low.min())), 1.02))


def scatter(a: Amount, ax: Axes) -> None:
    true, told_ = a.told
    ax.scatter(true, told_, s=float(np.clip(2000 / len(true), 1, 8)), color=ink.BLUE, linewidths=0, alpha=0.6)
    ax.axline((float(true.mean()), float(true.mean())), slope=1, color=ink.GREY, linewidth=0.8)
    best = a.r2[a.best]
    ax.set_title(f"R2 {best.value:.2f} ({best.low:.2f} to {best.high:.2f})")
    ax.set(xlabel=ink.short(a.name, 30), ylabel=f"told by {a.best}")


def matrix(found: Parameters, ax: Axes) -> None:
    all_ = np.stack([a.information for a in found.amounts])  # (p, D)
    dims = np.sort(np.argsort(-all_.max(0), kind="stable")[:MOST])
    real = (all_ > found.floor) & np.array([a.known for a in found.amounts])[:, None]
    ink.matrix(ax, np.where(real, all_, 0)[:, dims], [a.name for a in found.amounts], [str(d) for d in dims])
    ax.set(xlabel="dimension")


def of_axes(way: str, amounts: list[Turned]) -> dict[str, Picture]:
    draw = partial(clear, way, amounts)
    return {"clear": Picture(draw, CLEAR, COLUMN, 0.9 + 0.24 * len(amounts))}


def clear(way: str, amounts: list[Turned], ax: Axes) -> None:
    for shift, which, hue in ((-0.12, "clear", ink.BLUE), (0.12, "plain", ink.GREY)):
        at = np.arange(len(amounts)) + shift
        ax.hlines(
            at, [getattr(a, which).low for a in amounts], [getattr(a, which).high for a in amounts], color=hue
        )
        label = f"turned by {way}" if which == "clear" else "as it is"
        ax.plot([getattr(a, which).value for a in amounts], at, "o", color=hue, label=label)
        ax.plot([getattr(a, which).guess for a in amounts], at, "|", color=hue, ms=6)
    ax.set_yticks(range(len(amounts)), [ink.short(a.name) for a in amounts])
    ax.set_ylim(len(amounts) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel="lead of the first axis over the second")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, borderaxespad=0)


def of_products(found: Products) -> dict[str, Picture]:
    if not found.found:
        return {}
    return {"products": Picture(partial(products, found), PRODUCTS, COLUMN, 0.8 + 0.24 * len(found.found))}


def products(found: Products, ax: Axes) -> None:
    value, low, high = (np.array([getattr(p, name) for p in found.found]) for name in ("r2", "low", "high"))
    ink.bars(ax, [p.name for p in found.found], value, low, high, [ink.BLUE] * len(value))
    ax.plot([p.alone for p in found.found], range(len(value)), "|", color=ink.GREY, ms=9, mew=1.5)
    ax.set(xlabel="R2 of the logarithm", xlim=(min(0, low.min()), 1.02))


def of_intrinsic(found: Intrinsic) -> dict[str, Picture]:
    return {"spectrum": Picture(partial(spectrum, found), SPECTRUM, COLUMN, 2.2)}


def spectrum(found: Intrinsic, ax: Axes) -> None:
    held = np.cumsum(found.spectrum)
    ax.axvspan(found.low, found.high, color=ink.ORANGE, alpha=0.25, linewidth=0)
    ax.axvline(found.near, color=ink.ORANGE)
    ax.plot(np.arange(1, len(held) + 1), held, color=ink.BLUE)
    ax.plot(found.axes, held[found.axes - 1], "o", color=ink.BLUE)
    ax.set(xscale="log", xlabel="main axes", ylabel="share of the spread", ylim=(0, 1.02))
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")

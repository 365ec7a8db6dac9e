"""Which dimensionless products of known amounts a space follows (Buckingham 1914).

A picture cannot know a mass in kilograms, only what has no unit: a mass by a distance, times constants. Units
say which products of powers have none; the space says which of those it holds. Neighbours in the space tell
the logarithm of every amount, each row by the others around it. A product of powers is a sum of logarithms:
the errors of the amounts, and how they go together, give the error of every product at once.

Legend: n rows, p amounts, u base units, g products.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ..console import say
from ..errors import DataError, MissingExtra, OptionError, UnknownName
from ._drawn import parameters as _drawn
from ._neighbours import nearest
from ._result import Picture, Result
from .probe import standard
from .probing import values_of

if TYPE_CHECKING:
    from ..space import Space

NEAR = 8
MOST = 1_000_000  # products tried
EVEN = 0.01  # of R2: so much less is as good, if the product is simpler
WORTH = 0.05  # R2 below which a product is not told of
DRAWS = 300  # of rows, for intervals
LEFT = 0.1  # share of a product's spread that the products before must leave to it


@dataclass(frozen=True)
class Product:
    powers: dict[str, int]
    r2: float  # of its logarithm, on rows that it was not chosen by
    low: float  # its 95% interval
    high: float
    beyond: float  # of what of it is not along the products before
    alone: float  # the best R2 of one of its amounts alone

    @property
    def name(self) -> str:
        def written(sign: int) -> str:
            parts = [n if abs(e) == 1 else f"{n}^{abs(e)}" for n, e in self.powers.items() if e * sign > 0]
            return " ".join(parts) if len(parts) < 2 or sign > 0 else f"({' '.join(parts)})"

        above, below = written(1), written(-1)
        return f"{above or '1'} / {below}" if below else above


@dataclass(frozen=True)
class Products(Result):
    found: list[Product]  # the best first, each beyond those before
    tried: int
    independent: int  # so many dimensionless products there are (Buckingham's n - rank)

    def table(self) -> pa.Table:
        return pa.table(
            {
                "product": [p.name for p in self.found],
                "R2": [p.r2 for p in self.found],
                "low": [p.low for p in self.found],
                "high": [p.high for p in self.found],
                "beyond": [p.beyond for p in self.found],
                "best amount alone": [p.alone for p in self.found],
            }
        )

    def sentence(self) -> str:
        told = ", ".join(f"{p.name} ({p.r2:.2f})" for p in self.found) or "none"
        return (
            f"{self.independent} independent products have no unit; of {self.tried:,} tried, the space "
            f"follows {told}."
        )

    def pictures(self) -> Mapping[str, Picture]:
        return _drawn.of_products(self)


def dimensionless(
    space: Space,
    units: Mapping[str, str] | None = None,
    *,
    constants: Sequence[str] = (),
    most: int = 2,
    seed: int = 0,
) -> Products:
    """The dimensionless products of the columns in `units` that the space follows best.

    units      a unit for each column, as astropy writes it ("km / s", "" for none); None: of all columns
               that are called "NAME [UNIT]"
    constants  of nature that may stand in a product, as astropy calls them: G, c, h, k_B, ...
    most       the largest power

    Chosen on one half of the rows and judged on the other, so that trying many does not flatter.
    """
    known = dict(in_names(space.metadata().column_names) if units is None else units)
    values = [np.asarray(values_of(space, n).to_numpy(), np.float64) for n in known]
    for name in constants:
        value, known[name] = constant(name)
        values.append(np.full(len(space), value))
    table = np.stack(values, 1)  # (n, p)
    return followed(space.vectors(), list(known), table, list(known.values()), most=most, seed=seed)


def in_names(columns: Sequence[str]) -> dict[str, str]:
    """The units of columns that are called "NAME [UNIT]"; [], [1] and [-]: none."""
    met = {name: re.fullmatch(r".*\S\s*\[(.*)\]", name) for name in columns}
    found = {name: told[1].strip() for name, told in met.items() if told}
    if not found:
        what = f"none of the columns {', '.join(columns) or '(there are none)'} tells its unit"
        raise OptionError(what, 'Give units (mass=kg), or call the columns as in "mass [kg]".')
    return {name: "" if unit in ("1", "-") else unit for name, unit in found.items()}


def constant(name: str) -> tuple[float, str]:
    """Its value and unit (SI)."""
    _units()
    from astropy import constants

    found = getattr(constants, name, None)
    if not isinstance(found, constants.Constant):
        known = [n for n in dir(constants) if isinstance(getattr(constants, n), constants.Constant)]
        raise UnknownName("constant", name, known)
    return float(found.si.value), str(found.si.unit)


def followed(
    vectors: np.ndarray,
    names: Sequence[str],
    values: np.ndarray,  # (n, p)
    units: Sequence[str],
    *,
    most: int = 2,
    seed: int = 0,
) -> Products:
    """`dimensionless` without a space."""
    if most < 1 or len(names) < 1:
        raise OptionError(f"powers up to {most} of {len(names)} amounts", "Give 1 or more of both.")
    known = np.flatnonzero(np.isfinite(values).all(1) & (values > 0).all(1))
    if len(known) < len(values):
        say(f"{len(values) - len(known):,} rows have an amount that is missing or not above 0: left out.")
    if len(known) < 8 * NEAR:
        raise DataError(f"{len(known)} rows have all amounts above 0", f"It takes {8 * NEAR} or more.")
    powers, independent = without_unit(matrix(units), most)
    if not len(powers):
        raise DataError(
            f"no product of {', '.join(names)} with powers up to {most} is without unit",
            "Name more amounts, or allow larger powers.",
        )
    rows = np.random.default_rng(seed).permutation(known)
    sides = np.array_split(rows, 2)
    logs = np.log(np.where(values > 0, values, np.nan))
    errors = [logs[half] - _by_neighbours(vectors[half], logs[half]) for half in sides]
    halves = [_together(e, logs[half]) for e, half in zip(errors, sides)]
    found: list[Product] = []
    chosen = np.zeros((0, len(names)), int)
    while len(chosen) < independent:
        searched = _r2(_beyond(powers, chosen, halves[0][1]), *halves[0])
        if searched.max() < WORTH:
            break
        even = np.flatnonzero(searched >= searched.max() - EVEN)
        e = powers[min(even, key=lambda i: (int(np.abs(powers[i]).sum()), -searched[i]))]
        own, beyond = (
            float(_r2(v, *halves[1])[0]) for v in (e[None], _beyond(e[None], chosen, halves[1][1]))
        )
        if beyond < WORTH:
            break
        alone = float(_r2(np.eye(len(names))[e != 0], *halves[1]).max())
        within = _interval(errors[1] @ e, logs[sides[1]] @ e, seed)
        found.append(Product({n: int(x) for n, x in zip(names, e) if x}, own, *within, beyond, alone))
        chosen = np.vstack([chosen, e])
    return Products(found, len(powers), independent)


def _units() -> Any:
    try:
        from astropy import units
    except ModuleNotFoundError as e:
        raise MissingExtra("astropy", "astro", "units") from e
    return units


def matrix(units: Sequence[str]) -> np.ndarray:  # (u, p) powers of the base units
    read = _units().Unit
    bases: dict[str, int] = {}
    entries = []
    for i, text in enumerate(units):
        try:
            unit = read(text).decompose()
        except ValueError as e:
            raise OptionError(f"{text!r} is no unit: {e}", 'Write them as in "km / s"; "" for none.') from e
        powers = [(str(b), float(p)) for b, p in zip(unit.bases, unit.powers) if str(b) != "rad"]
        entries += [(bases.setdefault(b, len(bases)), i, p) for b, p in powers]
    out = np.zeros((len(bases), len(units)))
    for base, i, power in entries:
        out[base, i] = power
    return out


def without_unit(units: np.ndarray, most: int) -> tuple[np.ndarray, int]:  # (u, p) -> (g, p)
    """All products without unit, each once (not its inverse or square too); how many are independent."""
    p = units.shape[1]
    if (2 * most + 1) ** p > MOST:
        raise OptionError(
            f"powers up to {most} of {p} amounts are {(2 * most + 1) ** p:,} products", "Name fewer amounts."
        )
    every = np.array(list(product(range(-most, most + 1), repeat=p)))
    every = every[(np.abs(every @ units.T) < 1e-9).all(1)]
    lead = np.array([next((x for x in e if x), 0) for e in every])
    first = [bool(x > 0 and gcd(*map(int, e)) == 1) for e, x in zip(every, lead)]
    return every[np.array(first, bool)], p - int(np.linalg.matrix_rank(units) if units.size else 0)


def _by_neighbours(vectors: np.ndarray, logs: np.ndarray) -> np.ndarray:  # (m, D), (m, p) -> (m, p)
    return np.asarray(logs[nearest(standard(vectors), NEAR)[0]].mean(1))


def _together(errors: np.ndarray, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How the errors of the logarithms go together, and how they themselves do: (p, p) twice."""
    return np.cov(errors.T).reshape(logs.shape[1], -1), np.cov(logs.T).reshape(logs.shape[1], -1)


def _interval(errors: np.ndarray, logs: np.ndarray, seed: int) -> tuple[float, float]:
    """Of one product's R2: rows drawn again, with repeats."""
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        rows = rng.integers(len(logs), size=len(logs))
        drawn.append(1 - errors[rows].var() / max(float(logs[rows].var()), 1e-12))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _r2(powers: np.ndarray, errors: np.ndarray, spread: np.ndarray) -> np.ndarray:  # (g, p) -> (g,)
    missed, total = (np.einsum("gp,pq,gq->g", powers, m, powers) for m in (errors, spread))
    out: np.ndarray = 1 - np.divide(missed, total, out=np.full(len(powers), np.inf), where=total > 1e-12)
    return out


def _beyond(powers: np.ndarray, chosen: np.ndarray, spread: np.ndarray) -> np.ndarray:  # (g, p), (c, p)
    """What of each product's logarithm is not along those chosen before; nothing where little is left."""
    if not len(chosen):
        return powers.astype(float)
    share = np.linalg.solve(chosen @ spread @ chosen.T, chosen @ spread @ powers.T)  # (c, g)
    left = powers - share.T @ chosen
    before, after = (np.einsum("gp,pq,gq->g", e, spread, e) for e in (powers, left))
    return np.where((after > LEFT * before)[:, None], left, 0.0)

"""A run made once more from what stands beside it, and how far the result is the same."""

import json
import os
import tempfile
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import record
from ..errors import DataError, FormatError, OptionError
from ..source import Source, read
from ..source._kind import kind
from ..source._part import evenly
from ..space import Space
from ..training.recipe import Recipe
from .circumstances import circumstances, fingerprint
from .job import NARROW, hurried
from .learn import learn
from .target import paths
from .usual import encoder_for

K = 10  # neighbours
_ASKED = 2000  # samples


@dataclass(frozen=True)
class Reproduced:
    """`same`: the encoder and every vector, to the last bit."""

    same: bool
    neighbours: float  # share of the 10 nearest that the two spaces have in common
    changed: dict[str, tuple[Any, Any]]  # of versions and machine: what it was, what it is
    by_steps: bool  # a run by minutes was made again by its steps: it never has the same number of them
    space: Path | None  # where it was kept

    def table(self) -> pa.Table:
        return pa.table(
            {
                "with": list(self.changed),
                "then": [str(was) for was, _ in self.changed.values()],
                "now": [str(now) for _, now in self.changed.values()],
            }
        )


def reproduce(
    run: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Reproduced:
    """Learns again as a NAME.run (or NAME.space) was learnt, and compares what came out.

    data   where the data lie now (default: where they lay)
    out    keeps the new run and space by that name (default: thrown away)
    """
    old_run, old_space = _of(Path(run))
    told = record.read(old_run)
    if "with" not in told:
        raise FormatError(
            f"{old_run} does not say how it was made", "Only runs of `ilk learn` from 0.1 on can be repeated."
        )
    source = _found(told, data)
    asked, recipe = told["asked"], _recipe(told)
    options = dict(asked["options"])
    encoder = asked["encoder"]
    if hurried(encoder or encoder_for(asked["objective"], kind(source)), recipe):
        options.setdefault("width", NARROW)
    steps = _steps(old_run)
    by_steps = recipe.steps is None and recipe.epochs is None and steps is not None
    if by_steps:
        recipe = replaced(recipe, minutes=None, steps=steps)
    with tempfile.TemporaryDirectory() as scratch:
        new = learn(
            source,
            asked["objective"],
            out=out or Path(scratch) / "again",
            encoder=encoder,
            dim=asked["dim"],
            recipe=recipe,
            label=told["label"],
            **options,
        )
        was, now = told["with"], circumstances(old_run)
        old = Space.open(old_space)
        return Reproduced(
            same=new.fingerprint == old.fingerprint and _same_vectors(old, new),
            neighbours=_in_common(old, new),
            changed={key: (was.get(key), now[key]) for key in now if was.get(key) != now[key]},
            by_steps=by_steps,
            space=None if out is None else new.path,
        )


def _of(given: Path) -> tuple[Path, Path]:
    name = given.with_suffix("")
    if given.suffix not in (".run", ".space") or not given.exists():
        raise OptionError(f"{given} is no run", "Give a NAME.run or NAME.space folder that `ilk learn` made.")
    return paths(name)


def _steps(run: Path) -> int | None:
    """That the network of a run took; None where it trained none."""
    found = [json.loads(path.read_bytes())["step"] for path in run.glob("*/health.json")]
    return int(found[0]) if found else None


def _found(told: dict[str, Any], data: str | os.PathLike[str] | None) -> Source:
    where = data if data is not None else told.get("data")
    if where is None:
        raise OptionError("the run was made from data in memory", "Say where they lie now: --data DATA.")
    source = read(told["reading"], where)
    if fingerprint(source) != told["seen"]:
        raise DataError(
            f"{where} does not hold what the run learnt from (now {len(source):,} samples)",
            "Put the data back as they were, or say where they are: --data DATA.",
        )
    return source


def _recipe(told: dict[str, Any]) -> Recipe:
    as_given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told["recipe"].items()}
    return Recipe(**as_given)


def _same_vectors(old: Space, new: Space) -> bool:
    return old.ids() == new.ids() and old.vectors().tobytes() == new.vectors().tobytes()


def _in_common(old: Space, new: Space) -> float:
    """Over samples that both hold; rows that were added since do not count."""
    known = set(new.ids())
    ids = [i for i in old.ids() if i in known]
    if len(ids) < 2:
        return 1.0
    some = [ids[i] for i in evenly(len(ids), _ASKED)]
    found = []
    for space in (old, new):
        at = {i: n for n, i in enumerate(space.ids())}
        found.append(space.search(space.vectors()[[at[i] for i in some]], K + 1).ids)  # itself, and 10 more
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(*found)]))

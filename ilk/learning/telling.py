"""What pictures are drawn after: columns of numbers, and one of texts, as keywords of a `unet`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..encoders import Encoder
from ..encoders._tokenizer import VOCABULARY
from ..encoders._told import Range
from ..encoders.two import Two
from ..errors import DataError, OptionError
from ..find import parameters
from ..source import Source
from ..source._labels import column
from ..source.text import Text
from .towers import reading_network

WIDTH = 128  # of words that are learnt along: a transformer's own, so that nothing lies between


def told(
    source: Source,
    columns: str | Sequence[str],
    *,
    words: str = "transformer",
    vocabulary: int = VOCABULARY,
    seed: int = 0,
) -> dict[str, Any]:
    """Keywords of a U-Net that draws after these `columns` of a source (names, or one text with commas).

    words  what reads a column of texts: a transformer that is learnt along; or, as it is, the words' network
           of a run of clip, or another transformer that was saved: its folder
    """
    names = [n.strip() for n in columns.split(",")] if isinstance(columns, str) else list(columns)
    found = {name: column(source, name) for name in names}
    texts = [name for name, values in found.items() if _of_text(values.type)]
    if len(texts) > 1:
        raise OptionError(f"{' and '.join(texts)} are texts", "Give one column of texts, and any of numbers.")
    keywords: dict[str, Any] = {"numbers": {n: _range(n, found[n]) for n in names if n not in texts}}
    if texts:
        captions = Text(
            [str(t or "") for t in found[texts[0]].to_pylist()], [str(i) for i in range(len(source))]
        )
        tower = reading_network(captions, seed, words, vocabulary, WIDTH)
        if words != "transformer":
            tower = tower.words if isinstance(tower, Two) else tower
            tower.requires_grad_(False)
        keywords |= {"words": tower, "text": texts[0]}
    return keywords


def with_told(network: type[Encoder], options: dict[str, Any], source: Source, seed: int) -> dict[str, Any]:
    """An encoder's options, where it can be told something: `condition` names the columns."""
    if "numbers" not in parameters(network):
        return options
    rest = dict(options)
    columns = rest.pop("condition", None)
    tower = {k: rest.pop(k) for k in ("words", "vocabulary") if k in rest}
    return rest if columns is None else rest | told(source, columns, seed=seed, **tower)


def _of_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def _range(name: str, values: pa.ChunkedArray[Any]) -> Range:
    try:
        x = values.cast(pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
        raise OptionError(f"{name} is {values.type}", "Give columns of numbers, or one of texts.") from e
    x = x[np.isfinite(x)]
    if not len(x) or x.min() == x.max():
        raise DataError(f"{name} has no two different values", "Leave it out: nothing can be learnt from it.")
    return {"mean": float(x.mean()), "spread": float(x.std()), "low": float(x.min()), "high": float(x.max())}

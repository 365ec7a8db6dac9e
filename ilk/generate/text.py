"""Texts that a run goes on with, fills in, or gives back from their vector."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from ..decoders._search import drawn, greedy, likeliest, weighed, written
from ..errors import OptionError
from ._folders import folders, nothing, several
from ._texts import Model, begin, model

LONGEST = 100  # pieces written, where nothing is said


@dataclass(frozen=True)
class Passage:
    text: str  # with the prompt
    ended: bool  # by itself, rather than cut at `longest` or where the model can read no further
    likelihood: float  # log of the probability of what was written


def write(
    run: str | os.PathLike[str],
    prompt: str = "",
    *,
    n: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    beam: int | None = None,
    penalty: float = 1.0,
    longest: int = LONGEST,
    seed: int = 0,
) -> list[Passage]:
    """`n` texts by the model of `run`: a run, one objective's folder in it, or a space.

    What the prompt is, depends on the model. `causal` goes on with it, from nothing where there is none.
    `seq2seq` fills its blanks, written ___, or goes on where it has none. `tsdae` tells it again, from its
    vector alone.

    temperature  below 1: likelier pieces more often; 0: always the likeliest
    top_k        draw from so many of the likeliest pieces
    top_p        draw from the fewest pieces that together have this share
    beam         the likeliest texts as a whole, so many beginnings gone on with at a time; nothing is drawn
    penalty      of a beam search: log-probabilities are divided by the length to this power
    longest      pieces written at most
    """
    _check(n, temperature, top_k, top_p, beam, penalty, longest)
    with torch.inference_mode():
        writer = found(run)
        if writer is None:
            raise nothing(run, "writes texts")
        begun = begin(writer, prompt)
        most = min(longest, begun.room)
        if beam is not None:
            weigh = weighed(temperature, top_k, top_p)
            told = likeliest(begun.line, begun.logits, begun.end, most, beam, penalty=penalty, weigh=weigh)
        else:
            draw = torch.Generator().manual_seed(seed)
            choose = greedy if temperature == 0 else drawn(weighed(temperature, top_k, top_p), draw)
            rows = torch.zeros(n, dtype=torch.int64, device=begun.logits.device)
            begun.line.pick(rows)
            told = written(begun.line, begun.logits[rows], begun.end, most, choose)
    return [Passage(begun.read(one.ids), one.ended, one.likelihood) for one in told[:n]]


def _check(
    n: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    beam: int | None,
    penalty: float,
    longest: int,
) -> None:
    for name, value in (("n", n), ("longest", longest), ("top_k", top_k), ("beam", beam)):
        if value is not None and value < 1:
            raise OptionError(f"{name} is {value}", "Give 1 or more.")
    if not temperature >= 0:
        raise OptionError(f"temperature is {temperature}", "Give 0 (always the likeliest) or more.")
    if top_p is not None and not 0 < top_p <= 1:
        raise OptionError(f"top_p is {top_p}", "Give a share above 0, up to 1.")
    if not penalty >= 0:
        raise OptionError(f"penalty is {penalty}", "Give 0 or more; 1 is the mean of a text's pieces.")
    if beam is not None and n > beam:
        raise OptionError(f"{n} texts of {beam} beams", "Give as many beams as texts, or more.")
    if beam is not None and temperature == 0:
        raise OptionError("temperature 0 with a beam", "Leave one of them away.")
    if beam is None and temperature == 0 and n > 1:
        raise OptionError(f"{n} texts at temperature 0", "All would be the same: give a beam, or n 1.")


def found(run: str | os.PathLike[str]) -> Model | None:
    """The one model there that writes texts; None where none does."""
    models = {folder: model(folder) for folder in folders(run)}
    writes = {folder: one for folder, one in models.items() if one is not None}
    if len(writes) > 1:
        raise several(run, "write texts", list(writes))
    return next(iter(writes.values()), None)

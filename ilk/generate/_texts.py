"""What each model that writes makes of a prompt, and of the pieces that it wrote.

Legend: S pieces given, V pieces in the vocabulary.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .. import saved
from ..decoders import Decoder
from ..decoders._blanks import blanks
from ..decoders._line import Line
from ..decoders.text import Writer
from ..encoders import Encoder
from ..encoders._tokenizer import Pieces
from ..encoders.causal import Causal
from ..encoders.projected import Projected
from ..encoders.transformer import Transformer
from ..errors import OptionError

BLANK = re.compile(r"_{2,}")


@dataclass(frozen=True)
class Model:
    encoder: Encoder
    decoder: Writer | None


@dataclass(frozen=True)
class Begun:
    line: Line
    logits: Tensor  # (1, V) of the first piece to be written
    end: int
    room: int  # pieces that can be written
    read: Callable[[Sequence[int]], str]  # what these pieces, written, come to


def model(folder: Path) -> Model | None:
    """The model in `folder`, if it is one that writes texts."""
    encoder = saved.load(folder, Encoder)  # type: ignore[type-abstract]
    if (folder / "decoder.json").exists():
        decoder = saved.load(folder, Decoder)  # type: ignore[type-abstract]
        return Model(encoder, decoder) if isinstance(decoder, Writer) else None
    while isinstance(encoder, Projected):
        encoder = encoder.encoder
    return Model(encoder, None) if isinstance(encoder, Causal) else None


def begin(model: Model, prompt: str) -> Begun:
    encoder, decoder = model.encoder, model.decoder
    prompt = prompt.strip()  # a space belongs to the word behind it
    if isinstance(encoder, Causal) and decoder is None:
        return _gone_on(encoder, prompt)
    assert decoder is not None
    if not prompt:
        do = "Give the text that shall be told again, or whose blanks (___) be filled."
        raise OptionError("no prompt", do)
    if decoder.parts is not None and isinstance(encoder, Transformer):
        return _filled(encoder, decoder, prompt)
    return _started(decoder, *decoder.context(encoder([prompt])), decoder.words.text)


def _gone_on(encoder: Causal, prompt: str) -> Begun:
    words = encoder.words
    given = words.numbers([prompt])[0]
    _fits(1 + len(given), encoder.length)
    line = Line(encoder.writing, words)
    logits = line.add(torch.tensor([[words.start, *given]]))
    room = encoder.length - len(given)  # the last piece written need not be read
    return Begun(line, logits, words.end, room, lambda ids: words.text([*given, *ids]))


def _filled(encoder: Transformer, decoder: Writer, prompt: str) -> Begun:
    words, marks = encoder.words, blanks(encoder.tokenizer)
    parts = [part.strip() for part in BLANK.split(prompt)]
    if len(parts) == 1:
        parts.append("")  # a blank behind the text
    if len(parts) - 1 > len(marks):
        raise OptionError(f"{len(parts) - 1} blanks", f"Give {len(marks)} at most.")
    pieces = words.numbers(parts)
    given = [words.start, *pieces[0]]
    for mark, part in zip(marks, pieces[1:]):
        given += [mark, *part]
    given.append(words.end)
    _fits(len(given), encoder.length)
    ids = torch.tensor([given])
    tokens = encoder.tokens(Pieces(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids)))

    def read(ids: Sequence[int]) -> str:
        spans = told(ids, marks)
        whole = [p for i, part in enumerate(pieces) for p in [*part, *spans.get(i, [])]]
        return words.text(whole)

    return _started(decoder, *decoder.context(encoder.vector(tokens), tokens), read)


def told(ids: Sequence[int], marks: Sequence[int]) -> dict[int, list[int]]:
    """What is written for each blank, by its number."""
    found: dict[int, list[int]] = {}
    at: list[int] = []  # before the first blank: nothing's
    for piece in ids:
        if piece in marks:
            at = found.setdefault(marks.index(piece), [])
        else:
            at.append(piece)
    return found


def _started(
    decoder: Writer, context: Tensor, allowed: Tensor | None, read: Callable[[Sequence[int]], str]
) -> Begun:
    line = decoder.line(context, allowed)
    logits = line.add(torch.tensor([[decoder.words.start]]))
    return Begun(line, logits, decoder.words.end, decoder.length, read)


def _fits(pieces: int, length: int) -> None:
    if pieces > length:
        what = f"the prompt has {pieces} pieces, and the model reads {length}"
        raise OptionError(what, "Give a shorter one, or learn with a greater --length.")

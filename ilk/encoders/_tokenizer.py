"""Text in pieces: a vocabulary learnt from the user's own text, kept as JSON beside the weights.

Legend: B texts, T pieces of the longest of them, the special ones counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from tokenizers import Tokenizer as Learnt
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from ..errors import DataError, FormatError, OptionError, one_of
from ..source import Source
from ._embed import batches

KINDS = ("bpe", "wordpiece")
PAD, START, END, MASK, UNKNOWN = "[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]"
SPECIALS = (PAD, UNKNOWN, START, END, MASK)  # the numbers 0 to 4
VOCABULARY = 8192
WITHIN = 1 << 20  # added to the number of a letter: a plane of Unicode that is free for such use
ENOUGH = 5_000_000  # letters that a vocabulary is learnt from
GROUP = 32  # texts of about one length that go through a network together


@dataclass(frozen=True)
class Pieces:
    """Texts as numbers."""

    ids: Tensor  # (B, T) int64
    real: Tensor  # (B, T) bool: False where a shorter text is filled up
    segments: Tensor  # (B, T) int64: 1 in the second text of a pair

    def to(self, device: torch.device) -> Pieces:
        return Pieces(self.ids.to(device), self.real.to(device), self.segments.to(device))

    def __getitem__(self, rows: slice) -> Pieces:
        return Pieces(self.ids[rows], self.real[rows], self.segments[rows])

    def take(self, rows: Tensor) -> Pieces:
        """Some of the texts, as wide as the longest of them."""
        wide = int(self.real[rows].sum(1).max())
        return Pieces(self.ids[rows, :wide], self.real[rows, :wide], self.segments[rows, :wide])

    def through(self, network: Callable[[Pieces], Tensor]) -> Tensor:  # -> (B, ...)
        """Texts of about one length together: little is filled up. The order stays."""
        if len(self.ids) <= GROUP:
            return network(self)
        order = self.real.sum(1).argsort()
        found = torch.cat([network(self.take(rows)) for rows in torch.split(order, GROUP)])
        return found[order.argsort()]


Texts: TypeAlias = Sequence[str] | Sequence[tuple[str, str]] | Pieces


def long_enough(length: int) -> None:
    if length < 3:
        raise OptionError(f"length is {length}", "Give 3 pieces or more: two of them are marks.")


def train(kind: str, texts: Iterator[str], size: int = VOCABULARY, *, extra: Sequence[str] = ()) -> str:
    """A vocabulary of at most `size` pieces, as JSON: byte-level BPE, or WordPiece of lower-case letters.

    BPE (Sennrich et al. 2016) on bytes can write anything; WordPiece is what BERT takes. `extra`: more
    pieces with a meaning of their own, behind the five that every vocabulary begins with.
    """
    specials = [*SPECIALS, *extra]
    if size < len(specials) + 2:
        raise OptionError(f"a vocabulary of {size}", f"Give {len(specials) + 2} or more.")
    one_of(KINDS, "kind of vocabulary", kind)
    made = (_bpe if kind == "bpe" else _wordpiece)(texts, size, specials)
    known = {name: made.token_to_id(name) for name in (START, END)}
    made.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} $B:1 {END}:1",
        special_tokens=list(known.items()),
    )
    return str(made.to_str())


def trained(
    kind: str, source: Source, size: int = VOCABULARY, *, seed: int = 0, extra: Sequence[str] = ()
) -> str:
    """The same from some texts of a source, which are enough."""
    rows = np.random.default_rng(seed).permutation(len(source))

    def texts() -> Iterator[str]:
        letters = 0
        for batch in batches(source, 256, rows):
            yield from batch
            letters += sum(map(len, batch))
            if letters > ENOUGH:
                return

    return train(kind, texts(), size, extra=extra)


def given(
    wish: str, source: Source, size: int = VOCABULARY, *, seed: int = 0, extra: Sequence[str] = ()
) -> str:
    """A vocabulary as JSON: of a kind, learnt from the source, or as a file (tokenizer.json) has it."""
    if not wish.endswith(".json"):
        return trained(wish, source, size, seed=seed, extra=extra)
    try:
        return Path(wish).read_text()
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"the vocabulary {wish} cannot be read: {e}", "Give a tokenizer.json.") from e


def _bpe(texts: Iterator[str], size: int, specials: list[str]) -> Any:
    made = Learnt(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)  # at the beginning as within
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return made


def _wordpiece(texts: Iterator[str], size: int, specials: list[str]) -> Any:
    """The library's own trainer gives another vocabulary each time, as letters within words have no order.

    Here they are letters of their own while BPE learns, which is always the same.
    """
    normal, parts = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    learner = Learnt(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words = (parts.pre_tokenize_str(normal.normalize_str(text)) for text in texts)
    marked = (" ".join(_marked(word) for word, _ in one) for one in words)
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
    learner.train_from_iterator(marked, trainer)
    known = {t if t in specials else _plain(t): i for t, i in learner.get_vocab().items()}
    made = Learnt(models.WordPiece(known, unk_token=UNKNOWN))
    made.normalizer, made.pre_tokenizer, made.decoder = normal, parts, decoders.WordPiece()
    return made


@lru_cache(1 << 16)
def _marked(word: str) -> str:
    return word[0] + "".join(chr(WITHIN | ord(c)) if ord(c) < WITHIN else c for c in word[1:])


def _plain(piece: str) -> str:
    letters = "".join(chr(ord(c) & ~WITHIN) if ord(c) >= WITHIN else c for c in piece)
    return f"##{letters}" if ord(piece[0]) >= WITHIN else letters


def read(description: str) -> Any:
    """A vocabulary of the library's, from its JSON, that cuts nothing off and fills nothing up."""
    try:
        found = Learnt.from_str(description)
    except Exception as e:  # the library raises nothing more precise
        raise FormatError(f"the vocabulary cannot be read: {e}", "Expected a tokenizer.json.") from e
    found.no_truncation()
    found.no_padding()
    return found


def pieces(learnt: Any, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Pieces:
    found = learnt.encode_batch(list(texts))
    ids, real, segments = (
        torch.tensor([getattr(one, name) for one in found]).view(len(found), -1)
        for name in ("ids", "attention_mask", "type_ids")
    )
    return Pieces(ids, real.bool(), segments)


def names(learnt: Any, ids: Sequence[int]) -> list[str]:
    """Each piece as it reads."""
    said = ((i, learnt.decode([i], skip_special_tokens=False)) for i in ids)
    return [text or str(learnt.id_to_token(i)) for i, text in said]


class Tokenizer:
    """Cuts texts into the pieces of a vocabulary (`description`: its JSON), and puts pieces together."""

    def __init__(self, description: str) -> None:
        self._learnt = read(description)
        numbers: list[Any] = [self._learnt.token_to_id(name) for name in SPECIALS]
        missing = [name for name, number in zip(SPECIALS, numbers) if number is None]
        if missing:
            raise FormatError(f"the vocabulary lacks {', '.join(missing)}", "Expected one as BERT has it.")
        self.pad, self.unknown, self.start, self.end, self.mask = numbers
        self.size: int = self._learnt.get_vocab_size()
        self._learnt.enable_padding(pad_id=self.pad, pad_token=PAD)

    def pieces(self, texts: Texts, length: int) -> Pieces:
        """Each text, or pair of texts, as [CLS] text [SEP] (text [SEP]), cut at `length` pieces."""
        if isinstance(texts, Pieces):  # cut already
            return texts
        self._cut(length)
        return pieces(self._learnt, texts)

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """Of each text all pieces, with nothing before or behind."""
        self._cut(0)
        found = self._learnt.encode_batch(list(texts), add_special_tokens=False)
        return [[i for i, real in zip(one.ids, one.attention_mask) if real] for one in found]

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each piece as it reads."""
        return names(self._learnt, ids)

    def text(self, ids: Sequence[int]) -> str:
        """What these pieces say, the special ones left out."""
        return str(self._learnt.decode(list(ids))).removeprefix(" ")

    def _cut(self, length: int) -> None:
        """At so many pieces; 0: nowhere."""
        wanted = length or None
        held = self._learnt.truncation
        if wanted != (held and held["max_length"]):
            self._learnt.enable_truncation(length) if length else self._learnt.no_truncation()

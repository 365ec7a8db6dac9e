"""Networks for data of two halves, or whose words are read: towers side by side, and their vocabulary."""

import os
from pathlib import Path
from typing import Any

import torch

from .. import encoders, saved
from ..encoders import Encoder
from ..encoders._described import described
from ..encoders._tokenizer import VOCABULARY, given
from ..encoders.bag import Bag
from ..encoders.record import Record
from ..encoders.towers import Towers
from ..encoders.transformer import Transformer
from ..encoders.two import Two
from ..errors import OptionError
from ..find import construct, parameters
from ..objectives import Objective
from ..source import Source
from ..source._records import Pictures
from ..source.interactions import Interactions
from ..source.pairs import Pairs
from ..source.tables import Table
from ..source.text import Text

SAID = 64  # pieces of a caption that are read
LOUD = 0.05  # standard deviation of words' vectors to begin from, above what places and the rest say at first


def with_vocabulary(
    network: type[Encoder], cls: type[Objective], options: dict[str, Any], source: Source, seed: int
) -> dict[str, Any]:
    """An encoder's options, the vocabulary learnt from the data or read where it takes one.

    That of `start` (see `start_from`), where there is one.
    """
    if "tokenizer" not in parameters(network):
        return options
    rest = dict(options)
    start = rest.pop("start", None)
    size, wish = rest.pop("vocabulary", VOCABULARY), rest.pop("tokenizer", cls.spelling)
    if start is not None:
        return {**rest, "tokenizer": _bag(start).tokenizer}
    return {**rest, "tokenizer": given(wish, source, size, seed=seed, extra=cls.marks)}


def start_from(encoder: Encoder, folder: str) -> None:
    """The words' vectors that `sif` found, their first axes, as the first weights of a transformer.

    `folder`: a space, or NAME.run/sif.
    """
    if not isinstance(encoder, Transformer):
        do = "Leave start out, or take --encoder transformer."
        raise OptionError(f"{type(encoder).__name__} does not begin from words' vectors", do)
    vectors = _bag(folder).vectors[:, : encoder.token_dim]
    with torch.no_grad():
        encoder.embed.weight[:, : vectors.shape[1]] = vectors * (LOUD / vectors.std())


def _bag(folder: str) -> Bag:
    found = saved.load(Path(folder), Encoder)  # type: ignore[type-abstract]
    if not isinstance(found, Bag):
        what = f"the encoder in {folder} is no {Bag.__name__.lower()} of words' vectors"
        raise OptionError(what, "Learn one: --objective sif.")
    return found


def two_towers(
    pictures: Encoder, source: Pairs, seed: int, words: str = "transformer", vocabulary: int = VOCABULARY
) -> Two:
    """`words`: see `reading_network`."""
    of_words = reading_network(source.captions, seed, words, vocabulary, pictures.dim)
    return Two(pictures, of_words, pictures.dim)


def reading_network(source: Source, seed: int, words: str, vocabulary: int, dim: int) -> Encoder:
    """`words`: transformer, to be learnt; the folder of a saved encoder; or a model of `transformers`."""
    if words == "transformer":
        tokenizer = given("wordpiece", source, vocabulary, seed=seed)
        return encoders.build(words, {}, tokenizer=tokenizer, length=SAID, dim=dim)
    if os.path.exists(Path(words) / "encoder.json"):
        return saved.load(Path(words), Encoder)  # type: ignore[type-abstract]
    return encoders.build("hub_text", {}, model=words)


def side_by_side(
    source: Interactions,
    dim: int,
    seed: int,
    *,
    merge: str = "dot",
    words: str = "transformer",
    vocabulary: int = VOCABULARY,
    **options: Any,
) -> Towers:
    """A tower for users and one for items, with networks for what columns of text and pictures these have."""

    def tower(side: str, table: Table) -> Encoder:
        about = described(table, source.met(side))
        told = [column for column in table.held.values() if isinstance(column, list)]
        shown = next((v for v in table.held.values() if isinstance(v, Pictures)), None)
        networks: dict[str, Encoder] = {}
        if told:
            texts = Text([t for column in told for t in column if t], [""])
            networks["words"] = reading_network(texts, seed, words, vocabulary, dim)
        if shown is not None:
            of_pictures = {"channels": shown.pixels.shape[1], "size": shown.pixels.shape[3]}
            networks["pictures"] = encoders.build("convnet", of_pictures, dim=dim)
        return construct(Record, {"columns": about, "dim": dim, **networks, **options}, {})

    return Towers(tower("users", source.users), tower("items", source.items), dim, merge)

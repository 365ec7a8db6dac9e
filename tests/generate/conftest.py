"""Runs that have learnt four texts by heart, made once."""

from pathlib import Path

import pytest
import torch

from ilk.decoders._blanks import BLANKS
from ilk.encoders._tokenizer import train
from ilk.encoders.causal import Causal as Network
from ilk.encoders.transformer import Transformer
from ilk.objectives import Objective
from ilk.objectives.causal import Causal
from ilk.objectives.seq2seq import Seq2Seq
from ilk.objectives.tsdae import TSDAE
from ilk.source.text import Text
from ilk.training.fit import fit
from ilk.training.recipe import Recipe

TEXTS = ["the sea is deep", "a ship on the sea", "night has come", "once more the sun was red and low"]
SMALL = {"decoder_width": 32, "decoder_depth": 1, "decoder_heads": 2}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with causal.run/, seq2seq.run/ and tsdae.run/."""
    folder = tmp_path_factory.mktemp("runs")
    words = train("bpe", iter(TEXTS), 340, extra=BLANKS)
    torch.manual_seed(0)

    def both() -> Transformer:
        return Transformer(words, 24, 32, width=32, depth=1, heads=2, dropout=0.0)

    objectives: dict[str, Objective] = {
        "causal": Causal(Network(words, 24, 32, 1, 2)),
        "seq2seq": Seq2Seq(both(), missing=0.3, **SMALL),
        "tsdae": TSDAE(both(), deleted=0.2, **SMALL),
    }
    source = Text(TEXTS, list("abcd"))
    for name, objective in objectives.items():
        recipe = Recipe(steps=120, batch=4, learning_rate=1e-2, held_out=0, checks=1)
        fit(objective, source, recipe, run=folder / f"{name}.run" / name)
    return folder

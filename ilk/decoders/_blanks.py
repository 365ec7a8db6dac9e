"""Pieces that stand for what was left out of a text (Raffel et al. 2019): the first blank, the second, ..."""

import json

from ..errors import OptionError

BLANKS = tuple(f"[BLANK{i}]" for i in range(32))  # enough for 15% of 600 pieces, three in a row


def blanks(tokenizer: str) -> list[int]:
    """Their numbers in a vocabulary."""
    known = json.loads(tokenizer)["model"]["vocab"]
    if any(name not in known for name in BLANKS):
        raise OptionError(
            "the vocabulary has no pieces for what is left out of a text",
            "Learn one with them: tokenizer.train(..., extra=BLANKS).",
        )
    return [known[name] for name in BLANKS]

"""A pretrained sentence encoder of `transformers` (MiniLM, BERT, E5, ...): extra `hub`.

Legend: B texts, T pieces of the longest of them, D dimensions.
"""

import inspect
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError
from . import _pretrained
from ._base import Encoder
from ._embed import device_of
from ._tokenizer import Pieces, names, pieces, read

MOST = 50_000  # texts whose vectors are remembered


class HubText(Encoder):
    """`model`: a name on the hub, or a folder with its files; then nothing is fetched.

    Of safetensors only, and never with code of its own. Saved, it needs neither. Of a text at most `length`
    pieces are read (default: as many as the model was made for). The vector is the mean over the tokens, or
    the first, and of length 1, as the model's own files say.
    """

    kind: ClassVar[str] = "text"

    def __init__(
        self, model: str | dict[str, Any] = "", length: int | None = None, tune: bool = False
    ) -> None:
        super().__init__()
        if not model:
            raise OptionError("no model named", f"Give model. {_pretrained.TEXTS}")
        about = _pretrained.describe_text(model) if isinstance(model, str) else model
        self.model, self.length, self.tune = about, length, tune
        make = _pretrained.weighted if isinstance(model, str) else _pretrained.blank
        self.network: Any = make(about["name"], about["config"], takes="input_ids")
        self.network.requires_grad_(tune)
        self.most = min(length or about["length"], about["length"])
        self.words = read(about["tokenizer"])
        self.words.enable_padding(pad_id=about["config"].get("pad_token_id") or 0)
        self.words.enable_truncation(self.most)
        self.segmented = "token_type_ids" in inspect.signature(self.network.forward).parameters
        self.dim = int(about["config"]["hidden_size"])
        self._met: dict[str, Tensor] = {}

    def forward(self, x: Sequence[str]) -> Tensor:  # (B,) texts -> (B, D)
        return self._remembered(x) if self.training and not self.tune else self._read(x)

    def _read(self, x: Sequence[str]) -> Tensor:
        return pieces(self.words, x).to(device_of(self)).through(self._vectors)

    def _remembered(self, x: Sequence[str]) -> Tensor:
        """What learns beside a model that stays as it is asks for the same texts again, epoch by epoch."""
        if len(self._met) > MOST:
            self._met.clear()
        new = [text for text in dict.fromkeys(x) if text not in self._met]
        if new:
            self._met |= zip(new, self._read(new).detach().unbind())
        return torch.stack([self._met[text] for text in x])

    def train(self, mode: bool = True) -> "HubText":
        """What stays as it came keeps its drop-out still."""
        super().train(mode)
        self.network.train(mode and self.tune)
        return self

    def spelled(self, text: str) -> list[str]:  # (T,)
        """The pieces of a text, as they read."""
        return names(self.words, pieces(self.words, [text]).ids[0].tolist())

    def attention(self, x: Sequence[str]) -> list[Tensor]:  # layers x (B, heads, T, T)
        told = pieces(self.words, x).to(device_of(self))
        with _pretrained.telling(self.network):
            return list(self._through(told, output_attentions=True).get("attentions") or [])

    def _through(self, x: Pieces, **options: bool) -> Any:
        segments = {"token_type_ids": x.segments} if self.segmented else {}
        return self.network(x.ids, attention_mask=x.real.long(), **segments, **options)

    def _vectors(self, x: Pieces) -> Tensor:
        tokens: Tensor = self._through(x).last_hidden_state
        if self.model["pool"] == "cls":
            pooled = tokens[:, 0]
        else:
            real = x.real[..., None]  # (B, T, 1)
            pooled = (tokens * real).sum(1) / real.sum(1)  # (B, D)
        return F.normalize(pooled) if self.model["unit"] else pooled

"""A pretrained vision model of `transformers` (ResNet, ViT, DINOv2, CLIP's eye, ...): extra `hub`.

Legend: B batch, C channels, H x W pixels, S the side that the model looks at, T tokens, D dimensions.
"""

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError
from . import _pretrained
from ._base import Encoder


class Hub(Encoder):
    """`model`: a name on the hub, or a folder that `save_pretrained` wrote; then nothing is fetched.

    Of safetensors only, and never with code of its own. Saved, it needs neither: `model` is then the
    description that stands in for the name. `tune`: learn on, instead of staying as it came. `side`: pixels
    that pictures are resized to, if not those it was made for. `layer`: take the mean over the picture
    after so many layers, where small or odd pictures are often told apart better than at the end.
    """

    def __init__(
        self,
        model: str | dict[str, Any] = "",
        channels: int = 3,
        tune: bool = False,
        side: int | None = None,
        layer: int | None = None,
    ) -> None:
        super().__init__()
        if not model:
            raise OptionError("no model named", f"Give model. {_pretrained.FOLDER}")
        about = _pretrained.describe(model) if isinstance(model, str) else model
        self.model, self.channels, self.tune, self.side, self.layer = about, channels, tune, side, layer
        config, wish = about["config"], about["preprocessing"]
        make = _pretrained.weighted if isinstance(model, str) else _pretrained.blank
        self.network: Any = make(about["name"], config)
        self.wanted: int = config["num_channels"]
        if channels not in (1, self.wanted):
            do = f"Read the pictures with channels 1 or {self.wanted}."
            raise OptionError(
                f"{about['name']} sees {self.wanted} channels; the pictures have {channels}", do
            )
        if tune and layer is not None:
            raise OptionError("tune with a layer", "What stands behind that layer would learn nothing.")
        self.seen = side or wish["side"]
        shape = (1, -1, 1, 1)
        self.register_buffer("mean", torch.tensor(wish["mean"]).view(shape))
        self.register_buffer("std", torch.tensor(wish["std"]).view(shape))
        self.mean: Tensor
        self.std: Tensor
        self.options = {}
        if (
            self.seen != wish["side"]
            and "interpolate_pos_encoding" in inspect.signature(self.network.forward).parameters
        ):
            self.options = {"interpolate_pos_encoding": True}
        self.network.requires_grad_(tune)
        with torch.inference_mode():
            self.dim = self(torch.zeros(1, channels, 8, 8)).shape[1]

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, D)
        wanted = {} if self.layer is None else {"output_hidden_states": True}
        out = self.network(self.prepared(x), **wanted, **self.options)
        if self.layer is not None:
            return self._mean(out.hidden_states[self._index(len(out.hidden_states))])
        pooled = out.get("pooler_output")
        if pooled is not None:
            return pooled.flatten(1)  # type: ignore[no-any-return]
        last: Tensor = out.last_hidden_state
        return last[:, 0] if last.ndim == 3 and self.specials_of(last.shape[1]) else self._mean(last)

    def prepared(self, x: Tensor) -> Tensor:  # (B, C, H, W) in [0, 1] -> (B, 3, S, S)
        if x.shape[2:] != (self.seen, self.seen):
            x = F.interpolate(x, (self.seen, self.seen), mode="bicubic", antialias=True)
        return (x.expand(-1, self.wanted, -1, -1) - self.mean) / self.std

    def attention(self, x: Tensor) -> list[Tensor]:  # layers x (B, heads, T, T)
        """Empty for a network without attention."""
        with _pretrained.telling(self.network):
            out = self.network(self.prepared(x), output_attentions=True, **self.options)
        return list(out.get("attentions") or [])

    def train(self, mode: bool = True) -> "Hub":
        """What stays as it came keeps its batch norm and drop-out still."""
        super().train(mode)
        self.network.train(mode and self.tune)
        return self

    def _mean(self, x: Tensor) -> Tensor:  # (B, D, h, w) or (B, T, D) -> (B, D)
        return x.mean((2, 3)) if x.ndim == 4 else x[:, self.specials_of(x.shape[1]) :].mean(1)

    def specials_of(self, tokens: int) -> int:
        """How many of them are no patches; 0 where patches are merged on the way (Swin)."""
        patch = self.network.config.to_dict().get("patch_size")
        return max(0, tokens - (self.seen // patch) ** 2) if isinstance(patch, int) else 0

    def _index(self, states: int) -> int:
        assert self.layer is not None
        if not -states <= self.layer < states:
            raise OptionError(f"layer {self.layer} of {self.model['name']}", f"Give 0 to {states - 1}.")
        return self.layer

"""Torch's own attention, in the number of digits that is fastest.

Legend: B batch, h heads, T tokens, S tokens looked at, d a head's size.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def mixed(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    allowed: Tensor | None = None,
    dropout: float = 0.0,
    *,
    causal: bool = False,
) -> Tensor:  # (B, h, T, d), (B, h, S, d) twice -> (B, h, T, d)
    """On a CPU the way back takes 2 to 16 times as long in bfloat16 as in float32 (torch 2.13; most for few
    tokens): there what learns is mixed in float32, whatever the products around it have.
    """
    if q.device.type != "cpu" or q.dtype == torch.float32 or not q.requires_grad:
        return F.scaled_dot_product_attention(q, k, v, allowed, dropout, is_causal=causal)
    with torch.autocast("cpu", enabled=False):
        out = mixed(q.float(), k.float(), v.float(), allowed, dropout, causal=causal)
    return out.to(v.dtype)

"""Attention worked by hand, and what rotary positions promise."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from ilk.encoders._attention import Attention, Block, Gated, norm_of, rotate, rotation
from ilk.encoders._cache import Cache
from ilk.encoders._mixing import mixed
from ilk.errors import OptionError, UnknownName


def plain(width: int, heads: int, context: int | None = None) -> Attention:
    """Queries, keys, values and output are the tokens themselves."""
    attention = Attention(width, heads, context)
    for layer in (attention.q, attention.kv, attention.out):
        nn.init.zeros_(layer.bias)
    with torch.no_grad():
        attention.q.weight.copy_(torch.eye(width))
        attention.kv.weight.copy_(torch.eye(width).repeat(2, 1))
        attention.out.weight.copy_(torch.eye(width))
    return attention


def test_two_tokens_by_hand() -> None:
    """Tokens (1, 0) and (0, 1): each looks at itself with e^(1/sqrt 2) against e^0."""
    own = math.exp(math.sqrt(0.5)) / (math.exp(math.sqrt(0.5)) + 1)
    look: list[Tensor] = []
    out = plain(2, 1)(torch.eye(2)[None], look=look)
    expected = torch.tensor([[[own, 1 - own], [1 - own, own]]])
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(look[0], expected[None])


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("causal", [False, True])
def test_as_torch_own(heads: int, causal: bool) -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(8, heads), nn.MultiheadAttention(8, heads, batch_first=True)
    with torch.no_grad():
        ours.q.weight.copy_(theirs.in_proj_weight[:8])
        ours.kv.weight.copy_(theirs.in_proj_weight[8:])
        nn.init.zeros_(ours.q.bias)
        nn.init.zeros_(ours.kv.bias)
        ours.out.load_state_dict(theirs.out_proj.state_dict())
    x = torch.randn(2, 5, 8)
    later = torch.ones(5, 5, dtype=torch.bool).triu(1) if causal else None
    expected, weights = theirs(x, x, x, attn_mask=later, average_attn_weights=False)
    look: list[Tensor] = []
    for _ in range(2):  # the second time with a look inside, which changes nothing
        torch.testing.assert_close(
            ours(x, causal=causal, look=look if _ else None), expected, rtol=1e-5, atol=1e-6
        )
    torch.testing.assert_close(look[0], weights, rtol=1e-5, atol=1e-6)


def test_nobody_sees_what_comes_later() -> None:
    torch.manual_seed(0)
    block, x = Block(8, 2).eval(), torch.randn(2, 5, 8)
    other = x.clone()
    other[:, 3] = torch.randn(8)
    changed = (block(x, causal=True) - block(other, causal=True)).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [False, False, False, True, True]


def test_nobody_sees_what_is_not_allowed() -> None:
    torch.manual_seed(0)
    attention, x = Attention(8, 2), torch.randn(1, 5, 8)
    allowed = torch.tensor([True, True, True, False, False])[None, None, None]  # padding at the end
    torch.testing.assert_close(attention(x, allowed=allowed)[:, :3], attention(x[:, :3]))
    both = attention(x, allowed=allowed, causal=True)
    torch.testing.assert_close(both[:, :3], attention(x[:, :3], causal=True))


def test_a_context_of_another_width_and_length() -> None:
    torch.manual_seed(0)
    block = Block(8, 2, context=6).eval()
    x, context = torch.randn(2, 5, 8), torch.randn(2, 3, 6)
    out = block(x, context)
    assert out.shape == x.shape
    longer = torch.cat([context, torch.randn(2, 1, 6)], 1)
    only = torch.tensor([[True, True, True, False]])
    torch.testing.assert_close(block(x, longer, context_allowed=only), out)
    assert not torch.allclose(block(x, longer), out)


@settings(max_examples=20, deadline=None)
@given(shift=st.integers(-50, 50), axes=st.sampled_from([1, 2]))
def test_rotary_positions_depend_on_distance_alone(shift: int, axes: int) -> None:
    draw = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 6, 8, generator=draw).double()
    places = torch.randint(0, 9, (6, axes), generator=draw)
    here, there = rotation(places, 8), rotation(places + shift, 8)
    torch.testing.assert_close(
        rotate(q, here) @ rotate(k, here).mT, rotate(q, there) @ rotate(k, there).mT, rtol=1e-4, atol=1e-4
    )


def test_a_rotation_by_hand() -> None:
    """Two dimensions turn by one radian a step; one axis of two leaves the other's dimensions alone."""
    turned = rotate(torch.tensor([[[[1.0, 0.0]]]]), rotation(torch.tensor([[2]]), 2))
    torch.testing.assert_close(turned.flatten(), torch.tensor([math.cos(2), math.sin(2)]))
    x = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    turned = rotate(x, rotation(torch.tensor([[0, 3]]), 4)).flatten()
    torch.testing.assert_close(turned, torch.tensor([1.0, math.cos(3), 0.0, math.sin(3)]))


def test_layer_scale_and_drop_path() -> None:
    torch.manual_seed(0)
    x = torch.randn(400, 3, 8)
    assert torch.equal(Block(8, 2, layer_scale=0.0)(x), x)
    block = Block(8, 2, drop_path=0.25)
    same = (block(x) == x).all((1, 2)).float().mean().item()
    assert 0.02 < same < 0.12  # both branches skipped: a sixteenth
    whole = block.attention.eval()(x) - x
    some = block.attention.train()(x) - x
    kept = some.abs().sum((1, 2)) > 0
    torch.testing.assert_close(some[kept], whole[kept] / 0.75, rtol=1e-4, atol=1e-5)  # the mean stays
    assert torch.equal(block.eval()(x), block(x))


@pytest.mark.parametrize("steps", [(1, 1, 1, 1, 1, 1), (4, 1, 1), (2, 3, 1), (6,)])
def test_with_a_cache_in_steps_as_without_at_once(steps: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    block = Block(16, 4, context=6, groups=2, norm="rms", bias=False, activation="swiglu").eval()
    x, context, cache = torch.randn(2, 6, 16), torch.randn(2, 3, 6), Cache()
    only = torch.tensor([[True, True, False]])
    turns = rotation(torch.arange(6)[:, None], 4)
    whole = block(x, context, context_allowed=only, causal=True, rotation=turns)
    parts: list[Tensor] = []
    for n in steps:
        at = len(cache)
        new = rotation(torch.arange(at, at + n)[:, None], 4)
        parts.append(
            block(x[:, at : at + n], context, context_allowed=only, causal=True, rotation=new, cache=cache)
        )
    assert len(cache) == 6
    torch.testing.assert_close(torch.cat(parts, 1), whole)


def test_a_cache_goes_on_with_the_rows_picked() -> None:
    torch.manual_seed(0)
    block, x, more, cache = Block(8, 2).eval(), torch.randn(3, 2, 8), torch.randn(2, 1, 8), Cache()
    block(x, causal=True, cache=cache)
    rows = torch.tensor([2, 0])
    cache.pick(rows)
    expected = block(torch.cat([x[rows], more], 1), causal=True)[:, 2:]
    torch.testing.assert_close(block(more, causal=True, cache=cache), expected)


def test_heads_in_groups_are_heads_with_the_same_keys() -> None:
    torch.manual_seed(0)
    few, many = Attention(8, 4, groups=2), Attention(8, 4)
    same = torch.tensor([0, 1, 0, 1, 2, 3, 2, 3])  # rows of two heads' keys -> of four
    with torch.no_grad():
        many.load_state_dict(
            {**many.state_dict(), **{k: v for k, v in few.state_dict().items() if "kv" not in k}}
        )
        for ours, theirs in ((many.kv.weight, few.kv.weight), (many.kv.bias, few.kv.bias)):
            k, v = theirs.chunk(2)
            ours.copy_(torch.cat([k[same], v[same]]))
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(few(x, causal=True), many(x, causal=True))


def test_norms_and_gates_by_hand() -> None:
    x = torch.tensor([3.0, 4.0, 0.0, 0.0])  # its mean square is 25 / 4
    torch.testing.assert_close(norm_of("rms", 4)(x), x / 2.5)
    gated = Gated(1, 1, bias=False)
    for layer, weight in ((gated.gate, 1.0), (gated.up, 3.0), (gated.down, 10.0)):
        nn.init.constant_(layer.weight, weight)
    expected = 10 * (2 / (1 + math.exp(-2))) * 3 * 2
    torch.testing.assert_close(gated(torch.tensor([2.0])), torch.tensor([expected]))


def test_post_norm_normalises_the_sum() -> None:
    torch.manual_seed(0)
    block, x = Block(8, 2, first=False), torch.randn(2, 5, 8)
    middle = block.attention.norm(x + block.attention.work(x))
    torch.testing.assert_close(block(x), block.mlp.norm(middle + block.mlp.work(middle)))


def test_dropout_leaves_out_while_learning_alone() -> None:
    torch.manual_seed(0)
    block, x = Block(8, 2, dropout=0.3), torch.randn(2, 5, 8)
    assert not torch.equal(block(x), block(x))
    assert torch.equal(block.eval()(x), block(x))


def test_what_cannot_be() -> None:
    with pytest.raises(OptionError, match="4 heads in 3 groups"):
        Attention(8, 4, groups=3)
    with pytest.raises(UnknownName, match="no norm called 'batch'"):
        Block(8, 2, norm="batch")
    with pytest.raises(UnknownName, match="no activation called 'tanh'"):
        Block(8, 2, activation="tanh")
    with pytest.raises(OptionError, match="width 8 with 3 heads"):
        Attention(8, 3)
    with pytest.raises(OptionError, match="2 axes with 6 dimensions a head"):
        rotation(torch.zeros(4, 2), 6)


def test_on_a_cpu_what_learns_is_mixed_with_all_digits() -> None:
    """bfloat16 comes and goes; between, all is as in float32, the way back too."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 2, 5, 8).bfloat16().requires_grad_() for _ in range(3))
    whole = [t.detach().float().requires_grad_() for t in (q, k, v)]
    with torch.autocast("cpu", torch.bfloat16):
        out = mixed(q, k, v)
    expected = F.scaled_dot_product_attention(*whole)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected.bfloat16(), rtol=0, atol=0)
    out.float().square().sum().backward()
    (expected.bfloat16().float().square().sum()).backward()
    for own, theirs in zip((q, k, v), whole):
        torch.testing.assert_close(own.grad, theirs.grad.bfloat16(), rtol=0, atol=0)

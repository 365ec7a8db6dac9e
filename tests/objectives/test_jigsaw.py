import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ilk.encoders.convnet import ConvNet
from ilk.errors import OptionError
from ilk.objectives.jigsaw import Jigsaw, rearranged


def small(**options: object) -> Jigsaw:
    torch.manual_seed(0)
    return Jigsaw(ConvNet(size=16, width=8, dim=12), augment="digits", **options)  # type: ignore[arg-type]


def test_by_hand() -> None:
    x = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]).float()
    told = rearranged(x[None, None], torch.tensor([[2, 0, 3, 1]]), 2, 0.0)
    expected = torch.tensor([[2, 2, 0, 0], [2, 2, 0, 0], [3, 3, 1, 1], [3, 3, 1, 1]]).float()
    assert torch.equal(told[0, 0], expected)


@settings(max_examples=30, deadline=None)
@given(
    grid=st.integers(2, 4),
    sides=st.tuples(st.integers(8, 23), st.integers(8, 23)),
    gap=st.floats(0, 0.6),
    seed=st.integers(0, 99),
)
def test_every_tile_shows_a_part_of_the_one_that_is_named(
    grid: int, sides: tuple[int, int], gap: float, seed: int
) -> None:
    """Each pixel holds its own row and column: what is shown can be looked up."""
    torch.manual_seed(seed)
    H, W = sides
    own = torch.cartesian_prod(torch.arange(H), torch.arange(W)).T.reshape(1, 2, H, W).float()
    order = torch.rand(3, grid**2).argsort(1)
    out = rearranged(own.expand(3, -1, -1, -1), order, grid, gap)
    s = min(sides) // grid
    c = max(1, s - round(gap * s))
    assert out.shape == (3, 2, grid * c, grid * c)
    tiles = out.unfold(2, c, c).unfold(3, c, c).movedim(1, 3).flatten(1, 2)  # (3, T, 2, c, c)
    corner = tiles[..., 0, 0]  # (3, T, 2)
    within = torch.cartesian_prod(torch.arange(c), torch.arange(c)).T.reshape(2, c, c)
    assert torch.equal(tiles, corner[..., None, None] + within)
    margin = torch.tensor([(H - s * grid) // 2, (W - s * grid) // 2])
    place = torch.stack([order // grid, order % grid], 2) * s + margin  # of the tile named
    assert (corner >= place).all()
    assert (corner + c <= place + s).all()


class Looked(nn.Module):
    """Instead of encoder and head: 3 for the tile that lies there, 0 for each other."""

    def forward(self, x: Tensor) -> Tensor:  # tiles of even brightness 0, 1, 2, 3: (B, 1, 4, 4) -> (B, 16)
        tiles = x[:, 0, ::2, ::2].flatten(1).long()  # (B, 4)
        return 3 * nn.functional.one_hot(tiles, 4).float().flatten(1)


def test_the_loss_of_who_sees_it_and_of_who_does_not() -> None:
    objective = small(gap=0.0)
    objective.encoder, objective.answer = Looked(), nn.Identity()  # type: ignore[assignment]
    order = torch.rand(6, 4).argsort(1)
    x = torch.arange(4.0).view(1, 1, 2, 2).repeat_interleave(2, 2).repeat_interleave(2, 3).expand(6, 1, 4, 4)
    loss = objective.loss(rearranged(x, order, 2, 0.0), order, progress=0)["places"]
    assert loss.item() == pytest.approx(math.log(1 + 3 * math.exp(-3)))
    loss = objective.loss(torch.zeros(6, 1, 4, 4), order, progress=0)["places"]
    assert loss.item() == pytest.approx((math.log(1 + 3 * math.exp(-3)) + 3 * 3 / 4), rel=1e-4)


def test_what_makes_no_sense_is_refused() -> None:
    for options in ({"grid": 1}, {"gap": 1.0}):
        with pytest.raises(OptionError, match=r"grid is .*\nGive 2 or more tiles a side"):
            small(**options)
    with pytest.raises(OptionError, match=r"20 tiles a side of pictures of 16 x 16 pixels\nGive fewer tiles"):
        small(grid=20).views(torch.zeros(1, 1, 16, 16))

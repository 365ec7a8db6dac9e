"""Samples through an encoder, and what happens where there is no memory for them."""

import pytest
import torch
from torch import Tensor

from ilk.encoders import Encoder, encode
from ilk.errors import TrainingError
from ilk.training.failure import enough_memory
from ilk.training.recipe import Recipe


class Hungry(Encoder):
    """Takes four samples at a time; for more it asks for what no machine has."""

    def __init__(self) -> None:
        super().__init__()
        self.dim, self.asked = 2, list[int]()

    def forward(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor:
        first = x[0] if isinstance(x, tuple) else x
        self.asked.append(len(first))
        if len(first) > 4:
            torch.empty(2**55)  # really: the allocator says no
        return first[:, :2] + (x[1][:, :2] if isinstance(x, tuple) else 0)


@pytest.mark.parametrize("beside", [False, True])
def test_without_memory_for_a_batch_its_halves_are_encoded(beside: bool) -> None:
    x = torch.arange(22.0).view(11, 2)
    encoder = Hungry().train()
    found = encode(encoder, (x, x) if beside else x)
    assert torch.equal(found, x * (2 if beside else 1))
    assert encoder.asked == [11, 5, 2, 3, 6, 3, 3]
    assert encoder.training


def test_one_sample_that_is_too_large_is_an_error() -> None:
    class Greedy(Hungry):
        def forward(self, x: Tensor | tuple[Tensor, Tensor]) -> Tensor:
            return torch.empty(2**55)

    with pytest.raises(RuntimeError, match="allocate"):
        encode(Greedy(), torch.zeros(2, 2))


def test_another_error_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        encode(torch.nn.Linear(3, 2), torch.zeros(4, 5))  # type: ignore[arg-type]


def test_learning_says_what_to_give() -> None:
    with (
        pytest.raises(TrainingError, match="no memory left at step 7, with 64 samples a step") as told,
        enough_memory(Recipe(batch=64), 7),
    ):
        torch.empty(2**55)
    assert "--batch 32" in str(told.value)

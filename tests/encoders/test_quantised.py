import numpy as np
import pytest
import torch

from ilk.encoders._codebook import CodeBook
from ilk.encoders.quantised import Quantised
from ilk.encoders.vit import ViT

from ..contract.samples import images


def small(pool: str, registers: int = 0) -> Quantised:
    torch.manual_seed(0)
    vit = ViT(1, 16, 12, 4, width=32, depth=2, heads=2, pool=pool, registers=registers)
    return Quantised(vit, codes=20).eval()


@pytest.mark.parametrize(("pool", "registers"), [("cls", 0), ("mean", 0), ("mean", 3), ("cls", 2)])
def test_a_patchs_direction_is_its_token_through_the_encoders_head(pool: str, registers: int) -> None:
    tokenizer, x = small(pool, registers), images().batch(np.arange(5))
    z = tokenizer.directions(x)
    patches = tokenizer.encoder.tokens(x)[:, tokenizer.encoder.specials :]
    expected = tokenizer.encoder.head(patches)
    torch.testing.assert_close(z, expected / expected.norm(dim=2, keepdim=True))


def test_a_word_is_the_nearest_code() -> None:
    tokenizer, x = small("cls"), images().batch(np.arange(5))
    apart = torch.cdist(tokenizer.directions(x), tokenizer.book.book)  # (5, 16, 20)
    assert torch.equal(tokenizer.words(x), apart.argmin(2))


def test_the_vector_is_the_mean_of_each_quarter() -> None:
    tokenizer, x = small("cls"), images().batch(np.arange(3))
    z = tokenizer.directions(x).view(3, 4, 4, 12)
    quarters = [
        z[:, rows, columns].mean((1, 2))
        for rows in (slice(2), slice(2, 4))
        for columns in (slice(2), slice(2, 4))
    ]
    expected = torch.stack(quarters, 2).flatten(1)  # (3, 12, 4) -> (3, 48)
    torch.testing.assert_close(tokenizer(x), expected)
    assert tokenizer.dim == 48


def test_a_code_moves_to_the_mean_of_its_own_and_a_dead_one_where_it_is_needed() -> None:
    book = CodeBook(3, 2)
    book.book.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
    book.often.copy_(torch.tensor([2.0, 2.0, 2.0]))
    z = torch.tensor([[0.8, 0.6], [0.8, -0.6], [0.6, 0.8]])
    words = book(z)
    assert words.tolist() == [0, 0, 1]
    book.follow(z, words, 0.5)
    # Code 0: the two sum to (1.6, 0), its own direction. Code 1: half way from (0, 1) to (.6, .8).
    torch.testing.assert_close(
        book.book[:2], torch.tensor([[1.0, 0.0], [0.3, 0.9]]) / torch.tensor([[1.0], [0.9**0.5]])
    )
    assert book.book[2].tolist() == [-1.0, 0.0]  # taken less often, and not dead yet
    assert book.often.tolist() == [2.0, 1.5, 1.0]
    book.often[2] = 0.01
    book.follow(z, words, 0.5)
    torch.testing.assert_close(book.book[2], z[0])  # of the worst served (cosine .8 twice) the first
    assert book.often[2].item() == pytest.approx((2 + 1.25 + 0.005) / 3)


def test_of_many_dead_codes_only_as_many_are_revived_as_there_are_vectors() -> None:
    book = CodeBook(50, 4)
    z = torch.nn.functional.normalize(torch.randn(6, 4), dim=1)
    book.follow(z, book(z), 0.9)
    assert book.book.isfinite().all()
    assert (torch.cdist(z, book.book).amin(1) < 1e-3).all()

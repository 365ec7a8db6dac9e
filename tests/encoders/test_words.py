"""Words, their pieces, and the files of word2vec, GloVe and fastText (made by gensim: word_files/)."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from ilk.encoders import encode
from ilk.encoders._words import exchange
from ilk.encoders._words.pieces import grams, words
from ilk.encoders.words import Words
from ilk.errors import DataError, UnknownName

FILES = Path(__file__).parent / "word_files"
KNOWN = np.load(FILES / "expected.npz", allow_pickle=False)


def made(names: list[str], lower: bool = True) -> Words:
    encoder = Words(names, 3, lower)
    encoder.vectors.copy_(torch.arange(3.0 * len(names)).view(-1, 3) + 1)
    return encoder.eval()


def test_what_a_word_is() -> None:
    assert words("Don't stop -- l’été, new_york: 3.5!", lower=True) == [
        *("don't", "stop", "l’été", "new_york", "3", "5")
    ]


def test_a_text_is_the_mean_of_its_known_words() -> None:
    encoder = made(["cat", "dog", "New York"])
    found = encode(encoder, ["cat", "The CAT, a dog!", "New York", "nothing known", ""])
    assert found.tolist() == [[1, 2, 3], [2.5, 3.5, 4.5], [7, 8, 9], [0, 0, 0], [0, 0, 0]]
    assert encode(made(["cat"], lower=False), ["CAT"]).tolist() == [[0, 0, 0]]


def test_pieces_by_hand() -> None:
    starts, rows = grams(["ab", "é"], 2, 3, 2**31 - 1)
    assert starts.tolist() == [0, 5, 8]  # <a <ab ab ab> b>; <é <é> é>

    def hashed(piece: str) -> int:  # FNV-1a, bytes as signed
        h = 2166136261
        for byte in piece.encode():
            h = (h ^ (byte | (0xFFFFFF00 if byte > 127 else 0))) * 16777619 % 2**32
        return h % (2**31 - 1)

    assert rows.tolist() == [hashed(p) for p in ("<a", "<ab", "ab", "ab>", "b>", "<é", "<é>", "é>")]


@pytest.mark.parametrize("name", ["word2vec.txt", "word2vec.bin", "glove.txt"])
def test_files_that_gensim_wrote(name: str) -> None:
    encoder = exchange.load(FILES / name)
    assert encoder.words == KNOWN["words"].tolist()
    assert np.array_equal(encode(encoder, encoder.words), KNOWN["vectors"])


def test_a_fasttext_model_that_gensim_wrote() -> None:
    encoder = exchange.load(FILES / "fasttext.bin")
    assert encoder.words == KNOWN["pieced"].tolist()
    assert encoder.counts.tolist() == [10, 10, 10, 5, 5, 5, 5]
    assert np.allclose(encode(encoder, encoder.words), KNOWN["pieced_vectors"], atol=1e-7)
    assert np.allclose(encode(encoder, KNOWN["unseen"].tolist()), KNOWN["unseen_vectors"], atol=1e-7)


@pytest.mark.parametrize("form", exchange.FORMS)
def test_what_is_written_comes_back(form: str, tmp_path: Path) -> None:
    encoder = exchange.load(FILES / "fasttext.bin")
    exchange.save(encoder, tmp_path / "file", form)
    again = exchange.load(tmp_path / "file")
    assert again.words == encoder.words
    assert torch.allclose(again.vectors, encoder.vectors, atol=1e-6)
    if form == "fasttext":
        assert torch.equal(again.pieces, encoder.pieces)
        assert torch.equal(again.counts, encoder.counts)


@pytest.mark.parametrize("name", ["word2vec.txt", "word2vec.bin", "glove.txt", "fasttext.bin"])
def test_a_changed_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    """Never an error that is not ours, never room for numbers that the file cannot hold."""
    whole = (FILES / name).read_bytes()
    draw = random.Random(0)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(draw.randint(0, 3)):
            data[draw.randrange(min(len(data), 120))] = draw.randrange(256)
        data = data[: draw.choice([len(data), draw.randrange(len(data))])]
        (tmp_path / "file").write_bytes(data)
        try:
            exchange.load(tmp_path / "file")
        except DataError:
            refused += 1
    assert refused > 30


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"9999999999 300\na 1 2\n", "and is too small"),
        (b"2 2\na 1 2\n", "it holds 1 words; its first line says 2"),
        (b"a 1 2\nb 3\n", "line 2 has 1 numbers, expected 2"),
        (b"a 1 2\nb 3 x\n", "up to 2"),
        (b"a 1 nan\n", "the vector of 'a' holds NaN or inf"),
    ],
)
def test_what_is_wrong_is_told(content: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match=why):
        exchange.load(tmp_path / "file")


def test_a_word_that_comes_twice_counts_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a 1 2\nb 3 4\na 5 6\n")
    encoder = exchange.load(tmp_path / "file")
    assert encoder.words == ["a", "b"]
    assert encoder.vectors.tolist() == [[1, 2], [3, 4]]


def test_words_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'New York' cannot be written"):
        exchange.save(made(["New York"]), tmp_path / "file", "text")
    with pytest.raises(UnknownName, match="no form of word vectors called 'word2vec'"):
        exchange.save(made(["york"]), tmp_path / "file", "word2vec")

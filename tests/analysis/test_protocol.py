import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits

from ilk.analysis.probe import r2_apart
from ilk.analysis.protocol import held_out, score, score_amounts
from ilk.encoders import build, embed
from ilk.errors import DataError, UnknownName
from ilk.source.images import Images
from ilk.training.health import knn_accuracy, rankme

DIGITS = load_digits()


def source(n: int, labels: np.ndarray | None = None) -> Images:
    pixels = np.kron(DIGITS.images[:n] / 16, np.ones((2, 2))).astype(np.float32)[:, None]
    names = DIGITS.target[:n] if labels is None else labels
    return Images(pixels, [f"digit-{i}" for i in range(n)], columns=pa.table({"label": names}))


def test_what_is_held_out_hangs_on_the_ids_alone() -> None:
    few, many = held_out(source(500)), held_out(source(1000))
    assert (few == many[:500]).all()
    assert 0.15 < many.mean() < 0.25
    assert held_out(source(1000).take(np.arange(999, -1, -1)))[::-1].tolist() == many.tolist()


def test_the_figures_are_those_of_their_own_functions() -> None:
    data = source(1000)
    encoder, held = build("pixels", data.traits).eval(), held_out(data)
    found = score(encoder, data, "label")
    z, y = embed(encoder, data), DIGITS.target[:1000]
    assert found.knn == knn_accuracy(z[~held], y[~held], z[held], y[held])
    assert found.rank == pytest.approx(rankme(z[held]))
    assert found.knn > 0.95
    assert found.linear > 0.9
    assert 0.7 < found.shots < found.linear
    assert 0 < found.views < 0.5
    assert found == score(encoder, data, "label")


def test_labels_that_say_nothing_are_found_by_chance_only() -> None:
    data = source(1000, np.random.default_rng(0).integers(0, 2, 1000))
    found = score(build("pixels", data.traits).eval(), data, "label")
    assert max(abs(v - 0.5) for v in (found.knn, found.linear, found.shots)) < 0.12


def test_bad_input_is_named() -> None:
    data = source(200, np.zeros(200, int))
    encoder = build("pixels", data.traits).eval()
    with pytest.raises(UnknownName, match="digit"):
        score(encoder, data, "digit")
    with pytest.raises(DataError, match="1 labels"):
        score(encoder, data, "label")


def test_amounts_are_asked_of_held_out_rows_alone() -> None:
    plain = source(1000)
    ink, noise = plain.pixels.mean((1, 2, 3)), np.random.default_rng(0).random(1000)
    data = Images(plain.pixels, plain.ids, columns=pa.table({"ink": ink, "noise": noise}))
    encoder, held = build("pixels", data.traits).eval(), held_out(data)
    z = embed(encoder, data)
    told = score_amounts(encoder, data, ["ink"])
    assert told.knn == r2_apart(z, ink, held)
    assert told.linear > 0.99 > told.knn > 0.2
    assert (told.shots, told.rank) == (None, pytest.approx(rankme(z[held])))
    both = score_amounts(encoder, data, ["ink", "noise"])
    assert both.knn == pytest.approx((told.knn + r2_apart(z, noise, held)) / 2)
    assert both.linear < 0.6
    with pytest.raises(UnknownName, match="digit"):
        score_amounts(encoder, data, ["digit"])


def test_r2_apart_by_hand() -> None:
    """0 at 0 and 2 at 2 are known, and weigh by 1 / distance: at 0.5 and 1.5 just that is told."""
    z, held = np.array([[0.0], [2.0], [0.5], [1.5]]), np.array([False, False, True, True])
    off, total = 0.5**2, 0.5**2 + 1  # of the truths 0.5 and 2; the known mean is 1
    assert r2_apart(z, np.array([0, 2, 0.5, 2]), held) == pytest.approx(1 - off / total)

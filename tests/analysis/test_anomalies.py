import numpy as np
import pytest
from sklearn.datasets import load_digits
from torch import Tensor

from ilk.analysis.anomalies import anomalies, group_distance, neighbour_distance, score
from ilk.analysis.clusters import clusters
from ilk.decoders import Decoder
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, SpaceError
from ilk.source.images import Images
from ilk.space import Space


class Flat(Decoder):
    """Knows the grey of a picture and nothing else."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, z: Tensor) -> Tensor:
        return z.mean(1).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)


def test_neighbour_distance_by_hand():
    x = np.array([[0.0], [1.0], [3.0], [10.0]])
    np.testing.assert_allclose(neighbour_distance(x, 2), [(1 + 3) / 2, (1 + 2) / 2, (2 + 3) / 2, (7 + 9) / 2])


def test_copies_are_at_no_distance():
    np.testing.assert_array_equal(neighbour_distance(np.ones((40, 3)), 5), 0)


def test_cosine_looks_at_directions_only():
    x = np.array([[1.0, 0], [5, 0], [0.1, 0], [0, 1]])
    np.testing.assert_allclose(neighbour_distance(x, 1, metric="cosine"), [0, 0, 0, np.sqrt(2)], atol=1e-6)


def test_group_distance_is_in_sigmas_of_the_nearest_group():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(2000, 1)), 100 + 10 * rng.normal(size=(2000, 1)), [[5.0], [150.0]]])
    labels = np.array([0] * 2000 + [1] * 2000 + [-1, -1])
    far = group_distance(x, labels)
    # the outer tenth left out narrows a Gaussian by .79: the sigma of one cut at 1.645
    np.testing.assert_allclose(far[-2:], [5 / 0.79, 5 / 0.79], rtol=0.1)


def test_score_ranks_and_joins():
    found = score({"neighbours": np.array([1.0, 1, 9, 2]), "groups": np.array([1.0, 2, 8, 3])}, list("abcd"))
    assert found.table()["id"].to_pylist()[:2] == ["c", "d"]
    assert found.score[2] == 1
    np.testing.assert_allclose(found.parts["neighbours"], [0.375, 0.375, 1, 0.75])
    np.testing.assert_allclose(found.times["neighbours"][2], 9 / 1.5)
    assert found.why(2) == "far from every neighbour (6.0x the usual), outside every group (3.2x the usual)"
    assert found.why(0) == "nothing unusual"


def planted(tmp_path, decoder: Decoder | None = None) -> tuple[Space, Images]:
    """390 digits, 5 of noise and 5 in negative."""
    rng = np.random.default_rng(0)
    pixels = (load_digits().images[:400, None] * 15).astype(np.uint8)
    pixels[:5] = rng.integers(0, 256, (5, 1, 8, 8))
    pixels[5:10] = 255 - pixels[5:10]
    source = Images(pixels, [f"odd-{i}" if i < 10 else f"plain-{i}" for i in range(400)])
    encoder = Pixels(channels=1, size=8)
    space = Space.create(tmp_path / "s", encoder, reading=source.reading, decoder=decoder, metric="l2")
    space.upsert(source)
    return space, source


def test_planted_oddities_come_first(tmp_path):
    space, _ = planted(tmp_path)
    found = anomalies(space)
    top = found.table(10)["id"].to_pylist()
    assert sum(i.startswith("odd") for i in top) == 10
    assert found.table(1)["why"][0].as_py().startswith("far from every neighbour (")
    layer = space.layer("anomaly")
    assert sorted(layer["id"].to_pylist()) == sorted(space.ids())
    assert layer.column_names == ["id", "score", "neighbours", "groups", "why"]
    assert found.sentence().startswith("The oddest of 400: odd-")


def test_groups_of_the_space_are_used(tmp_path):
    space, _ = planted(tmp_path)
    alone = anomalies(space).parts["groups"]
    clusters(space, 2, starts=2)
    assert not np.array_equal(anomalies(space).parts["groups"], alone)


def test_the_decoder_has_a_say(tmp_path):
    space, source = planted(tmp_path, Flat(64))
    space.upsert_vectors(["stranger"], np.full((1, 64), 0.3, np.float32))
    found = anomalies(space, source=source)
    row = found.table().to_pylist()
    stranger = next(r for r in row if r["id"] == "stranger")
    assert stranger["rebuilt"] is None  # its picture is not in the source
    i = space.ids().index("plain-20")
    x = source.batch(np.array([20])).numpy()
    at = space.ids().index("plain-21")
    y = source.batch(np.array([21])).numpy()
    worse = ((x - x.mean()) ** 2).mean() > ((y - y.mean()) ** 2).mean()
    assert (found.parts["rebuilt"][i] > found.parts["rebuilt"][at]) == worse


def test_bad_input_is_named(tmp_path):
    space, source = planted(tmp_path)
    with pytest.raises(SpaceError, match="no decoder"):
        anomalies(space, source=source)
    space.delete([i for i in space.ids() if i not in ("odd-1", "odd-2")])
    with pytest.raises(DataError, match="2 rows are too few"):
        anomalies(space)

"""The demo on a small scale: everything it promises is there, and what it says is what was found."""

import re

import pytest
from sklearn.metrics import adjusted_rand_score

import ilk
from ilk.demonstration import ASKED, Demo, demo
from ilk.errors import OptionError


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Demo:
    return demo(tmp_path_factory.mktemp("demo") / "out", n=200)


def test_spaces_hold_all_pictures_and_what_was_planted(shown):
    for space, pictures in ((shown.populations, 200), (shown.continuum, 533)):
        assert len(space) == pictures
        assert space.dim == 10
        assert {"spin", "r_in", "tau", "removed_flux", "scale"} <= set(space.metadata().column_names)
        assert {"cluster", "map"} <= set(space.layers())


def test_a_file_of_the_demo_finds_itself(shown):
    space = shown.populations
    first = space.ids()[0]
    file = next(space.path.parent.rglob(f"{first}.npy"))
    found = space.search(file, k=1)
    assert found.ids[0, 0] == first
    assert found.distances[0, 0] < 1e-3


def test_groups_are_the_planted_ones(shown):
    truth = shown.populations.metadata()["group"].to_pylist()
    assert adjusted_rand_score(truth, shown.groups.labels) == pytest.approx(next(iter(shown.ari.values())))
    assert next(iter(shown.ari.values())) > 0.8


def test_the_continuum_has_none(shown):
    assert shown.none.k == 1
    assert shown.facts()["continuum"].startswith("No clear groups")


def test_every_parameter_is_read_off_every_way(shown):
    rows = {row["R2 by kNN / linear"]: row for row in shown.r2.to_pylist()}
    assert list(rows) == list(ASKED)
    ours, raw = (
        float(v.partition(" / ")[0]) for k, v in rows["cos(inclination)"].items() if "dim" in k or "PCA" in k
    )
    assert ours > raw + 0.3
    assert float(rows["ln flux"]["ilk, 10 dimensions"].partition(" / ")[0]) < 0.1  # taken out


def test_the_report_stands_alone(shown):
    page = shown.page.read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:|//|file:)", page)
    assert page.count("data:image/png;base64,") >= 10 * shown.groups.k
    assert shown.groups.sentence() in page
    assert shown.none.sentence() in page


def test_too_few_pictures(tmp_path):
    with pytest.raises(OptionError, match="too few"):
        ilk.demo(tmp_path / "few", n=10)

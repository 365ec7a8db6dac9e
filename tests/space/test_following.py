"""Who only reads and follows a writer for long carries no more than what there is."""

import numpy as np
import pytest

from ilk.space import Space, keeping, making

from .conftest import names, numbers


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_a_reader_that_follows_takes_the_bases_that_the_writer_keeps(space, monkeypatch, kind):
    monkeypatch.setattr(keeping, "LATE", 100)
    monkeypatch.setattr(making, "_LATE", 100)
    space.upsert_vectors(names(300), numbers(300))
    space.index(kind)
    reader, carried = Space.open(space.path), []
    for turn in range(1, 25):
        space.upsert_vectors(names(100, 100 * (turn % 3)), numbers(100, seed=turn))
        space._now.keeper.wait()
        reader.refresh()
        asked = numbers(100, seed=turn)[:5]
        found = reader.search(asked, 1)
        assert found.ids[:, 0].tolist() == names(5, 100 * (turn % 3))
        assert np.abs(found.distances).max() < 1e-6
        carried.append(len(reader._at.slots))
    assert len(reader) == 300
    assert max(carried) <= 900  # 300 alive; 2,700 where each version only adds to the one before
    assert reader._at.base.folder.name == max(f.name for f in (space.path / "index").glob("base-*"))


@pytest.mark.parametrize("kind", ["ivf", "hnsw"])
def test_where_the_writer_keeps_no_base_what_came_and_went_is_left_out(space, monkeypatch, kind):
    """As where each writer is a process of its own, and writes little."""
    monkeypatch.setattr(keeping, "LATE", 10**9)
    monkeypatch.setattr(making, "_LATE", 100)
    space.upsert_vectors(names(300), numbers(300))
    space.index(kind)
    reader, carried = Space.open(space.path), []
    reader.search(numbers(1), 1)
    for turn in range(1, 12):
        space.upsert_vectors(names(50), numbers(50, seed=turn))
        reader.refresh()
        found = reader.search(numbers(50, seed=turn)[:5], 1)
        assert found.ids[:, 0].tolist() == names(5)
        carried.append(len(reader._at.slots))
    assert max(carried) <= 500  # 850 where each version only adds
    assert carried[-1] < max(carried)

"""Large pictures are sliced from the disk, and say the same as the readers of whole files."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from astropy.io import fits

from ilk.source import formats
from ilk.source._reading import field
from ilk.source._reading.field import Field, fields
from ilk.source._reading.file import File, kind_of

DEEP = np.arange(30 * 41, dtype=np.float32).reshape(30, 41)
COLOUR = np.random.default_rng(0).integers(0, 255, (30, 41, 3), np.uint8)


def written(folder: Path, name: str) -> File:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, COLOUR if "colour" in name else DEEP, allow_pickle=False)
    elif name.endswith(".tif"):
        tifffile.imwrite(path, COLOUR if "colour" in name else DEEP)
    else:
        fits.writeto(path, DEEP)
    return File(str(path), kind_of(name))


@pytest.mark.parametrize("name", ["a.npy", "colour.npy", "a.tif", "colour.tif", "a.fits"])
def test_a_field_says_what_the_file_says(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, name)
    ((_, whole),) = formats.read(file)
    ((part, small),) = fields(file)
    assert part == -1
    assert isinstance(small, np.ndarray)  # a small file is read as a whole
    monkeypatch.setattr(field, "LARGE", 1)
    for _, mapped in fields(file):
        assert isinstance(mapped, Field)
        assert mapped.shape == whole.shape == (3 if "colour" in name else 1, 30, 41)
        for at in (np.s_[:, 0:30, 0:41], np.s_[:, 3:9, 30:41], np.s_[0:1, 29:30, 0:1]):
            assert (mapped[at] == whole[at]).all()


def test_stacks_and_damaged_files_are_left_to_their_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(field, "LARGE", 1)
    np.save(tmp_path / "s.npy", np.zeros((5, 20, 20), np.float32), allow_pickle=False)
    assert [part for part, _ in fields(File(str(tmp_path / "s.npy"), ".npy"))] == [0, 1, 2, 3, 4]
    (tmp_path / "b.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r".+"):
        list(fields(File(str(tmp_path / "b.npy"), ".npy")))

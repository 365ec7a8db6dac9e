import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ilk.encoders.pixels import Pixels
from ilk.errors import FormatError, OptionError
from ilk.learning.target import Target, default_name
from ilk.source.images import Images
from ilk.space import Space

ASKED: dict[str, Any] = {"objective": "pixels", "encoder": "convnet", "dim": None, "options": {"a": (1, 2)}}
BIGGER, ROOTED = Pixels(1, 4), Pixels(1, 4, power=0.5)


def source(n: int = 6, start: int = 0) -> Images:
    pixels = np.random.default_rng(0).integers(0, 255, (n, 1, 4, 4), np.uint8)
    return Images(pixels, [f"{i}.png" for i in range(start, start + n)])


def target(folder: Path, *, replace: bool = False, data: Images | None = None, **asked: Any) -> Target:
    return Target(folder / "things", ASKED | asked, data or source(), replace=replace)


def filled(folder: Path) -> Space:
    return target(folder).fill(BIGGER, None, source())


def test_a_new_name(tmp_path: Path) -> None:
    space = target(tmp_path / "deep" / "down").fill(BIGGER, None, source())
    assert space.path == tmp_path / "deep" / "down" / "things.space"
    assert space.ids() == [f"{i}.png" for i in range(6)]
    record = json.loads((tmp_path / "deep" / "down" / "things.run" / "learn.json").read_text())
    assert record == {
        "format": 1,
        "asked": ASKED | {"options": {"a": [1, 2]}},
        "fingerprints": [space.fingerprint],
    }


def test_names_with_dots_are_kept_whole(tmp_path: Path) -> None:
    made = Target(tmp_path / "2024.05", ASKED, source(), replace=False).fill(BIGGER, None, source())
    assert sorted(os.listdir(tmp_path)) == ["2024.05.run", "2024.05.space"]
    assert made.path.name == "2024.05.space"


def test_the_same_encoder_goes_on_in_the_space_that_stands(tmp_path: Path) -> None:
    space = filled(tmp_path)
    space.write_layer("mark", pa.table({"id": ["0.png"], "m": [1]}), {})
    again = target(tmp_path, data=source(8)).fill(BIGGER, None, source(8))
    assert len(again) == 8
    assert again.layers() == ["mark"]


def test_another_encoder_takes_the_place_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = filled(tmp_path)
    ids = first.ids()
    first.write_layer("mark", pa.table({"id": ["0.png"], "m": [1]}), {})
    second = target(tmp_path).fill(ROOTED, None, source())
    assert second.path == first.path
    assert second.fingerprint != first.fingerprint
    assert second.ids() == ids
    assert second.layers() == []
    assert "The encoder has changed: compute mark again." in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["things.run", "things.space"]
    assert target(tmp_path).fingerprints == [first.fingerprint, second.fingerprint]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_while_places_change_leaves_a_whole_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    first = filled(tmp_path)
    ids = first.ids()
    todo = target(tmp_path)
    done, rename = [], os.replace

    def dies(a: Any, b: Any) -> None:
        if Path(a).name.startswith("things.space"):  # the old one away, the new one into its place
            if len(done) == renames:
                raise Killed
            done.append(b)
        rename(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dies)
        if renames < 2:
            with pytest.raises(Killed):
                todo.fill(ROOTED, None, source())
        else:
            patch.setattr("ilk.learning.target._throw_away", lambda *_: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                todo.fill(ROOTED, None, source())
    on = target(tmp_path)  # the next start
    stands = Space.open(tmp_path / "things.space")
    assert stands.ids() == ids
    assert (stands.fingerprint == first.fingerprint) == (renames < 2)
    assert sorted(os.listdir(tmp_path)) == ["things.run", "things.space"]
    assert on.fill(ROOTED, None, source()).fingerprint != first.fingerprint


@pytest.mark.parametrize("what", ["objective", "encoder", "dim", "options"])
def test_what_was_asked_otherwise_is_refused(tmp_path: Path, what: str) -> None:
    space = filled(tmp_path)
    with pytest.raises(OptionError, match=f"things.space stands already, and its run .* another {what}\n"):
        target(tmp_path, **{what: "other"})
    assert Space.open(space.path).ids() == space.ids()


def test_rows_of_ones_own_are_not_thrown_away(tmp_path: Path) -> None:
    space = filled(tmp_path)
    space.upsert(source(2, start=100))
    with pytest.raises(
        OptionError, match="holds 2 rows that are not in the data to learn from\nGive another"
    ):
        target(tmp_path)
    assert len(Space.open(space.path)) == 8


def test_a_space_without_its_run_is_not_touched(tmp_path: Path) -> None:
    Space.create(tmp_path / "things.space", BIGGER, reading=source().reading).upsert(source())
    with pytest.raises(OptionError, match="is not of a run here"):
        target(tmp_path)
    assert len(Space.open(tmp_path / "things.space")) == 6
    assert os.listdir(tmp_path) == ["things.space"]


def test_a_space_put_there_by_hand_is_not_touched(tmp_path: Path) -> None:
    filled(tmp_path)
    os.rename(tmp_path / "things.space", tmp_path / "mine.space")
    Space.create(tmp_path / "things.space", ROOTED, reading=source().reading)
    with pytest.raises(OptionError, match="is not of the run beside it"):
        target(tmp_path)


def test_replace_starts_anew(tmp_path: Path) -> None:
    filled(tmp_path).upsert(source(2, start=100))
    space = target(tmp_path, replace=True, objective="other").fill(ROOTED, None, source())
    assert len(space) == 6
    assert target(tmp_path, objective="other").fingerprints == [space.fingerprint]


@pytest.mark.parametrize("name", ["things.run", "things.space"])
def test_replace_takes_away_only_what_ilk_made(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "my thesis.txt").write_text("years of work")
    with pytest.raises(OptionError, match=f"{name} was not made by ilk"):
        target(tmp_path, replace=True)
    assert (tmp_path / name / "my thesis.txt").read_text() == "years of work"


def test_replace_does_not_follow_links(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.txt").write_text("kept")
    (tmp_path / "things.run" / "link").symlink_to(tmp_path / "elsewhere")
    target(tmp_path, replace=True)
    assert (tmp_path / "elsewhere" / "kept.txt").read_text() == "kept"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "asked": 3}', "\xff"])
def test_a_damaged_record(tmp_path: Path, text: str) -> None:
    filled(tmp_path)
    (tmp_path / "things.run" / "learn.json").write_text(text, encoding="latin-1")
    with pytest.raises(FormatError, match=r"learn.json is damaged: (?s:.)*Use --replace"):
        target(tmp_path)


def test_a_record_of_a_newer_ilk(tmp_path: Path) -> None:
    filled(tmp_path)
    record = tmp_path / "things.run" / "learn.json"
    record.write_text(record.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(FormatError, match=r"learn.json was written by a newer ilk\nUpdate ilk"):
        target(tmp_path)


def test_the_name_of_the_data_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "2024.05").mkdir()
    (tmp_path / "sky.fits").touch()
    assert default_name("2024.05") == Path("2024.05")
    assert default_name(tmp_path / "sky.fits") == Path("sky")
    assert default_name("2024.05/..") == Path(tmp_path.name)
    assert [default_name(d) for d in ("photos/*.jpg", ["a.png"], np.zeros(3), "/")] == [Path("learnt")] * 4

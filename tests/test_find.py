import sys
from pathlib import Path

import pytest

from ilk import encoders, objectives
from ilk.encoders import Encoder
from ilk.encoders.pixels import Pixels
from ilk.errors import DataError, OptionError, UnknownName
from ilk.find import construct, find, keywords, names, parameters, use
from ilk.objectives import ClosedForm

ENCODER = """
from ilk.encoders import Encoder

class Small(Encoder):
    def __init__(self, dim=3):
        super().__init__()
        self.dim = dim
    def forward(self, x):
        return x.flatten(1)[:, :self.dim]
"""


def encoder_of(name: str) -> type[Encoder]:
    return find("ilk.encoders", "encoder", name, Encoder)  # type: ignore[type-abstract]


def test_the_members_of_a_package_are_its_public_files() -> None:
    folder = Path(encoders.__file__).parent
    assert names("ilk.encoders") == sorted(p.stem for p in folder.glob("[!_]*.py"))
    assert {"convnet", "pixels", "patches"} <= set(names("ilk.encoders"))


def test_each_member_is_found_by_its_file_name() -> None:
    assert encoder_of("pixels") is Pixels
    assert {objectives.find(n).__module__ for n in objectives.names()} == {
        f"ilk.objectives.{n}" for n in objectives.names()
    }


@pytest.mark.parametrize(
    "name", ["convnt", "_base", "", "../pixels", "pixels.Pixels", "ilk.encoders.pixels", "os"]
)
def test_another_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownName, match=", ".join(encoders.names())) as e:
        encoder_of(name)
    assert ("Did you mean 'convnet'?" in str(e.value)) == (name == "convnt")


def test_a_file_from_outside(tmp_path: Path) -> None:
    (tmp_path / "small_one.py").write_text(ENCODER)
    found = encoder_of(str(tmp_path / "small_one.py"))
    assert found.__name__ == "Small"
    assert encoder_of(str(tmp_path / "small_one.py")) is found  # run once only: one class


def test_a_file_that_was_changed_is_run_again(tmp_path: Path) -> None:
    path = tmp_path / "changing.py"
    path.write_text("n = 1")
    first = use(path)
    path.write_text("n = 2")
    import os

    os.utime(path, ns=(1, 1))  # a clock may be too coarse to tell
    assert (first.n, use(path).n) == (1, 2)


def test_a_file_may_hold_dataclasses_with_names_as_text(tmp_path: Path) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    text += "@dataclass\nclass _Of:\n    a: int = 1\n" + ENCODER
    (tmp_path / "with_dataclass.py").write_text(text)
    assert encoder_of(str(tmp_path / "with_dataclass.py")).__name__ == "Small"


def test_a_file_with_none_or_several_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.py").write_text("from ilk.encoders.pixels import Pixels\n")  # imported is not defined
    (tmp_path / "several.py").write_text(ENCODER + "class Other(Small): pass\nclass _Hidden(Small): pass\n")
    (tmp_path / "abstract.py").write_text("from ilk.encoders import Encoder\nclass Half(Encoder): pass\n")
    for name, n in {"none": 0, "several": 2, "abstract": 0}.items():
        with pytest.raises(OptionError, match=f"defines {n} public Encoder classes; expected exactly one"):
            encoder_of(str(tmp_path / f"{name}.py"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        encoder_of(str(tmp_path / "nothing.py"))


def test_a_class_of_an_installed_package() -> None:
    assert encoder_of("ilk.encoders.pixels:Pixels") is Pixels
    with pytest.raises(OptionError, match="collections:OrderedDict is not a subclass of Encoder"):
        encoder_of("collections:OrderedDict")
    with pytest.raises(OptionError, match="not a subclass of Objective or ClosedForm"):
        objectives.find("ilk.encoders.pixels:Pixels")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere_at_all:X", "No module named 'nowhere_at_all'"),
        ("ilk.encoders.pixels:Pixel", "no attribute 'Pixel'"),
        (":X", "package.module:Class"),
        ("..pixels:X", "package.module:Class"),
        ("ilk.encoders:", "package.module:Class"),
        ("a b:X", "package.module:Class"),
    ],
)
def test_a_class_that_cannot_be_imported(name: str, why: str) -> None:
    before = set(sys.modules)
    with pytest.raises(UnknownName, match=why):
        encoder_of(name)
    assert "nowhere_at_all" not in set(sys.modules) - before


def test_keywords_are_what_was_given() -> None:
    assert keywords(Pixels(3, 8)) == {"channels": 3, "size": 8, "power": 1.0, "largest": 64}
    assert parameters(Pixels) == ["channels", "size", "power", "largest"]


def test_construct_takes_of_what_is_offered_what_it_knows_and_prefers_what_is_given() -> None:
    made = construct(Pixels, {"size": 4}, {"size": 16, "channels": 2, "vocabulary": 9})
    assert keywords(made) == {"channels": 2, "size": 4, "power": 1.0, "largest": 64}
    with pytest.raises(UnknownName, match=r"no option of pixels called 'sizes'\nDid you mean 'size'\?"):
        construct(Pixels, {"sizes": 4}, {})


def test_a_kind_may_have_several_bases() -> None:
    assert issubclass(objectives.find("pca"), ClosedForm)
    assert not issubclass(objectives.find("simclr"), ClosedForm)


def test_what_must_be_given_is_named() -> None:
    with pytest.raises(OptionError, match="orbit needs encoder"):
        encoders.build("orbit", {"channels": 1})

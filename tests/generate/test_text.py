"""Texts by runs that have learnt four texts by heart; and every way to ask for what cannot be."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import ilk
from ilk import saved
from ilk.encoders import Encoder, build, embed
from ilk.encoders.projected import project
from ilk.errors import DataError, FormatError, OptionError
from ilk.generate._texts import told
from ilk.generate.text import Passage
from ilk.source.text import Text

from .conftest import TEXTS


def texts(found: list[Passage]) -> list[str]:
    return [one.text for one in found]


def test_causal_goes_on_from_a_prompt_or_from_nothing(runs: Path) -> None:
    run = runs / "causal.run"
    for text in TEXTS:
        beginning = " ".join(text.split()[:2])
        assert texts(ilk.write(run, beginning, temperature=0)) == [text]
    found = ilk.write(run, n=40)
    assert {one.text for one in found if one.ended} >= set(TEXTS)
    assert texts(ilk.write(run, "the sea ", temperature=0)) == ["the sea is deep"]  # a space at the end


def test_a_seed_draws_the_same_again(runs: Path) -> None:
    run = runs / "causal.run"
    one, same, other = (ilk.write(run, n=8, temperature=1.5, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


def test_beams_are_the_likeliest_texts(runs: Path) -> None:
    found = ilk.write(runs / "causal.run", n=4, beam=8)
    assert sorted(texts(found)) == sorted(TEXTS)
    assert sum(math.exp(one.likelihood) for one in found) == pytest.approx(1, abs=0.1)
    assert texts(ilk.write(runs / "causal.run", "night", beam=2)) == ["night has come"]


def test_the_likelihood_is_that_of_what_was_written(runs: Path) -> None:
    """One minus it at most is left to all other texts, here nearly nothing."""
    (one,) = ilk.write(runs / "causal.run", "night has", temperature=0)
    assert one.ended
    assert -0.2 < one.likelihood < 0
    (drawn,) = ilk.write(runs / "causal.run", "night has", top_k=1, seed=7)
    assert drawn == one


def test_writing_stops_at_longest_and_where_the_model_can_read_no_further(runs: Path) -> None:
    (one,) = ilk.write(runs / "causal.run", "once", temperature=0, longest=2)
    assert not one.ended
    assert TEXTS[3].startswith(one.text)
    found = ilk.write(runs / "causal.run", n=20, temperature=9.0, longest=1000)
    assert any(not one.ended for one in found)  # cut at 24 pieces, not 1,000


def test_seq2seq_fills_blanks_or_goes_on(runs: Path) -> None:
    run = runs / "seq2seq.run"
    assert texts(ilk.write(run, "night has", temperature=0)) == ["night has come"]
    (one,) = ilk.write(run, "the ___ is deep", temperature=0)
    assert one.text.startswith("the ")
    assert one.text.endswith(" is deep")
    assert "_" not in one.text
    two = ilk.write(run, "a ___ on ____ sea", n=3, beam=3)
    assert all(one.text.startswith("a ") and " on " in one.text and one.text.endswith(" sea") for one in two)


def test_what_is_written_for_each_blank() -> None:
    assert told([9, 100, 1, 2, 101, 3, 100, 4], [100, 101]) == {0: [1, 2, 4], 1: [3]}
    assert told([], [100]) == {}


def test_tsdae_tells_the_whole_from_a_part(runs: Path) -> None:
    assert texts(ilk.write(runs / "tsdae.run", "a ship on sea", temperature=0)) == [TEXTS[1]]


def test_a_run_an_objectives_folder_a_name_and_a_space_are_the_same(runs: Path, tmp_path: Path) -> None:
    folder = runs / "causal.run" / "causal"
    expected = ilk.write(runs / "causal.run", n=3)
    assert ilk.write(folder, n=3) == ilk.write(str(runs / "causal"), n=3) == expected
    encoder = saved.load(folder, Encoder)  # type: ignore[type-abstract]
    source = Text(TEXTS, list("abcd"))
    space = ilk.Space.create(tmp_path / "s.space", project(encoder, source, 3), reading=source.reading)
    space.upsert(source)
    assert ilk.write(space.path, n=3) == expected
    assert np.isfinite(embed(encoder, source)).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temperature": -1.0}, "temperature is -1.0\nGive 0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"n": 0}, "n is 0\nGive 1 or more"),
        ({"longest": 0}, "longest is 0"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0\nGive a share"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"beam": 0}, "beam is 0"),
        ({"penalty": -1.0}, "penalty is -1.0"),
        ({"n": 5, "beam": 4}, "5 texts of 4 beams"),
        ({"temperature": 0.0, "beam": 4}, "temperature 0 with a beam"),
        ({"temperature": 0.0, "n": 2}, "2 texts at temperature 0\nAll would be the same"),
        ({"prompt": "sea " * 30}, "the prompt has 31 pieces, and the model reads 24"),
    ],
)
def test_what_cannot_be_asked(runs: Path, options: dict[str, float], says: str) -> None:
    with pytest.raises(OptionError) as e:
        ilk.write(runs / "causal.run", **options)  # type: ignore[arg-type]
    assert says in str(e.value)


def test_prompts_that_cannot_be(runs: Path) -> None:
    for run in ("seq2seq", "tsdae"):
        with pytest.raises(OptionError, match="no prompt"):
            ilk.write(runs / f"{run}.run", "  ")
    with pytest.raises(OptionError, match="33 blanks"):
        ilk.write(runs / "seq2seq.run", "___ a " * 33)
    with pytest.raises(OptionError, match="the prompt has 32 pieces"):
        ilk.write(runs / "seq2seq.run", "sea " * 29)


def test_runs_that_do_not_write(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no run .*nothing"):
        ilk.write(tmp_path / "nothing")
    with pytest.raises(OptionError, match="holds no encoder"):
        ilk.write(tmp_path)
    torch.manual_seed(0)
    saved.save(build("convnet", {}, dim=4, width=4), tmp_path / "simclr", Encoder)
    with pytest.raises(OptionError, match=r"nothing in .* writes texts: it holds simclr"):
        ilk.write(tmp_path)
    for name in ("one", "two"):
        encoder = saved.load(runs / "causal.run/causal", Encoder)  # type: ignore[type-abstract]
        saved.save(encoder, tmp_path / name, Encoder)
    with pytest.raises(OptionError, match=r"2 models in .* write texts\nName one of them: .*one, .*two"):
        ilk.write(tmp_path)
    (tmp_path / "one/encoder.safetensors").write_bytes(b"broken")
    with pytest.raises(FormatError, match="damaged"):
        ilk.write(tmp_path / "one")

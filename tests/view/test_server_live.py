"""A run is followed as its files grow."""

import json
import os
import shutil

import numpy as np
import pytest

from ilk.encoders.convnet import ConvNet
from ilk.objectives.simclr import SimCLR
from ilk.training.fit import fit
from ilk.training.recipe import Recipe
from ilk.view._server.following import KEPT, TOLD, Following, Run, Series

from ..contract.samples import images
from .looked_at import N, Visitor


def write(path, lines, mode="a"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, mode) as f:
        f.write("".join(json.dumps(line) + "\n" for line in lines))


def test_a_real_run_is_read(tmp_path):
    source = images(1, 16, 64)
    objective = SimCLR(ConvNet(dim=8, channels=1, size=16, width=4))
    fit(objective, source, Recipe(steps=4, batch=16, checks=2), run=tmp_path / "digits.run" / "simclr")
    (run,) = Following(tmp_path / "digits.space").runs()
    assert (run.name, run.step, run.steps) == ("simclr", 4, 4)
    assert run.verdict
    assert not run.running
    assert run.figures["loss"].step == [1, 2, 3, 4]
    assert {"rank", "view_retrieval", "alignment", "rate"} <= set(run.figures)
    assert "collapsed" not in run.figures
    logged = [json.loads(line) for line in run.log.read_text().splitlines()]
    assert run.figures["rank"].value == [e["health"]["rank"] for e in logged if "health" in e]


def test_lines_are_read_when_they_are_whole_and_anew_when_the_log_was_cut(tmp_path):
    log = tmp_path / "simclr" / "metrics.jsonl"
    write(log, [{"step": 1, "loss": 3.0}])
    run = Run(log.parent)
    run.read()
    with open(log, "a") as f:
        f.write('{"step": 2, "lo')
    run.read()
    assert run.figures["loss"].value == [3.0]
    with open(log, "a") as f:
        f.write('ss": 2.0}\nnot json\n[]\n{"step": 3, "loss": NaN}\n')
    run.read()
    assert (run.step, run.figures["loss"].value) == (3, [3.0, 2.0])
    write(log, [{"step": 1, "loss": 9.0}], "w")  # a run that goes on from an earlier step
    run.read()
    assert (run.step, run.figures["loss"].value) == (1, [9.0])


def test_running_is_what_wrote_lately_and_has_no_verdict(tmp_path):
    log = tmp_path / "a" / "metrics.jsonl"
    write(log, [{"step": 1, "loss": 3.0}])
    run = Run(log.parent)
    assert run.running
    os.utime(log, (0, 0))
    assert not run.running
    os.utime(log)
    (log.parent / "health.json").write_text('{"verdict": "Learnt."}')
    assert (run.running, run.verdict) == (False, "Learnt.")


@pytest.mark.parametrize("n", [0, 1, TOLD, TOLD + 1, KEPT + 1, 5 * KEPT])
def test_a_long_series_is_thinned(n):
    series = Series()
    for i in range(n):
        series.add(i, float(i))
    step, value = series.told()
    assert len(step) <= TOLD
    assert len(series.step) <= KEPT + 1
    assert step == sorted(set(step)) == [int(v) for v in value]
    assert not n or step[-1] > 0.99 * (n - 1) - 1
    gaps = set(np.diff(step[1:]).tolist())
    assert len(gaps) <= 1  # even


def test_a_run_is_followed_before_there_is_a_space(made, tmp_path):
    write(tmp_path / "digits.run" / "simclr" / "metrics.jsonl", [{"step": 1, "loss": 3.0}])
    visitor = Visitor(tmp_path / "digits.space")
    told = visitor.get("/api/space")
    assert (told["name"], told["rows"], told["has"]["pictures"]) == ("digits", 0, False)
    live = visitor.get("/api/live")
    assert live["runs"][0]["step"] == 1
    assert live["newest"] == {"version": told["version"], "rows": 0}
    shutil.copytree(made.parent, tmp_path, dirs_exist_ok=True)
    assert visitor.get("/api/live")["newest"]["rows"] == N
    told = visitor.post("/api/refresh", json={})
    assert (told["rows"], told["has"]["full"]) == (N, True)


def test_the_page_is_told(own, tmp_path):
    assert own.get("/api/live")["runs"] == []
    write(
        tmp_path / "digits.run" / "simclr" / "metrics.jsonl", [{"step": 1, "loss": 3.0, "terms": {"nce": 3}}]
    )
    (run,) = own.get("/api/live")["runs"]
    assert (run["name"], run["step"], run["running"], run["verdict"]) == ("simclr", 1, True, None)
    assert run["figures"] == {
        "loss": {"step": [1], "value": [3.0]},
        "terms.nce": {"step": [1], "value": [3.0]},
    }
    write(tmp_path / "digits.run" / "simclr" / "metrics.jsonl", [{"step": 2, "loss": 2.0}])
    assert own.get("/api/live")["runs"][0]["figures"]["loss"]["value"] == [3.0, 2.0]

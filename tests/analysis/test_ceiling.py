"""What can be read by one who is told."""

import numpy as np
import torch

from ilk.analysis.ceiling import ceiling
from ilk.analysis.probe import r2


def test_it_reads_what_a_line_cannot_and_nothing_where_there_is_nothing() -> None:
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((400, 6))
    bent, line, none = np.abs(axes[:, 0]), axes[:, 1], rng.standard_normal(400)
    state = torch.random.get_rng_state()
    found = ceiling(axes, np.column_stack([bent, line, none]), folds=2, epochs=100)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert found[0] > r2(axes, bent, how="linear") + 0.2
    assert found[1] > 0.8
    assert found[2] < 0.1

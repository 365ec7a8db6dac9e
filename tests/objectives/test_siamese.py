import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from ilk.encoders import Encoder, embed
from ilk.encoders.convnet import ConvNet
from ilk.errors import OptionError, UnknownName
from ilk.objectives.siamese import Siamese, chance, contrastive, hardest, semi_hard
from ilk.source.images import Images
from ilk.training.fit import fit
from ilk.training.recipe import Recipe


def vectors(n: int, d: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Any, and the same of length 1."""
    raw = torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    return raw, F.normalize(raw)


def on_a_circle(*degrees: float) -> Tensor:
    angle = torch.tensor(degrees).deg2rad()
    return torch.stack([angle.cos(), angle.sin()], 1)


def test_by_hand() -> None:
    """Distances on a circle are 2 sin(angle / 2): 60 degrees 1, 90 sqrt(2), 180 2."""
    z, kinds = on_a_circle(0, 60, 150), torch.tensor([0, 0, 1])
    wide = 2 * math.sin(math.radians(75))  # 0 to 150
    assert contrastive(z, kinds, 1.8).item() == pytest.approx(
        (1 + (1.8 - math.sqrt(2)) ** 2 / 2) / 2, rel=1e-5
    )
    # The first is 1 from its kin and 1.93 from the other; the second 1 and 1.41; the third has no kin
    terms = 0.5 + 1 - math.sqrt(2), max(0.0, 0.5 + 1 - wide)
    assert hardest(z, kinds, 0.5).item() == pytest.approx(sum(terms) / 2, rel=1e-5)
    same = nn.Linear(2, 1)
    nn.init.zeros_(same.weight)
    nn.init.zeros_(same.bias)
    assert chance(z, kinds, same).item() == pytest.approx(math.log(2), rel=1e-6)


def pairs(kinds: Tensor) -> list[tuple[int, int]]:
    return [(i, j) for i in range(len(kinds)) for j in range(len(kinds)) if i != j and kinds[i] == kinds[j]]


def reference(z: Tensor, kinds: Tensor, margin: float, mining: str) -> Tensor:
    """torch's own triplet loss on triplets found one at a time."""
    chosen = []
    for i, j in pairs(kinds):
        far = [(z[i] - z[k]).norm().item() for k in range(len(z)) if kinds[k] != kinds[i]]
        others = [k for k in range(len(z)) if kinds[k] != kinds[i]]
        apart = (z[i] - z[j]).norm().item()
        if mining == "hard":
            kin = [(z[i] - z[k]).norm().item() for a, k in pairs(kinds) if a == i]
            if apart == max(kin):
                chosen.append((i, j, others[int(np.argmin(far))]))
        else:
            beyond = [(d, k) for d, k in zip(far, others) if d > apart]
            chosen.append((i, j, min(beyond)[1] if beyond else others[int(np.argmax(far))]))
    a, p, n = (z[list(rows)] for rows in zip(*chosen))
    return F.triplet_margin_loss(a, p, n, margin, eps=0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), margin=st.floats(0.05, 1.5), n=st.integers(4, 12))
def test_triplets_equal_torch_s_own(seed: int, margin: float, n: int) -> None:
    (raw, z), kinds = vectors(n, seed=seed), torch.arange(n) % 3
    for ours, mining in ((hardest, "hard"), (semi_hard, "semi")):
        loss, theirs = ours(z, kinds, margin), reference(z, kinds, margin, mining)
        torch.testing.assert_close(loss, theirs, rtol=1e-4, atol=1e-5)
        mine, other = (torch.autograd.grad(one, raw, retain_graph=True)[0] for one in (loss, theirs))
        torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4)


def test_pairs_equal_torch_s_own() -> None:
    z, kinds, same = vectors(9)[1], torch.arange(9) % 3, nn.Linear(4, 1)
    a, b = torch.triu_indices(9, 9, 1)
    apart, alike = F.pairwise_distance(z[a], z[b], eps=0), kinds[a] == kinds[b]
    near, far = apart[alike].square().mean(), (1 - apart[~alike]).relu().square().mean()
    torch.testing.assert_close(contrastive(z, kinds, 1.0), (near + far) / 2)
    logits = same((z[a] - z[b]).abs() * 2)[:, 0]  # 2: the root of four dimensions
    terms = F.binary_cross_entropy_with_logits(logits, alike.float(), reduction="none")
    torch.testing.assert_close(chance(z, kinds, same), (terms[alike].mean() + terms[~alike].mean()) / 2)


def ratio(encoder: Encoder, digits: Images) -> float:
    """How far apart two of one digit are, as a share of how far any two are."""
    z = F.normalize(torch.from_numpy(embed(encoder, digits)))
    apart, label = torch.cdist(z, z), torch.tensor(digits.columns["digit"].to_pylist())
    alike = label[:, None] == label
    return (apart[alike].mean() / apart.mean()).item()


@pytest.mark.parametrize("how", ["contrastive", "triplet", "bce"])
def test_digits_never_seen_come_together(how: str, tmp_path: Path) -> None:
    data = load_digits()
    columns = pa.table({"digit": [None if i % 5 == 0 else int(v) for i, v in enumerate(data.target[:200])]})
    known = Images(
        (data.images[:200, None] * 15).astype(np.uint8), list(map(str, range(200))), columns=columns
    )
    asked = Images(
        (data.images[300:400, None] * 15).astype(np.uint8),
        list(map(str, range(100))),
        columns=pa.table({"digit": data.target[300:400]}),
    )
    torch.manual_seed(0)
    objective = Siamese(ConvNet(size=8, width=8, dim=8), column="digit", how=how, augment="digits")
    before = ratio(objective.encoder.eval(), asked)
    fit(objective, known, Recipe(steps=40, batch=64, checks=1), run=tmp_path)
    assert ratio(objective.encoder, asked) < 0.8 * before


def test_one_label_or_none_is_no_reason_to_fail() -> None:
    raw, z = vectors(6)
    for kinds in (torch.zeros(6, dtype=torch.long), torch.arange(6)):
        for loss in (contrastive, hardest, semi_hard):
            found = loss(z, kinds, 0.5)
            assert found.isfinite()
            assert torch.autograd.grad(found, raw, retain_graph=True)[0].isfinite().all()


def test_what_makes_no_sense_is_said() -> None:
    encoder = ConvNet(size=16, width=4)
    with pytest.raises(UnknownName, match="tripled"):
        Siamese(encoder, how="tripled")
    with pytest.raises(UnknownName, match="mining"):
        Siamese(encoder, mining="soft")
    with pytest.raises(OptionError, match="margin is 2"):
        Siamese(encoder, margin=2)
    with pytest.raises(OptionError, match="front is 0"):
        Siamese(encoder, front=0)

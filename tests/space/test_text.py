from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ilk.space.text import names, text

ids = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=8)


@given(ids, ids, ids, st.data())
def test_ids_are_read_from_arrows_bytes(
    before: list[str], old: list[str], new: list[str], data: st.DataObject
) -> None:
    known = [*old, *new]
    wanted = data.draw(st.lists(st.integers(0, len(known) - 1))) if known else []
    whole = pa.array([*before, *old, "beyond"], pa.string())
    found = names(
        text(whole.slice(len(before), len(old))), text(pa.array(new, pa.string())), np.array(wanted, np.int64)
    )
    assert found.tolist() == [known[i] for i in wanted]
    assert found.dtype.kind == "U"

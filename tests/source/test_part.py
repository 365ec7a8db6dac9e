import numpy as np
import pyarrow as pa

from ilk.source._part import Part

from ..contract import samples


def test_some_rows_in_their_order() -> None:
    whole = samples.images(n=10)
    part = Part(whole, np.array([7, 2, 5]), pa.table({"kind": ["x", "y", "z"]}))
    assert [part.id(i) for i in range(len(part))] == ["digit-7", "digit-2", "digit-5"]
    assert part.batch(np.array([1, 2])).equal(whole.batch(np.array([2, 5])))
    assert part[0].equal(whole[7])
    assert part.picture(1) == whole.picture(2)
    assert part.metadata()["kind"].to_pylist() == ["x", "y", "z"]
    assert (part.reading, part.traits) == (whole.reading, whole.traits)
    assert part.views() is not None

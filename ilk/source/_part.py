"""Some rows of another source, with columns of their own."""

from typing import Any

import numpy as np
import pyarrow as pa

from ._base import Json, Source, Views


def evenly(n: int, most: int) -> np.ndarray:
    """At most so many of n rows, spread over all of them."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)


class Part(Source):
    """Those of `whole` at `rows`, in that order; `columns` has one row for each of them."""

    def __init__(self, whole: Source, rows: np.ndarray, columns: pa.Table) -> None:
        self.whole, self.rows, self.columns = whole, rows, columns

    @property
    def reading(self) -> dict[str, Json]:
        return self.whole.reading

    @property
    def traits(self) -> dict[str, Any]:
        return self.whole.traits

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Any:
        return self.whole[int(self.rows[i])]

    def id(self, i: int) -> str:
        return self.whole.id(int(self.rows[i]))

    def batch(self, rows: np.ndarray) -> Any:
        return self.whole.batch(self.rows[rows])

    def metadata(self) -> pa.Table:
        return self.columns

    def views(self) -> Views | None:
        return self.whole.views()

    def picture(self, i: int) -> bytes | None:
        return self.whole.picture(int(self.rows[i]))

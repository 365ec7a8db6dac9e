"""Samples: each has an id that outlives the run, a value, and metadata."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Views: TypeAlias = Callable[[Any], tuple[Any, ...]]  # batch -> randomly changed copies of it


@dataclass(frozen=True)
class Skipped:
    """One sample that could not be read, and why."""

    id: str
    why: str


def named(skipped: Sequence[Skipped]) -> str:
    """The first few, each with its reason."""
    return ", ".join(f"{s.id} ({s.why})" for s in skipped[:3]) + (", ..." if len(skipped) > 3 else "")


def left_out(skipped: Sequence[Skipped], what: str) -> str:
    return f"left out {len(skipped):,} {what}: {named(skipped)}; all are in .skipped"


class Source(ABC):
    """A sequence of samples with string ids and metadata columns.

    `reading` says how more of the same is read: `ilk.source.read(reading, data)` reads another folder,
    file or array just as this one was. It is kept beside the encoder, so that a query a year from now
    is prepared exactly as the training data were.

    `traits` is what an encoder must know of the data (channels, size, vocabulary, ...): each is handed
    to the constructor keyword of the same name.
    """

    skipped: Sequence[Skipped] = ()
    found_at: str | None = None  # where others find the same, by `read(reading, found_at)`; None: nowhere

    @property
    @abstractmethod
    def reading(self) -> dict[str, Json]: ...

    @property
    @abstractmethod
    def traits(self) -> dict[str, Any]: ...

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, i: int) -> Any: ...

    @abstractmethod
    def id(self, i: int) -> str: ...

    @abstractmethod
    def batch(self, rows: np.ndarray) -> Any:
        """The samples at `rows` as the encoder takes them (images: a float tensor (B, C, H, W))."""

    def metadata(self) -> pa.Table | None:
        """One row a sample, in order; None where there are no columns."""
        return None

    def views(self) -> Views | None:
        """Two random views of a batch that should stay alike; None where no such change is known."""
        return None

    def picture(self, i: int) -> bytes | None:
        """A small PNG to look at; None for things without a face."""
        return None

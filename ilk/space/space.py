"""The space: a folder with rows, their vectors' index, layers, and the encoder that made them.

torch is imported only where the encoder is needed: opening a space, and asking it by id or by vector,
does without.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import console
from ..errors import EncoderMismatch, OptionError, UnknownName
from ..source import Json, Source, read
from . import layers, plan
from ._folder import class_of, described, differences, make, size
from .address import Address, checked
from .columns import texts
from .current import Current
from .export import export
from .plan import Plan
from .query import Compacted, Neighbours, Upserted, question
from .query import vectors as checked_vectors
from .rows import Rows
from .snapshot import Snapshot

if TYPE_CHECKING:
    from ..decoders import Decoder
    from ..encoders import Encoder
    from .index.metric import Metric
    from .parts import Parts


class Space:
    """Rows with vectors, found by id, by likeness and by their metadata.

    An open space shows one version, the newest when it was opened; its own writes move it on, and
    `refresh()` looks at what other processes wrote since. When a write returns, its rows are on the disk
    and searchable. One process writes at a time; any number read beside it.
    """

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        encoder: Encoder,
        *,
        reading: dict[str, Json],
        decoder: Decoder | None = None,
        metric: str = "cosine",
        rows: str | os.PathLike[str] | None = None,
    ) -> Space:
        """A new, empty space in the folder `path`, whole or absent.

        `rows`: where its rows live if not in that folder, such as "s3://bucket/photos.lance"; what the store
        asks for (keys, region, endpoint) comes from the environment and is never kept.
        """
        make(Path(path), encoder, decoder, reading, metric, None if rows is None else checked(rows))
        return cls(Path(path))

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, version: int | None = None) -> Space:
        """The newest version, or an old one of `versions()`, to look at."""
        return cls(Path(path), version)

    def __init__(self, path: Path, version: int | None = None) -> None:
        about = described(path)
        self.path = path
        self.metric: str = about["metric"]
        self.reading: dict[str, Json] = about["reading"]
        self.fingerprint: str = about["fingerprint"]  # of the encoder that made every row
        self._created: str = about["created"]
        self._now = Current(path, Address(path, about.get("rows")), self.metric, version)
        stranger = self._at.rows.stranger(self.fingerprint)
        if stranger is not None:
            raise EncoderMismatch(
                f"{path} is a space of {self._maker}, but holds rows of the encoder {stranger}",
                "Put back the folder's own files: rows and encoder belong together.",
            )

    @cached_property
    def encoder(self) -> Encoder:
        from .. import saved
        from ..encoders import Encoder

        encoder: Encoder = saved.load(self.path, Encoder)  # type: ignore[type-abstract]
        found = saved.fingerprint(encoder)
        if found != self.fingerprint:
            raise EncoderMismatch(
                f"the encoder in {self.path} is {found}, the rows were made by {self.fingerprint}",
                "Put back the encoder.json and encoder.safetensors that the space was made with.",
            )
        return encoder

    @cached_property
    def decoder(self) -> Decoder | None:
        from .. import saved
        from ..decoders import Decoder

        if not (self.path / "decoder.json").exists():
            return None
        decoder: Decoder = saved.load(self.path, Decoder)  # type: ignore[type-abstract]
        return decoder

    @property
    def dim(self) -> int:
        return self._at.rows.dim

    @property
    def version(self) -> int:
        """Of the rows that are shown."""
        return self._at.rows.version

    @property
    def measure(self) -> Metric:
        """How far vectors are apart: the metric, with what it takes from the rows that are shown."""
        return self._at.metric

    @property
    def of_text(self) -> bool:
        return self.reading.get("reader") == "text"

    @cached_property
    def in_words(self) -> bool:
        """Whether it can be asked in words: its samples are texts, or its encoder reads some too."""
        return self.of_text or class_of(self.path / "encoder.json") in ("two", "fused")

    def __len__(self) -> int:
        return len(self._at.rows)

    def refresh(self) -> None:
        """Moves on to the newest version, whoever wrote it; not where an old one was asked for."""
        self._now.refresh()

    # Writing

    def upsert(self, source: Source, *, ray: str | None = None) -> Upserted:
        """Encodes the source and stores it by id, chunk by chunk; rows whose id is known are replaced whole.

        `ray`: by the workers of the Ray cluster of that address ("auto": see `ilk.cluster`), all in one step.
        """
        from ._chunks import stored
        from ._ray import store

        if odd := differences(source.reading, self.reading):
            console.say(
                f"read unlike the space's data ({odd}); ilk.source.read(space.reading, data) reads alike"
            )
        if ray is not None:
            return Upserted(*store(self._now, source, self.encoder, self._maker, ray), len(source.skipped))
        with self._now.writing():
            return Upserted(*stored(source, self.encoder, self._put), len(source.skipped))

    def add(self, data: Any, *, strict: bool = False, ray: str | None = None) -> Upserted:
        """Stores more data (a folder, file, array, ...), read just as the space's own were read."""
        return self.upsert(read(self.reading, data, strict=strict), ray=ray)

    def upsert_vectors(
        self,
        ids: Sequence[str],
        vectors: np.ndarray,
        metadata: pa.Table | None = None,
        pictures: Sequence[bytes | None] | None = None,
    ) -> Upserted:
        """Stores vectors that this space's encoder made, all in one step."""
        with self._now.writing():
            return Upserted(*self._put(ids, vectors, metadata, pictures), 0)

    def delete(self, ids: Iterable[str]) -> int:
        """Removes the rows with these ids, all in one step; returns how many there were."""
        wanted = list(dict.fromkeys(texts([ids] if isinstance(ids, str) else ids)))
        with self._now.writing():
            if not wanted:
                return 0
            rows, n = self._at.rows.delete(wanted)
            self._now.show(rows, written=n)
            if n < len(wanted):
                console.say(f"{len(wanted) - n:,} of {len(wanted):,} ids are not in {self.path}")
            return n

    def write_layer(self, name: str, table: pa.Table, made: dict[str, Any]) -> None:
        """Keeps columns computed from this space, one row an id; `made` says from what and how (JSON)."""
        version = self._at.rows.version
        with self._now.alone():
            layers.write(self.path, name, table, made, version)

    def remove_layer(self, name: str) -> None:
        with self._now.alone():
            layers.remove(self.path, name)

    def restore(self, version: int) -> None:
        """Brings the rows of an old version back, as a new one: what came since is still in `versions()`.

        Layers and the encoder have no versions and stay as they are.
        """
        with self._now.writing():
            if version != self._at.rows.version:
                self._now.show(Rows.open(self._now.address, version).restored())

    def compact(self) -> Compacted:
        """Gives back the room of deleted and replaced rows: old versions go, small files become large ones.

        A version that another Space or process looks at stays until it is closed.
        """
        with self._now.writing():
            before = self._at.rows.bytes()
            gone, _ = self._at.rows.forget(timedelta(0))  # first, as the rest needs room
            self._now.show(self._at.rows.tidied(threshold=0))
            more, held = self._at.rows.forget(timedelta(0))
            return Compacted(before, self._at.rows.bytes(), gone + more, held)

    # Asking

    def search(self, query: Any, k: int = 10, *, where: str | None = None) -> Neighbours:
        """The k nearest rows (fewer where there are fewer), of those for which `where` holds.

        `query`: an id of the space (which is then not its own neighbour); a file (path or bytes) or an
        array of pixels to encode; words, where `in_words`; or vectors, floats (D,) or (q, D).
        `where`: an SQL condition on id, metadata and layers, such as "spin > 0.5 AND cluster = 3".
        """
        if k < 1:
            raise OptionError(f"k={k}: there is no such number of neighbours", "Ask for 1 or more.")
        at = self._at
        asked = question(query, at, self._maker, self.encode, self.in_words)
        among = None if where is None else at.among(at.where.places(where))
        slots, distances = at.search(asked.vectors, k + (asked.itself is not None), among)
        if asked.itself is not None:
            others = slots[0] != asked.itself
            slots, distances = slots[:, others][:, :k], distances[:, others][:, :k]
        return Neighbours(at.slots.names(slots.reshape(-1)).reshape(slots.shape), distances)

    def matching(self, where: str) -> np.ndarray:
        """The places in `ids()` for which the SQL condition holds, ascending."""
        return self._at.where.places(where)

    def encode(self, data: Any) -> np.ndarray:
        """Vectors (n, D) of a source, or of whatever the space's reader reads: files, folders, arrays.

        Of pictures that can be asked for in words, a list of text is words, not paths.
        """
        from ..encoders import embed

        if not isinstance(data, Source):
            said = self.in_words and isinstance(data, list) and all(isinstance(d, str) for d in data)
            data = read({"reader": "text"} if said and not self.of_text else self.reading, data)
        return embed(self.encoder, data)

    def ids(self) -> list[str]:
        return [str(i) for i in self._at.rows.ids.to_pylist()]

    def id_array(self) -> pa.Array[Any]:
        """As Arrow keeps them: a million as Python text would take a second and a hundred megabytes."""
        return self._at.rows.ids

    def vectors(self) -> np.ndarray:
        """(n, D) float32 in the order of `ids()`, memory-mapped, read-only."""
        return self._at.vectors

    def metadata(self, ids: Sequence[str] | None = None) -> pa.Table:
        """The metadata columns, in the order of `ids()`, or of those ids of it that are asked for."""
        rows, names = self._at.rows, self._at.rows.metadata_names
        some = None if ids is None else rows.take(rows.places(list(ids)), names)
        return (rows.columns(names) if some is None else some) if names else pa.table({})

    def pictures(self, ids: Sequence[str] | np.ndarray) -> list[bytes | None]:
        """The small PNG of each id, or of each place in `ids()`; None where a sample has none."""
        if isinstance(ids, np.ndarray) and ids.dtype.kind in "iu":
            places = ids
        else:
            places = self._at.rows.places(list(ids))
            if (places < 0).any():
                known = [str(i) for i in self._at.rows.ids.slice(0, 5)]
                raise UnknownName("row", ids[int(np.argmin(places))], known)
        found: list[bytes | None] = self._at.rows.take(places, ["picture"])["picture"].to_pylist()
        return found

    def layers(self) -> list[str]:
        return layers.names(self.path)

    def layer(self, name: str) -> pa.Table:
        """The layer's columns, with an `id` column; rows whose id has left the space are left out."""
        return layers.read(self.path, name, self._at.rows.ids)

    def parts(self) -> Parts | None:
        """The many small spaces that `ilk.split` made of this one; None where it was never split."""
        from .parts import Parts

        return Parts.open(self)

    def index(
        self, kind: str = "auto", *, recall: float = 0.95, memory: float | None = None, seed: int = 0
    ) -> Plan:
        """Builds the index that search uses from now on, and finds out how hard it has to look.

        `kind`: flat (exact), ivf, pq, ivf-pq, hnsw, or auto: exact while that is fast, else what is quick
        and fits into `memory` (bytes). `recall`: the share of the true neighbours that is to be found.
        """
        self._now.index(kind, recall, memory, seed)
        return plan.read(self.path)

    def versions(self) -> pa.Table:
        """What there is to look at (`Space.open(path, version=...)`) and to `restore`, the oldest first."""
        return self._at.rows.versions()

    def info(self) -> dict[str, Any]:
        rows = self._at.rows
        return {
            "path": str(self.path),
            "rows": len(rows),
            "dim": rows.dim,
            "metric": self.metric,
            "encoder": class_of(self.path / "encoder.json"),
            "fingerprint": self.fingerprint,
            "decoder": class_of(self.path / "decoder.json")
            if (self.path / "decoder.json").exists()
            else None,
            "reading": self.reading,
            "columns": {name: str(rows.schema.field(name).type) for name in rows.metadata_names},
            "layers": {name: layers.made(self.path, name) for name in self.layers()},
            "bytes": size(self.path),
            "created": self._created,
            "version": rows.version,
            "address": self._now.address.uri,  # of the rows
            "index": plan.read(self.path).json(),
        }

    def export(self, path: str | os.PathLike[str]) -> None:
        """One parquet file, one row a sample: id, vector, metadata, the columns of all layers."""
        export(self.path, self._at, self.fingerprint, path)

    # Inside

    @property
    def _at(self) -> Snapshot:
        return self._now.at

    @cached_property
    def _maker(self) -> str:
        return f"the encoder {class_of(self.path / 'encoder.json')} ({self.fingerprint})"

    def _put(
        self,
        ids: Sequence[str],
        vectors: Any,
        metadata: pa.Table | None,
        pictures: Sequence[bytes | None] | None,
    ) -> tuple[int, int]:
        from ._chunks import table

        ids = texts(ids)
        vectors = checked_vectors(vectors, self.dim, self._maker, ids)
        new = table(ids, vectors, metadata, pictures, self.fingerprint)
        if not new.num_rows:
            return 0, 0
        rows, added, replaced = self._at.rows.upsert(new)
        self._now.show(rows, written=added + replaced)
        return added, replaced

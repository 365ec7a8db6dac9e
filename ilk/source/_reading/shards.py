"""Webdataset shards: uncompressed tars whose members of one name are one sample."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from itertools import groupby

from ..formats import KINDS
from .file import File, Item, kind_of, readable

HALVES = (".txt", ".json", ".cls")  # what is said of a picture


def items(shards: list[tuple[str, str]], rows: list[dict[str, object]]) -> Iterator[Item]:
    """The pictures of (path, id) shards in order; what lies beside each picture goes to `rows`."""
    for path, shard in shards:
        prefix = f"{shard}/" if shard else ""
        try:
            with tarfile.open(path, "r:") as tar:
                yield from _samples(tar, path, prefix, rows)
        except (tarfile.TarError, OSError, EOFError) as e:
            yield Item(
                readable(shard or os.path.basename(path)),
                "",
                File(path, ".tar"),
                why=f"the archive breaks off: {e}",
            )


def _samples(tar: tarfile.TarFile, path: str, prefix: str, rows: list[dict[str, object]]) -> Iterator[Item]:
    name = os.path.basename(path)
    members = (m for m in _members(tar) if m.isfile() and not os.path.basename(m.name).startswith("."))
    for key, group in groupby(members, _key):
        parts = list(group)
        pictures = [m for m in parts if kind_of(m.name) in KINDS]
        if not pictures:
            if any(kind_of(m.name) in HALVES for m in parts):
                why = "there is no picture of that name"
                yield Item(readable(prefix + key), readable(f"{name}/{key}"), File(path, ""), why=why)
            continue
        rows.append(_beside(tar, [m for m in parts if m not in pictures]))
        for m in pictures:
            own = key if len(pictures) == 1 else m.name
            file = File(path, kind_of(m.name), m.offset_data, m.size)
            yield Item(
                readable(prefix + own),
                readable(f"{name}/{m.name}"),
                file,
                m.size,
                int(m.mtime * 1e9),
                len(rows) - 1,
            )


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header it met
        yield member
    # A header cut in two looks to tarfile like the end; the end is a block of zeros, or nothing.
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(512).strip(b"\0"):
        raise tarfile.ReadError("unexpected end of data")


def _key(member: tarfile.TarInfo) -> str:
    """Folder and name up to the first dot, as webdataset has it."""
    folder, _, name = member.name.rpartition("/")
    return f"{folder}/{name.split('.')[0]}".lstrip("/")


def _beside(tar: tarfile.TarFile, members: list[tarfile.TarInfo]) -> dict[str, object]:
    found: dict[str, object] = {}
    for m in members:
        kind = kind_of(m.name)
        reader = tar.extractfile(m) if kind in HALVES else None
        text = reader.read().decode("utf-8", "replace") if reader is not None else ""
        if kind == ".json":
            found |= _object(text)
        elif kind == ".cls":
            label = text.strip()
            found["cls"] = int(label) if label.lstrip("-").isdigit() else label
        elif kind == ".txt":
            found["txt"] = text
    return found


def _object(text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {"json": value}

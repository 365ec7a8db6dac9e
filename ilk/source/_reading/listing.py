"""What a person pointed at -> the files to decode, one after the other: a million are not waited for.

Order: by name within each folder, so that two machines agree; each folder is sorted once, each file
asked for its size and time once.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa

from ...errors import DataError
from ..formats import HDF5, KINDS, STACKS
from . import arrays, shards, tables
from .file import File, Item, kind_of, kind_of_bytes, readable

TABLES = (".csv", ".tsv", ".parquet", ".pq")
CONTAINERS = (*HDF5, ".npz")


@dataclass
class Listing:
    items: Iterator[Item]
    root: str  # names in the cache are relative to it
    total: int | None = None  # files, where known beforehand
    single: str = ""  # the name of the one file that was given
    rows: list[dict[str, object]] = field(default_factory=list)  # metadata met on the way
    table: pa.Table | None = None  # metadata known beforehand

    def columns(self) -> pa.Table | None:
        """One row for every `Item.row`; complete once the items have been gone through."""
        table = self.table if self.table is not None else tables.of_rows(self.rows)
        return table if table is not None and table.num_columns else None


def listing(data: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Listing:
    """A folder, a file, a table, shards, a glob, or a list of files."""
    if not isinstance(data, str | os.PathLike):
        return _of_paths(_paths(data))
    path, inside = _split(os.fspath(data))
    if os.path.isdir(path):
        return _of_folder(path)
    if os.path.isfile(path):
        return _of_file(path, inside)
    if glob.has_magic(path):
        return _of_glob(path)
    raise _missing(path)


def _paths(data: Sequence[str | os.PathLike[str]]) -> list[str]:
    try:
        return [os.fspath(p) for p in data]
    except TypeError:
        got = f"a {type(data).__name__}" + (
            f" of {type(data[0]).__name__}" if isinstance(data, list | tuple) else ""
        )
        do = "Expected a folder, file, list of files, pattern, array (n, H, W[, C]), picture, or its bytes."
        raise DataError(f"{got} cannot be read as pictures", do) from None


def _split(path: str) -> tuple[str, str]:
    """`file.h5:/dataset` -> the file and the dataset."""
    head, colon, tail = path.rpartition(":")
    return (head, tail) if colon and head.lower().endswith(CONTAINERS) else (path, "")


def _missing(path: str) -> DataError:
    parent = Path(path).absolute().parent
    while not parent.is_dir():
        path, parent = str(parent), parent.parent
    near = get_close_matches(Path(path).name, sorted(readable(n) for n in os.listdir(parent)), n=3)
    did = f"Did you mean {' or '.join(repr(n) for n in near)} there? " if near else ""
    return DataError(
        f"there is no {Path(path).name!r} in {parent}",
        f"{did}Give a folder, a file, a list, a table with a path column, or a pattern ('photos/*.jpg').",
    )


def item_of(path: str, id: str, name: str, row: int = -1) -> Item:  # noqa: A002
    try:
        status = os.stat(path)
    except OSError as e:
        return Item(readable(id), readable(name), File(path, kind_of(path)), row=row, why=_why(e))
    file = File(path, kind_of(path))
    return Item(readable(id), readable(name), file, status.st_size, status.st_mtime_ns, row)


def _why(e: OSError) -> str:
    return "there is no such file" if isinstance(e, FileNotFoundError) else (e.strerror or str(e)).lower()


def _of_folder(root: str) -> Listing:
    found = Listing(iter(()), os.path.abspath(root))
    found.items = _walk(root, found)
    return found


def _walk(root: str, found: Listing) -> Iterator[Item]:
    tars: list[tuple[str, str]] = []  # path, id
    others: Counter[str] = Counter()
    any_picture = False
    seen: set[tuple[int, int]] = set()  # folders, so that a link upwards ends
    stack = [(root, "")]
    while stack:
        folder, prefix = stack.pop()
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        folders: list[str] = []
        names: list[str] = []
        try:
            with os.scandir(folder) as entries:  # names only are kept: a million entries would be a gigabyte
                for entry in entries:
                    if not entry.name.startswith("."):
                        (folders if entry.is_dir() else names).append(entry.name)
        except OSError as e:
            yield Item(readable(prefix), readable(prefix), File(folder, ""), why=_why(e))
            continue
        names.sort()
        for name in names:
            path, kind = os.path.join(folder, name), kind_of(name)
            if kind in KINDS:
                any_picture = True
                yield item_of(path, prefix + name, prefix + name)
            else:
                others[kind or "(no ending)"] += 1
                if kind == ".tar":
                    tars.append((path, prefix + name))
        folders.sort(reverse=True)
        stack.extend((os.path.join(folder, name), f"{prefix}{name}/") for name in folders)
    if not any_picture and not tars:
        raise _empty(root, others)
    if not any_picture:
        yield from shards.items(tars, found.rows)


def _empty(root: str, others: Counter[str]) -> DataError:
    met = ", ".join(f"{n:,} {kind}" for kind, n in others.most_common(5)) or "nothing"
    do = f"Looked for {', '.join(KINDS)} in it and the folders within; met {met}."
    hint = next((k for k in others if k in (*HDF5, *TABLES)), "")
    return DataError(f"no pictures in {root}", f"{do} Point at a {hint} file itself." if hint else do)


def _of_glob(pattern: str) -> Listing:
    paths = sorted(p for p in glob.glob(pattern, recursive=True) if os.path.isfile(p))
    if not paths:
        raise DataError(
            f"no file matches {pattern!r}", f"Looked from {os.getcwd()}. ** goes through folders."
        )
    fixed = pattern[: next(i for i, c in enumerate(pattern) if c in "*?[")]
    root = (
        os.path.dirname(fixed) or "."
    )  # what stands before the first wildcard: ids do not change as files come
    return _of_many(paths, [Path(os.path.relpath(p, root)).as_posix() for p in paths])


def _of_paths(paths: list[str]) -> Listing:
    if not paths:
        raise DataError("an empty list of files", "Give at least one.")
    return _of_many(paths, [Path(p).as_posix() for p in paths])


def _of_many(paths: list[str], ids: list[str]) -> Listing:
    root = os.path.commonpath([os.path.dirname(os.path.abspath(p)) for p in paths])
    if all(p.lower().endswith(".tar") for p in paths):
        found = Listing(iter(()), root)
        found.items = shards.items(list(zip(paths, ids)), found.rows)
        return found
    return Listing(_each(paths, ids, root), root, len(paths))


def _each(paths: Sequence[str | None], ids: Sequence[str], root: str) -> Iterator[Item]:
    seen: set[str] = set()
    for row, (path, id_) in enumerate(zip(paths, ids)):
        if path is None:
            yield Item(id_, id_, File("", ""), row=row, why="no path in this row")
        elif id_ in seen:
            yield Item(id_, id_, File(path, ""), row=row, why="listed twice")
        else:
            item = item_of(path, id_, Path(os.path.relpath(path, root)).as_posix(), row)
            if not item.why and item.file.kind not in (*KINDS, *STACKS):
                item.why = f"files ending in {item.file.kind or 'nothing'} are not pictures"
            yield item
        seen.add(id_)


def _embedded(path: str, table: tables.Pictures) -> Iterator[Item]:
    name, mtime = os.path.basename(path), os.stat(path).st_mtime_ns
    for row, data in enumerate(tables.embedded(path, table.column)):
        if data is None:
            yield Item(table.ids[row], f"{name}#{row}", File("", ""), row=row, why="no picture in this row")
        else:
            file = File("", kind_of_bytes(data[:16]), data=data)
            yield Item(table.ids[row], f"{name}#{row}", file, len(data), mtime, row)


def _of_file(path: str, inside: str) -> Listing:
    kind, name, root = kind_of(path), os.path.basename(path), os.path.dirname(os.path.abspath(path))
    if kind in TABLES:
        table = tables.read(path, kind)
        items = _embedded(path, table) if table.paths is None else _each(table.paths, table.ids, root)
        return Listing(items, root, len(table.ids), table=table.columns)
    if kind == ".tar":
        found = Listing(iter(()), root)
        found.items = shards.items([(path, "")], found.rows)
        return found
    if kind not in (*KINDS, *STACKS):
        hint = (
            "Unpack it first: a compressed archive cannot be read in pieces."
            if ".tar." in name or kind == ".tgz"
            else ""
        )
        raise DataError(
            f"{path} is not a kind of file that holds pictures",
            hint or f"Known: {', '.join((*KINDS, *HDF5, *TABLES, '.tar'))}.",
        )
    item = item_of(path, name, name + (f":{inside}" if inside else ""))
    found = Listing(iter([item]), root, single=name)
    if kind in CONTAINERS:
        item.file, item.spread = File(path, kind, inside=inside), True
        try:
            found.table = arrays.companions(item.file)
        except arrays.BROKEN as e:
            raise DataError(f"{path} cannot be read as {kind}: {e}", "Is the file whole?") from e
    return found

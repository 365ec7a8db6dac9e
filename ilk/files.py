"""Files that are whole or absent: written beside, synced, renamed into place."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import DataError, DiskFull, OptionError


def write(path: Path, data: bytes) -> None:
    """Replaces `path` in one step: a reader, or the next start, sees the old file or the new one."""
    with replacing(path) as f:
        f.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """As `write`, for what is written piece by piece; if the block fails the old file stays."""
    temporary = path.with_name(path.name + ".new")
    with room(path):
        try:
            with open(temporary, "wb") as f:
                yield f
                f.flush()
                os.fsync(f.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes `path` in one step; if the block fails there is none."""
    with room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield temporary
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def parquet(path: str | os.PathLike[str]) -> Path:
    """The same path, if a parquet file can be written there."""
    path = Path(path)
    if path.suffix.lower() not in (".parquet", ".pq"):
        raise OptionError(
            f"{path.name} is not the name of a parquet file", "Name a file that ends in .parquet."
        )
    if path.is_dir() or not path.parent.is_dir():
        raise DataError(f"cannot write the file {path}", "Give the path of a file in a folder that exists.")
    return path


@contextmanager
def room(path: Path) -> Iterator[None]:
    """Turns "no space left" into an error that says where, and that earlier work is safe."""
    try:
        yield
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(
                f"no room left while writing {path}",
                "Everything reported as done before is kept. Free some space, then run the same again.",
            ) from e
        raise


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` (new files, renames) last, as fsync does for a file's content."""
    if os.name == "posix":  # elsewhere a folder cannot be opened, and a rename is durable by itself
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

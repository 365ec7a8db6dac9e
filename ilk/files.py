"""Files that are whole or absent: written beside, synced, renamed into place."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import DiskFull


def write(path: Path, data: bytes) -> None:
    """Replaces `path` in one step: a reader, or the next start, sees the old file or the new one."""
    temporary = path.with_name(path.name + ".new")
    with room(path):
        try:
            with open(temporary, "wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(path.parent)


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

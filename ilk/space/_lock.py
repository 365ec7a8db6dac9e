"""Who may write, and when old files may go: locks that the system releases when a process dies.

`lock` is held by the one writer, for one call. `lease` is shared by everybody who has the space open:
while another holds it, files of older versions stay.
"""

import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SpaceBusy, SpaceError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def writing(space: Path) -> Iterator[None]:
    """The right to write; SpaceBusy at once where another has it (a process, or a Space here)."""
    try:
        handle = os.open(space / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except PermissionError as e:
        raise SpaceError(f"{space} may only be read", "Copy the folder, or ask its owner.") from e
    try:
        if not _lock_alone(handle):
            raise SpaceBusy(
                f"{space} is being written by {_owner(handle)}", "Wait until it is done, then try again."
            )
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()}".encode())
        yield
    finally:
        os.close(handle)  # releases the lock


class Lease:
    """Held from opening a space until the object is gone."""

    def __init__(self, space: Path) -> None:
        self.handle: int | None = None
        if sys.platform == "win32":
            return  # no shared locks there: old files go by age alone
        try:
            self.handle = os.open(space / "lease", os.O_RDONLY | os.O_CREAT, 0o666)
        except OSError:  # a space that may only be read: its owner may clean up under us after a day
            return
        weakref.finalize(self, os.close, self.handle)
        fcntl.flock(self.handle, fcntl.LOCK_SH)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody else has the space open; nobody can open it inside this block if so."""
        if self.handle is None or sys.platform == "win32":
            yield False
            return
        try:
            yield _lock_alone(self.handle)
        finally:
            fcntl.flock(self.handle, fcntl.LOCK_SH)


def _lock_alone(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            # flock, not lockf: it also keeps two Space objects of one process apart.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _owner(handle: int) -> str:
    if sys.platform == "win32":  # a locked range cannot be read there
        return "another process"
    return os.pread(handle, 40, 0).decode("ascii", "replace") or "another process"

"""Who may write, and which versions stay: locks that the system releases when a process dies.

`lock` is held by the one writer, for one call; `index.lock` by the one who makes an index. `leases/N` is
shared by everybody who looks at version N: its files stay while one of them does. `lease` is shared while a
version is being chosen, so that none goes away between the choice and the lease.

Some file systems of networks have no locks. There nobody may write; who reads does without, as on a system
where locks cannot be shared: old versions go by age alone.
"""

import errno
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

_NAME = 40  # bytes, of who writes
_NONE = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # what systems without locks say


@contextmanager
def writing(space: Path) -> Iterator[None]:
    """The right to write; SpaceBusy at once where another has it (a process, or a Space here)."""
    try:
        handle = os.open(space / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    except PermissionError as e:
        raise SpaceError(f"{space} may only be read", "Copy the folder, or ask its owner.") from e
    try:
        try:
            alone = _lock_alone(handle)
        except OSError as e:
            if e.errno not in _NONE:
                raise
            raise SpaceError(
                f"{space} lies where there are no locks ({e.strerror}): two could write at once and spoil it",
                "Keep the space on a disk of this machine, and its rows in a store if others need them "
                "(rows=...); or mount that file system with locks.",
            ) from e
        if not alone:
            raise SpaceBusy(
                f"{space} is being written by {_owner(handle)}", "Wait until it is done, then try again."
            )
        os.write(handle, f"process {os.getpid()}".ljust(_NAME).encode())  # at once: others read it any time
        yield
    finally:
        os.close(handle)  # releases the lock


@contextmanager
def making(space: Path, *, wait: bool = True) -> Iterator[bool]:
    """Inside, nobody else makes an index of this space; False where another does, and not to `wait`."""
    try:
        handle = os.open(space / "index.lock", os.O_RDONLY | os.O_CREAT, 0o666)
    except OSError:  # may only be read: what is made stays in memory
        yield True
        return
    try:
        if sys.platform == "win32":
            yield True
            return
        if wait:
            _waited(handle, fcntl.LOCK_EX)
        yield wait or _lock_alone(handle)
    finally:
        os.close(handle)


class Lease:
    """Held until the object is gone: the files of this version stay."""

    def __init__(self, space: Path, version: int) -> None:
        if sys.platform == "win32":
            return  # no shared locks there: old files go by age alone
        try:
            (space / "leases").mkdir(exist_ok=True)
            handle = os.open(space / "leases" / str(version), os.O_RDONLY | os.O_CREAT, 0o666)
        except OSError:  # may only be read, and the writer left no file: the version may go after a day
            return
        weakref.finalize(self, os.close, handle)
        _waited(handle, fcntl.LOCK_SH)


@contextmanager
def choosing(space: Path) -> Iterator[None]:
    """Inside, no version goes away: the one that is chosen can be held before it might."""
    try:
        handle = os.open(space / "lease", os.O_RDONLY | os.O_CREAT, 0o666)
    except OSError:  # may only be read
        yield
        return
    try:
        if sys.platform != "win32":
            _waited(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


@contextmanager
def cleaning(space: Path) -> Iterator[set[int] | None]:
    """Inside, nobody opens a version. Yields those that are held; None where that cannot be known."""
    if sys.platform == "win32":
        yield None
        return
    handle = os.open(space / "lease", os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        if not _waited(handle, fcntl.LOCK_EX):
            yield None
            return
        yield {int(p.name) for p in (space / "leases").glob("*") if p.name.isdigit() and _in_use(p)}
    finally:
        os.close(handle)


def _in_use(lease: Path) -> bool:
    """Whether somebody holds it; a file that nobody holds goes."""
    handle = os.open(lease, os.O_RDONLY)
    try:
        if not _lock_alone(handle):
            return True
        lease.unlink()
        return False
    finally:
        os.close(handle)


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


def _waited(handle: int, how: int) -> bool:
    """With the lock, however long that takes; False where there are none."""
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, how)
        except OSError as e:
            if e.errno not in _NONE:
                raise
            return False
    return True


def _owner(handle: int) -> str:
    if sys.platform == "win32":  # a locked range cannot be read there
        return "another process"
    return os.pread(handle, _NAME, 0).decode("ascii", "replace").strip() or "another process"

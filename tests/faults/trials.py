"""One process has everything loaded and forks each trial from itself: a verb in a small world, and a fault.

What a verb changes is watched by Python's own audit events: each opening for writing, renaming, making and
removing below the folder is a moment at which the process can die, or the disk be full. Lance writes without
Python; what happens in its middle is met by kills at any time, and by tests/space/faults.py.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import ilk

warnings.filterwarnings("ignore", "lance is not fork-safe")  # nothing of it runs yet where we fork

MOVES = {"os.rename", "os.mkdir"}
INSIDE = (".space", ".run", ".space.new", ".space.old", "cache")  # no piece by itself
LIMIT = 300  # seconds after which a verb hangs
REMOVES = {"os.remove", "os.rmdir"}  # a full disk has room for these
State = dict[str, str]  # what lasts, piece by piece: rows, layers, files; a digest of each


def load() -> None:
    """All that verbs import, once."""
    for module in pkgutil.walk_packages(ilk.__path__, "ilk."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


class Ended(NamedTuple):
    code: int  # below 0: by which signal
    said: str


def forked(do: Callable[[], object]) -> Ended:
    """`do` in a process of its own, and what it prints: by a pipe, as files may not grow on a full disk."""
    out, in_ = os.pipe()
    pid = os.fork()
    if not pid:
        _child(do, in_)
    os.close(in_)
    with open(out, "rb") as f:
        said = f.read().decode(errors="replace")
    return Ended(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said)


def _child(do: Callable[[], object], pipe: int) -> None:
    code = 99
    try:
        signal.alarm(LIMIT)
        os.dup2(pipe, 1)
        os.dup2(pipe, 2)
        sys.stdout, sys.stderr = (os.fdopen(fd, "w", buffering=1, closefd=False) for fd in (1, 2))
        do()
        code = 0
    except SystemExit as e:
        code = int(e.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)  # nothing of the parent's is ended twice


def typed(folder: Path, command: str, fault: Callable[[], object] = lambda: None) -> None:
    from ilk import cli

    os.chdir(folder)
    os.environ["ILK_CACHE"] = str(folder / "cache")
    fault()
    sys.argv = ["ilk", *command.split()]
    cli.main()


# Faults


def changes(then: Callable[[int, str, str], None]) -> None:
    """Before each change of a file here: calls `then` with its number, what it is, and the path."""
    folder, n = os.getcwd(), 0

    def hook(event: str, args: tuple[object, ...]) -> None:
        nonlocal n
        if event == "open":
            if not isinstance(args[2], int) or not args[2] & (os.O_WRONLY | os.O_RDWR):
                return
        elif event not in MOVES | REMOVES:
            return
        path = args[0]
        if isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(folder):
            n += 1
            then(n, event, str(path))

    sys.addaudithook(hook)


def dies(at: int, by: signal.Signals) -> None:
    changes(lambda n, event, path: os.kill(os.getpid(), by) if n == at else None)


def fills_up(at: int) -> None:
    def then(n: int, event: str, path: str) -> None:
        if n >= at and event not in REMOVES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    changes(then)


def cramped(most: int) -> None:
    """No file can be longer than this: what Lance meets on a full disk too."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def read_only() -> None:
    """Everything here may only be read, also by root: it gives up the right to pass over that."""
    for path in (Path(), *Path().rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if not os.getuid() and ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def yesterday() -> None:
    """The clock has gone back a day: all files are of tomorrow."""
    for path in Path().rglob("*"):
        then = path.stat().st_mtime + 86_400
        os.utime(path, (then, then))


def lockless() -> None:
    """A network's file system without locks."""
    import fcntl

    def flock(handle: object, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = flock  # type: ignore[assignment]


# What is left


def told(folder: Path) -> None:
    """Prints the state of a folder."""
    print(json.dumps(dict(_pieces(folder))))


def state(folder: Path) -> State:
    ended = forked(lambda: told(folder))
    assert not ended.code, ended.said
    found: State = json.loads(ended.said.splitlines()[-1])
    return found


def _pieces(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if (path / "space.json").exists() and not litter(path):
            yield from _of_space(path, name)
        inside = any(p.endswith(INSIDE) for p in name.split("/")[:-1])
        if path.is_file() and not inside and not litter(path):
            yield name, _digest(path.read_bytes())


def _of_space(path: Path, name: str) -> Iterator[tuple[str, str]]:
    from ilk.space import Space, plan

    space = Space.open(path)
    columns = space.metadata().to_pylist() or [{}] * len(space)
    for i, vector, row in zip(space.ids(), space.vectors(), columns):
        yield f"{name}: row {i}", _digest(vector.tobytes(), repr(row).encode())
    yield f"{name}: index", plan.read(path).kind
    for layer in space.layers():
        yield f"{name}: layer {layer}", _digest(repr(space.layer(layer).to_pylist()).encode())
    if len(space):
        space.search(space.ids()[0], 3)


def litter(path: Path) -> bool:
    """What a kill may leave beside, and an error may not."""
    return path.suffix == ".new" or any(part.startswith(".") for part in path.parts)


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def halves(old: State, new: State, now: State) -> list[str]:
    """The pieces that are neither as before nor as after."""
    return [k for k in old | new | now if now.get(k) not in (old.get(k), new.get(k))]


def copied(world: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(world, folder, symlinks=True)
    return folder

"""What only some systems have is asked for in known places, each with another way beside it."""

import ast
import sys
from pathlib import Path

import pytest

import ilk
from ilk import cluster, files
from ilk.learning import circumstances
from ilk.space import keeping

HOUSE = Path(ilk.__file__).parent
SOME = {  # modules, and names of os, signal, socket and mmap, that Windows or macOS lack
    *("fcntl", "grp", "msvcrt", "pwd", "resource", "syslog", "termios", "winreg"),
    *("fork", "forkpty", "getpgid", "getuid", "geteuid", "killpg", "mkfifo", "O_DIRECTORY", "posix_fadvise"),
    *("pread", "pwrite", "register_at_fork", "sched_getaffinity", "setsid", "statvfs", "sysconf", "uname"),
    *("AF_UNIX", "MADV_DONTNEED", "SIGALRM", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGXFSZ", "alarm", "setitimer"),
}
KNOWN = {  # a new one needs another way beside it, and a line here
    ("cluster.py", "sched_getaffinity"),  # else all cores
    ("learning/circumstances.py", "/proc/cpuinfo"),  # else the platform's own word for it
    ("source/cache.py", "fcntl"),  # else two runs that begin one cache at once are not supported
    ("space/_lock.py", "fcntl"),  # else msvcrt, and old versions go by age alone
    ("space/_lock.py", "msvcrt"),
    ("space/_lock.py", "pread"),  # else who writes is not named
    ("space/keeping.py", "sysconf"),  # else the memory that an index may take is not bounded
}


def asked(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(a.name for a in node.names)}
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value} if node.value.startswith(("/proc", "/dev", "/sys", "/tmp")) else set()
    return {name for name in found if name in SOME or name.startswith(("/proc", "/dev", "/sys", "/tmp"))}


def test_only_in_known_places() -> None:
    found = {(p.relative_to(HOUSE).as_posix(), name) for p in HOUSE.rglob("*.py") for name in asked(p)}
    assert found == KNOWN


def test_the_other_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        assert cluster.cores() >= 1
    with monkeypatch.context() as patch:
        patch.setattr("os.name", "nt")
        assert keeping._half() is None
        files.sync_folder(tmp_path / "none")  # nothing is opened
    with monkeypatch.context() as patch:
        patch.setattr(circumstances, "Path", lambda name: tmp_path / "none")
        assert isinstance(circumstances._processor(), str)

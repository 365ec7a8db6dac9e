import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ilk import files
from ilk.errors import DiskFull


def test_writes_and_replaces_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write(path, b"one")
    files.write(path, b"two, longer")
    assert path.read_bytes() == b"two, longer"
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_a_kill_left_behind_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "a.json.new").write_bytes(b"half of something far longer than what comes")
    files.write(tmp_path / "a.json", b"whole")
    assert (tmp_path / "a.json").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_reader_sees_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write(path, b"old")
    with open(path, "rb") as reader:
        files.write(path, b"newer")
        assert reader.read() == b"old"  # the file that was opened is untouched
    assert path.read_bytes() == b"newer"


FULL = """
import resource, signal, sys
from pathlib import Path
from ilk import files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    files.write(Path(sys.argv[1]), b"x" * 5000)
except files.DiskFull as e:
    print(e)
"""


def test_no_room_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write(path, b"old")
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.startswith(f"no room left while writing {path}\nEverything reported as done")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]  # the half that was written takes no room


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_room_turns_a_full_device_into_an_error_of_ours() -> None:
    device = Path("/dev/full")
    with pytest.raises(DiskFull, match="while writing /dev/full") as e, files.room(device):
        device.write_bytes(b"x")
    assert isinstance(e.value.__cause__, OSError)
    assert e.value.__cause__.errno == errno.ENOSPC


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.write(tmp_path / "no folder" / "a.json", b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        files.write(tmp_path / "folder", b"x")
    assert os.listdir(tmp_path) == ["folder"]

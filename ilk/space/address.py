"""Where rows live, and what it takes for a write to last there.

In the space's own folder, or at an address that stands in its space.json: an object store, or a folder
elsewhere. A store keeps what it has acknowledged. A file system is asked to: Lance writes each commit's files
first and makes them visible in one step, but does not sync them, so that is done here, the files before the
commit and the commit before it is acknowledged. And what was cut short, as on a full disk, is found: Lance
reports it as done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import lance

from .. import files
from ..errors import DiskFull, FormatError, OptionError, SpaceError
from ._lock import Lease, choosing, cleaning
from ._whole import whole

SCHEMES = ("file", "s3", "gs", "az")
_FOLDERS = ("data", "_deletions", "_transactions", "_versions")
_NO_ROOM = ("No space left", "os error 28)", "os error 122)", "os error 27)")  # ENOSPC, EDQUOT, EFBIG


class Address:
    """The home of one space's rows. `folder` is None where it is not on this machine."""

    def __init__(self, space: Path, uri: str | None = None) -> None:
        self.space = space
        self.folder: Path | None = space / "rows.lance"
        if uri is not None:
            parts = urlsplit(uri)
            self.folder = Path(url2pathname(parts.path)) if parts.scheme == "file" else None
        self.uri = str(self.folder) if self.folder is not None else str(uri)
        self._synced: set[str] = set()  # files that are known to last

    def dataset(self, version: int | None = None) -> lance.LanceDataset:
        return lance.dataset(self.uri, version=version)

    def lease(self, version: int) -> Lease:
        return Lease(self.space, version)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Lance's errors become ours."""
        try:
            yield
        except BaseException as e:
            if not _of_lance(e):
                raise
            raise FormatError(f"the rows in {self.uri} cannot be read: {e}", self._way_back()) from e

    @contextmanager
    def choosing(self) -> Iterator[None]:
        """Inside, no version goes away."""
        with choosing(self.space):
            yield

    @contextmanager
    def cleaning(self) -> Iterator[set[int] | None]:
        """Inside, nobody opens a version; yields those in use, None where that cannot be known."""
        with cleaning(self.space) as held:
            yield None if self.folder is None else held  # other machines may read a store

    @contextmanager
    def durable(self) -> Iterator[None]:
        """What is written inside lasts; Lance's errors become ours."""
        self._synced = self._synced or self._files()
        try:
            yield
            after = self._files()
            self._sync(after - self._synced)
            self._synced = after
        except (ValueError, OSError) as e:
            if any(sign in str(e) for sign in _NO_ROOM):
                raise self._no_room() from e
            raise SpaceError(f"the rows could not be written to {self.uri}: {e}") from e

    def _no_room(self) -> DiskFull:
        return DiskFull(
            f"no room left while writing {self.uri}",
            "Everything reported as done before is kept. Free some space, then try again.",
        )

    def _files(self) -> set[str]:
        found = set()
        for name in _FOLDERS if self.folder is not None else ():
            folder = os.path.join(self.uri, name)  # text: there are thousands of names to compare
            if os.path.isdir(folder):
                found |= {f"{folder}/{file}" for file in os.listdir(folder) if file[0] != "."}
        return found

    def _sync(self, new: set[str]) -> None:
        if self.folder is None:
            return
        bad = {path for path in new if not whole(path)}
        if bad:  # not to be known by a version, so a version that was just made goes too
            for path in bad | {path for path in new if path.endswith(".manifest")}:
                os.unlink(path)
            raise self._no_room()
        for path in new:
            with open(path, "r+b") as f:
                os.fsync(f.fileno())
        for folder in {os.path.dirname(path) for path in new} | {self.uri}:
            files.sync_folder(Path(folder))

    def _way_back(self) -> str:
        """What to do about rows that do not open: the newest version that does."""
        if self.folder is None:
            return "Check the address, and what the store needs from the environment (AWS_REGION, ...)."
        # The newest first: Lance counts down.
        manifests = sorted((self.folder / "_versions").glob("*.manifest"))
        for i, manifest in enumerate(manifests[1:], 1):
            version = 2**64 - 1 - int(manifest.stem)
            try:
                n = self.dataset(version).count_rows()
            except BaseException as e:
                if not _of_lance(e):
                    raise
                continue
            bad = ", ".join(m.name for m in manifests[:i])
            return (
                f"Version {version} ({n} rows) can be read. To go back, move {bad} out of "
                f"{self.folder}/_versions."
            )
        return "Put the folder back from a copy."


def _of_lance(e: BaseException) -> bool:
    """A damaged file may make its Rust panic, which Python sees as no Exception."""
    return isinstance(e, ValueError | OSError) or type(e).__name__ == "PanicException"


def checked(rows: str | os.PathLike[str]) -> str:
    """The address as it is kept: a folder of this machine becomes a file:// address."""
    text = os.fspath(rows)
    if "://" not in text:
        return Path(text).absolute().as_uri()
    if urlsplit(text).scheme not in SCHEMES:
        raise OptionError(
            f"rows cannot live at {text!r}",
            f"Give a folder, or an address that begins with {', '.join(f'{s}://' for s in SCHEMES)}.",
        )
    return text

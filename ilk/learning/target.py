"""NAME.run and NAME.space belong together: one learns an encoder, one keeps what it made.

NAME.run/learn.json    what was asked, where the data lay, and the encoders that this run put into the space
NAME.run/OBJECTIVE/    one folder an objective (see training/fit.py)
NAME.space/            see space/
NAME.users.space/      of two towers: the users, who are asked for; NAME.space holds the items
"""

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

from .. import files, record, saved
from ..analysis.recommend import users_beside
from ..console import say
from ..decoders import Decoder
from ..encoders import Encoder
from ..errors import OptionError
from ..source import Source
from ..space import Space


def default_name(data: Any) -> Path:
    """The data's own name in this folder; `learnt` where they have none."""
    if not isinstance(data, str | os.PathLike) or "*" in os.fspath(data):
        return Path("learnt")
    given = Path(data).resolve()
    return Path((given.name if given.is_dir() else given.stem) or "learnt")


def paths(name: Path) -> tuple[Path, Path]:
    """The run and the space of that name."""
    return name.with_name(f"{name.name}.run"), name.with_name(f"{name.name}.space")


class Target:
    """Refuses to touch a space that holds anything the data to learn from would not give again."""

    def __init__(
        self,
        name: Path,
        asked: dict[str, Any],
        source: Source,
        *,
        found_at: str | None = None,
        replace: bool,
        own: bool = False,
        users: Source | None = None,
        about: dict[str, Any] | None = None,
    ) -> None:
        """`source`: what goes into the space; `own`: that is not known yet; `users`: what goes beside it.

        `about`: what else is kept of how it was made.
        """
        self.run, self.space = paths(name)
        self.users = users_beside(self.space)
        self.asked = json.loads(json.dumps(asked))  # as it will be read back
        self.data = None if found_at is None else os.path.abspath(found_at)
        self.about = about or {}
        self.fingerprints: list[str] = []
        self._tidy()
        if replace:
            _throw_away(self.run, record.NAME)
            _throw_away(self.space, "space.json")
            _throw_away(self.users, "space.json")
        if record.stands(self.run):
            self._go_on({self.space: None if own else source, self.users: users})
        elif self.space.exists() or (users is not None and self.users.exists()):
            raise self._taken(self.space if self.space.exists() else self.users, "is not of a run here")
        with files.room(self.run):
            self.run.mkdir(parents=True, exist_ok=True)
        self._write()

    def fill(
        self, encoder: Encoder, decoder: Decoder | None, source: Source, *, at: Path | None = None
    ) -> Space:
        """The space of this encoder: gone on with where it stands, else made beside and put in place."""
        made_by = saved.fingerprint(encoder)
        self.fingerprints = [*dict.fromkeys([*self.fingerprints, made_by])]
        self._write()
        at = at or self.space
        stands, new = at.exists(), _new(at)
        if stands and Space.open(at).fingerprint == made_by:
            space = Space.open(at)
            space.upsert(source)
            return space
        space = Space.create(new if stands else at, encoder, reading=source.reading, decoder=decoder)
        space.upsert(source)
        if stands:
            lost = Space.open(at).layers()
            os.replace(at, _old(at))
            os.replace(new, at)
            self._tidy()
            if lost:
                say(f"The encoder has changed: compute {', '.join(lost)} again.")
        return Space.open(at)

    def list_skipped(self, source: Source) -> None:
        """All that could not be read, and why; a remark while reading names but a few."""
        path = self.run / "skipped.csv"
        path.unlink(missing_ok=True)
        if source.skipped:
            text = io.StringIO()
            csv.writer(text).writerows([("id", "why"), *((s.id, s.why) for s in source.skipped)])
            files.write(path, text.getvalue().encode())
            say(f"{path} names all {len(source.skipped):,} that were left out.")

    def _tidy(self) -> None:
        """Ends what a kill cut short: the old space is put back where the new one had not taken its place."""
        for space in (self.space, self.users):
            if _old(space).exists() and not space.exists():
                os.replace(_old(space), space)
            for left in (_new(space), _old(space)):
                _throw_away(left, "space.json")

    def _go_on(self, given: dict[Path, Source | None]) -> None:
        """`given`: what would go into each space."""
        told = record.read(self.run)
        self.fingerprints = told["fingerprints"]
        changed = [k for k in self.asked if told["asked"].get(k) != self.asked[k]]
        if changed:
            raise self._taken(self.space, f"its run was asked for another {' and '.join(changed)}")
        for at, source in given.items():
            if not at.exists():
                continue
            space = Space.open(at)
            if space.fingerprint not in self.fingerprints:
                raise self._taken(at, "is not of the run beside it")
            known = None if source is None else {source.id(i) for i in range(len(source))}
            more = 0 if known is None else len(set(space.ids()) - known)
            if more:
                raise self._taken(at, f"holds {more:,} rows that are not in the data to learn from")

    def _taken(self, space: Path, why: str) -> OptionError:
        return OptionError(
            f"{space} stands already, and {why}",
            "Give another name (--out NAME), or --replace to throw that space and its run away.",
        )

    def _write(self) -> None:
        told = {"asked": self.asked, "fingerprints": self.fingerprints, **self.about}
        record.write(self.run, told | ({} if self.data is None else {"data": self.data}))


def _new(space: Path) -> Path:
    return space.with_name(f"{space.name}.new")


def _old(space: Path) -> Path:
    return space.with_name(f"{space.name}.old")


def _throw_away(folder: Path, mark: str) -> None:
    """Removes what ilk made, which its `mark` shows; never a folder that only bears the name."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / mark).exists()):
        raise OptionError(
            f"{folder} was not made by ilk: it has no {mark}", "Move it away, or give --out NAME."
        )
    for inside in sorted(folder.iterdir(), key=lambda p: p.name == mark):  # the mark last: a kill leaves it
        if inside.is_dir() and not inside.is_symlink():
            shutil.rmtree(inside)
        else:
            inside.unlink()
    folder.rmdir()

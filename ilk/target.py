"""NAME.run and NAME.space belong together: one learns an encoder, one keeps what it made.

NAME.run/learn.json    what was asked, where the data lay, and the encoders that this run put into the space
NAME.run/OBJECTIVE/    one folder an objective (see training/fit.py)
NAME.space/            see space/
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from . import files, saved
from .console import say
from .decoders import Decoder
from .encoders import Encoder
from .errors import FormatError, OptionError
from .source import Source
from .space import Space

FORMAT = 1


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
    ) -> None:
        """`own`: what goes into the space has other ids than the data."""
        self.run, self.space = paths(name)
        self.record = self.run / "learn.json"
        self.asked = json.loads(json.dumps(asked))  # as it will be read back
        self.data = None if found_at is None else os.path.abspath(found_at)
        self.fingerprints: list[str] = []
        self._tidy()
        if replace:
            _throw_away(self.run, "learn.json")
            _throw_away(self.space, "space.json")
        if self.record.exists():
            self._go_on(None if own else source)
        elif self.space.exists():
            raise self._taken("is not of a run here")
        with files.room(self.run):
            self.run.mkdir(parents=True, exist_ok=True)
        self._write()

    def fill(self, encoder: Encoder, decoder: Decoder | None, source: Source) -> Space:
        """The space of this encoder: gone on with where it stands, else made beside and put in place."""
        made_by = saved.fingerprint(encoder)
        self.fingerprints = [*dict.fromkeys([*self.fingerprints, made_by])]
        self._write()
        stands = self.space.exists()
        if stands and Space.open(self.space).fingerprint == made_by:
            space = Space.open(self.space)
            space.upsert(source)
            return space
        space = Space.create(
            self._new if stands else self.space, encoder, reading=source.reading, decoder=decoder
        )
        space.upsert(source)
        if stands:
            lost = Space.open(self.space).layers()
            os.replace(self.space, self._old)
            os.replace(self._new, self.space)
            self._tidy()
            if lost:
                say(f"The encoder has changed: compute {', '.join(lost)} again.")
        return Space.open(self.space)

    @property
    def _new(self) -> Path:
        return self.space.with_name(f"{self.space.name}.new")

    @property
    def _old(self) -> Path:
        return self.space.with_name(f"{self.space.name}.old")

    def _tidy(self) -> None:
        """Ends what a kill cut short: the old space is put back where the new one had not taken its place."""
        if self._old.exists() and not self.space.exists():
            os.replace(self._old, self.space)
        for left in (self._new, self._old):
            _throw_away(left, "space.json")

    def _go_on(self, source: Source | None) -> None:
        try:
            record = json.loads(self.record.read_bytes())
            asked, self.fingerprints = record["asked"], record["fingerprints"]
            if record["format"] > FORMAT:
                raise FormatError(f"{self.record} was written by a newer ilk", "Update ilk.")
            changed = [k for k in self.asked if asked.get(k) != self.asked[k]]
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise FormatError(f"{self.record} is damaged: {e}", "Use --replace to start anew.") from e
        if changed:
            raise self._taken(f"its run was asked for another {' and '.join(changed)}")
        if self.space.exists():
            space = Space.open(self.space)
            if space.fingerprint not in self.fingerprints:
                raise self._taken("is not of the run beside it")
            known = None if source is None else {source.id(i) for i in range(len(source))}
            more = 0 if known is None else len(set(space.ids()) - known)
            if more:
                raise self._taken(f"holds {more:,} rows that are not in the data to learn from")

    def _taken(self, why: str) -> OptionError:
        return OptionError(
            f"{self.space} stands already, and {why}",
            "Give another name (--out NAME), or --replace to throw that space and its run away.",
        )

    def _write(self) -> None:
        record = {"format": FORMAT, "asked": self.asked, "fingerprints": self.fingerprints}
        record |= {} if self.data is None else {"data": self.data}
        files.write(self.record, json.dumps(record, indent=1).encode())


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

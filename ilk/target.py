"""NAME.run and NAME.space belong together: one learns an encoder, one keeps what it made.

NAME.run/learn.json    what was asked, and the encoders that this run has put into the space
NAME.run/OBJECTIVE/    one folder an objective (see training/fit.py)
NAME.space/            see space/
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from . import files, saved
from .decoders import Decoder
from .encoders import Encoder
from .errors import FormatError, OptionError
from .source import Source
from .space import Space

FORMAT = 1


class Target:
    """Refuses to touch a space that holds anything the data to learn from would not give again."""

    def __init__(self, name: Path, asked: dict[str, Any], source: Source, *, replace: bool) -> None:
        self.run, self.space = name.with_name(f"{name.name}.run"), name.with_name(f"{name.name}.space")
        self.record = self.run / "learn.json"
        self.asked = json.loads(json.dumps(asked))  # as it will be read back
        self.fingerprints: list[str] = []
        if replace:
            shutil.rmtree(self.run, ignore_errors=True)
            shutil.rmtree(self.space, ignore_errors=True)
        if self.record.exists():
            self._go_on(source)
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
        place = self.space.with_name(f"{self.space.name}.new") if stands else self.space
        if stands:
            shutil.rmtree(place, ignore_errors=True)
        space = Space.create(place, encoder, reading=source.reading, decoder=decoder)
        space.upsert(source)
        if stands:
            shutil.rmtree(self.space)
            os.replace(place, self.space)
        return Space.open(self.space)

    def _go_on(self, source: Source) -> None:
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
            more = len(set(space.ids()) - {source.id(i) for i in range(len(source))})
            if more:
                raise self._taken(f"holds {more:,} rows that are not in the data to learn from")

    def _taken(self, why: str) -> OptionError:
        return OptionError(
            f"{self.space} stands already, and {why}",
            "Give another name (--out NAME), or --replace to throw that space and its run away.",
        )

    def _write(self) -> None:
        record = {"format": FORMAT, "asked": self.asked, "fingerprints": self.fingerprints}
        files.write(self.record, json.dumps(record, indent=1).encode())

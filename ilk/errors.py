"""Every error ilk raises on purpose. Each says what came, what was expected, and what to do.

IlkError
├── DataError            the data cannot be read, or there is none
│   └── UnreadableSample one sample cannot be read (raised only when strict)
├── OptionError          an option, name or number that makes no sense here
│   └── UnknownName      no encoder, objective, column or id of that name
├── FormatError          a file of ours is damaged, incomplete or of a newer version
├── TrainingError        learning cannot go on (the loss is not a number, ...)
├── SpaceError           the space cannot do that
│   ├── EncoderMismatch  vectors of two different encoders meet
│   ├── FilterError      a `where` that does not parse or names no column
│   └── SpaceBusy        another process is writing
├── DiskFull             no room left; what was acknowledged before is safe
└── MissingExtra         an optional library is not installed
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches


class IlkError(Exception):
    """`what` happened, and what to `do` about it."""

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(f"{what}\n{do}" if do else what)
        self.what = what
        self.do = do


class DataError(IlkError):
    pass


class UnreadableSample(DataError):
    pass


class OptionError(IlkError):
    pass


class UnknownName(OptionError):
    """Lists the known names, the likely one first."""

    def __init__(self, kind: str, name: str, known: Iterable[str], do: str = "") -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        super().__init__(
            f"no {kind} called {name!r}", f"{hint}Known: {', '.join(names) or 'none'}. {do}".rstrip()
        )


def one_of(known: Collection[str], kind: str, name: str) -> None:
    """Refuses a name that is none of these."""
    if name not in known:
        raise UnknownName(kind, name, known)


class FormatError(IlkError):
    pass


class TrainingError(IlkError):
    pass


class SpaceError(IlkError):
    pass


class EncoderMismatch(SpaceError):
    pass


class FilterError(SpaceError):
    pass


class SpaceBusy(SpaceError):
    pass


class DiskFull(IlkError):
    pass


class MissingExtra(IlkError):
    """An optional library is needed: names it and the line that installs it."""

    def __init__(self, library: str, extra: str, what: str) -> None:
        super().__init__(f"{what} needs {library}, which is not installed", f"pip install 'ilk[{extra}]'")

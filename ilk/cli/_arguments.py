"""What the words on a command line mean."""

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError, OptionError

if TYPE_CHECKING:
    from ..space import Space


def open_space(path: Path, version: int | None = None) -> "Space":
    from ..space import Space

    beside = path.parent / f"{path.name}.space"
    if path.name and not (path / "space.json").exists() and beside.exists():
        path = beside  # `ilk info photos`, just as `ilk learn photos`
    if not path.exists():
        near = sorted(str(p) for p in path.parent.glob("*.space"))
        raise DataError(
            f"no space {path}", f"Here are: {', '.join(near)}." if near else "Make one: ilk learn FOLDER"
        )
    return Space.open(path, version=version)


def split(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The word that stands alone, and `--some-name value` as keywords, read as JSON where it is JSON."""
    alone: list[str] = []
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            alone.append(word)
            continue
        name, equals, text = word[2:].partition("=")
        if not equals:
            text = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        found[name.replace("-", "_")] = value(text)
    if len(alone) != 1:
        raise OptionError(
            f"{' and '.join(map(repr, alone)) or 'nothing'} given to learn from",
            "Give one folder, file or pattern in quotes, and options of the objective as --name value.",
        )
    return alone[0], found


def value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def units_of(words: list[str]) -> dict[str, str]:
    """`mass=kg`, `angle=` (none), or a file of them: a table [units], or names at the top."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, unit = word.partition("=")
        if word.endswith(".toml"):
            found |= _units_in(Path(word))
        elif equals:
            found[name] = unit
        else:
            raise OptionError(f"{word!r} has no unit", "Write COLUMN=UNIT, and COLUMN= where there is none.")
    return found


def _units_in(path: Path) -> dict[str, str]:
    try:
        told = tomllib.loads(path.read_text())
    except FileNotFoundError as e:
        raise DataError(f"no file {path}", "Give a TOML file of units, or COLUMN=UNIT.") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise DataError(f"{path} is no TOML: {e}", 'Write a line a column: mass = "kg"') from e
    units = told.get("units", told)
    wrong = [n for n, u in units.items() if not isinstance(u, str)]
    if wrong or not units:
        what = f"{path}: {wrong[0]} is {units[wrong[0]]!r}" if wrong else f"{path} names no units"
        raise DataError(what, 'Write a line a column: mass = "kg", and "" where there is none.')
    return dict(units)


def size(text: str) -> float:
    """`2GB`, `500 MB`, `1e9` as bytes."""
    number, unit = text.strip(), 1.0
    for name, bytes_ in (("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("b", 1.0)):
        if number.lower().endswith(name):
            number, unit = number[: -len(name)], bytes_
            break
    try:
        return float(number) * unit
    except ValueError as e:
        raise OptionError(f"{text!r} is no size", "Give a number and KB, MB, GB or TB, such as 2GB.") from e


def removed(names: str | None) -> dict[str, Any] | None:
    """`shift,flux` as options of `normalise`."""
    if names is None:
        return None
    known = ("shift", "rotation", "scale", "flux")
    wanted = known if names == "all" else [n.strip() for n in names.split(",")]
    for name in wanted:
        if name not in known:
            raise OptionError(f"--normalise {name!r}", f"Known: all, {', '.join(known)}.")
    return {name: name in wanted for name in known}

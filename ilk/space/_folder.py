"""What stands in a space's folder, and whether it is whole."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..errors import DataError, FormatError, OptionError, SpaceError, UnknownName
from .address import Address, checked
from .index import METRICS
from .rows import Rows

if TYPE_CHECKING:
    from ..decoders import Decoder
    from ..encoders import Encoder
    from ..source import Json

FORMAT = 1


def make(
    path: Path,
    encoder: Encoder,
    decoder: Decoder | None,
    reading: dict[str, Json],
    metric: str,
    rows: str | None,
) -> None:
    """A new, empty space, whole or absent; `rows`: their address, if not in the folder."""
    if metric not in METRICS:
        raise UnknownName("metric", metric, METRICS)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise SpaceError(f"{path} exists already", "Open it with Space.open, or choose another path.")
    with files.replacing_folder(path) as folder:
        _fill(folder, encoder, decoder, reading, metric, rows)


def _fill(
    folder: Path,
    encoder: Encoder,
    decoder: Decoder | None,
    reading: dict[str, Json],
    metric: str,
    rows: str | None,
) -> None:
    from .. import saved
    from ..decoders import Decoder
    from ..encoders import Encoder

    note = {
        "format": FORMAT,
        "metric": metric,
        "reading": reading,
        "fingerprint": saved.fingerprint(encoder),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,  # an address; null: in the folder
    }
    try:
        text = json.dumps(note, indent=1)
    except TypeError as e:
        raise OptionError(f"the reading of this space is not JSON: {e}", "Give Source.reading.") from e
    saved.save(encoder, folder, Encoder)
    if decoder is not None:
        saved.save(decoder, folder, Decoder)
    for name in ("lock", "lease"):
        (folder / name).touch()
    folder.chmod(0o755)  # a temporary folder is its owner's alone
    files.write(folder / "space.json", text.encode())
    Rows.create(Address(folder, rows), encoder.dim)


def described(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise DataError(f"no space at {path}", "Give the folder of a space, or make one with Space.create.")
    if not (path / "space.json").is_file():
        raise FormatError(
            f"{path} is no space: it has no space.json", "Give the folder that Space.create made."
        )
    try:
        found: dict[str, Any] = json.loads((path / "space.json").read_bytes())
        newer = found["format"] > FORMAT
        rows = found.get("rows")
        good = newer or (found["metric"] in METRICS and isinstance(found["reading"], dict))
        good = good and (
            newer or (isinstance(found["fingerprint"], str) and isinstance(found["created"], str))
        )
        good = good and (newer or rows is None or checked(rows) == rows)
    except (ValueError, KeyError, TypeError, OptionError) as e:
        raise FormatError(f"{path / 'space.json'} is damaged: {e!r}", "Put the file back from a copy.") from e
    if newer:
        raise FormatError(
            f"{path} has format {found['format']}; this ilk reads up to {FORMAT}",
            "Install a newer ilk to open it.",
        )
    parts = ["encoder.json", "encoder.safetensors", *(["rows.lance"] if rows is None else [])]
    missing = [name for name in parts if not (path / name).exists()]
    if missing or not good:
        what = f"{', '.join(missing)} is missing" if missing else "space.json is damaged"
        raise FormatError(f"the space {path} is incomplete: {what}", "Put the file back from a copy.")
    return found


def address_of(path: Path) -> Address:
    """Where the rows of the space in this folder live."""
    return Address(path, described(path).get("rows"))


def differences(one: dict[str, Json], other: dict[str, Json]) -> str:
    """How two readings differ, in words; nothing where they are the same."""
    both = json.loads(json.dumps([one, other]))  # as kept: a tuple is a list
    odd = [name for name in sorted(one.keys() | other.keys()) if both[0].get(name) != both[1].get(name)]
    return ", ".join(f"{name}: {both[0].get(name)}, not {both[1].get(name)}" for name in odd)


def size(space: Path) -> int:
    """Bytes of all files in the folder."""
    # Not Path.rglob, which fails where a writer removes a folder meanwhile.
    return sum(_size(Path(folder, name)) for folder, _, names in os.walk(space) for name in names)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # a writer removed it meanwhile
        return 0


def class_of(description: Path) -> str:
    try:
        return str(json.loads(description.read_bytes())["class"])
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise FormatError(f"{description} is damaged: {e!r}", "Put the file back from a copy.") from e

"""What stands in a space's folder, and whether it is whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..errors import DataError, FormatError, OptionError
from .index import METRICS
from .rows import Rows

if TYPE_CHECKING:
    from ..decoders import Decoder
    from ..encoders import Encoder
    from ..source import Json

FORMAT = 1


def fill(
    folder: Path, encoder: Encoder, decoder: Decoder | None, reading: dict[str, Json], metric: str
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
    Rows.create(folder / "rows.lance", encoder.dim)
    files.write(folder / "space.json", text.encode())


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
        good = newer or (found["metric"] in METRICS and isinstance(found["reading"], dict))
        good = good and (
            newer or (isinstance(found["fingerprint"], str) and isinstance(found["created"], str))
        )
    except (ValueError, KeyError, TypeError) as e:
        raise FormatError(f"{path / 'space.json'} is damaged: {e!r}", "Put the file back from a copy.") from e
    if newer:
        raise FormatError(
            f"{path} has format {found['format']}; this ilk reads up to {FORMAT}",
            "Install a newer ilk to open it.",
        )
    missing = [
        name for name in ("encoder.json", "encoder.safetensors", "rows.lance") if not (path / name).exists()
    ]
    if missing or not good:
        what = f"{', '.join(missing)} is missing" if missing else "space.json is damaged"
        raise FormatError(f"the space {path} is incomplete: {what}", "Put the file back from a copy.")
    return found


def class_of(description: Path) -> str:
    try:
        return str(json.loads(description.read_bytes())["class"])
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise FormatError(f"{description} is damaged: {e!r}", "Put the file back from a copy.") from e

"""The built front end: a fixed list of files, read when the server starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}
FOLDER = Path(__file__).parents[1] / "static"


@dataclass(frozen=True)
class Page:
    data: bytes
    kind: str
    tag: str


def pages(folder: Path = FOLDER) -> dict[str, Page]:
    """By address: `index.html` also under "". What is not listed here does not exist."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in KINDS:
            data = path.read_bytes()
            tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            found[path.relative_to(folder).as_posix()] = Page(data, KINDS[path.suffix], tag)
    if "index.html" in found:
        found[""] = found["index.html"]
    return found

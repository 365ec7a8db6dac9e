"""Whether a file that Lance wrote is all there.

Lance buffers what it writes and does not hear when the last of it fails: on a full disk a file is cut short,
and the write is reported as done. What it writes says where it ends.
"""

from __future__ import annotations

import os
import struct

_ENDS = {".lance": b"LANC", ".manifest": b"LANC", ".arrow": b"ARROW1"}
_PLAIN = 12346  # a Roaring bitmap without runs (github.com/RoaringBitmap/RoaringFormatSpec)
_ARRAY = 4096  # numbers in a container, up to which it is a list of them


def whole(path: str) -> bool:
    """False where the end is missing; a file of another kind only has to hold something."""
    name, size = os.path.splitext(path)[1], os.path.getsize(path)
    with open(path, "rb") as f:
        if name in _ENDS:
            end = _ENDS[name]
            f.seek(max(0, size - len(end)))
            return f.read() == end
        return size > 0 and (name != ".bin" or size >= _bitmap(f.read(8 + 65_536 * 8)))


def _bitmap(start: bytes) -> int:
    """How long a list of deleted rows is: its last container begins where the head says."""
    if len(start) < 8:
        return 8
    cookie, n = struct.unpack_from("<II", start)
    if cookie != _PLAIN or not n:
        return 8
    head: int = 8 + 8 * n  # the key and the length of each container, and where each begins
    if len(start) < head:
        return head
    last: int = struct.unpack_from("<H", start, 8 + 4 * (n - 1) + 2)[0]  # one less than it holds
    begin: int = struct.unpack_from("<I", start, head - 4)[0]
    return begin + (2 * (last + 1) if last < _ARRAY else 8192)

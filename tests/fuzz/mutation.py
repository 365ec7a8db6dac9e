"""Changing the bytes of a real file, a little or a lot."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

_NUMBERS = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x7f\xff\xff\xff",
]
_WORDS = [
    b"NaN",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b'"',
    b"{",
    b"]",
    b",",
    b"\n",
    b"../../x",
    b"\x80",
    b"<",
]


@dataclass(frozen=True)
class Change:
    """At a share of the file's length: what happens there, and with which bytes."""

    kind: str
    at: float
    data: bytes

    def made(self, old: bytes) -> bytes:
        place = int(self.at * len(old))
        n = len(self.data)
        if self.kind == "cut":
            return old[:place]
        if self.kind == "over":
            return old[:place] + self.data + old[place + n :]
        if self.kind == "insert":
            return old[:place] + self.data + old[place:]
        if self.kind == "flip":
            one = bytes([old[place] ^ (1 << n % 8)]) if place < len(old) else b""
            return old[:place] + one + old[place + 1 :]
        if self.kind == "drop":
            return old[:place] + old[place + 7 * n :]
        return old[:place] + 3 * old[place : place + 5 * n] + old[place:]  # repeat


_BYTES = st.sampled_from(_NUMBERS + _WORDS) | st.binary(min_size=1, max_size=12)
_SHARE = st.floats(0, 1, exclude_max=True) | st.floats(0, 0.05)  # the head is where formats are most delicate
CHANGES = st.lists(
    st.builds(Change, st.sampled_from(["flip", "over", "insert", "cut", "drop", "repeat"]), _SHARE, _BYTES),
    min_size=1,
    max_size=6,
)


def mutated(data: bytes, changes: list[Change]) -> bytes:
    for change in changes:
        data = change.made(data)
    return data

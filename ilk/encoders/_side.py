"""How large a picture is looked at by encoders that have no strides of their own."""

LARGEST = 64


def side_of(size: int, largest: int = LARGEST) -> int:
    """The side to which pictures of `size` are averaged: up to `largest` as they are, then a half, ..."""
    return -(-size // -(-size // largest))

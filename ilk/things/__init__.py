"""Things in pictures: where they are, how well they were found, and finding them without being told."""

from .found import Found

__all__ = ["Found"]

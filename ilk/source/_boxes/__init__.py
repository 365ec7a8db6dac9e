"""Readers of labelled boxes: a file each, `read(path) -> Labels`. Nothing that they read is executed."""

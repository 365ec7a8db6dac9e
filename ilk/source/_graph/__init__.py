"""Graphs as they are read, and what an encoder asks of them."""

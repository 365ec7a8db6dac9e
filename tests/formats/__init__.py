"""Runs and spaces that earlier versions wrote, kept as they were: each can still be opened.

A release adds its own:  python -m tests.formats.make
"""

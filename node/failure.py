"""What a command could not do, said to the person or script that ran it."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818  (it is no bug: the name says what the user sees)
    """One plain sentence; the command that meets it exits non-zero with it and shows no traceback."""

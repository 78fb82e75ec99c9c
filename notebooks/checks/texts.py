"""The checkers' texts; see language.py."""

from language import Text, _, join

__all__ = ["Text", "_", "join"]

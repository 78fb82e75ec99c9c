"""Plausible wrong answers, one module per chapter, each with words that its hint must contain.

WRONG = {"9.1": [Wrong(forgot_padding, hint="padding"), Wrong(off_by_one, hint="should be 28")]}
"""

from typing import Any


class Wrong:
    """A wrong answer as it would be passed to `check`, and words that the hint must contain."""

    def __init__(self, *answer: Any, hint: str):
        self.answer, self.hint = answer, hint

"""Answers to the exercises, one module per chapter: right ones in several styles, and plausible wrong ones.

    RIGHT = {"9.1": [Right(by_loop), Right(by_reduce), Right(recursive)]}
    WRONG = {
        "9.1": [Wrong(off_by_one, hint="should be 28")],
        "9.5": [Wrong(F.conv2d, hint="switched off", forbidden="without PyTorch's convolution")],
    }
    # Words that look like a prohibition in an exercise's text and are none.
    NO_RULE = {"9.3": ["once for each channel"]}

test_exercises.py gives each of them to `check`, and demands a wrong answer for each thing that a text forbids.
"""

from collections.abc import Callable
from typing import Any

from torch import nn


class Right:
    """A right answer as it would be passed to `check`."""

    def __init__(self, *answer: Any):
        self.answer = answer


class Wrong:
    """A wrong answer as it would be passed to `check`, and words that the hint must contain.

    forbidden: the words of the exercise's text that the answer disobeys, if it does what they forbid.
    """

    def __init__(self, *answer: Any, hint: str, forbidden: str = ""):
        self.answer, self.hint, self.forbidden = answer, hint, forbidden


def meddles(answer: Callable, method: str, *given: Any) -> Callable:
    """An answer that also calls a method of each module that it is given, such as requires_grad_(False)."""

    def meddling(*args: Any, **kwargs: Any) -> Any:
        result = answer(*args, **kwargs)
        for module in args:
            if isinstance(module, nn.Module):
                getattr(module, method)(*given)
        return result

    return meddling

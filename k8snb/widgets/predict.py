"""Predict, then look: a small widget that keeps the reader's guess and compares it with what happens."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import ipywidgets

from k8snb.api.mistakes import BadValue
from k8snb.locale import current, text
from k8snb.widgets.recording import recording

PREDICTION = "application/vnd.k8snb.prediction+json"
"""The type of a recorded prediction: its ``number`` and its ``options``."""
MARKS = ("\ue000", "\ue001")
"""Around a recorded answer: ``{"of", "right", "actual"}``, wherever its text is printed."""
_NUMBERS = count(1)


class Prediction:
    """A guess among some options, made before the answer is known.

    An option is a value, or a pair of texts (English, Chinese), of which the English one is the value and the reader's own
    is shown. In a notebook the options are radio buttons (arrow keys choose); ``choose`` does the same from code. ``compare`` tells
    whether the guess was right; with no guess it only tells the answer.
    """

    def __init__(self, *options: object) -> None:
        if len(options) < 2:
            raise BadValue("a prediction needs at least two options to choose from: predict(1, 2, 3)")
        self.options = tuple(option[0] if isinstance(option, tuple) else option for option in options)
        self.words = {option[0]: option for option in options if isinstance(option, tuple)}
        self.number = next(_NUMBERS)
        self.guess: object | None = None
        self.widget = ipywidgets.RadioButtons(
            options=[(self.word(option), i) for i, option in enumerate(self.options)],
            value=None,
            description=text("predict.guess"),
            layout=ipywidgets.Layout(width="auto"),
            style={"description_width": "initial"},
        )
        self.widget.observe(self._chosen, names="value")

    def choose(self, option: object) -> None:
        """Make the guess; ``ValueError`` for something that is not among the options."""
        if option not in self.options:
            raise BadValue(f"{option!r} is not among the options: {', '.join(map(str, self.options))}")
        self.widget.value = self.options.index(option)

    def compare(self, actual: object) -> Comparison:
        """Hold the guess against what really happened."""
        return Comparison(self.guess, actual, self.word, self)

    def word(self, value: object) -> str:
        """An option, or an answer, as the reader sees it."""
        pair = self.words.get(value)
        return str(value if pair is None else pair[1 if current() == "zh_CN" else 0])

    def _chosen(self, change: dict[str, Any]) -> None:
        self.guess = None if change["new"] is None else self.options[change["new"]]

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self.widget._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        told = {"number": self.number, "options": [self.word(option) for option in self.options]}
        return {**data, "text/plain": repr(self), **({PREDICTION: told} if recording() else {})}

    def __repr__(self) -> str:
        told = (f"[{'x' if o == self.guess else ' '}] {self.word(o)}" for o in self.options)
        return f"{text('predict.guess')} {' / '.join(told)}"


class Comparison:
    """A guess beside the answer."""

    def __init__(
        self,
        guess: object | None,
        actual: object,
        word: Callable[[object], str] = str,
        prediction: Prediction | None = None,
    ) -> None:
        self.guess = guess
        self.prediction = prediction
        self.word = word
        self.actual = actual

    @property
    def right(self) -> bool:
        """Whether the guess was right (numbers and their texts are the same)."""
        return self.guess is not None and str(self.guess) == str(self.actual)

    def __repr__(self) -> str:
        if recording() and self.prediction is not None:
            right = [i for i, option in enumerate(self.prediction.options) if str(option) == str(self.actual)]
            told = {"of": self.prediction.number, "right": right[:1], "actual": self.word(self.actual)}
            return MARKS[0] + json.dumps(told) + MARKS[1]
        if self.guess is None:
            return "• " + text("predict.answer", actual=self.word(self.actual))
        return ("✓ " if self.right else "✗ ") + text(
            "predict.right" if self.right else "predict.wrong",
            guess=self.word(self.guess),
            actual=self.word(self.actual),
        )


def predict(*options: object) -> Prediction:
    """Ask the reader to choose one of the options before going on."""
    return Prediction(*options)

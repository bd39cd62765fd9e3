"""What readers do wrong: errors that are told in a sentence, without the stack of the code that noticed them.

A notebook shows the sentence only (IPython asks ``_render_traceback_``). Each is also the built-in error that a program
would expect, so ``except ValueError`` keeps working.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMES = 8
"""Names listed in a message before the rest is left out."""


class Mistake(Exception):
    """The reader's own mistake: what was wrong, where, and what to do."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", ())]


class BadValue(Mistake, ValueError):
    """A value that cannot be used."""


class BadType(Mistake, TypeError):
    """Something of the wrong kind was given."""


class NotThere(Mistake, LookupError):
    """Nothing has the name, number or revision asked for."""


class NoSuchItem(Mistake, IndexError):
    """A list has no item of that number."""


class NoSuchName(Mistake, AttributeError):
    """Nothing has that name; raised where a name stands behind a dot."""

    def __init__(self, message: str, name: str = "", obj: object = None) -> None:
        super().__init__(message, name=name, obj=obj)


class NoSuchFile(Mistake, FileNotFoundError):
    """There is no such file or folder."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean web or api?`` for a misspelt name, or nothing when none comes close."""
    close = closest(name, known)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def closest(name: str, known: Iterable[str]) -> list[str]:
    """The known names that a misspelt one may mean, most likely first, at most three."""
    names = dict.fromkeys(known)
    return [other for other in names if other.lower() == name.lower()] or get_close_matches(name, names, n=3)


def listing(names: Iterable[str]) -> str:
    """``there are a, b and 3 more`` or ``there are none``, to end a message about an unknown name."""
    known = list(names)
    if not known:
        return "there are none"
    more = len(known) - MOST_NAMES
    shown = ", ".join(known[:MOST_NAMES])
    if more > 0:
        return f"there are {shown} and {more} more"
    return f"there is only {shown}" if len(known) == 1 else f"there are {shown}"

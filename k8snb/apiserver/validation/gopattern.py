"""What Go's regular expressions say against a pattern: Go's syntax is RE2's, which has no lookaround and no backreference.

The checks come in the order in which Go's parser meets them, so the complaint is about the same place.  Names of Unicode
classes (``\\p{Greek}``) and the size of nested repetitions are not judged.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_REPEAT: Final = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)((?:0|[1-9][0-9]*)?))?\}")
_NAME: Final = re.compile(r"[0-9A-Za-z_]+")
_ESCAPE: Final = re.compile(
    r"0[0-7]{0,2}|[1-7][0-7]{1,2}|x(?:\{[0-9A-Fa-f]+\}|[0-9A-Fa-f]{2})|[afnrtv]|[\x00-/:-@\[-`{-\x7f]", re.DOTALL
)
_CLASSES: Final = re.compile(r"\\(?:[dDsSwW]|[pP](?:\{[^}]*\}|[^{]))")
_POSIX: Final = re.compile(r"\[:(\^?\w*):\]")
_POSIX_NAMES: Final = frozenset(
    ("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
     "xdigit")
)  # fmt: skip
_MOST_REPEATS: Final = 1000
_SIMPLE: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class _Bad(Exception):
    """A mistake, as Go words it."""


def pattern_error(pattern: str) -> str:
    """Go's message about a pattern that it cannot read; "" for a good one."""
    try:
        _check(pattern)
    except _Bad as bad:
        return f"error parsing regexp: {bad}"
    return ""


def _bad(what: str, where: str) -> _Bad:
    return _Bad(f"{what}: `{where}`")


class _Repeat(NamedTuple):
    """A repetition operator in the pattern: where it starts and ends (a lazy ``?`` is part of it)."""

    start: int
    end: int


def _check(pattern: str) -> None:
    place, depth = 0, 0
    atom = False
    last: _Repeat | None = None
    while place < len(pattern):
        char = pattern[place]
        repeat = _repetition(pattern, place)
        if repeat is not None:
            if last is not None:
                raise _bad("invalid nested repetition operator", pattern[last.start : repeat.end])
            if not atom:
                raise _bad("missing argument to repetition operator", pattern[repeat.start : repeat.end])
            last, place = repeat, repeat.end
            continue
        last = None
        if char == "(":
            place, opens = _group(pattern, place)
            depth += opens
            atom = atom and not opens
        elif char == ")":
            if not depth:
                raise _bad("unexpected )", pattern)
            depth, place, atom = depth - 1, place + 1, True
        elif char == "|":
            place, atom = place + 1, False
        else:
            place, atom = _one(pattern, place), True
    if depth:
        raise _bad("missing closing )", pattern)


def _one(pattern: str, place: int) -> int:
    """The end of a class, an escape or a character."""
    if pattern[place] == "[":
        return _class(pattern, place)
    if pattern[place] != "\\":
        return place + 1
    after = pattern[place + 1 : place + 2]
    if after and after in "AbBz":
        return place + 2
    if after == "Q":
        end = pattern.find("\\E", place)
        return len(pattern) if end < 0 else end + 2
    found = _CLASSES.match(pattern, place)
    return found.end() if found is not None else _escape(pattern, place)[0]


def _repetition(pattern: str, place: int) -> _Repeat | None:
    end = place + 1
    if pattern[place] == "{":
        found = _REPEAT.match(pattern, place)
        if found is None:
            return None
        least, most = int(found[1]), int(found[3]) if found[3] else None
        if least > _MOST_REPEATS or (most is not None and (most > _MOST_REPEATS or least > most)):
            raise _bad("invalid repeat count", found[0])
        end = found.end()
    elif pattern[place] not in "*+?":
        return None
    return _Repeat(place, end + (pattern[end : end + 1] == "?"))


def _group(pattern: str, place: int) -> tuple[int, bool]:
    """The place after what opens a group, and whether it opens one: flags alone do not."""
    if not pattern.startswith("(?", place):
        return place + 1, True
    rest = pattern[place:]
    if (rest.startswith("(?P<") and len(rest) > 4) or (rest.startswith("(?<") and len(rest) > 3):
        start, end = rest.index("<") + 1, rest.find(">")
        if end < 0:
            raise _bad("invalid named capture", rest)
        if _NAME.fullmatch(rest, start, end) is None:
            raise _bad("invalid named capture", rest[: end + 1])
        return place + end + 1, True
    negative = seen = False
    for index in range(2, len(rest)):
        char = rest[index]
        if char in "imsU":
            seen = True
        elif char == "-" and not negative:
            negative, seen = True, False
        elif char in ":)" and (seen or not negative):
            return place + index + 1, char == ":"
        else:
            raise _bad("invalid or unsupported Perl syntax", rest[: index + 1])
    raise _bad("invalid or unsupported Perl syntax", rest)


def _escape(pattern: str, place: int) -> tuple[int, str]:
    """The place after an escape and the character that it stands for."""
    if place + 1 == len(pattern):
        raise _Bad("trailing backslash at end of expression: ``")
    found = _ESCAPE.match(pattern, place + 1)
    if found is None:
        raise _bad("invalid escape sequence", pattern[place : place + 2])
    text = found[0]
    if text[0] == "x":
        code = int(text[1:].strip("{}"), 16)
        if code > 0x10FFFF:
            raise _bad("invalid escape sequence", pattern[place : found.end()])
        return found.end(), chr(code)
    return found.end(), chr(int(text, 8)) if text[0].isdigit() else _SIMPLE.get(text, text)


def _class(pattern: str, place: int) -> int:
    whole = pattern[place:]
    place += 1 + pattern.startswith("^", place + 1)
    first = True
    while first or not pattern.startswith("]", place):
        first = False
        named = _POSIX.match(pattern, place)
        if named is not None:
            if named[1].removeprefix("^") not in _POSIX_NAMES:
                raise _bad("invalid character class range", named[0])
            place = named.end()
            continue
        escaped = _CLASSES.match(pattern, place)
        if escaped is not None:
            place = escaped.end()
            continue
        start = place
        place, low = _class_char(pattern, place, whole)
        if pattern.startswith("-", place) and len(pattern) > place + 1 and pattern[place + 1] != "]":
            place, high = _class_char(pattern, place + 1, whole)
            if high < low:
                raise _bad("invalid character class range", pattern[start:place])
    return place + 1


def _class_char(pattern: str, place: int, whole: str) -> tuple[int, str]:
    if place >= len(pattern):
        raise _bad("missing closing ]", whole)
    return _escape(pattern, place) if pattern[place] == "\\" else (place + 1, pattern[place])

"""Label selectors: every written form, with the API server's errors, and the ``LabelSelector`` objects of specs.

``parse("app=web,tier in (a,b),!canary")`` and ``from_label_selector(spec.selector)`` give a :class:`Selector`, a value
that answers :meth:`Selector.matches` and prints as ``labels.Selector.String`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from k8snb.api import names
from k8snb.api.gotext import quote
from k8snb.api.mistakes import Mistake

if TYPE_CHECKING:
    from k8snb.api.types.meta_v1 import LabelSelector

Operator = Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]

_EQUALITY: Final = ("=", "==")
_BINARY: Final[dict[str, Operator]] = {
    "in": "in", "notin": "notin", "=": "=", "==": "==", "!=": "!=", ">": "gt", "<": "lt",
}  # fmt: skip
_OBJECT_OPERATORS: Final[dict[str, Operator]] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
_WRITTEN: Final = {"in": " in ", "notin": " notin ", "gt": ">", "lt": "<"}
_TOKEN: Final = re.compile(r"[ \t\r\n]*(?:([=!(),<>]+)|([^ \t\r\n=!(),<>\0]+))?")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


class SelectorError(Mistake, ValueError):
    """Text that is not a selector; the message is the API server's.

    ``start`` and ``end`` are where in the text it went wrong (the API server does not say), ``problem`` is what was
    missing there: start, comma, after-comma, identifier, key, operator, value, open, list, or content (a key, a value or a
    number that may not be so). Errors of ``LabelSelector`` objects have no place.
    """

    start = 0
    end = 0
    problem = "content"

    def at(self, problem: str, start: int, end: int) -> SelectorError:
        """The same error with its place."""
        self.problem, self.start, self.end = problem, start, end
        return self


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label: ``key``, an operator and its values (sorted, as given)."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether ``labels`` meet the condition. ``!=`` and ``notin`` also accept labels without the key."""
        found = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return found is not None and found in self.values
            case "!=" | "notin":
                return found is None or found not in self.values
            case "exists":
                return found is not None
            case "!":
                return found is None
        number = None if found is None else _integer(found)
        if number is None:
            return False
        bound = int(self.values[0])
        return number > bound if self.operator == "gt" else number < bound

    def __str__(self) -> str:
        if self.operator == "!":
            return f"!{self.key}"
        if self.operator == "exists":
            return self.key
        written = _WRITTEN.get(self.operator, self.operator)
        values = ",".join(sorted(self.values))
        return f"{self.key}{written}({values})" if self.operator in ("in", "notin") else f"{self.key}{written}{values}"


class Selector:
    """A conjunction of requirements, sorted by key; ``None`` in place of them selects nothing. Immutable and
    hashable.
    """

    __slots__ = ("_text", "matches", "requirements")

    #: ``matches(labels)``: whether a mapping of labels meets every requirement.
    matches: Callable[[Mapping[str, str]], bool]

    def __init__(self, requirements: Iterable[Requirement] | None) -> None:
        if requirements is None:
            self.requirements: tuple[Requirement, ...] | None = None
        else:
            self.requirements = tuple(sorted(requirements, key=lambda item: item.key))
        self._text = "" if self.requirements is None else ",".join(map(str, self.requirements))
        self.matches = _matcher(self.requirements)

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return self.requirements == ()

    def exact(self, key: str) -> str | None:
        """Return the one value that ``key`` must have, or None when the selector does not say."""
        for item in self.requirements or ():
            if item.key == key and item.operator in ("=", "==", "in") and len(item.values) == 1:
                return item.values[0]
        return None

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Selector({self._text!r})" if self.requirements is not None else "Selector(nothing)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selector) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(self.requirements)

    def __deepcopy__(self, _memo: object) -> Selector:
        return self

    def __reduce__(self) -> tuple[type[Selector], tuple[tuple[Requirement, ...] | None]]:
        return (Selector, (self.requirements,))


def _matcher(requirements: tuple[Requirement, ...] | None) -> Callable[[Mapping[str, str]], bool]:
    """Return the quickest function that tests ``requirements``; nearly all selectors are one or two equalities."""
    if requirements is None:
        return lambda _labels: False
    if not requirements:
        return lambda _labels: True
    if all(item.operator in _EQUALITY for item in requirements):
        pairs = tuple((item.key, item.values[0]) for item in requirements)
        if len(pairs) == 1:
            key, value = pairs[0]
            return lambda labels: labels.get(key) == value
        wanted = dict(pairs).items()
        if len(wanted) == len(pairs):
            return lambda labels: wanted <= labels.items()
    return lambda labels: all(item.matches(labels) for item in requirements)


EVERYTHING: Final = Selector(())
NOTHING: Final = Selector(None)


def from_labels(labels: Mapping[str, str]) -> Selector:
    """Return the selector that wants exactly these labels; an empty mapping selects everything."""
    return Selector(Requirement(key, "=", (value,)) for key, value in labels.items())


def from_label_selector(selector: LabelSelector | None) -> Selector:
    """Return the selector of a spec: None selects nothing, an empty one everything. Cached by value.

    Raises :class:`SelectorError` for an operator or a value that validation would not have let through.
    """
    if selector is None:
        return NOTHING
    try:
        return _of_spec(selector)
    except TypeError:  # not hashable: made by hand with plain dicts
        return _of_spec.__wrapped__(selector)


@lru_cache(maxsize=1 << 14)
def _of_spec(selector: LabelSelector) -> Selector:
    wanted = [_requirement(key, "=", (value,)) for key, value in selector.matchLabels.items()]
    for item in selector.matchExpressions:
        operator = _OBJECT_OPERATORS.get(item.operator)
        if operator is None:
            raise SelectorError(f"{quote(item.operator)} is not a valid label selector operator")
        wanted.append(_requirement(item.key, operator, item.values))
    return Selector(wanted)


@lru_cache(maxsize=1 << 14)
def parse(text: str) -> Selector:
    """Return the selector that ``text`` says; cached by text. Raises :class:`SelectorError`."""
    return Selector(_Parser(text).requirements())


#: The same under a name that reads well where both kinds of selector are parsed.
parse_selector = parse


def _integer(text: str) -> int | None:
    """Return what Go's ``ParseInt(text, 10, 64)`` does, None for an error."""
    if not _INTEGER.fullmatch(text) or len(text) > 40:
        return None
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else None


def _requirement(key: str, operator: Operator, values: tuple[str, ...]) -> Requirement:
    """Return a requirement whose key and values are checked."""
    wrong = names.qualified_name(key)
    errors = [f"key: Invalid value: {quote(key)}: {'; '.join(wrong)}"] if wrong else []
    if operator in ("in", "notin") and not values:
        errors.append("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in ("exists", "!") and values:
        shown = "[" + ",".join(map(quote, values)) + "]"
        errors.append(f"values: Invalid value: {shown}: values set must be empty for exists and does not exist")
    for index, value in enumerate(values):
        if operator in ("gt", "lt") and _integer(value) is None:
            message = "for 'Gt', 'Lt' operators, the value must be an integer"
            errors.append(f"values[{index}]: Invalid value: {quote(value)}: {message}")
    for index, value in enumerate(values):
        if wrong := names.label_value(value):
            errors.append(f"values[{index}][{key}]: Invalid value: {quote(value)}: {'; '.join(wrong)}")
    if errors:
        raise SelectorError(errors[0] if len(errors) == 1 else f"[{', '.join(dict.fromkeys(errors))}]")
    return Requirement(key, operator, values)


class _Parser:
    """The recursive-descent parser of ``labels.Parse``: same grammar, same errors."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.position = 0
        self.taken = self.tokens[0]

    def look(self) -> str:
        """Return the kind of the next token where a value may stand: ``in`` and ``notin`` are then plain words."""
        kind = self.tokens[self.position][0]
        return "word" if kind in ("in", "notin") else kind

    def take(self) -> tuple[str, str]:
        """Return (kind, text) of the next token and go past it."""
        kind = self.look()
        self.taken = self.tokens[self.position]
        self.position = min(self.position + 1, len(self.tokens) - 1)
        return kind, self.taken[1]

    def next_wrong(self, problem: str, message: str) -> SelectorError:
        """The error that the token which comes next makes."""
        return _wrong(problem, message, self.tokens[self.position])

    def wrong(self, problem: str, message: str) -> SelectorError:
        """The error that the token which was taken last makes."""
        return _wrong(problem, message, self.taken)

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind = self.look()
            if kind == "end":
                return found
            if kind not in ("word", "!"):
                raise self.next_wrong("start", "found '{}', expected: !, identifier, or 'end of string'")
            start = self.tokens[self.position][2]
            try:
                found.append(self.requirement())
            except SelectorError as error:
                wrapped = SelectorError(f"unable to parse requirement: {error}")
                if not error.end:  # what is written well may not be so: the whole requirement
                    error.at("content", start, self.taken[2] + len(self.taken[1]))
                raise wrapped.at(error.problem, error.start, error.end) from None
            kind, _ = self.take()
            if kind == "end":
                return found
            if kind != ",":
                raise self.wrong("comma", "found '{}', expected: ',' or 'end of string'")
            if self.look() not in ("word", "!"):
                raise self.next_wrong("after-comma", "found '{}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        kind, text = self.take()
        negated = kind == "!"
        if negated:
            kind, text = self.take()
        if kind != "word":
            raise self.wrong("identifier", "found '{}', expected: identifier")
        if bad := names.qualified_name(text):
            message = f"<nil>: Invalid value: {quote(text)}: {'; '.join(bad)}"
            raise SelectorError(message).at("key", self.taken[2], self.taken[2] + len(text))
        if negated:
            return _requirement(text, "!", ())
        if self.look() in ("end", ","):
            return _requirement(text, "exists", ())
        raw = self.tokens[self.position][0]
        self.take()
        operator = _BINARY.get(raw)
        if operator is None:
            raise self.wrong("operator", "found '{}', expected: in, notin, =, ==, !=, gt, lt")
        values = self.values() if operator in ("in", "notin") else self.value()
        return _requirement(text, operator, tuple(sorted(set(values))))

    def value(self) -> list[str]:
        if self.look() in ("end", ","):
            return [""]
        kind, text = self.take()
        if kind != "word":
            raise self.wrong("value", "found '{}', expected: identifier")
        return [text]

    def values(self) -> list[str]:
        kind, _ = self.take()
        if kind != "(":
            raise self.wrong("open", "found '{}' expected: '('")
        kind = self.look()
        first = self.tokens[self.position]
        if kind == ")":
            self.take()
            return [""]
        if kind not in ("word", ","):
            raise self.next_wrong("list", "found '{}', expected: ',', ')' or identifier")
        found = self.identifiers()
        if self.take()[0] != ")":
            raise _wrong("list", "found '{}', expected: ')'", first)
        return found

    def identifiers(self) -> list[str]:
        found: list[str] = []
        while True:
            kind, text = self.take()
            if kind == "word":
                found.append(text)
                kind = self.look()
                if kind == ")":
                    return found
                if kind != ",":
                    raise self.next_wrong("list", "found '{}', expected: ',' or ')'")
            elif kind == ",":
                if not found:
                    found.append("")
                if self.look() == ")":
                    found.append("")
                    return found
                if self.look() == ",":
                    self.take()
                    found.append("")
            else:
                raise self.wrong("list", "found '{}', expected: ',', or identifier")


def _wrong(problem: str, message: str, token: tuple[str, str, int]) -> SelectorError:
    """The error that a token makes; ``{}`` in the message is the token's text."""
    return SelectorError(message.format(token[1])).at(problem, token[2], token[2] + max(1, len(token[1])))


def _tokens(text: str) -> Iterable[tuple[str, str, int]]:
    """Yield (kind, text, where): a word, ``in``/``notin``, one of ``= == != ! ( ) , < >``, at last ``end``."""
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        symbols, word = (match[1], match[2]) if match else (None, None)
        if match is None or (symbols is None and word is None):
            yield "end", "", len(text)
            return
        position = match.end()
        if word is not None:
            yield (word if word in ("in", "notin") else "word"), word, match.start(2)
            continue
        where = match.start(1)
        while symbols:
            token = symbols[:2] if symbols[:2] in ("==", "!=") else symbols[0]
            yield token, token, where
            symbols = symbols[len(token) :]
            where += len(token)

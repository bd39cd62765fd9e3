"""The functions and methods of CEL and of Kubernetes' libraries that the evaluator knows, by name and arity."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from k8snb.api import quantity


class CelError(ValueError):
    """An expression that cannot be computed: a missing key, a wrong type, an unknown function."""


def type_name(value: Any) -> str:
    """CEL's name of a value's type."""
    if value is None:
        return "null_type"
    for types, name in _TYPES:
        if isinstance(value, types):
            return name
    return type(value).__name__


_TYPES: Final[tuple[tuple[Any, str], ...]] = (
    (bool, "bool"),
    (int, "int"),
    (float, "double"),
    (str, "string"),
    (Mapping, "map"),
    ((list, tuple), "list"),
    (quantity.Quantity, "quantity"),
)


def _overload() -> CelError:
    return CelError("no such overload")


def _text(*values: Any) -> None:
    if not all(isinstance(value, str) for value in values):
        raise _overload()


def _items(value: Any) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise _overload()
    return value


def size(value: Any) -> int:
    """The length of a string (in code points), list or map."""
    if isinstance(value, str | Mapping | list | tuple):
        return len(value)
    raise _overload()


def _int(value: Any) -> int:
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        raise CelError(f"cannot convert {value!r} to int") from None


def _double(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError):
        raise CelError(f"cannot convert {value!r} to double") from None


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise CelError(f"invalid regular expression: {error}") from None


def _strings(method: Callable[..., Any]) -> Callable[..., Any]:
    def run(*values: Any) -> Any:
        _text(*values)
        return method(*values)

    return run


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise CelError(f"index out of range: {start if not 0 <= start <= len(text) else stop}")
    return text[start:stop]


def _char_at(text: str, where: int) -> str:
    if not 0 <= where <= len(text):
        raise CelError(f"index out of range: {where}")
    return text[where : where + 1]


def _index_of(value: Any, item: Any) -> int:
    if isinstance(value, str):
        _text(item)
        return value.find(item)
    return next((index for index, other in enumerate(_items(value)) if other == item), -1)


def _last_index_of(value: Any, item: Any) -> int:
    if isinstance(value, str):
        _text(item)
        return value.rfind(item)
    items = _items(value)
    return next((index for index in range(len(items) - 1, -1, -1) if items[index] == item), -1)


def _sorted(value: Any) -> bool:
    items = _items(value)
    try:
        return all(items[index] <= items[index + 1] for index in range(len(items) - 1))
    except TypeError:
        raise _overload() from None


def _extreme(choose: Callable[[Sequence[Any]], Any], name: str) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        items = _items(value)
        if not items:
            raise CelError(f"{name} called on empty list")
        try:
            return choose(items)
        except TypeError:
            raise _overload() from None

    return run


def _join(value: Any, separator: str = "") -> str:
    items = _items(value)
    _text(separator, *items)
    return separator.join(items)


def _split(text: Any, separator: Any) -> list[str]:
    _text(text, separator)
    return text.split(separator) if separator else list(text)


def _quantity(text: Any) -> quantity.Quantity:
    _text(text)
    try:
        return quantity.parse(text)
    except quantity.QuantityError as error:
        raise CelError(str(error)) from None


def _is_quantity(text: Any) -> bool:
    _text(text)
    try:
        quantity.parse(text)
    except quantity.QuantityError:
        return False
    return True


def _compare(one: Any, other: Any) -> int:
    if type_name(one) != "quantity" or type_name(other) != "quantity":
        raise _overload()
    return int(one > other) - int(one < other)


def _is_address(text: Any) -> bool:
    _text(text)
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(text: Any) -> bool:
    _text(text)
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "/" in text


def _found(text: str, pattern: str) -> str:
    match = _regex(pattern).search(text)
    return match.group(0) if match else ""


def _all_found(text: str, pattern: str) -> list[str]:
    return [match.group(0) for match in _regex(pattern).finditer(text)]


def _matches(text: str, pattern: str) -> bool:
    return _regex(pattern).search(text) is not None


FUNCTIONS: Final[dict[tuple[str, int], Callable[..., Any]]] = {
    ("size", 1): size,
    ("int", 1): _int,
    ("uint", 1): _int,
    ("double", 1): _double,
    ("string", 1): _string,
    ("bool", 1): lambda value: value if isinstance(value, bool) else value == "true",
    ("dyn", 1): lambda value: value,
    ("matches", 2): _strings(_matches),
    ("quantity", 1): _quantity,
    ("isQuantity", 1): _is_quantity,
    ("isIP", 1): _is_address,
    ("isCIDR", 1): _is_network,
}

METHODS: Final[dict[tuple[str, int], Callable[..., Any]]] = {
    ("size", 0): size,
    ("contains", 1): _strings(lambda text, part: part in text),
    ("startsWith", 1): _strings(str.startswith),
    ("endsWith", 1): _strings(str.endswith),
    ("matches", 1): _strings(_matches),
    ("find", 1): _strings(_found),
    ("findAll", 1): _strings(_all_found),
    ("lowerAscii", 0): _strings(str.lower),
    ("upperAscii", 0): _strings(str.upper),
    ("trim", 0): _strings(str.strip),
    ("replace", 2): _strings(str.replace),
    ("split", 1): _split,
    ("join", 0): _join,
    ("join", 1): _join,
    ("charAt", 1): _char_at,
    ("substring", 1): _substring,
    ("substring", 2): _substring,
    ("indexOf", 1): _index_of,
    ("lastIndexOf", 1): _last_index_of,
    ("isSorted", 0): _sorted,
    ("sum", 0): lambda value: sum(_items(value)),
    ("min", 0): _extreme(min, "min"),
    ("max", 0): _extreme(max, "max"),
    ("compareTo", 1): _compare,
    ("isGreaterThan", 1): lambda one, other: _compare(one, other) > 0,
    ("isLessThan", 1): lambda one, other: _compare(one, other) < 0,
    ("add", 1): lambda one, other: one + other,
    ("sub", 1): lambda one, other: one - other,
}

"""Running CEL expressions: compiled to nested Python functions of the variables."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from k8snb.apiserver.cel.functions import FUNCTIONS, METHODS, CelError, type_name
from k8snb.apiserver.cel.parse import Node, parse

__all__ = ["CelError", "Rule", "compile_rule"]

Variables = Mapping[str, Any]
Run = Callable[[Variables], Any]
_INT64: Final = 1 << 63


class Rule:
    """A compiled expression: call it with variables; `uses(name)` says whether it mentions one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._names: set[str] = set()
        self._run = _compile(parse(text), self._names)

    def __call__(self, variables: Variables) -> Any:
        """The value of the expression; CelError when it cannot be computed."""
        try:
            return self._run(variables)
        except RecursionError:
            raise CelError("evaluation is nested too deeply") from None

    def uses(self, name: str) -> bool:
        """Whether the expression mentions a variable."""
        return name in self._names

    def __deepcopy__(self, memo: object) -> Rule:
        return self


_RULES: dict[str, Rule] = {}


def compile_rule(text: str) -> Rule:
    """The compiled expression, remembered by its text; CelSyntaxError."""
    found = _RULES.get(text)
    if found is None:
        if len(_RULES) > 1024:
            _RULES.clear()
        found = _RULES[text] = Rule(text)
    return found


def _compile(node: Node, names: set[str]) -> Run:
    return _COMPILERS[node[0]](node, names)


def _literal(node: Node, _names: set[str]) -> Run:
    value = node[1]
    return lambda _: value


def _name(node: Node, names: set[str]) -> Run:
    name = node[1]
    names.add(name)

    def run(variables: Variables) -> Any:
        if name not in variables:
            raise CelError(f"undeclared reference to '{name}'")
        return variables[name]

    return run


def _list(node: Node, names: set[str]) -> Run:
    items = [_compile(item, names) for item in node[1]]
    return lambda v: [item(v) for item in items]


def _map(node: Node, names: set[str]) -> Run:
    entries = [(_compile(key, names), _compile(value, names)) for key, value in node[1]]
    return lambda v: {key(v): value(v) for key, value in entries}


def _not(node: Node, names: set[str]) -> Run:
    inner = _compile(node[1], names)

    def run(v: Variables) -> Any:
        value = inner(v)
        if not isinstance(value, bool):
            raise CelError("no such overload")
        return not value

    return run


def _negative(node: Node, names: set[str]) -> Run:
    inner = _compile(node[1], names)
    return lambda v: _arithmetic("-", 0, inner(v))


def _if(node: Node, names: set[str]) -> Run:
    test, yes, no = (_compile(item, names) for item in node[1:])

    def run(v: Variables) -> Any:
        chosen = test(v)
        if not isinstance(chosen, bool):
            raise CelError("no such overload")
        return yes(v) if chosen else no(v)

    return run


def _logic(node: Node, names: set[str]) -> Run:
    """`&&` and `||`: one side that decides absorbs an error of the other, as CEL says."""
    left, right = _compile(node[1], names), _compile(node[2], names)
    deciding = node[0] == "or"

    def run(v: Variables) -> Any:
        try:
            first = left(v)
        except CelError:
            if right(v) is deciding:
                return deciding
            raise
        if first is deciding:
            return deciding
        second = right(v)
        if not isinstance(first, bool) or not isinstance(second, bool):
            raise CelError("no such overload")
        return second

    return run


_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _binary(node: Node, names: set[str]) -> Run:
    op = node[1]
    left, right = _compile(node[2], names), _compile(node[3], names)
    if op == "==":
        return lambda v: equal(left(v), right(v))
    if op == "!=":
        return lambda v: not equal(left(v), right(v))
    if op == "in":
        return lambda v: _contains(right(v), left(v))
    if op in _ORDER:
        compare = _ORDER[op]
        return lambda v: _compared(compare, left(v), right(v))
    return lambda v: _arithmetic(op, left(v), right(v))


def equal(one: Any, other: Any) -> bool:
    """CEL's equality: numbers by value, booleans are no numbers, lists and maps by content."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, Mapping):
        return item in container
    if isinstance(container, list | tuple):
        return any(equal(item, other) for other in container)
    raise CelError("no such overload")


def _compared(compare: Callable[[Any, Any], bool], one: Any, other: Any) -> bool:
    kinds = {type_name(one), type_name(other)}
    if kinds <= {"int", "double"} or (len(kinds) == 1 and kinds <= {"string", "bool", "quantity"}):
        return compare(one, other)
    raise CelError("no such overload")


def _arithmetic(op: str, one: Any, other: Any) -> Any:
    kinds = (type_name(one), type_name(other))
    if op == "+" and kinds in (("string", "string"), ("list", "list")):
        return one + other if kinds[0] == "string" else [*one, *other]
    if kinds == ("int", "int"):
        return _integers(op, one, other)
    if kinds in (("double", "double"), ("int", "double")) and (kinds[0] == "double" or one == 0):
        if op == "/":
            return one / other if other else float("inf") if one > 0 else float("-inf") if one < 0 else float("nan")
        if op in "+-*":
            return {"+": operator.add, "-": operator.sub, "*": operator.mul}[op](one, other)
    raise CelError("no such overload")


def _integers(op: str, one: int, other: int) -> int:
    if op in "/%" and other == 0:
        raise CelError("division by zero" if op == "/" else "modulus by zero")
    if op == "/":
        value = abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)
    elif op == "%":
        value = abs(one) % abs(other) * (-1 if one < 0 else 1)
    else:
        value = {"+": operator.add, "-": operator.sub, "*": operator.mul}[op](one, other)
    if not -_INT64 <= value < _INT64:
        raise CelError("integer overflow")
    return value


def _select(node: Node, names: set[str]) -> Run:
    inner, name = _compile(node[1], names), _unescaped(node[2])

    def run(v: Variables) -> Any:
        value = inner(v)
        if not isinstance(value, Mapping):
            raise CelError("no such overload")
        if name not in value:
            raise CelError(f"no such key: {name}")
        return value[name]

    return run


def _unescaped(name: str) -> str:
    """A field name as it is in the object: `__dash__` stands for `-` and so on."""
    if not name.startswith("__") and "__" not in name:
        return name
    for written, char in (("__dot__", "."), ("__dash__", "-"), ("__slash__", "/"), ("__underscores__", "__")):
        name = name.replace(written, char)
    return name


def _index(node: Node, names: set[str]) -> Run:
    inner, where = _compile(node[1], names), _compile(node[2], names)

    def run(v: Variables) -> Any:
        value, key = inner(v), where(v)
        if isinstance(value, Mapping):
            if key not in value:
                raise CelError(f"no such key: {key}")
            return value[key]
        if isinstance(value, list | tuple) and isinstance(key, int) and not isinstance(key, bool):
            if not 0 <= key < len(value):
                raise CelError(f"index out of bounds: {key}")
            return value[key]
        raise CelError("no such overload")

    return run


def _call(node: Node, names: set[str]) -> Run:
    name, arguments = node[1], node[2]
    if name == "has" and len(arguments) == 1 and arguments[0][0] == "select":
        return _has(arguments[0], names)
    function = FUNCTIONS.get((name, len(arguments)))
    if function is None:
        raise _unknown(name)
    runs = [_compile(item, names) for item in arguments]
    return lambda v: function(*[run(v) for run in runs])


def _unknown(name: str) -> CelError:
    return CelError(f"undeclared reference to '{name}'")


def _has(node: Node, names: set[str]) -> Run:
    inner, name = _compile(node[1], names), _unescaped(node[2])

    def run(v: Variables) -> bool:
        value = inner(v)
        if not isinstance(value, Mapping):
            raise CelError("no such overload")
        return name in value and value[name] is not None

    return run


_MACROS: Final = ("all", "exists", "exists_one", "filter", "map")


def _method(node: Node, names: set[str]) -> Run:
    name, target, arguments = node[1], node[2], node[3]
    if name in _MACROS and len(arguments) in (2, 3) and arguments[0][0] == "name":
        return _macro(name, target, arguments, names)
    method = METHODS.get((name, len(arguments)))
    if method is None:
        raise _unknown(name)
    inner = _compile(target, names)
    runs = [_compile(item, names) for item in arguments]
    return lambda v: method(inner(v), *[run(v) for run in runs])


def _macro(name: str, target: Node, arguments: Sequence[Node], names: set[str]) -> Run:
    variable = arguments[0][1]
    inner = _compile(target, names)
    bodies = [_compile(item, names) for item in arguments[1:]]
    body = bodies[0]

    def each(v: Variables) -> list[dict[str, Any]]:
        items = inner(v)
        if not isinstance(items, Mapping | list | tuple):
            raise CelError("no such overload")
        return [{**v, variable: item} for item in items]

    if name == "all":
        return lambda v: _every(each(v), body, False)
    if name == "exists":
        return lambda v: not _every(each(v), body, True)
    if name == "exists_one":
        return lambda v: sum(1 for scope in each(v) if body(scope) is True) == 1
    if name == "filter":
        return lambda v: [scope[variable] for scope in each(v) if body(scope) is True]
    if len(bodies) == 2:
        return lambda v: [bodies[1](scope) for scope in each(v) if body(scope) is True]
    return lambda v: [body(scope) for scope in each(v)]


def _every(scopes: list[dict[str, Any]], body: Run, stop: bool) -> bool:
    """Whether the body is never `stop`; an error counts only when no item decides."""
    failure: CelError | None = None
    for scope in scopes:
        try:
            value = body(scope)
        except CelError as error:
            failure = error
            continue
        if value is stop:
            return False
    if failure is not None:
        raise failure
    return True


_COMPILERS: Final[dict[str, Callable[[Node, set[str]], Run]]] = {
    "literal": _literal,
    "name": _name,
    "list": _list,
    "map": _map,
    "not": _not,
    "negative": _negative,
    "if": _if,
    "or": _logic,
    "and": _logic,
    "binary": _binary,
    "select": _select,
    "index": _index,
    "call": _call,
    "method": _method,
}

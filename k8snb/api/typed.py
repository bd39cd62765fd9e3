"""From a plain tree to a typed object, as Go's strict JSON decoder does it: one walk that finds every problem.

A type error stops nothing (Go remembers the first and goes on); the refusal of a quantity, a time or a number or name
(``IntOrString``) would stop Go at once, but here the walk goes on too, so that a reader sees all problems together.
:meth:`Walk.error` says what Go would have said. Called by :mod:`k8snb.api.decode`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from k8snb.api.frozen import EMPTY, FrozenDict, freeze_json
from k8snb.api.gojson import JsonFloat, JsonMap, clean_text, number_text, plain_number
from k8snb.api.gotext import quote
from k8snb.api.gotime import TimeError, parse_micro_time, parse_time
from k8snb.api.quantity import QuantityError, parse
from k8snb.api.schema import FieldPlan, Shape, TypePlan, plan
from k8snb.api.types._index import MODULES

#: sigs.k8s.io/json keeps at most so many strict errors.
MAX_STRICT: Final = 100
_ZERO: Final[dict[str, Any]] = {
    "string": "",
    "bytes": "",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "quantity": "0",
    "intorstring": 0,
}

#: Where the walk is: (path of the parent, field name or index or map key, whether it is a field name).
Path = tuple["Path | None", "str | int", bool] | None


class Problem:
    """Something wrong: ``message`` in Go's words, ``path`` where, and of what sort.

    ``sort`` is ``strict`` (unknown or duplicate field), ``type`` (remembered by Go) or ``fatal`` (stops Go); ``hint``
    the field that was probably meant; ``wanted`` and ``found`` the kind of value that was expected and what stands
    there.
    """

    __slots__ = ("found", "hint", "message", "path", "sort", "wanted")

    def __init__(
        self, sort: str, message: str, path: Path, hint: str = "", *, wanted: str = "", found: Any = None
    ) -> None:
        self.sort = sort
        self.message = message
        self.path = path
        self.hint = hint
        self.wanted = wanted
        self.found = found


def path_parts(path: Path) -> tuple[str | int, ...]:
    """Return a path as field names, indices and map keys."""
    parts: list[str | int] = []
    while path is not None:
        parts.append(path[1])
        path = path[0]
    return tuple(reversed(parts))


def path_text(parts: tuple[str | int, ...]) -> str:
    """Return a path as the server writes it: ``spec.containers[0].image``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def json_kind(value: Any) -> str:
    """Return what Go calls a JSON value."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "object" if isinstance(value, Mapping) else "array"


class Walk:
    """One decoding: collects problems on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def error(self) -> str | None:
        """Return the error that Go's decoder would give, None if the object was decoded."""
        remembered = None
        for item in self.problems:
            if item.sort == "fatal":
                return item.message
            if item.sort == "type" and remembered is None:
                remembered = item.message
        return remembered

    def strict(self) -> list[str]:
        """Return the strict errors (unknown and duplicate fields), each once, in order."""
        return list(dict.fromkeys(item.message for item in self.problems if item.sort == "strict"))[:MAX_STRICT]

    def struct(self, types: TypePlan, value: Any, path: Path, owner: str = "", go: str = "") -> Any:
        """Return the object of a type that ``value`` describes."""
        if not isinstance(value, Mapping):
            if value is not None:
                self.mistyped(value, go, path, owner)
            return types.type()
        fields, found = types.fields, {}
        repeated = value.repeated if type(value) is JsonMap else ()
        for name, item in value.items():
            field = fields.get(name)
            if field is None:
                self._unknown(types, name, path)
            elif item is not None:
                made = self.field(field, item, (path, name, True), types.name)
                if made is not None:
                    found[field.attr] = made
            if repeated and name in repeated:
                self._repeated(name, path)
        return types.type(**found)

    def _unknown(self, types: TypePlan, name: Any, path: Path) -> None:
        here = path_text(path_parts((path, clean_text(str(name)), True)))
        near = _nearest(str(name), types)
        message = f"unknown field {quote(here)}"
        self.problems.append(Problem("strict", message, (path, str(name), True), near))

    def _repeated(self, name: str, path: Path) -> None:
        here = path_text(path_parts((path, name, True)))
        self.problems.append(Problem("strict", f"duplicate field {quote(here)}", (path, name, True)))

    def field(self, field: FieldPlan, value: Any, path: Path, owner: str) -> Any:
        """Return the value of a field, None if it is as good as absent."""
        made = self.value(field.shape, value, path, owner)
        if not made and not field.pointer and not field.always and field.kind in _ZERO and made == _ZERO[field.kind]:
            return None  # Go cannot tell this zero from an absent field
        return made

    def value(self, shape: Shape, value: Any, path: Path, owner: str) -> Any:
        """Return ``value`` as a shape; None after a type error."""
        return _READ[shape.kind](self, shape, value, path, owner)

    def mistyped(self, value: Any, go: str, path: Path, owner: str, sort: str = "type", number: bool = False) -> None:
        """Note that ``value`` is not of the Go type ``go``; ``number`` quotes the number that does not fit."""
        kind = f"number {number_text(value)}" if number else json_kind(value)
        names = []
        here = path
        while here is not None:
            if here[2]:
                names.append(str(here[1]))
            here = here[0]
        where = ".".join((owner, *reversed(names)))
        target = f"struct field {where}" if names else "value"
        message = f"json: cannot unmarshal {kind} into Go {target} of type {go}"
        self.problems.append(Problem(sort, message, path, wanted=_wanted(go), found=value))

    def fatal(self, message: str, path: Path, wanted: str, value: Any) -> None:
        """Note what would stop Go at once."""
        self.problems.append(Problem("fatal", message, path, wanted=wanted, found=value))


def _wanted(go: str) -> str:
    """Return the kind of value that a Go type stands for."""
    if go.startswith(("[]", "map[")):
        return "list" if go.startswith("[]") else "map"
    kinds = {"int32": "int", "int64": "int", "float64": "float", "bool": "bool", "string": "string"}
    return kinds.get(go, "map" if go[go.find(".") + 1 :] in _NAMES else "string")


#: Names of the struct types: an enum (``v1.Protocol``) and a struct (``v1.PodSpec``) look alike in Go's messages.
_NAMES: Final = frozenset(name for names in MODULES.values() for name in names.split())


def _nearest(name: str, types: TypePlan) -> str:
    for known in types.fields:
        if known.lower() == name.lower():
            return known
    import difflib

    near = difflib.get_close_matches(name, types.fields, n=1, cutoff=0.7)
    return near[0] if near else ""


def _string(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    walk.mistyped(value, shape.go, path, owner)
    return None


def _bool(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if isinstance(value, bool):
        return value
    walk.mistyped(value, shape.go, path, owner)
    return None


def _int(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    bound = 1 << (shape.bits - 1)
    if type(value) is int and -bound <= value < bound:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        walk.mistyped(value, shape.go, path, owner)
    else:
        walk.mistyped(value, shape.go, path, owner, number=True)
    return None


def _float(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        walk.mistyped(value, shape.go, path, owner)
        return None
    return plain_number(value)


def _bytes(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if not isinstance(value, str):
        walk.mistyped(value, shape.go, path, owner)
        return None
    try:
        raw = base64.b64decode(value.encode().translate(None, b"\r\n"), validate=True)
    except (binascii.Error, ValueError):
        raw = None
    position = _illegal_base64(value) if raw is None or "=" in value else None
    if position is not None or raw is None:
        message = f"illegal base64 data at input byte {position or 0}"
        walk.problems.append(Problem("type", message, path, wanted="bytes", found=value))
        return None
    return base64.b64encode(raw).decode()


def _illegal_base64(text: str) -> int | None:
    """Return the byte at which Go's decoder stops, None if it does not."""
    data, index = text.encode("utf-8", "surrogatepass"), 0
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def skip(at: int) -> int:
        while at < len(data) and data[at] in b"\r\n":
            at += 1
        return at

    while True:
        count = 0
        while count < 4:
            if index == len(data):
                return None if count == 0 else index - count
            byte = data[index]
            index += 1
            if byte in alphabet:
                count += 1
            elif byte in b"\r\n":
                continue
            elif byte != ord("=") or count < 2:
                return index - 1
            else:
                if count == 2:
                    index = skip(index)
                    if index == len(data):
                        return len(data)
                    if data[index] != ord("="):
                        return index - 1
                    index += 1
                index = skip(index)
                return None if index == len(data) else index


def _quantity(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        text = number_text(value)
    else:
        text = "true" if value is True else "false" if value is False else "{}"
    try:
        return str(parse(text))
    except QuantityError as error:
        walk.fatal(str(error), path, "quantity", value)
        return None


def _int_or_string(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if type(value) is int and -(1 << 31) <= value < 1 << 31:
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    walk.mistyped(value, "int32", path, owner, "fatal", number)
    return None


def _time(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if not isinstance(value, str):
        walk.mistyped(value, "string", path, owner, "fatal")
        return None
    try:
        return parse_micro_time(value) if shape.kind == "microtime" else parse_time(value)
    except TimeError as error:
        walk.fatal(str(error), path, "time", value)
        return None


def _raw(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    return freeze_tree(value)


def _struct(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    return walk.struct(shape.plan, value, path, owner, shape.go)


def _list(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if not isinstance(value, (list, tuple)):
        walk.mistyped(value, shape.go, path, owner)
        return None
    elem = shape.elem
    assert elem is not None
    read = _READ[elem.kind]
    found = []
    for index, item in enumerate(value):
        made = None if item is None else read(walk, elem, item, (path, index, False), owner)
        found.append(zero(elem) if made is None else made)
    return tuple(found)


def _map(walk: Walk, shape: Shape, value: Any, path: Path, owner: str) -> Any:
    if not isinstance(value, Mapping):
        walk.mistyped(value, shape.go, path, owner)
        return None
    elem = shape.elem
    assert elem is not None
    read = _READ[elem.kind]
    repeated = value.repeated if type(value) is JsonMap else ()
    found = {}
    for key, item in value.items():
        name = clean_text(str(key))
        made = None if item is None else read(walk, elem, item, (path, name, False), owner)
        found[name] = zero(elem) if made is None else made
        if repeated and key in repeated:
            walk._repeated(name, path)
    return FrozenDict(found) if found else EMPTY


_READ: Final[dict[str, Callable[[Walk, Shape, Any, Path, str], Any]]] = {
    "string": _string,
    "bytes": _bytes,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "quantity": _quantity,
    "intorstring": _int_or_string,
    "time": _time,
    "microtime": _time,
    "raw": _raw,
    "struct": _struct,
    "list": _list,
    "map": _map,
}


def zero(shape: Shape) -> Any:
    """Return the Go zero of a shape: what a ``null`` in a list or map becomes."""
    if shape.kind == "struct":
        return plan(shape.type).type()
    if shape.kind == "list":
        return ()
    return EMPTY if shape.kind == "map" else _ZERO.get(shape.kind)


def freeze_tree(value: Any) -> Any:
    """Freeze free-form JSON and write its numbers as Go would write them back."""
    if isinstance(value, Mapping):
        return FrozenDict({clean_text(str(key)): freeze_tree(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple([freeze_tree(item) for item in value])
    if isinstance(value, (JsonFloat, float)):
        return plain_number(value)
    return freeze_json(clean_text(value)) if isinstance(value, str) else value

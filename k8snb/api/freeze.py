"""Freezing: what an in-process caller built by hand becomes what the API server would have decoded.

Lists become tuples, dicts become read-only maps, a required field left ``None`` becomes its Go zero, and the zero of a
field that Go cannot tell from an absent one (``readyReplicas=0``, ``nodeName=""``) becomes absent. Parts that are as
they should be are kept, so freezing twice costs a look and changes nothing. Called once for every object on its way
into the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import compress
from operator import attrgetter, is_, is_not
from typing import Any, Final, TypeVar, cast

import msgspec

from k8snb.api.frozen import EMPTY, FrozenDict, freeze_json, frozen_map
from k8snb.api.schema import FieldPlan, Shape, plan
from k8snb.api.unstructured import Unstructured

T = TypeVar("T")
Step = Callable[[Any], Any]

#: How many pod specs are remembered as frozen: those of the templates that pods are being stamped from.
_REMEMBERED: Final = 1024
_ZEROS: Final[dict[str, Any]] = {
    "string": "",
    "bytes": "",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "quantity": "0",
    "intorstring": 0,
}
_STEPS: dict[type[Any], tuple[tuple[tuple[str, Step], ...], Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]] = {}
_SHARED: dict[int, Any] = {}
_MISSING: Final = object()


def freeze(obj: T, known: T | None = None) -> T:
    """Return ``obj`` deeply frozen and without Go zeros; ``known`` is its stored version, whose parts need no second
    look.
    """
    if isinstance(obj, Unstructured):
        return cast("T", _unstructured(obj))
    return cast("T", _struct(obj, known))


def _unstructured(obj: Unstructured) -> Unstructured:
    metadata, content = _struct(obj.metadata, None), freeze_json(obj.content)
    if metadata is obj.metadata and content is obj.content:
        return obj
    return msgspec.structs.replace(obj, metadata=metadata, content=content)


def _struct(value: Any, known: Any) -> Any:
    kind = type(value)
    found = _STEPS.get(kind)
    if found is None:
        found = _STEPS[kind] = _steps(kind)
    steps, items, blank = found
    given = items(value)
    before = items(known) if type(known) is kind else blank
    changed: dict[str, Any] = {}
    for (attr, step), item, old in compress(zip(steps, given, before, strict=True), map(is_not, given, before)):
        if item is None:
            if step in _REQUIRED:
                changed[attr] = step(None)
            continue
        if step is _drop_zero:
            if not item:
                changed[attr] = None
            continue
        frozen = _struct(item, old) if step is _any_struct else step(item)
        if frozen is not item:
            changed[attr] = frozen
    return msgspec.structs.replace(value, **changed) if changed else value


def _any_struct(value: Any) -> Any:
    return _struct(value, None)


def _pod_spec(value: Any) -> Any:
    """Freeze a pod spec, remembering it: hundreds of pods share the spec of their template."""
    if _SHARED.get(id(value), _MISSING) is value:
        return value
    frozen = _struct(value, None)
    if len(_SHARED) >= _REMEMBERED:
        _SHARED.clear()
    _SHARED[id(frozen)] = frozen
    return frozen


def _json(value: Any) -> Any:
    return freeze_json(value)


def _plain_list(value: Any) -> Any:
    return value if type(value) is tuple else tuple(value)


def _struct_list(value: Any) -> Any:
    if not value:
        return ()
    frozen = tuple([_struct(item, None) for item in value])
    if type(value) is tuple and all(map(is_, frozen, value)):
        return value
    return frozen


def _map_of(step: Step) -> Step:
    def freeze_map(value: Mapping[str, Any]) -> Any:
        frozen = {key: step(item) for key, item in value.items()}
        if type(value) is FrozenDict and all(map(is_, frozen.values(), value.values())):
            return value
        return FrozenDict(frozen) if frozen else EMPTY

    return freeze_map


def _drop_zero(value: Any) -> Any:
    """A zero that is false to Python, too (``_struct`` does not even call this, for speed)."""
    return value or None


def _drop_no_quantity(value: Any) -> Any:
    return None if value == "0" else value


def _fill(zero: Any) -> Step:
    def fill(value: Any) -> Any:
        return zero if value is None else value

    _REQUIRED.add(fill)
    return fill


_REQUIRED: set[Step] = set()
_DROPS: Final[dict[str, Step]] = {kind: _drop_zero if not zero else _drop_no_quantity for kind, zero in _ZEROS.items()}
_FILLS: Final = {zero: _fill(value) for zero, value in _ZEROS.items()}


def _steps(
    type_: type[Any],
) -> tuple[tuple[tuple[str, Step], ...], Callable[[Any], tuple[Any, ...]], tuple[Any, ...]]:
    """Return (attribute, function) of the fields that may need freezing, what fetches their values, and the values of an
    object with nothing set, which are as they should be.
    """
    found = []
    for item in plan(type_).fields.values():
        step = _step(item)
        if step is not None:
            found.append((item.attr, step))
    names = [attr for attr, _ in found]

    def one_by_one(value: Any) -> tuple[Any, ...]:
        return tuple([getattr(value, name) for name in names])

    items = attrgetter(*names) if len(names) > 1 else one_by_one
    return tuple(found), items, items(type_())


def _step(item: FieldPlan) -> Step | None:
    kind = item.kind
    if kind in ("list", "map", "struct", "raw"):
        return _whole(item.shape)
    if item.always:
        return None if item.pointer or kind in ("time", "microtime") else _FILLS[kind]
    return None if item.pointer or kind not in _DROPS else _DROPS[kind]


def _whole(shape: Shape) -> Step:
    if shape.kind == "raw":
        return _json
    if shape.kind == "struct":
        return _pod_spec if shape.name == "PodSpec" else _any_struct
    assert shape.elem is not None
    inner = shape.elem.kind
    if shape.kind == "list":
        return _struct_list if inner == "struct" else _json if inner == "raw" else _plain_list
    if inner in ("struct", "list", "raw"):
        return _map_of(_whole(shape.elem))
    return frozen_map

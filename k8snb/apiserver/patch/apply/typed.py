"""Objects walked along their schema: validated, turned into field sets, compared, merged, trimmed.

The rules are those of structured-merge-diff (`typed`): atomic values are one leaf, lists with keys and sets merge by
element, a map or list that is empty on both sides is a leaf. Absent (`ABSENT`) is not null (None).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from k8snb.api.gotext import plain, quote
from k8snb.apiserver.patch.apply import fieldset
from k8snb.apiserver.patch.apply.fieldset import FieldSet
from k8snb.apiserver.patch.apply.schema import ListNode, MapNode, Node
from k8snb.apiserver.patch.tree import go_type


class _Absent:
    """The value of a field that is not there."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "absent"


ABSENT: Any = _Absent()


class Comparison(NamedTuple):
    """What differs between two objects."""

    added: FieldSet
    removed: FieldSet
    modified: FieldSet

    def without(self, ignored: FieldSet) -> Comparison:
        """The same without some fields and all below them."""
        if not ignored:
            return self
        return Comparison(*(fieldset.recursive_difference(part, ignored) for part in self))


class BadElement(Exception):
    """A list element has no usable key."""


def _element_of(node: ListNode, item: Any) -> str:
    """The path element of an item of a list with keys or a set."""
    if not node.keys:
        if item is None:
            raise BadElement("associative list without keys has an element that's an explicit null")
        if isinstance(item, dict):
            raise BadElement("associative list without keys has an element that's a map type")
        if isinstance(item, list):
            raise BadElement("not supported: associative list with lists as elements")
        return fieldset.value(item)
    if item is None:
        raise BadElement("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise BadElement("associative list with keys may not have non-map elements")
    keys = {}
    for name in node.keys:
        if name in item:
            keys[name] = item[name]
        elif name in node.defaults:
            keys[name] = node.defaults[name]
        else:
            raise BadElement(
                f'associative list with keys has an element that omits key field "{name}" '
                "(and doesn't have default value)"
            )
    return fieldset.key(keys)


def _elements(node: ListNode, items: list[Any]) -> dict[str, list[Any]]:
    """The items by path element, in order; more than one under an element are duplicates."""
    out: dict[str, list[Any]] = {}
    for item in items:
        try:
            out.setdefault(_element_of(node, item), []).append(item)
        except BadElement:
            continue
    return out


# -- validation


def problems(value: Any, node: Node) -> list[str]:
    """Why a configuration does not fit the schema, each with its path: `.dta: field not declared in schema`."""
    out: list[str] = []
    _check(value, node, "", out)
    return out


def _say(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _check(value: Any, node: Node, path: str, out: list[str]) -> None:
    kind = node.kind_for(value)
    if kind == "scalar":
        if why := _bad_scalar(value, node.scalar):
            out.append(_say(path, why))
    elif kind == "list":
        if value is not None and not isinstance(value, list):
            out.append(_say(path, f"expected list, got {_shown(value)}"))
        elif node.list is not None:
            _check_list(value or [], node.list, path, out)
    elif value is not None and not isinstance(value, dict):
        out.append(_say(path, f"expected map, got {_shown(value)}"))
    elif node.map is not None:
        for name, item in sorted((value or {}).items()):
            child = node.map.field(name)
            here = f"{path}.{name}"
            if child is None:
                out.append(_say(here, "field not declared in schema"))
            else:
                _check(item, child, here, out)


def _check_list(items: list[Any], node: ListNode, path: str, out: list[str]) -> None:
    if node.atomic:
        for at, item in enumerate(items):
            _check(item, node.element, f"{path}[{at}]", out)
        return
    seen: dict[str, None] = {}
    for at, item in enumerate(items):
        try:
            element = _element_of(node, item)
        except BadElement as error:
            out.append(_say(path, f"element {at}: {error}"))
            continue
        shown = fieldset.element_text(element)
        if element in seen:
            out.append(_say(path, f"duplicate entries for key {shown}"))
        seen[element] = None
        _check(item, node.element, path + shown, out)


def _bad_scalar(value: Any, expected: str) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is None:
        return ""
    if expected == "numeric":
        return "" if number else f"expected numeric (int or float), got {go_type(value)}"
    if expected == "string":
        shown = f"&value.valueUnstructured{{Value:{_go_syntax(value)}}}"
        return "" if isinstance(value, str) else f"expected string, got {shown}"
    if expected == "boolean":
        return "" if isinstance(value, bool) else f"expected boolean, got {_shown(value)}"
    scalar = number or isinstance(value, str | bool)
    return "" if scalar else f"expected any scalar, got {_shown(value)}"


def _shown(value: Any) -> str:
    return f"&{{{plain(value)}}}"


def _go_syntax(value: Any) -> str:
    """`%#v` of a JSON value."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        inner = ", ".join(f"{quote(key)}:{_go_syntax(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(_go_syntax, value)) + "}"
    return "interface {}(nil)" if value is None else f"{value}"


# -- field sets


def field_set(value: Any, node: Node) -> FieldSet:
    """The fields that a configuration mentions."""
    found = _fields(value, node)
    return {} if found is None else {element: part for element, part in found.items() if element != fieldset.SELF}


def _fields(value: Any, node: Node) -> FieldSet | None:
    """The set at and below a place; None when nothing is in it ({} is the place itself)."""
    kind = node.kind_for(value)
    if kind == "scalar":
        return {}
    if kind == "list":
        assert node.list is not None
        if node.list.atomic:
            return {}
        found: FieldSet = {}
        for element, items in _elements(node.list, value if isinstance(value, list) else []).items():
            inner = _fields(items[0], node.list.element) if len(items) == 1 else None
            found[element] = {fieldset.SELF: {}, **inner} if inner else {}
        return found or None
    assert node.map is not None
    if node.map.atomic:
        return {}
    if not isinstance(value, dict):
        return None
    found = {}
    for name, item in value.items():
        child = node.map.field(name)
        if child is None:
            continue
        inner = _fields(item, child)
        member = item is None or item == {} or not node.map.named(name)
        if inner is None:
            if member:
                found[fieldset.field(name)] = {}
        elif inner and member:
            found[fieldset.field(name)] = {fieldset.SELF: {}, **inner}
        else:
            found[fieldset.field(name)] = inner
    return found or None


# -- comparison


def compare(old: Any, new: Any, node: Node) -> Comparison:
    """What was added, removed and modified from `old` to `new`; the objects themselves are in no set."""
    whole = Comparison({}, {}, {})
    _compare(old, new, node, "", whole)
    below = (part.get("", {}) for part in whole)
    return Comparison(
        *({element: part for element, part in side.items() if element != fieldset.SELF} for side in below)
    )


def _equal(one: Any, two: Any) -> bool:
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


def _compare(old: Any, new: Any, node: Node, element: str, out: Comparison) -> None:
    """Put what differs at a place into the sets of the place above, under the place's path element."""
    if old is ABSENT:
        out.added[element] = _one_sided(new, node)
        return
    if new is ABSENT:
        out.removed[element] = _one_sided(old, node)
        return
    if _equal(old, new):
        return
    kind = node.kind_for(old if new is None else new)
    if kind == "scalar" or not (old or new) or kind != node.kind_for(new if old is None else old):
        out.modified[element] = {}
        return
    below = Comparison({}, {}, {})
    if kind == "map":
        assert node.map is not None
        if node.map.atomic:
            out.modified[element] = {}
            return
        _compare_maps(_dict(old), _dict(new), node.map, below)
    else:
        assert node.list is not None
        if node.list.atomic:
            out.modified[element] = {}
            return
        _compare_lists(_list(old), _list(new), node.list, below)
    for found, part in zip(out, below, strict=True):
        if part:
            found[element] = part


def _one_sided(value: Any, node: Node) -> FieldSet:
    """The set of a place that only one of the objects has: the place itself and everything below it."""
    kind = node.kind_for(value)
    if kind == "scalar" or not value:
        return {}
    found: FieldSet = {fieldset.SELF: {}}
    if kind == "map":
        assert node.map is not None
        if node.map.atomic:
            return {}
        field = node.map.field
        for name, item in _dict(value).items():
            child = field(name)
            if child is not None:
                found[fieldset.field(name)] = _one_sided(item, child)
    else:
        assert node.list is not None
        if node.list.atomic:
            return {}
        inner = node.list.element
        for element, items in _elements(node.list, _list(value)).items():
            found[element] = {} if len(items) > 1 else _one_sided(items[0], inner)
    return found if len(found) > 1 else {}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _compare_maps(old: dict[str, Any], new: dict[str, Any], node: MapNode, out: Comparison) -> None:
    for name in {**old, **new}:
        child = node.field(name)
        if child is not None:
            _compare(old.get(name, ABSENT), new.get(name, ABSENT), child, fieldset.field(name), out)


def _compare_lists(old: list[Any], new: list[Any], node: ListNode, out: Comparison) -> None:
    before, after = _elements(node, old), _elements(node, new)
    for element in {**before, **after}:
        left, right = before.get(element, []), after.get(element, [])
        if len(left) > 1 or len(right) > 1:
            if not left:
                out.added[element] = {}
            elif not right:
                out.removed[element] = {}
            elif not _equal(left, right):
                out.modified[element] = {}
        else:
            _compare(left[0] if left else ABSENT, right[0] if right else ABSENT, node.element, element, out)


# -- merging


def merge(live: Any, config: Any, node: Node) -> Any:
    """The live object with a configuration laid over it; what both lack is absent."""
    if live is ABSENT:
        kind = node.kind_for(config)
    elif config is ABSENT:
        kind = node.kind_for(live)
    else:
        kind = node.kind_for(config)
        if kind != node.kind_for(live):
            return config
    either = config if config is not ABSENT else live
    if kind == "scalar":
        return either
    if kind == "map":
        assert node.map is not None
        if node.map.atomic or not (live or config):
            return either
        return _merge_maps(_dict(live), _dict(config), node.map)
    assert node.list is not None
    if node.list.atomic or not (live or config):
        return either
    return _merge_lists(_list(live), _list(config), node.list)


def _merge_maps(live: dict[str, Any], config: dict[str, Any], node: MapNode) -> Any:
    out = {}
    for name in {**live, **config}:
        child = node.field(name)
        if child is None:
            out[name] = config.get(name, live.get(name))
            continue
        found = merge(live.get(name, ABSENT), config.get(name, ABSENT), child)
        if found is not ABSENT:
            out[name] = found
    return out or ABSENT


def _merge_lists(live: list[Any], config: list[Any], node: ListNode) -> Any:
    """Shared elements in the configuration's order; live elements keep their place relative to their neighbours."""
    left, right = _elements(node, live), _elements(node, config)
    order = list(left)
    wanted = list(right)
    shared = [element for element in wanted if element in left]
    out: list[Any] = []

    def take(element: str) -> None:
        if len(left.get(element, ())) > 1:
            out.extend(left[element] if element not in right else right[element])
            return
        one = left[element][0] if element in left else ABSENT
        two = right[element][0] if element in right else ABSENT
        found = merge(one, two, node.element)
        if found is not ABSENT:
            out.append(found)

    i = j = at = 0
    while i < len(order) or j < len(wanted):
        if i < len(order) and j < len(wanted):
            if order[i] == wanted[j]:
                take(order[i])
                i, j, at = i + 1, j + 1, at + 1
                continue
            if order[i] in right and at < len(shared) and shared[at] != order[i]:
                i += 1
                continue
        if i < len(order) and order[i] not in right:
            take(order[i])
            i += 1
            continue
        if j < len(wanted):
            take(wanted[j])
            if at < len(shared) and shared[at] == wanted[j]:
                at += 1
            j += 1
        else:
            i += 1
    return out or ABSENT


# -- trimming


def without(value: Any, fields: Mapping[str, Any], node: Node) -> Any:
    """The value without the given fields; None when nothing is left (or an atomic value was named below)."""
    kind = node.kind_for(value)
    if kind == "scalar":
        return value
    if kind == "list":
        assert node.list is not None
        return _without_items(value, fields, node.list)
    assert node.map is not None
    if not isinstance(value, dict) or not value or node.map.atomic:
        return None
    out = {}
    for name, item in value.items():
        element = fieldset.field(name)
        if fieldset.has(fields, element):
            continue
        child = node.map.field(name)
        if child is not None and fieldset.has_below(fields, element):
            item = without(item, fieldset.below(fields, element), child)
        out[name] = item
    return out or None


def _without_items(value: Any, fields: Mapping[str, Any], node: ListNode) -> Any:
    if not isinstance(value, list) or not value or node.atomic:
        return None
    out = []
    for item in value:
        try:
            element = _element_of(node, item)
        except BadElement:
            out.append(item)
            continue
        if fieldset.has(fields, element):
            continue
        if fieldset.has_below(fields, element):
            item = without(item, fieldset.below(fields, element), node.element)
        out.append(item)
    return out or None


def with_named_fields(fields: Mapping[str, Any], node: Node | None) -> FieldSet:
    """The set with every declared field above a member made a member too (maps' keys and list elements are not)."""
    out: FieldSet = {}
    for element, part in fields.items():
        if element == fieldset.SELF:
            continue
        child: Node | None = None
        member = fieldset.is_member(part)
        if node is not None and element.startswith("f:") and node.map is not None:
            name = element[2:]
            child = node.map.field(name)
            member = member or node.map.named(name)
        elif node is not None and element.startswith("k:") and node.list is not None:
            child = node.list.element
        inner = with_named_fields(part, child)
        out[element] = {fieldset.SELF: {}, **inner} if inner and member else inner
    return out

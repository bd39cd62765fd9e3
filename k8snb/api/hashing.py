"""The hashes in the names of ReplicaSets, pods and ControllerRevisions, byte for byte those of Kubernetes.

``pod-template-hash``, and the revision hash of a DaemonSet, are FNV-1a (32 bit) of a text dump of the Go struct
``PodTemplateSpec``; the revision hash of a StatefulSet is FNV-1 of the JSON of the revision's data. Both are written in
an alphabet without vowels and look-alikes. One thing a dump would show is not modelled: a ``creationTimestamp`` set in
a template is hashed as if it were absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from k8snb.api import quantity
from k8snb.api.codec import to_dict
from k8snb.api.types._podtemplate import LAYOUT
from k8snb.api.types.core_v1 import PodTemplateSpec

#: ``rand.SafeEncodeString``: digits become letters that make no words.
SAFE_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
FNV_OFFSET: Final = 2166136261
FNV_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF
#: How many templates are remembered; a cluster rarely has more workloads that change at once.
_REMEMBERED: Final = 512

Dump = Callable[[Any], str]


def safe_encode(text: str) -> str:
    """Return ``text`` in the safe alphabet, character by character."""
    return "".join([SAFE_ALPHABET[ord(char) % 27] for char in text])


def fnv1a(data: bytes, start: int = FNV_OFFSET) -> int:
    """Return the 32-bit FNV-1a hash of ``data``, continuing from ``start``."""
    value = start
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & _MASK
    return value


def fnv1(data: bytes) -> int:
    """Return the 32-bit FNV-1 hash of ``data``."""
    value = FNV_OFFSET
    for byte in data:
        value = ((value * FNV_PRIME) & _MASK) ^ byte
    return value


_SUMS: dict[int, tuple[PodTemplateSpec, int]] = {}


def pod_template_hash(template: PodTemplateSpec, collision_count: int | None = None) -> str:
    """Return the ``pod-template-hash`` of a Deployment's template (which must not carry the label itself).

    ``collision_count`` is the Deployment's ``status.collisionCount``. Cached by the identity of ``template``.
    """
    found = _SUMS.get(id(template))
    if found is not None and found[0] is template:
        total = found[1]
    else:
        total = fnv1a(dump_template(template).encode("utf-8", "surrogateescape"))
        if len(_SUMS) >= _REMEMBERED:
            _SUMS.clear()
        _SUMS[id(template)] = (template, total)
    if collision_count is not None:
        total = fnv1a((collision_count & _MASK).to_bytes(4, "little") + bytes(4), total)
    return safe_encode(str(total))


def controller_revision_hash_daemonset(template: PodTemplateSpec, collision_count: int | None = None) -> str:
    """Return the ``controller-revision-hash`` of a DaemonSet's template."""
    return pod_template_hash(template, collision_count)


def controller_revision_hash_statefulset(data: str | bytes, collision_count: int | None = None) -> str:
    """Return the ``controller-revision-hash`` of a StatefulSet's revision, from its ``data`` as JSON."""
    raw = data if isinstance(data, bytes) else data.encode()
    return safe_encode(str(fnv1(raw + str(collision_count or 0).encode())))


def statefulset_revision_data(template: PodTemplateSpec) -> str:
    """Return the data of a StatefulSet's ControllerRevision: a patch that replaces the template, as Go writes JSON."""
    body = {"spec": {"template": {**to_dict(template), "$patch": "replace"}}}
    text = msgspec.json.encode(body, order="sorted").decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def dump_template(template: PodTemplateSpec) -> str:
    """Return the text of ``template`` that is hashed: the Go struct as spew prints it with ``%#v``."""
    return f"(v1.PodTemplateSpec){_dump('v1.PodTemplateSpec')(template)}"


_DUMPS: dict[str, Dump] = {}
_INTS: Final = ("int32", "int64")


def _dump(go: str) -> Dump:
    """Return the function that prints a value of a Go type, without the type's name in front."""
    found = _DUMPS.get(go)
    if found is None:
        found = _DUMPS[go] = _make(go)
    return found


def _make(go: str) -> Dump:
    if go.startswith("*"):
        inner = _dump(go[1:])
        return lambda value: "<nil>" if value is None else inner(value)
    if go.startswith("[]"):
        element = _dump(go[2:])
        return lambda values: f"[{' '.join([element(value) for value in values])}]" if values else "<nil>"
    if go == "v1.ResourceList":
        return _map(_quantity)
    if go.startswith("map["):
        return _map(_dump(go.partition("]")[2]))
    special = {
        "bool": lambda value: "true" if value else "false",
        "intstr.IntOrString": _int_or_string,
        "resource.Quantity": _quantity,
        "v1.Time": lambda _value: _NO_TIME,
        "v1.FieldsV1": lambda _value: "{Raw:([]uint8)<nil>}",
    }
    if go in special:
        return special[go]
    if go in _INTS:
        return lambda value: str(value or 0)
    return _struct(go) if go in LAYOUT else lambda value: value or ""


_NO_TIME: Final = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"


def _struct(go: str) -> Dump:
    rows: list[tuple[str, str, Dump]] = []
    lines = [line.split(" ") for line in LAYOUT[go]]

    def dump(value: Any) -> str:
        if not rows:
            # Filled in on first use: types refer to one another.
            rows.extend((f"{name}:({kind})", attr, _dump(kind)) for name, kind, attr in lines)
        parts = [
            head + (inner(value) if attr == "." else inner(None if value is None else getattr(value, attr)))
            for head, attr, inner in rows
        ]
        return f"{{{' '.join(parts)}}}"

    return dump


def _map(element: Dump) -> Dump:
    def dump(value: Mapping[str, Any]) -> str:
        if not value:
            return "<nil>"
        # Go sorts strings by their bytes, which is the order of their code points.
        return f"map[{' '.join([f'{key}:{element(value[key])}' for key in sorted(value)])}]"

    return dump


def _int_or_string(value: int | str | None) -> str:
    if isinstance(value, str):
        return f"{{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string){value}}}"
    return f"{{Type:(intstr.Type)0 IntVal:(int32){value or 0} StrVal:(string)}}"


def _quantity(text: str | None) -> str:
    if text is None:
        # The zero value, which no parser made: it has no notation.
        return _AMOUNT.format(0, 0, "<nil>", "", "")
    number, scale, big, cached, notation = quantity.layout(text)
    shown = "<nil>" if big is None else _big(*big)
    return _AMOUNT.format(number, scale, shown, cached, notation)


_AMOUNT: Final = (
    "{{i:(resource.int64Amount){{value:(int64){} scale:(resource.Scale){}}} "
    "d:(resource.infDecAmount){{Dec:(*inf.Dec){}}} s:(string){} Format:(resource.Format){}}}"
)


def _big(number: int, scale: int) -> str:
    """Print an ``inf.Dec``: its number as 64-bit words, the lowest first."""
    words, rest = [], abs(number)
    while rest:
        words.append(str(rest & ((1 << 64) - 1)))
        rest >>= 64
    digits = f"[{' '.join(words)}]" if words else "<nil>"
    sign = "true" if number < 0 else "false"
    return f"{{unscaled:(big.Int){{neg:(bool){sign} abs:(big.nat){digits}}} scale:(inf.Scale){scale}}}"

"""What differs between two worlds: objects on one side only, and fields that are not the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from k8snb import locale
from k8snb.api.codec import to_dict
from k8snb.api.object import Object
from k8snb.client.view import cache_key

if TYPE_CHECKING:
    import pandas as pd

    from k8snb.world import World

VOLATILE = ("resourceVersion", "managedFields")
"""Metadata that differs between any two histories and says nothing of the objects."""
NOISE = frozenset({"Event", "Lease"})
"""Kinds left out by default: records of what happened and heartbeats, not state."""


class Difference(msgspec.Struct, frozen=True):
    """One difference: ``path`` is empty when the whole object is on one side only (``left`` or ``right`` is then None)."""

    kind: str
    name: str
    path: str
    left: Any
    right: Any

    def __repr__(self) -> str:
        where = f"{self.kind} {self.name}"
        if not self.path:
            return f"- {where}" if self.right is None else f"+ {where}"
        return f"~ {where} {self.path}: {_short(self.left)} → {_short(self.right)}"


class Diff(tuple[Difference, ...]):
    """All differences, by kind and name; empty when the worlds are alike."""

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row per difference: kind, name, path, left, right."""
        import pandas as pd

        return pd.DataFrame(
            [msgspec.structs.asdict(d) for d in self], columns=["kind", "name", "path", "left", "right"]
        )

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or locale.text("diff.none")


def diff_worlds(left: World, right: World, ignore: frozenset[str] = NOISE) -> Diff:
    """Compare all objects of two worlds; values that were not changed since a fork are shared and cost nothing."""
    a, b = _all(left, ignore), _all(right, ignore)
    found: list[Difference] = []
    for key in sorted(a.keys() | b.keys()):
        one, two = a.get(key), b.get(key)
        if one is two:
            continue
        obj = one if one is not None else two
        assert obj is not None
        kind, name = obj.kind, cache_key(obj)
        if one is None or two is None:
            found.append(Difference(kind, name, "", one and kind, two and kind))
        else:
            found.extend(Difference(kind, name, *d) for d in _fields(_plain(one), _plain(two), ""))
    return Diff(found)


def diff_objects(left: Object, right: Object) -> list[tuple[str, Any, Any]]:
    """(path, left, right) of every field in which two objects differ; versions and managed fields are left out."""
    return _fields(_plain(left), _plain(right), "")


def diff_fields(left: Any, right: Any) -> list[tuple[str, Any, Any]]:
    """(path, left, right) of every field in which two plain values differ."""
    return _fields(left, right, "")


def _all(world: World, ignore: frozenset[str]) -> dict[str, Object]:
    return {kv.key: kv.value for kv in world.reader.list("/registry/").items if kv.value.kind not in ignore}


def _plain(obj: Object) -> dict[str, Any]:
    plain = to_dict(obj)
    for name in VOLATILE:
        plain["metadata"].pop(name, None)
    return plain


def _fields(left: Any, right: Any, path: str) -> list[tuple[str, Any, Any]]:
    if left == right:
        return []
    if isinstance(left, dict) and isinstance(right, dict):
        keys = dict.fromkeys([*left, *right])
        return [d for k in keys for d in _fields(left.get(k), right.get(k), f"{path}.{k}" if path else str(k))]
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right):
        return [d for i, (x, y) in enumerate(zip(left, right, strict=True)) for d in _fields(x, y, f"{path}[{i}]")]
    return [(path, left, right)]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"

"""The bases of the generated types: every value, every kind, every list of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import msgspec

if TYPE_CHECKING:
    from k8snb.api.types.meta_v1 import ListMeta, ObjectMeta
else:
    # Every generated kind declares its own; nothing ever decodes into the bases.
    ListMeta = ObjectMeta = Any


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, repr_omit_defaults=True):
    """An immutable part of an API object; ``None``, ``()`` and the empty map mean absent."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


class Object(Value, frozen=True, kw_only=True):
    """An API object: something with a kind and metadata, as in YAML (``pod.metadata.name``, ``pod.spec.nodeName``)."""

    kind: str
    apiVersion: str
    metadata: ObjectMeta

    def __repr__(self) -> str:
        meta = self.metadata
        name = meta.name or (meta.generateName or "") + "…"
        return f"<{self.kind} {meta.namespace}/{name}>" if meta.namespace else f"<{self.kind} {name}>"


class ListObject(Value, frozen=True, kw_only=True):
    """A list of objects of one kind, as a LIST request answers."""

    kind: str
    apiVersion: str
    metadata: ListMeta
    items: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.kind} {len(self.items)} items>"

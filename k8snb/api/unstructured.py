"""Objects whose type is not known in advance: those of custom resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import field

from k8snb.api.frozen import EMPTY, empty, freeze_json
from k8snb.api.object import Object
from k8snb.api.types.meta_v1 import ObjectMeta


class Unstructured(Object, frozen=True, kw_only=True):
    """An object of a custom resource: typed metadata, everything else (``spec``, ``status`` …) in the read-only map
    ``content``.

    ``widget.spec.size`` reads ``content["spec"]["size"]``; a change is ``replace(widget, content={...})``.
    """

    kind: str
    apiVersion: str
    metadata: ObjectMeta = field(default_factory=empty(ObjectMeta))
    content: Mapping[str, Any] = EMPTY

    def __getattr__(self, name: str) -> Any:
        try:
            return self.content[name]
        except KeyError:
            raise AttributeError(
                f"{self.kind} has no field {name!r}; it has {', '.join(self.content) or 'none'}"
            ) from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return the top-level field ``name``, or ``default``."""
        return self.content.get(name, default)

    def with_content(self, **fields: Any) -> Unstructured:
        """Return the object with top-level fields set (``None`` takes one away)."""
        content = {**self.content, **fields}
        kept = {key: value for key, value in content.items() if value is not None}
        return Unstructured(
            kind=self.kind,
            apiVersion=self.apiVersion,
            metadata=self.metadata,
            content=freeze_json(kept) if kept else EMPTY,
        )

"""The scalar types of the API as they appear in annotations of the generated types.

At run time maps and free-form JSON are types of our own, so that decoding freezes them (see :mod:`k8snb.api.codec`); a
type checker sees a ``Mapping`` and ``Any``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

#: Canonical text of a ``resource.Quantity``, for example ``100m`` or ``1Gi``; arithmetic is in
#: :mod:`k8snb.api.quantity`.
Quantity = str
#: RFC 3339 text, whole seconds, UTC: ``2024-01-01T00:00:00Z``.
Time = str
#: RFC 3339 text with microseconds, UTC: ``2024-01-01T00:00:00.000000Z``.
MicroTime = str
#: A number, or text such as ``25%`` or a port's name.
IntOrString = int | str

if TYPE_CHECKING:
    from collections.abc import Mapping as Map

    Json = Any
else:
    from k8snb.api.frozen import FrozenDict as Map

    class _AnyInstance(type):
        def __instancecheck__(cls, _instance: object) -> bool:
            return True

    class Json(metaclass=_AnyInstance):
        """Free-form JSON (``runtime.RawExtension``, ``FieldsV1``, a CustomResource schema's ``default``)."""


__all__ = ["IntOrString", "Json", "Map", "MicroTime", "Quantity", "Time"]

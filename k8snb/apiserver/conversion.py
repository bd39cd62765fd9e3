"""Resources that are one object under several names: which one is stored, and how the others are made from it.

Kubernetes converts every object to an internal type; here the stored version plays that part. Only two kinds are
served under more than one group version: events and HorizontalPodAutoscalers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k8snb.apiserver.convert_events import from_core, to_core

if TYPE_CHECKING:
    from collections.abc import Callable


class Conversion:
    """Both ways between a served version and the stored one; each function takes and returns a typed object."""

    __slots__ = ("from_stored", "stored", "to_stored")

    def __init__(
        self, stored: tuple[str, str], to_stored: Callable[[Any], Any], from_stored: Callable[[Any], Any]
    ) -> None:
        self.stored = stored
        self.to_stored = to_stored
        self.from_stored = from_stored


def _hpa_to_v2(obj: Any) -> Any:
    from k8snb.apiserver.kinds import horizontalpodautoscaler

    return horizontalpodautoscaler.to_v2(obj)


def _hpa_to_v1(obj: Any) -> Any:
    from k8snb.apiserver.kinds import horizontalpodautoscaler

    return horizontalpodautoscaler.to_v1(obj)


CONVERSIONS: dict[tuple[str, str], Conversion] = {
    ("events.k8s.io/v1", "Event"): Conversion(("v1", "Event"), to_core, from_core),
    ("autoscaling/v1", "HorizontalPodAutoscaler"): Conversion(
        ("autoscaling/v2", "HorizontalPodAutoscaler"), _hpa_to_v2, _hpa_to_v1
    ),
}
"""By served (apiVersion, kind)."""

"""EndpointSlice."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class EndpointSliceStrategy(Kind):
    """Decisions about EndpointSlice objects."""

    serves = (("discovery.k8s.io/v1", "EndpointSlice"),)

"""ServiceCIDR."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class ServiceCIDRStrategy(Kind):
    """Decisions about ServiceCIDR objects."""

    serves = (("networking.k8s.io/v1", "ServiceCIDR"),)
    has_status = True

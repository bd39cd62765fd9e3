"""IPAddress."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class IPAddressStrategy(Kind):
    """Decisions about IPAddress objects."""

    serves = (("networking.k8s.io/v1", "IPAddress"),)

"""NetworkPolicy."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class NetworkPolicyStrategy(Kind):
    """Decisions about NetworkPolicy objects."""

    serves = (("networking.k8s.io/v1", "NetworkPolicy"),)

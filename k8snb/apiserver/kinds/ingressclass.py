"""IngressClass."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class IngressClassStrategy(Kind):
    """Decisions about IngressClass objects."""

    serves = (("networking.k8s.io/v1", "IngressClass"),)

"""Ingress."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class IngressStrategy(Kind):
    """Decisions about Ingress objects."""

    serves = (("networking.k8s.io/v1", "Ingress"),)
    has_status = True

"""CustomResourceDefinition."""

from __future__ import annotations

from k8snb.apiserver.kinds.base import Kind


class CustomResourceDefinitionStrategy(Kind):
    """Decisions about CustomResourceDefinition objects."""

    serves = (("apiextensions.k8s.io/v1", "CustomResourceDefinition"),)
    has_status = True

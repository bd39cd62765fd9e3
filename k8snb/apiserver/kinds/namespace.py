"""Namespaces: active when they are made, labelled with their own name, held by their finalizer until they are empty."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names

_NAME_LABEL = "kubernetes.io/metadata.name"
_FINALIZER = "kubernetes"


class NamespaceStrategy(Kind):
    """Decisions about namespaces."""

    serves = (("v1", "Namespace"),)
    name_rule = staticmethod(names.label_name)
    has_status = True
    kube_finalizers = False

    def default(self, obj: core.Namespace) -> core.Namespace:
        """The label by which selectors find a namespace of a known name."""
        name = obj.metadata.name
        if not name or obj.metadata.labels.get(_NAME_LABEL) == name:
            return obj
        labels = FrozenDict({**obj.metadata.labels, _NAME_LABEL: name})
        return replace(obj, metadata=replace(obj.metadata, labels=labels))

    def prepare_for_create(self, obj: core.Namespace, ctx: Context) -> core.Namespace:
        """Active, with the finalizer that the namespace controller takes off when the namespace is empty."""
        finalizers = obj.spec.finalizers
        if _FINALIZER not in finalizers:
            finalizers = (*finalizers, _FINALIZER)
        return replace(obj, spec=replace(obj.spec, finalizers=finalizers), status=core.NamespaceStatus(phase="Active"))

    def prepare_for_update(self, new: core.Namespace, old: core.Namespace, ctx: Context) -> core.Namespace:
        """Finalizers change through the finalize subresource only, the status through its own."""
        return replace(new, spec=replace(new.spec, finalizers=old.spec.finalizers), status=old.status)

"""The ServiceAccount controller: every active namespace has a ServiceAccount ``default``."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Namespace, ServiceAccount
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Create
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.failures import failed, namespace_terminating

DEFAULT = "default"
"""The ServiceAccount of pods that name none."""


class ServiceAccountController(Controller):
    """Creates the ServiceAccount ``default`` of each namespace; keys are namespaces."""

    name = "service-account-controller"

    def __init__(self) -> None:
        self.watches = (Watch(Namespace, own_key), Watch(ServiceAccount, _namespace_of_deleted))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Create what is missing in one namespace."""
        namespace = view.lookup(Namespace, key)
        if namespace is None or namespace.status.phase != "Active":
            return None
        if view.get(ServiceAccount, key, DEFAULT) is not None:
            return None
        out = yield Create(obj=ServiceAccount(metadata=ObjectMeta(name=DEFAULT, namespace=key)), why="default-account")
        if isinstance(out, APIError) and not namespace_terminating(out) and not failed(out, "AlreadyExists"):
            raise out
        return None


def _namespace_of_deleted(old: ServiceAccount | None, new: ServiceAccount | None, view: View) -> Iterable[str]:
    return (old.metadata.namespace or "",) if old is not None and new is None else ()

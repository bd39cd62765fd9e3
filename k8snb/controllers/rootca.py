"""The root CA publisher: every namespace has a ConfigMap with which pods verify the API server."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import ConfigMap, Namespace
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Create, Update
from k8snb.client.protocol import Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.failures import namespace_terminating

NAME = "kube-root-ca.crt"
"""The ConfigMap's name."""
DESCRIPTION = "kubernetes.io/description"
_DESCRIPTION_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
ROOT_CA = (
    "-----BEGIN CERTIFICATE-----\nazhzbmIgcm9vdCBDQTogdGhlIG1vZGVsIGRvZXMgbm90IHVzZSBUTFM=\n-----END CERTIFICATE-----\n"
)
"""A stand-in for the cluster's certificate authority: the model's API server is not reached over TLS."""


class RootCACertPublisher(Controller):
    """Creates and repairs the ConfigMap ``kube-root-ca.crt`` of each namespace; keys are namespaces."""

    name = "root-ca-cert-publisher"

    def __init__(self, root_ca: str = ROOT_CA) -> None:
        self.root_ca = root_ca
        self.watches = (Watch(Namespace, own_key), Watch(ConfigMap, _namespace_of_ours))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Create or repair the ConfigMap of one namespace."""
        namespace = view.lookup(Namespace, key)
        if namespace is None or namespace.status.phase != "Active":
            return None
        data = FrozenDict({"ca.crt": self.root_ca})
        present = view.get(ConfigMap, key, NAME)
        if present is None:
            annotations = FrozenDict({DESCRIPTION: _DESCRIPTION_TEXT})
            meta = ObjectMeta(name=NAME, namespace=key, annotations=annotations)
            out = yield Create(obj=ConfigMap(metadata=meta, data=data), why="root-ca")
            if isinstance(out, APIError) and out.reason != "NotFound" and not namespace_terminating(out):
                raise out
            return None
        meta = present.metadata
        if present.data == data and meta.annotations.get(DESCRIPTION):
            return None
        if not meta.annotations.get(DESCRIPTION):
            meta = replace(meta, annotations=FrozenDict({**meta.annotations, DESCRIPTION: _DESCRIPTION_TEXT}))
        out = yield Update(obj=replace(present, metadata=meta, data=data), why="root-ca")
        if isinstance(out, APIError):
            raise out
        return None


def _namespace_of_ours(old: ConfigMap | None, new: ConfigMap | None, view: View) -> Iterable[str]:
    if old is None or old.metadata.name != NAME:
        return ()
    return (old.metadata.namespace or "",)

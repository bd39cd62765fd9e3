"""DefaultTolerationSeconds: pods stay 300 s on a node that is not ready or unreachable, unless they say otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.types.core_v1 import PodSpec, Toleration
from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin, is_pod
from k8snb.apiserver.memo import IdentityMemo

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

TOLERATION_SECONDS = 300
"""kube-apiserver `--default-not-ready-toleration-seconds` and `--default-unreachable-toleration-seconds`."""
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_ADDED = tuple(
    Toleration(key=key, operator="Exists", effect="NoExecute", tolerationSeconds=TOLERATION_SECONDS) for key in _TAINTS
)
_MEMO: IdentityMemo[PodSpec] = IdentityMemo()


class DefaultTolerationSeconds(Plugin):
    """Adds the two tolerations to pods that tolerate neither taint themselves."""

    name = "DefaultTolerationSeconds"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        return is_pod(resource) and operation in (CREATE, UPDATE) and not subresource

    def admit(self, a: Attributes) -> Any:
        spec = a.obj.spec
        done = _MEMO.get(spec)
        if done is None:
            done = _MEMO.put(spec, with_tolerations(spec))
            _MEMO.put(done, done)
        return a.obj if done is spec else replace(a.obj, spec=done)


def with_tolerations(spec: PodSpec) -> PodSpec:
    """The pod spec with a toleration for each of the two taints."""
    added = []
    for key, toleration in zip(_TAINTS, _ADDED, strict=True):
        tolerated = any(
            (own.key == key or not own.key) and own.effect in ("NoExecute", None, "") for own in spec.tolerations
        )
        if not tolerated:
            added.append(toleration)
    return replace(spec, tolerations=(*spec.tolerations, *added)) if added else spec

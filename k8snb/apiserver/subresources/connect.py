"""Streams to what is behind a pod: exec, attach and portforward.

The model's containers take commands through the kubelet (`kubectl exec` in the notebook), not through a connection; so
what the server itself finds wrong is said as by the real one, and everything else ends where the upgrade would begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api import errors
from k8snb.apiserver.registry import read
from k8snb.apiserver.subresources.log import container_of
from k8snb.apiserver.subresources.protocol import Subresource

if TYPE_CHECKING:
    from k8snb.api.request import Response
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint

_STREAMS = ("stdin", "stdout", "stderr")


class Connect(Subresource):
    """One of exec, attach and portforward: GET and POST need a protocol upgrade, which nobody offers here."""

    def __init__(self, name: str) -> None:
        self.name = name

    def serves(self, resource: Resource) -> bool:
        return resource.plural == "pods" and not resource.group

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        pod: Pod = read.get(ctx.server.store, ep, r.namespace, r.name, r.options)
        extra = r.options.extra
        if self.name != "portforward":
            container_of(pod, extra.get("container", ""))
        if not pod.spec.nodeName:
            raise errors.bad_request(f"pod {r.name} does not have a host assigned")
        if ctx.server.store.get(f"/registry/minions/{pod.spec.nodeName}") is None:
            raise errors.not_found("nodes", pod.spec.nodeName)
        if self.name != "portforward" and not any(extra.get(name) in ("1", "true") for name in _STREAMS):
            raise errors.bad_request("you must specify at least 1 of stdin, stdout, stderr")
        raise errors.bad_request("Upgrade request required")

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return self.get(ctx, ep)

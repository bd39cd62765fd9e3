"""pods/log: what a container has printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8snb.api import errors
from k8snb.api.request import Response
from k8snb.apiserver.registry import read
from k8snb.apiserver.subresources.protocol import Subresource

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint


class Log(Subresource):
    """GET answers text; `RequestOptions.extra` holds container, previous, tailLines, sinceSeconds, timestamps, …

    The text comes from `APIServer.logs`, the cluster's kubelets; a pod that no node has yet has no log.
    """

    name = "log"

    def serves(self, resource: Resource) -> bool:
        return resource.plural == "pods" and not resource.group

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        pod: Pod = read.get(ctx.server.store, ep, r.namespace, r.name, r.options)
        container = container_of(pod, r.options.extra.get("container", ""))
        if not pod.spec.nodeName:
            return Response(200, text="")
        if ctx.server.logs is None:
            raise errors.internal(
                f"the server has no connection to the kubelet of node {pod.spec.nodeName}: no logs can be read"
            )
        return Response(200, text=ctx.server.logs.log(pod, container, dict(r.options.extra)))


def container_of(pod: Pod, wanted: str) -> str:
    """The container whose log is meant; APIError 400 when it is not said or not there."""
    name = pod.metadata.name
    spec = pod.spec
    main = [c.name for c in spec.containers]
    init = [c.name for c in spec.initContainers]
    ephemeral = [c.name for c in spec.ephemeralContainers]
    if wanted:
        if wanted not in (*main, *init, *ephemeral):
            raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(main) == 1 and not init and not ephemeral:
        return main[0]
    if len(main) + len(init) + len(ephemeral) == 0:
        raise errors.bad_request(f"a container name must be specified for pod {name}")
    message = f"a container name must be specified for pod {name}, choose one of: [{' '.join(main)}]"
    if init:
        message += f" or one of the init containers: [{' '.join(init)}]"
    if ephemeral:
        message += f" or one of the ephemeral containers: [{' '.join(ephemeral)}]"
    raise errors.bad_request(message)

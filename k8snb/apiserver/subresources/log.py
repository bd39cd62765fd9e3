"""pods/log: what a container has printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from k8snb.api import errors
from k8snb.api.gotext import quote
from k8snb.api.request import Response
from k8snb.apiserver.registry import read
from k8snb.apiserver.subresources.protocol import Subresource
from k8snb.apiserver.validation.field import Path, forbidden, invalid

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
        _check(r.name, r.options.extra)
        pod: Pod = read.get(ctx.server.store, ep, r.namespace, r.name, r.options)
        container = container_of(pod, r.options.extra.get("container", ""))
        if not pod.spec.nodeName:
            return Response(200, text="")
        if ctx.server.store.get(f"/registry/minions/{pod.spec.nodeName}") is None:
            raise errors.not_found("nodes", pod.spec.nodeName)
        if ctx.server.logs is None:
            raise errors.internal(
                f"the server has no connection to the kubelet of node {pod.spec.nodeName}: no logs can be read"
            )
        return Response(200, text=ctx.server.logs.log(pod, container, dict(r.options.extra)))


def _check(name: str, options: Mapping[str, str]) -> None:
    """Refuse PodLogOptions that make no sense: 400 for what is no number, 422 for numbers out of range."""
    numbers = {key: _integer(options[key]) for key in ("tailLines", "limitBytes", "sinceSeconds") if options.get(key)}
    problems = []
    if numbers.get("tailLines", 0) < 0:
        problems.append(invalid(Path("tailLines"), numbers["tailLines"], "must be greater than or equal to 0"))
    if numbers.get("limitBytes", 1) < 1:
        problems.append(invalid(Path("limitBytes"), numbers["limitBytes"], "must be greater than 0"))
    if "sinceSeconds" in numbers and options.get("sinceTime"):
        problems.append(forbidden(Path(""), "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif numbers.get("sinceSeconds", 1) < 1:
        problems.append(invalid(Path("sinceSeconds"), numbers["sinceSeconds"], "must be greater than 0"))
    if problems:
        raise errors.invalid("PodLogOptions", name, problems)


def _integer(text: str) -> int:
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if not (digits.isascii() and digits.isdigit()):
        raise errors.bad_request(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax")
    return int(sign + digits)


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

"""pods/binding: the scheduler's decision, written into the pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.frozen import FrozenDict
from k8snb.api.request import Response
from k8snb.api.types.core_v1 import PodCondition, PodStatus
from k8snb.apiserver import decoding
from k8snb.apiserver.admission.plugin import CREATE, Attributes
from k8snb.apiserver.admission.pod_topology_labels import topology_of, with_topology
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.registry.update import write
from k8snb.apiserver.subresources.protocol import Subresource
from k8snb.apiserver.validation.field import Path, aggregate, not_supported, required

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Binding as BindingObject
    from k8snb.api.types.core_v1 import Pod
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint

_TARGET = Path("target")
_SCHEDULED: IdentityMemo[PodStatus] = IdentityMemo()


class LegacyBinding:
    """POST to the collection `bindings`: the same as pods/binding, with the pod's name only in the body."""

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        """Place the pod."""
        binding: BindingObject = decoding.subresource_object(ctx, "v1", "Binding")
        pods = ctx.server.endpoint(ctx.server.reader.resource("pods"))
        name = binding.metadata.name or ""
        ctx.request = replace(ctx.request, resource=pods.resource, name=name, subresource="binding", body=binding)
        return Binding().create(ctx, pods)


class Binding(Subresource):
    """POST sets `spec.nodeName` and the condition PodScheduled; 409 when the pod is gone, gated or already placed."""

    name = "binding"

    def serves(self, resource: Resource) -> bool:
        return resource.plural == "pods" and not resource.group

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        binding: BindingObject = decoding.subresource_object(ctx, "v1", "Binding")
        name = binding.metadata.name or ""
        if name != r.name:
            raise errors.bad_request("name in URL does not match name in Binding object")
        problems = _validate(binding)
        if problems:
            raise errors.unknown(aggregate(problems))
        a = Attributes(ctx, CREATE, ep.resource, self.name, r.namespace, r.name, binding, None)
        mutators, validators = ep.chain(CREATE, self.name)
        for admit in mutators:
            a.obj = admit(a)
        current = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
        if current is None:
            raise errors.not_found("pods", r.name)
        bound = _bound(ctx, current.value, a.obj)
        for validate in validators:
            validate(a)
        write(ctx, current, bound)
        return Response(201)


def _validate(binding: BindingObject) -> list[Any]:
    problems = []
    kind = binding.target.kind
    if kind and kind != "Node":
        problems.append(not_supported(_TARGET / "kind", kind, ("Node", "<empty>")))
    if not binding.target.name:
        problems.append(required(_TARGET / "name"))
    return problems


def _bound(ctx: ServerContext, pod: Pod, binding: BindingObject) -> Pod:
    meta, wanted = pod.metadata, binding.metadata
    name = meta.name or ""
    if wanted.uid and wanted.uid != meta.uid:
        raise _refused(name, f"Precondition failed: UID in precondition: {wanted.uid}, UID in object meta: {meta.uid}")
    if wanted.resourceVersion and wanted.resourceVersion != meta.resourceVersion:
        raise _refused(
            name,
            f"Precondition failed: ResourceVersion in precondition: {wanted.resourceVersion}, "
            f"ResourceVersion in object meta: {meta.resourceVersion}",
        )
    if meta.deletionTimestamp is not None:
        raise _refused(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod.spec.nodeName:
        raise _refused(name, f'pod {name} is already assigned to node "{pod.spec.nodeName}"')
    if pod.spec.schedulingGates:
        raise _refused(name, f"pod {name} has non-empty .spec.schedulingGates")
    if wanted.annotations:
        meta = replace(meta, annotations=FrozenDict({**meta.annotations, **wanted.annotations}))
    topology = topology_of(wanted.labels)
    if topology:
        meta = replace(meta, labels=with_topology(meta.labels, topology))
    return replace(
        pod,
        metadata=meta,
        spec=replace(pod.spec, nodeName=binding.target.name),
        status=_scheduled(pod.status, ctx.now),
    )


def _refused(name: str, why: str) -> errors.APIError:
    return errors.conflict("pods/binding", name, why)


def _scheduled(status: PodStatus, now: str) -> PodStatus:
    """The status with PodScheduled=True and no nomination any more; other conditions keep their place.

    Pods that are bound in one second go on sharing their status if they did.
    """
    return _SCHEDULED.get(status, now) or _SCHEDULED.put(status, _with_condition(status, now), now)


def _with_condition(status: PodStatus, now: str) -> PodStatus:
    if status.nominatedNodeName:
        status = replace(status, nominatedNodeName=None)
    for index, condition in enumerate(status.conditions):
        if condition.type == "PodScheduled":
            if condition.status == "True":
                return status
            done = PodCondition(type="PodScheduled", status="True", lastTransitionTime=now)
            return replace(status, conditions=(*status.conditions[:index], done, *status.conditions[index + 1 :]))
    done = PodCondition(type="PodScheduled", status="True", lastTransitionTime=now)
    return replace(status, conditions=(*status.conditions, done))

"""The scale subresource: how many replicas a workload should have and has, in one form for all workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.request import APPLY_PATCH, Response
from k8snb.api.selectors import from_label_selector, from_labels
from k8snb.api.types.autoscaling_v1 import Scale as ScaleObject
from k8snb.api.types.autoscaling_v1 import ScaleSpec, ScaleStatus
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver import decoding, verbs
from k8snb.apiserver.admission.plugin import UPDATE, Attributes
from k8snb.apiserver.registry.update import update as store_changed
from k8snb.apiserver.subresources.protocol import Subresource
from k8snb.apiserver.validation.field import Path, invalid

if TYPE_CHECKING:
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import KeyValue

_REPLICAS = Path("spec") / "replicas"


class Scale(Subresource):
    """GET, PUT and PATCH an autoscaling/v1 Scale of Deployments, ReplicaSets, StatefulSets and controllers."""

    name = "scale"

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return Response(200, scale_of(_current(ctx, ep).value))

    def update(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        scale: ScaleObject = verbs.named(r, decoding.subresource_object(ctx, "autoscaling/v1", "Scale"))
        return _store(ctx, ep, _current(ctx, ep), scale)

    def patch(self, ctx: ServerContext, ep: Endpoint) -> Response:
        from k8snb.apiserver.patch import apply_patch

        r = ctx.request
        current = _current(ctx, ep)
        old = scale_of(current.value)
        resource = decoding.resource_of("autoscaling/v1", "Scale")
        seam = decoding.ScaleSeam(ctx, ep, current)
        patched = apply_patch(replace(r, resource=resource), old, seam)
        for text in patched.warnings:
            ctx.warn(text)
        scale = verbs.named_patch(r, patched.object)
        if r.content_type == APPLY_PATCH and patched.object is old:
            return Response(200, old, warnings=tuple(ctx.warnings or ()))
        return _store(ctx, ep, current, scale)


def scale_of(obj: Any) -> ScaleObject:
    """The scale of a workload."""
    meta = obj.metadata
    selector = obj.spec.selector
    text = str(from_labels(selector)) if obj.kind == "ReplicationController" else str(from_label_selector(selector))
    return ScaleObject(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            resourceVersion=meta.resourceVersion,
            creationTimestamp=meta.creationTimestamp,
        ),
        spec=ScaleSpec(replicas=obj.spec.replicas or None),
        status=ScaleStatus(replicas=obj.status.replicas or 0, selector=text or None),
    )


def _current(ctx: ServerContext, ep: Endpoint) -> KeyValue:
    r = ctx.request
    found = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
    if found is None:
        raise errors.not_found(f"{ep.plural}/scale", r.name, ep.group)
    return found


def _store(ctx: ServerContext, ep: Endpoint, current: KeyValue, scale: ScaleObject) -> Response:
    """Write the wanted number of replicas into the workload, as an update of it."""
    r = ctx.request
    old = current.value
    a = Attributes(ctx, UPDATE, ep.resource, "scale", r.namespace, r.name, scale, scale_of(old))
    mutators, validators = ep.chain(UPDATE, "scale")
    for admit in mutators:
        a.obj = admit(a)
    scale = a.obj
    wanted = scale.spec.replicas or 0
    if wanted < 0:
        problem = invalid(_REPLICAS, wanted, "must be greater than or equal to 0")
        raise errors.invalid("Scale", r.name, [problem], "autoscaling")
    meta = scale.metadata
    if meta.resourceVersion and meta.resourceVersion != old.metadata.resourceVersion:
        raise errors.conflict(f"{ep.plural}/scale", r.name, group=ep.group)
    verbs.check_uid(ep, scale, current)
    a.obj = replace(old, spec=replace(old.spec, replicas=wanted))
    a.old = old
    return Response(
        200,
        scale_of(store_changed(ctx, ep, a, current, verbs.main_part(ep), validators)),
        warnings=tuple(ctx.warnings or ()),
    )

"""The scale subresource: how many replicas a workload should have and has, in one form for all workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.frozen import freeze_json
from k8snb.api.gotext import quote
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
    """GET, PUT and PATCH an autoscaling/v1 Scale of Deployments, ReplicaSets, StatefulSets, controllers and custom kinds."""

    name = "scale"

    def get(self, ctx: ServerContext, ep: Endpoint) -> Response:
        return Response(200, _scale(ctx, ep, _current(ctx, ep).value))

    def update(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        scale: ScaleObject = verbs.named(r, decoding.subresource_object(ctx, "autoscaling/v1", "Scale"))
        return _store(ctx, ep, _current(ctx, ep), scale)

    def patch(self, ctx: ServerContext, ep: Endpoint) -> Response:
        from k8snb.apiserver.patch import apply_patch

        r = ctx.request
        current = _current(ctx, ep)
        old = _scale(ctx, ep, current.value)
        resource = decoding.resource_of("autoscaling/v1", "Scale")
        seam = decoding.ScaleSeam(ctx, ep, current)
        patched = apply_patch(replace(r, resource=resource), old, seam)
        for text in patched.warnings:
            ctx.warn(text)
        scale = verbs.named_patch(r, patched.object)
        if r.content_type == APPLY_PATCH and patched.object is old:
            return Response(200, old, warnings=tuple(ctx.warnings or ()))
        return _store(ctx, ep, current, scale)


def _scale(ctx: ServerContext, ep: Endpoint, obj: Any) -> ScaleObject:
    """The scale of a stored object."""
    if not ep.resource.custom:
        return scale_of(obj)
    found = ctx.server.custom.scale(ep.resource)
    wanted = _at(obj.content, found.specReplicasPath)
    if not isinstance(wanted, int):
        raise errors.internal(
            f"the spec replicas field {quote(found.specReplicasPath)} does not exist in {obj.kind} {obj.metadata.name}"
        )
    selector = _at(obj.content, found.labelSelectorPath) if found.labelSelectorPath else None
    return ScaleObject(
        metadata=_metadata(obj.metadata),
        spec=ScaleSpec(replicas=wanted or None),
        status=ScaleStatus(replicas=_at(obj.content, found.statusReplicasPath) or 0, selector=selector),
    )


def _with_replicas(ctx: ServerContext, ep: Endpoint, obj: Any, wanted: int) -> Any:
    """The object with another number of wanted replicas."""
    if not ep.resource.custom:
        return replace(obj, spec=replace(obj.spec, replicas=wanted))
    steps = ctx.server.custom.scale(ep.resource).specReplicasPath.removeprefix(".").split(".")
    return replace(obj, content=freeze_json(_put(obj.content, steps, wanted)))


def _at(content: Any, path: str) -> Any:
    """The value at a simple path such as `.spec.replicas`; None when there is none."""
    for step in path.removeprefix(".").split("."):
        if not isinstance(content, Mapping) or step not in content:
            return None
        content = content[step]
    return content


def _put(content: Mapping[str, Any], steps: list[str], value: Any) -> dict[str, Any]:
    below = content.get(steps[0])
    inner = value if len(steps) == 1 else _put(below if isinstance(below, Mapping) else {}, steps[1:], value)
    return {**content, steps[0]: inner}


def scale_of(obj: Any) -> ScaleObject:
    """The scale of a workload."""
    selector = obj.spec.selector
    text = str(from_labels(selector)) if obj.kind == "ReplicationController" else str(from_label_selector(selector))
    return ScaleObject(
        metadata=_metadata(obj.metadata),
        spec=ScaleSpec(replicas=obj.spec.replicas or None),
        status=ScaleStatus(replicas=obj.status.replicas or 0, selector=text or None),
    )


def _metadata(meta: ObjectMeta) -> ObjectMeta:
    """What a scale shows of its object's metadata."""
    return ObjectMeta(
        name=meta.name,
        namespace=meta.namespace,
        uid=meta.uid,
        resourceVersion=meta.resourceVersion,
        creationTimestamp=meta.creationTimestamp,
    )


def _current(ctx: ServerContext, ep: Endpoint) -> KeyValue:
    r = ctx.request
    found = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
    if found is None:
        # only the read says it of the subresource; a write fails in the workload's own storage
        raise errors.not_found(f"{ep.plural}/scale" if r.verb == "get" else ep.plural, r.name, ep.group)
    return found


def _store(ctx: ServerContext, ep: Endpoint, current: KeyValue, scale: ScaleObject) -> Response:
    """Write the wanted number of replicas into the workload, as an update of it."""
    r = ctx.request
    old = current.value
    a = Attributes(ctx, UPDATE, ep.resource, "scale", r.namespace, r.name, scale, _scale(ctx, ep, old))
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
    a.obj = _with_replicas(ctx, ep, old, wanted)
    a.old = old
    return Response(
        200,
        _scale(ctx, ep, store_changed(ctx, ep, a, current, verbs.main_part(ep), validators)),
        warnings=tuple(ctx.warnings or ()),
    )

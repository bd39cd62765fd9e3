"""Changing an object: version checks, the kind's preparation and validation, and the write or the final deletion."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.gotext import quote
from k8snb.apiserver.registry.create import check_size, stamp
from k8snb.apiserver.validation.field import Path, invalid
from k8snb.apiserver.validation.metadata import object_meta, object_meta_update
from k8snb.apiserver.validation.names import path_segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.apiserver.admission.plugin import Attributes
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.apiserver.strategy import Context
    from k8snb.apiserver.validation.field import FieldError
    from k8snb.store import KeyValue

Prepare = "Callable[[Any, Any, Context], Any]"
Validate = "Callable[[Any, Any, Context], list[FieldError]]"
_RESOURCE_VERSION = Path("metadata") / "resourceVersion"


class Part:
    """How one part of an object (all of it, its status, …) is changed: what is kept, and what is checked."""

    __slots__ = ("begin", "prepare", "validate")

    def __init__(
        self,
        prepare: Callable[[Any, Any, Context], Any],
        validate: Callable[[Any, Any, Context], list[FieldError]],
        begin: Callable[[Any, Any, Context], Any] | None = None,
    ) -> None:
        self.prepare = prepare
        self.validate = validate
        self.begin = begin


def update(
    ctx: ServerContext,
    ep: Endpoint,
    a: Attributes,
    current: KeyValue,
    part: Part,
    validators: tuple[Callable[[Attributes], None], ...],
) -> Any:
    """Store the admitted object `a.obj` over `current`; returns it as stored (or as deleted, or unchanged).

    APIError: 409 when its resourceVersion or uid is not the stored one, 422 when invalid, and admission's own.
    """
    old = current.value
    new = _with_version(ep, a, old)
    strategy = ep.strategy
    if part.begin is not None:
        new = part.begin(new, old, ctx)
    before = old.metadata
    meta = new.metadata
    if meta is not before and meta.generation != before.generation:
        new = replace(new, metadata=replace(meta, generation=before.generation))
    new = part.prepare(new, old, ctx)
    new = _with_system_fields(new, before)
    problems: list[FieldError] = []
    meta = new.metadata
    if meta is not before:
        object_meta(meta, ep.resource.namespaced, path_segment, problems, kube=False)
        object_meta_update(meta, before, problems, kube=False)
    problems += part.validate(new, old, ctx)
    if problems:
        raise errors.invalid(new.kind, a.name, problems, ep.stored.group)
    if part.begin is not None:
        for text in strategy.warnings(new, old):
            ctx.warn(text)
    new = strategy.canonicalize(new)
    a.obj = new
    for validate in validators:
        validate(a)
    if should_delete(new, old):
        return _finish(ctx, ep, current, new)
    return write(ctx, current, new)


def write(ctx: ServerContext, current: KeyValue, new: Any) -> Any:
    """Store the new value unless nothing changed (then there is no new revision either)."""
    old = current.value
    if new is old or new == old:
        return old
    check_size(ctx, new)
    if ctx.request.options.dry_run:
        return new
    ctx.commit()
    return ctx.server.store.put(current.key, partial(stamp, new), current.mod_revision, ctx.cause, current.lease).value


def should_delete(new: Any, old: Any) -> bool:
    """Whether this update takes away the last reason why a deleted object is still there."""
    before = old.metadata
    if before.deletionTimestamp is None or new.metadata.finalizers or before.deletionGracePeriodSeconds:
        return False
    return not (new.kind == "Namespace" and new.apiVersion == "v1" and new.spec.finalizers)


def _finish(ctx: ServerContext, ep: Endpoint, current: KeyValue, new: Any) -> Any:
    if not ctx.request.options.dry_run:
        ctx.commit()
        ctx.server.store.delete(current.key, current.mod_revision, ctx.cause)
        ctx.server.released(ep, new, ctx)
    return new


def _with_version(ep: Endpoint, a: Attributes, old: Any) -> Any:
    """Check the object's resourceVersion and uid against the stored ones; without a version take the stored one."""
    new = a.obj
    meta = new.metadata
    stored = old.metadata
    if meta.resourceVersion == stored.resourceVersion:
        pass
    elif not meta.resourceVersion or meta.resourceVersion == "0":
        if not ep.strategy.allow_unconditional_update:
            problem = invalid(_RESOURCE_VERSION, 0, "must be specified for an update")
            raise errors.invalid(ep.plural, a.name, [problem], ep.group)
        new = replace(new, metadata=replace(meta, resourceVersion=stored.resourceVersion))
    elif not meta.resourceVersion.isdecimal():
        raise errors.unknown(f"strconv.ParseUint: parsing {quote(meta.resourceVersion)}: invalid syntax")
    else:
        raise errors.conflict(ep.plural, a.name, group=ep.group)
    return new


def _with_system_fields(new: Any, before: Any) -> Any:
    """Give the object what an update cannot change or take away: uid, creation and deletion times."""
    meta = new.metadata
    if meta is before:
        return new
    changes: dict[str, Any] = {}
    if not meta.uid:
        changes["uid"] = before.uid
    if meta.creationTimestamp != before.creationTimestamp:
        changes["creationTimestamp"] = before.creationTimestamp
    if before.deletionTimestamp is not None and meta.deletionTimestamp != before.deletionTimestamp:
        changes["deletionTimestamp"] = before.deletionTimestamp
    if before.deletionGracePeriodSeconds is not None and meta.deletionGracePeriodSeconds is None:
        changes["deletionGracePeriodSeconds"] = before.deletionGracePeriodSeconds
    if meta.selfLink:
        changes["selfLink"] = None
    return replace(new, metadata=replace(meta, **changes)) if changes else new

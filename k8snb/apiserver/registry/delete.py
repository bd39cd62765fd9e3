"""Deleting an object: preconditions, grace period, finalizers, propagation, and the removal itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from k8snb.api import errors
from k8snb.apiserver.registry.create import stamp
from k8snb.sim.clock import rfc3339, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.apiserver.admission.plugin import Attributes
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import KeyValue

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
Validators = "tuple[Callable[[Attributes], None], ...]"


class Deleted(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a deletion: the object's last state (at the deletion's revision), and whether it is gone already."""

    obj: Any
    gone: bool


def delete(
    ctx: ServerContext,
    ep: Endpoint,
    a: Attributes,
    current: KeyValue,
    validators: tuple[Callable[[Attributes], None], ...],
) -> Deleted:
    """Delete the stored object `current` as the request's options say; one or two revisions, or none.

    An object with finalizers or a grace period is only marked. APIError: 409 when a precondition fails.
    """
    options = ctx.request.options
    check_preconditions(ep, current.value, options.uid, options.resource_version_precondition)
    obj = current.value
    graceful, pending, marked = _begin(ctx, ep, obj)
    if pending:
        return Deleted(obj, False)
    finalizers = with_propagation(obj.metadata.finalizers, options, ep.strategy.orphan_by_default)
    if not graceful and not finalizers and not obj.metadata.finalizers:
        return _remove(ctx, ep, a, current, validators)
    a.old = obj
    for validate in validators:
        validate(a)
    if finalizers != marked.metadata.finalizers:
        marked = replace(marked, metadata=replace(marked.metadata, finalizers=finalizers))
    if not graceful:
        if not finalizers:
            return _remove(ctx, ep, a, current, ())
        marked = mark(marked, ctx)
    changed = _write(ctx, current, marked)
    if finalizers or (graceful and marked.metadata.deletionGracePeriodSeconds):
        return Deleted(changed.value, False)
    return _remove(ctx, ep, a, changed, ())


def check_preconditions(ep: Endpoint, obj: Any, uid: str | None, version: str | None) -> None:
    """Refuse with 409 when the object is not the one that was meant."""
    meta = obj.metadata
    if uid is not None and uid != meta.uid:
        raise errors.conflict(
            ep.kind,
            meta.name,
            f"the UID in the precondition ({uid}) does not match the UID in record ({meta.uid}). "
            "The object might have been deleted and then recreated",
            ep.stored.group,
        )
    if version is not None and version != meta.resourceVersion:
        raise errors.conflict(
            ep.kind,
            meta.name,
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({meta.resourceVersion}). The object might have been modified",
            ep.stored.group,
        )


def with_propagation(finalizers: tuple[str, ...], options: Any, orphan_by_default: bool = False) -> tuple[str, ...]:
    """The finalizers after the propagation policy (or the older orphanDependents) had its say."""
    orphan = foreground = False
    if options.orphan_dependents is not None:
        orphan = options.orphan_dependents
    elif options.propagation_policy is not None:
        orphan = options.propagation_policy == "Orphan"
        foreground = options.propagation_policy == "Foreground"
    elif not finalizers:
        orphan = orphan_by_default
    else:
        held = next((name for name in finalizers if name in (ORPHAN, FOREGROUND)), None)
        orphan = held == ORPHAN or (held is None and orphan_by_default)
        foreground = held == FOREGROUND
    if not finalizers and not orphan and not foreground:
        return finalizers
    if (orphan, foreground) == (ORPHAN in finalizers, FOREGROUND in finalizers):
        return finalizers
    kept = [name for name in finalizers if name not in (ORPHAN, FOREGROUND)]
    return (*kept, *([ORPHAN] if orphan else ()), *([FOREGROUND] if foreground else ()))


def mark(obj: Any, ctx: ServerContext) -> Any:
    """Mark an object that cannot go yet because of its finalizers: deletionTimestamp now, no grace."""
    meta = obj.metadata
    generation = meta.generation
    when = meta.deletionTimestamp
    if when is None and generation:
        generation += 1
    if when is None or when > ctx.now:
        when = ctx.now
    return replace(
        obj,
        metadata=replace(meta, generation=generation, deletionTimestamp=when, deletionGracePeriodSeconds=0),
    )


def _begin(ctx: ServerContext, ep: Endpoint, obj: Any) -> tuple[bool, bool, Any]:
    """(graceful, already pending, object marked with its grace period): Kubernetes' `rest.BeforeDelete`."""
    requested = ctx.request.options.grace_period_seconds
    if requested is not None and requested < 0:
        requested = 1
    meta = obj.metadata
    period = ep.strategy.grace_period(obj, requested, ctx)
    if period is None:
        return False, False, obj
    left = meta.deletionGracePeriodSeconds
    if meta.deletionTimestamp is not None:
        if not left:
            return False, False, obj
        if requested is None or requested >= left:
            return False, True, obj
        when = rfc3339(seconds(meta.deletionTimestamp) - left + requested)
        meta = replace(meta, deletionTimestamp=when, deletionGracePeriodSeconds=requested)
        return True, False, replace(obj, metadata=meta)
    generation = meta.generation
    meta = replace(
        meta,
        deletionTimestamp=rfc3339(ctx.time + period),
        deletionGracePeriodSeconds=period,
        generation=generation + 1 if generation else generation,
    )
    return True, False, replace(obj, metadata=meta)


def _write(ctx: ServerContext, current: KeyValue, new: Any) -> KeyValue:
    if new == current.value:
        return current
    if ctx.request.options.dry_run:
        return replace(current, value=new)
    return ctx.server.store.put(current.key, partial(stamp, new), current.mod_revision, ctx.cause, current.lease)


def _remove(
    ctx: ServerContext,
    ep: Endpoint,
    a: Attributes,
    current: KeyValue,
    validators: tuple[Callable[[Attributes], None], ...],
) -> Deleted:
    a.old = current.value
    for validate in validators:
        validate(a)
    if not ctx.request.options.dry_run:
        ctx.server.store.delete(current.key, current.mod_revision, ctx.cause)
        ctx.server.released(ep, current.value, ctx)
        return Deleted(stamp(current.value, ctx.server.store.revision), True)
    return Deleted(current.value, True)

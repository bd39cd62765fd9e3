"""Creating an object: system fields, a generated name, the kind's preparation and validation, and the write."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.apiserver.validation.metadata import object_meta
from k8snb.apiserver.validation.names import path_segment
from k8snb.store import CompareFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.apiserver.admission.plugin import Attributes
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.apiserver.validation.field import FieldError

MAX_NAME_ATTEMPTS = 8
"""How many generated names are tried (registry `maxNameGenerationCreateAttempts`)."""
MAX_GENERATED_BASE = 63 - 5
"""Longest part of generateName that is kept: names of 63 characters, 5 of them random."""
ETCD_LIMIT = 1_572_864
"""etcd `--max-request-bytes`: 1.5 MiB."""
_LARGE = 1_000_000


def stamp(obj: Any, revision: int) -> Any:
    """The object with the revision it is stored at as its resourceVersion."""
    return replace(obj, metadata=replace(obj.metadata, resourceVersion=str(revision)))


def create(
    ctx: ServerContext, ep: Endpoint, a: Attributes, validators: tuple[Callable[[Attributes], None], ...]
) -> Any:
    """Store the admitted object `a.obj`; returns it as stored. APIError: 409 taken, 422 invalid, and admission's own."""
    server = ctx.server
    obj = a.obj
    meta = obj.metadata
    name = meta.name
    if not name and meta.generateName:
        name = _free_name(ctx, ep, a.namespace, meta.generateName)
    if meta.deletionTimestamp is not None or meta.deletionGracePeriodSeconds is not None or meta.selfLink is not None:
        meta = replace(meta, deletionTimestamp=None, deletionGracePeriodSeconds=None, selfLink=None)
    meta = replace(meta, name=name, uid=server.ids.uid(), creationTimestamp=ctx.now)
    strategy = ep.strategy
    obj = strategy.begin_create(replace(obj, metadata=meta), ctx)
    obj = strategy.prepare_for_create(obj, ctx)
    problems = strategy.validate(obj, ctx)
    if problems:
        raise errors.invalid(obj.kind, name or "", problems, ep.stored.group)
    if not ep.judges_metadata:
        generic: list[FieldError] = []
        object_meta(obj.metadata, ep.resource.namespaced, path_segment, generic, kube=False)
        if generic:
            raise errors.invalid(obj.kind, name or "", generic, ep.stored.group)
    for text in strategy.warnings(obj):
        ctx.warn(text)
    obj = strategy.canonicalize(obj)
    a.obj = obj
    a.name = name or ""
    for validate in validators:
        validate(a)
    meta = obj.metadata
    if not ctx.request.options.dry_run and _is_revision(meta.resourceVersion):
        # etcd's storage says so, which a dry run does not reach; what is no number it takes for absent.
        raise errors.unknown("resourceVersion should not be set on objects to be created")
    key = ep.stored.key(a.namespace, meta.name)
    check_size(ctx, obj)
    if ctx.request.options.dry_run:
        taken = server.store.get(key)
        if taken is not None:
            raise _taken(ep, a, taken.value, a.name)
        return obj
    if ctx.pending is not None:
        taken = server.store.get(key)
        if taken is not None:
            raise _taken(ep, a, taken.value, a.name)
        ctx.commit()
    lease = server.lease(ep.ttl) if ep.ttl else 0
    try:
        return server.store.put(key, partial(stamp, obj), 0, ctx.cause, lease).value
    except CompareFailed as error:
        existing = error.current.value if error.current is not None else obj
        raise _taken(ep, a, existing, a.name) from None


def _is_revision(text: str | None) -> bool:
    """Whether the text is a number from 1 to the largest of 64 bits."""
    return text is not None and text.isascii() and text.isdigit() and 0 < int(text) < 1 << 64


def _free_name(ctx: ServerContext, ep: Endpoint, namespace: str, base: str) -> str:
    """A generated name that nobody has; the last of eight tries is returned even when it is taken."""
    name = ""
    for _ in range(MAX_NAME_ATTEMPTS):
        name = base[:MAX_GENERATED_BASE] + ctx.server.ids.suffix()
        if ctx.server.store.get(ep.stored.key(namespace, name)) is None:
            break
    return name


def _taken(ep: Endpoint, a: Attributes, existing: Any, name: str) -> errors.APIError:
    refuse = errors.generate_name_conflict if a.obj.metadata.generateName else errors.already_exists
    error = refuse(ep.plural, name, ep.group)
    if existing.metadata.deletionTimestamp is not None:
        return errors.APIError(error.code, error.reason, f"object is being deleted: {error.message}", error.details)
    return error


def check_size(ctx: ServerContext, obj: Any) -> None:
    """Refuse what etcd would: only a request with a large body can make a large object."""
    body = ctx.request.body
    if isinstance(body, bytes) and len(body) > _LARGE:
        from k8snb.api.codec import to_json

        if len(to_json(obj)) > ETCD_LIMIT:
            raise errors.unknown("etcdserver: request is too large")

"""What each verb does with an object or a collection (subresources have files of their own)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.request import APPLY_PATCH, Request, RequestOptions, Response
from k8snb.apiserver import decoding, options
from k8snb.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Attributes
from k8snb.apiserver.authz.authorizer import Attributes as Access
from k8snb.apiserver.deletion import delete_definition, delete_namespace
from k8snb.apiserver.managed import incoming, verb
from k8snb.apiserver.patch import apply_patch
from k8snb.apiserver.registry import read
from k8snb.apiserver.registry.create import create as store_new
from k8snb.apiserver.registry.delete import delete as store_delete
from k8snb.apiserver.registry.update import Part
from k8snb.apiserver.registry.update import update as store_changed
from k8snb.apiserver.registry.watch import open_watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import KeyValue


def verb_of(request: Request) -> str:
    """How a cause names what was done: `update/status`, `apply`, with `@manager` when that is not the actor."""
    options = request.options
    key = (
        request.verb,
        request.subresource,
        request.actor,
        request.user_agent,
        request.user.name,
        options.field_manager,
        request.content_type,
        request.resource.version,
        request.resource.kind,
    )
    found = _NAMED.get(key)
    if found is None:
        if len(_NAMED) > 4096:
            _NAMED.clear()
        found = _NAMED[key] = verb(request)
    return found


_NAMED: dict[tuple[str, ...], str] = {}


def get(ctx: ServerContext, ep: Endpoint) -> Response:
    """Read one object."""
    r = ctx.request
    obj = read.get(ctx.server.store, ep, r.namespace, r.name, r.options)
    return Response(200, ep.from_stored(ep.strategy.decorate(obj)))


def list_(ctx: ServerContext, ep: Endpoint) -> Response:
    """Read a collection."""
    r = ctx.request
    options.check_list(r.options)
    page = read.list_(ctx.server.store, ep, r.namespace, r.options)
    items = page.items
    if ep.conversion is not None:
        items = tuple([ep.from_stored(item) for item in items])
    return Response(200, None, items, ep.resource, page.revision, page.continue_, page.remaining)


def watch(ctx: ServerContext, ep: Endpoint) -> Response:
    """Open a watch; its events come from `Response.stream.poll()`."""
    r = ctx.request
    wanted = r.options
    options.check_watch(wanted)
    if r.name:
        only = f"metadata.name={r.name}"
        wanted = replace(wanted, field_selector=f"{wanted.field_selector},{only}" if wanted.field_selector else only)
    return Response(200, resource=ep.resource, stream=open_watch(ctx.server.store, ep, r.namespace, wanted))


def create(ctx: ServerContext, ep: Endpoint) -> Response:
    """Create the object in the request's body."""
    r = ctx.request
    options.check_create(r.options)
    if ep.resource.custom:
        ctx.server.custom.check_create(ep.resource)
    obj = decoding.body_object(ctx, ep)
    meta = obj.metadata
    namespace = request_namespace(r, meta.namespace)
    if meta.namespace != namespace:
        obj = replace(obj, metadata=replace(meta, namespace=namespace or None))
    return Response(201, create_object(ctx, ep, ep.to_stored(obj), namespace), warnings=tuple(ctx.warnings or ()))


def create_object(ctx: ServerContext, ep: Endpoint, obj: Any, namespace: str) -> Any:
    """Admit and store a new object (stored version); returns it in the served version."""
    if ctx.request.verb != "create":
        may_create(ctx, ep, namespace, obj.metadata.name or "")
    a = Attributes(ctx, CREATE, ep.resource, "", namespace, obj.metadata.name or "", obj, None)
    mutators, validators = ep.chain(CREATE, "")
    for admit in mutators:
        a.obj = admit(a)
    if len(a.obj.metadata.ownerReferences) > 1:
        a.obj = without_repeated_owners(ctx, a.obj)
    return ep.from_stored(store_new(ctx, ep, a, validators))


def may_create(ctx: ServerContext, ep: Endpoint, namespace: str, name: str) -> None:
    """A PUT or an apply that makes a new object needs the verb `create`, too; 403."""
    authorizer = ctx.server.authorizer
    if authorizer.allows_everything:
        return
    resource = ep.resource
    access = Access(ctx.request.user, "create", resource.group, resource.version, ep.plural, "", namespace, name)
    decision = authorizer.authorize(access)
    if not decision.allowed:
        raise errors.forbidden(ep.plural, name, decision.reason, ep.group)


def without_repeated_owners(ctx: ServerContext, obj: Any) -> Any:
    """The object with each owner once; a repeated one is warned about."""
    meta = obj.metadata
    owners = tuple(dict.fromkeys(meta.ownerReferences))
    if len(owners) == len(meta.ownerReferences):
        return obj
    again = [owner.uid for index, owner in enumerate(meta.ownerReferences) if owner in meta.ownerReferences[:index]]
    ctx.warn(
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject "
        f"such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        f"{', '.join(dict.fromkeys(again))}"
    )
    return replace(obj, metadata=replace(meta, ownerReferences=owners))


def request_namespace(r: Request, own: str | None) -> str:
    """The namespace of a new or changed object; 400 when body and request disagree."""
    if own and r.namespace and own != r.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return r.namespace


def main_part(ep: Endpoint) -> Part:
    """How the object itself is changed."""
    strategy = ep.strategy
    return Part(strategy.prepare_for_update, strategy.validate_update, strategy.begin_update)


def update(ctx: ServerContext, ep: Endpoint) -> Response:
    """Replace the object with the one in the body; some kinds are created when missing."""
    r = ctx.request
    options.check_update(r.options)
    current = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
    obj = named(r, decoding.body_object(ctx, ep, _value(current)))
    if current is None:
        if not ep.strategy.allow_create_on_update or obj.metadata.uid:
            raise errors.not_found(ep.plural, r.name, ep.group)
        created = create_object(ctx, ep, ep.to_stored(_without_version(obj)), r.namespace)
        return Response(201, created, warnings=tuple(ctx.warnings or ()))
    check_uid(ep, obj, current)
    return change(ctx, ep, settled(ctx, ep, obj, current), current, main_part(ep))


def settled(ctx: ServerContext, ep: Endpoint, obj: Any, current: KeyValue) -> Any:
    """The object of a PUT with the managedFields that are to be stored; a client's echo of what it read is dropped."""
    if obj.metadata.managedFields is current.value.metadata.managedFields:
        return obj
    fields = ctx.server.managed_fields
    old = ep.from_stored(current.value)
    return incoming(obj, old, lambda: fields.of(current), ctx.request, fields, ctx.now)


def _value(current: KeyValue | None) -> Any:
    return None if current is None else current.value


def _without_version(obj: Any) -> Any:
    return replace(obj, metadata=replace(obj.metadata, resourceVersion=None)) if obj.metadata.resourceVersion else obj


def named(r: Request, obj: Any) -> Any:
    """The body of a PUT with the request's namespace; 400 when its name is not the request's."""
    meta = obj.metadata
    if not meta.name:
        raise errors.bad_request(
            f"the name of the object ({r.name} based on URL) was undeterminable: name must be provided"
        )
    if meta.name != r.name:
        raise errors.bad_request(f"the name of the object ({meta.name}) does not match the name on the URL ({r.name})")
    if (meta.namespace or "") != r.namespace:
        if meta.namespace and r.namespace:
            raise errors.bad_request(
                f"the namespace of the object ({meta.namespace}) does not match the namespace on the request "
                f"({r.namespace})"
            )
        obj = replace(obj, metadata=replace(meta, namespace=r.namespace or None))
    return obj


def check_uid(ep: Endpoint, obj: Any, current: KeyValue) -> None:
    """A PUT that says which object it means (by uid) must mean the stored one."""
    uid, stored = obj.metadata.uid, current.value.metadata.uid
    if uid and uid != stored:
        raise errors.conflict(
            ep.plural,
            obj.metadata.name,
            f"StorageError: invalid object, Code: 4, Key: {current.key}, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored}",
            ep.group,
        )


def change(
    ctx: ServerContext, ep: Endpoint, obj: Any, current: KeyValue, part: Part, subresource: str = ""
) -> Response:
    """Admit the new form of an object (served version) and store it over `current`."""
    r = ctx.request
    a = Attributes(ctx, UPDATE, ep.resource, subresource, r.namespace, r.name, ep.to_stored(obj), current.value)
    mutators, validators = ep.chain(UPDATE, subresource)
    for admit in mutators:
        a.obj = admit(a)
    if len(a.obj.metadata.ownerReferences) > 1:
        a.obj = without_repeated_owners(ctx, a.obj)
    stored = store_changed(ctx, ep, a, current, part, validators)
    return Response(200, ep.from_stored(stored), warnings=tuple(ctx.warnings or ()))


def patch(ctx: ServerContext, ep: Endpoint) -> Response:
    """Change the object as the patch says; a server-side apply creates it when it is missing."""
    return patch_part(ctx, ep, main_part(ep), "")


def patch_part(ctx: ServerContext, ep: Endpoint, part: Part, subresource: str) -> Response:
    """Apply the request's patch to the stored object and store the result through `part`."""
    r = ctx.request
    options.check_patch(r.options, r.content_type)
    current = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
    if current is None and (subresource or r.content_type != APPLY_PATCH):
        raise errors.not_found(ep.plural, r.name, ep.group)
    old = None if current is None else ep.from_stored(current.value)
    patched = apply_patch(r, old, decoding.PatchSeam(ctx, ep, current))
    for text in patched.warnings:
        ctx.warn(text)
    if patched.object is old and current is not None:
        return Response(200, old, warnings=tuple(ctx.warnings or ()))
    obj = named_patch(r, patched.object)
    if current is None:
        if obj.metadata.uid:
            why = (
                f"uid mismatch: the provided object specified uid {obj.metadata.uid}, and no existing object was found"
            )
            raise errors.conflict(ep.plural, r.name, why, ep.group)
        created = create_object(ctx, ep, ep.to_stored(_without_version(obj)), r.namespace)
        return Response(201, created, warnings=tuple(ctx.warnings or ()))
    return change(ctx, ep, obj, current, part, subresource)


def named_patch(r: Request, obj: Any) -> Any:
    """The result of a patch with the request's namespace; 400 when it would move the object or has no name."""
    meta = obj.metadata
    if not meta.name:
        raise errors.bad_request(
            f"the name of the object ({r.name} based on URL) was undeterminable: name must be provided"
        )
    if meta.name != r.name:
        raise errors.bad_request(f"the name of the object ({meta.name}) does not match the name on the URL ({r.name})")
    namespace = request_namespace(r, meta.namespace)
    if (meta.namespace or "") != namespace:
        return replace(obj, metadata=replace(meta, namespace=namespace or None))
    return obj


def delete(ctx: ServerContext, ep: Endpoint) -> Response:
    """Delete one object, at once or in steps."""
    r = ctx.request
    options.check_delete(r.options)
    current = ctx.server.store.get(ep.stored.key(r.namespace, r.name))
    if current is None:
        raise errors.not_found(ep.plural, r.name, ep.group)
    special = _DELETED_THEIR_WAY.get(ep.plural)
    if special is not None and special[0] == ep.group:
        return special[1](ctx, ep, current)
    return delete_object(ctx, ep, current)


def delete_object(ctx: ServerContext, ep: Endpoint, current: KeyValue) -> Response:
    """Delete the stored object `current` through the generic registry."""
    r = ctx.request
    a = Attributes(ctx, DELETE, ep.resource, "", r.namespace, current.value.metadata.name, None, current.value)
    mutators, validators = ep.chain(DELETE, "")
    outcome = store_delete(ctx, ep, a, current, (*mutators, *validators))
    code = 202 if not outcome.gone and r.options.orphan_dependents is False else 200
    warnings = _orphan_warnings(ep, r.options)
    return Response(code, ep.from_stored(outcome.obj), resource=ep.resource, deleted=outcome.gone, warnings=warnings)


def _orphan_warnings(ep: Endpoint, given: RequestOptions) -> tuple[str, ...]:
    """A kind may warn that a deletion leaves its dependents, when the request does not say what it wants."""
    silent = not ep.strategy.orphan_warning or given.propagation_policy is not None
    return () if silent or given.orphan_dependents is not None else (ep.strategy.orphan_warning,)


def deletecollection(ctx: ServerContext, ep: Endpoint) -> Response:
    """Delete all objects that the selectors choose, one after the other; the answer lists them as they were."""
    r = ctx.request
    options.check_delete(r.options)
    page = read.list_(ctx.server.store, ep, r.namespace, r.options)
    for obj in page.items:
        current = ctx.server.store.get(ep.stored.key(obj.metadata.namespace, obj.metadata.name))
        if current is not None:
            delete_object(ctx, ep, current)
    items = tuple([ep.from_stored(item) for item in page.items])
    return Response(200, None, items, ep.resource, page.revision, warnings=_orphan_warnings(ep, r.options))


_DELETED_THEIR_WAY = {
    "namespaces": ("", delete_namespace),
    "customresourcedefinitions": ("apiextensions.k8s.io", delete_definition),
}
VERBS: dict[str, Callable[[ServerContext, Endpoint], Response]] = {
    "get": get,
    "list": list_,
    "watch": watch,
    "create": create,
    "update": update,
    "patch": patch,
    "delete": delete,
    "deletecollection": deletecollection,
}

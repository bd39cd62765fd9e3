"""PATCH: the four patch formats carried out on stored objects, with the API server's own errors.

`apply_patch` is what the registry calls. JSON Patch, merge patch and strategic merge patch go from the object to a
JSON tree, through the format's own module, and back through strict decoding and defaults; server-side apply is in
`k8snb.apiserver.patch.server_apply`. Everything after that (admission, validation, storing) is an ordinary update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.codec import to_dict
from k8snb.api.gotext import plain, quote
from k8snb.api.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, Request
from k8snb.api.schema import plan
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.patch import body, json_patch, merge_patch, strategic
from k8snb.apiserver.patch.decoding import Undecodable, decode_tree
from k8snb.apiserver.patch.metadata import with_sorted_maps
from k8snb.apiserver.patch.tree import Tree, text
from k8snb.apiserver.patch.unstructured import ConversionError, unknown_fields
from k8snb.apiserver.validation.field import Path, invalid

if TYPE_CHECKING:
    from k8snb.apiserver.managed import ManagedFields
    from k8snb.apiserver.patch.apply.managers import Managed

__all__ = ["PatchContext", "Patched", "apply_patch"]


class PatchContext(Protocol):
    """What patching needs of the server.

    `default` is the kind's defaulting; `live` says who manages the stored object's fields (only asked when needed);
    `managed_fields` knows the apply schemas.
    """

    @property
    def now(self) -> str: ...

    @property
    def managed_fields(self) -> ManagedFields: ...

    def default(self, obj: Any) -> Any: ...

    def live(self) -> Managed: ...


class Patched(NamedTuple):
    """The patched object (`current` itself when a server-side apply changed nothing) and texts for Warning headers."""

    object: Any
    warnings: tuple[str, ...] = ()


def apply_patch(request: Request, current: Any, ctx: PatchContext) -> Patched:
    """The object after the request's patch, decoded and defaulted.

    `current` is the stored object in the request's version; None (only for server-side apply) creates it. Raises
    `APIError`: 400, 409 (conflicts of managers), 413, 422 and 500 as the server answers them.
    """
    if request.frozen:
        fields: Any = request.body
        return Patched(_settled(request, replace(current, **fields), current, ctx))
    kind = request.content_type
    if kind == APPLY_PATCH:
        from k8snb.apiserver.patch.server_apply import server_apply

        return server_apply(request, current, ctx)
    tree = to_dict(current)
    if kind == JSON_PATCH:
        return _json(request, current, tree, ctx)
    if kind == MERGE_PATCH:
        return _merge(request, current, tree, ctx)
    if kind == STRATEGIC_MERGE_PATCH:
        return _strategic(request, current, tree, ctx)
    raise errors.APIError(415, "UnsupportedMediaType", "415: Unsupported Media Type")


def _mentions_managers(patch: Mapping[str, Any]) -> bool:
    """Whether a patch touches managedFields, so that the tree must show them."""
    metadata = patch.get("metadata")
    return isinstance(metadata, Mapping) and "managedFields" in metadata


def _operates_on_managers(operations: Sequence[Mapping[str, Any]]) -> bool:
    """The same for a JSON Patch: a path to them, to what holds them, or to everything."""
    paths = [str(operation.get(name)) for operation in operations for name in ("path", "from") if name in operation]
    return any(path in ("", "/metadata") or "/managedFields" in path for path in paths)


def _shown(tree: Tree, ctx: PatchContext, current: Any) -> Tree:
    """The tree as a client reads the object: maps sorted, and with the managedFields that are not stored with it."""
    from k8snb.apiserver.patch.apply.managers import encode

    types = None if isinstance(current, Unstructured) else plan(type(current))
    entries = encode(ctx.live())
    metadata = {key: value for key, value in tree["metadata"].items() if key != "managedFields"}
    tree = {**with_sorted_maps({**tree, "metadata": metadata}, types)}
    if entries:
        tree["metadata"]["managedFields"] = entries
    return tree


def _json(request: Request, current: Any, tree: Tree, ctx: PatchContext) -> Patched:
    operations, strict = body.as_operations(request.body)
    if _operates_on_managers(operations):
        tree = _shown(tree, ctx, current)
    return _through_json(request, current, tree, ctx, strict, lambda whole: json_patch.apply(whole, operations))


def _merge(request: Request, current: Any, tree: Tree, ctx: PatchContext) -> Patched:
    if request.body is None or (isinstance(request.body, bytes) and request.body.strip() == b"null"):
        raise errors.bad_request("Invalid JSON Patch")
    patch, strict = body.as_object(request.body)
    if _mentions_managers(patch):
        tree = _shown(tree, ctx, current)
    return _through_json(request, current, tree, ctx, strict, lambda whole: merge_patch.apply(whole, patch))


def _through_json(
    request: Request, current: Any, tree: Tree, ctx: PatchContext, strict: list[str], run: Any
) -> Patched:
    """Run a patch on the tree and decode the result as JSON text."""
    directive = request.options.field_validation
    try:
        patched = run(tree)
    except json_patch.DoesNotApply:
        raise errors.APIError(
            422, "Invalid", "the server rejected our request due to an error in our request", errors.Details()
        ) from None
    try:
        obj, problems = decode_tree(patched, request.resource, current, directive)
    except Undecodable as error:
        raise _bad_patch(text(run(_shown(tree, ctx, current))), str(error)) from None
    if strict or problems:
        strict = [*strict, *problems]
        if directive == "Strict":
            raise _bad_patch(text(run(_shown(tree, ctx, current))), f"strict decoding error: {', '.join(strict)}")
        if directive == "Ignore":
            strict = []
    return Patched(_settled(request, obj, current, ctx), tuple(strict))


def _strategic(request: Request, current: Any, tree: Tree, ctx: PatchContext) -> Patched:
    patch, strict = body.as_object(request.body, prefix="")
    if _mentions_managers(patch):
        tree = _shown(tree, ctx, current)
    directive = request.options.field_validation
    if isinstance(current, Unstructured):
        raise errors.unsupported_media_type((JSON_PATCH, MERGE_PATCH, APPLY_PATCH))
    types = plan(type(current))
    try:
        patched = strategic.apply(tree, patch, types)
    except strategic.StrategicError as error:
        raise _strategic_error(error) from None
    shown = plain(patch)
    try:
        unknown = unknown_fields(patched, types)
        obj, _ = decode_tree(patched, request.resource, current, "Ignore")
    except (ConversionError, Undecodable) as error:
        raise _bad_patch(shown, str(error)) from None
    strict += [f"unknown field {quote(name)}" for name in unknown]
    if strict and directive == "Strict":
        raise _bad_patch(shown, f"strict decoding error: {', '.join(strict)}")
    return Patched(_settled(request, obj, current, ctx), () if directive == "Ignore" else tuple(strict))


def _settled(request: Request, obj: Any, current: Any, ctx: PatchContext) -> Any:
    """The decoded object with its defaults and with the managedFields that are to be stored with it."""
    from k8snb.apiserver.managed import incoming

    return incoming(ctx.default(obj), current, ctx.live, request, ctx.managed_fields, ctx.now)


def _strategic_error(error: strategic.StrategicError) -> errors.APIError:
    if error.code == 400:
        return errors.bad_request(str(error))
    if error.code == 422:
        message = "the server rejected our request due to an error in our request"
        return errors.APIError(422, "Invalid", message, errors.Details())
    return errors.unknown(str(error))


def _bad_patch(value: str, why: str) -> errors.APIError:
    return errors.invalid("", "", [invalid(Path("patch"), value, why)])

"""Server-side apply as a request: checks of the configuration, kubectl's special case, and the new object.

The rules of ownership are in `k8snb.apiserver.patch.apply.updater`. `kubectl apply --server-side` over an object made
by client-side apply takes over what its last-applied annotation says, and the annotation is kept in step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from k8snb.api import errors, yaml11
from k8snb.api.codec import to_dict
from k8snb.api.request import Request
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.managed import applier, empty_tree, with_entries, without_entries
from k8snb.apiserver.patch.apply import fieldset, typed, updater
from k8snb.apiserver.patch.apply.fieldset import FieldSet
from k8snb.apiserver.patch.clientside import LAST_APPLIED
from k8snb.apiserver.patch.decoding import Undecodable, decode_tree
from k8snb.apiserver.patch.tree import Tree, sorted_text, thaw

if TYPE_CHECKING:
    from k8snb.apiserver.patch import PatchContext, Patched
    from k8snb.apiserver.patch.apply.managers import Managed, Manager

KUBECTL = "kubectl"


def server_apply(request: Request, current: Any, ctx: PatchContext) -> Patched:
    """The object after an apply; `current` itself when neither it nor its managers change."""
    from k8snb.apiserver.patch import Patched

    config, warnings = _configuration(request)
    sample = current if current is not None else _sample(request)
    scope = ctx.managed_fields.scope(sample, request.subresource)
    _check(config, scope, sample)
    live = without_entries(to_dict(sample)) if current is not None else empty_tree(sample)
    managed = ctx.live() if current is not None else {}
    who = applier(request, scope.version)
    outcome = _apply(request, scope, live, config, managed, who, ctx, sample)
    tree = outcome.tree
    if who.name == KUBECTL:
        tree = _keep_annotation(tree if tree is not None else live, live, config)
    if tree is None and current is not None:
        same = _timeless(outcome.managed) == _timeless(managed)
        return Patched(current if same else with_entries(current, outcome.managed), warnings)
    try:
        obj, _ = decode_tree(tree if tree is not None else live, request.resource, sample, "Ignore")
    except Undecodable as error:
        raise errors.unknown(f"failed to convert merged object to last applied version: {error}") from None
    return Patched(with_entries(ctx.default(obj), outcome.managed), warnings)


def _sample(request: Request) -> Any:
    resource = request.resource
    if resource.type is None or resource.type is Unstructured:
        return Unstructured(kind=resource.kind, apiVersion=resource.api_version, metadata=ObjectMeta())
    return resource.type()


def _timeless(managed: Managed) -> dict[Manager, Any]:
    return {who: owned._replace(time="") for who, owned in managed.items()}


def _configuration(request: Request) -> tuple[Tree, tuple[str, ...]]:
    """The applied configuration, and warnings about keys that came twice; raises a 400."""
    given = request.body
    if isinstance(given, Mapping):
        return thaw(given), ()
    if not isinstance(given, bytes):
        raise errors.bad_request("error decoding YAML: the patch is not an object")
    try:
        loaded = yaml11.load(given)
    except yaml11.YamlError as error:
        said = str(error)
        said = said if said.startswith("error converting") else f"error converting YAML to JSON: {said}"
        raise errors.bad_request(f"error decoding YAML: {said}") from None
    value = thaw(loaded.tree)
    repeated = [f"line {line}: key {key} already set in map" for line, key in loaded.duplicates]
    if not isinstance(value, dict):
        if value is not None:
            kind = "array" if isinstance(value, list) else "string" if isinstance(value, str) else "number"
            raise errors.bad_request(
                "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: "
                f"cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
            )
        value = {}
    directive = request.options.field_validation
    if repeated and directive == "Strict":
        lines = "".join(f"\n  {line}" for line in repeated)
        what = f"error converting YAML to JSON: yaml: unmarshal errors:{lines}"
        raise errors.bad_request(f"error strict decoding YAML: {what}")
    return value, () if directive == "Ignore" else tuple(repeated)


def _check(config: Tree, scope: updater.Scope, sample: Any) -> None:
    """Kind, version, managedFields and schema of the configuration."""
    kind, version = str(config.get("kind") or ""), str(config.get("apiVersion") or "")
    if (kind, version) != (sample.kind, sample.apiVersion):
        raise errors.bad_request(f"invalid object type: {_gvk(version, kind)}")
    metadata = config.get("metadata")
    meta = metadata if isinstance(metadata, dict) else {}
    if meta.get("managedFields") is not None:
        raise errors.bad_request("metadata.managedFields must be nil")
    found = typed.problems(config, scope.node)
    if found:
        name = f"{meta.get('namespace') or ''}/{meta.get('name') or ''}"
        why = found[0] if len(found) == 1 else "\n".join(["errors:", *(f"  {text}" for text in found)])
        raise errors.unknown(f"failed to create typed patch object ({name}; {_gvk(version, kind)}): {why}")


def _gvk(version: str, kind: str) -> str:
    return f"{version if '/' in version else '/' + version}, Kind={kind}"


def _apply(
    request: Request,
    scope: updater.Scope,
    live: Tree,
    config: Tree,
    managed: Managed,
    who: Manager,
    ctx: PatchContext,
    sample: Any,
) -> updater.Applied:
    empty = empty_tree(sample)
    force = bool(request.options.force)
    try:
        return updater.apply(scope, live, config, managed, who, ctx.now, force=force, empty=empty)
    except updater.Conflicts as conflicts:
        rest = conflicts
        if who.name == KUBECTL and (allowed := _last_applied_fields(live, scope)) is not None:
            left = {
                other: kept
                for other, fields in conflicts.by_manager.items()
                if (kept := fieldset.difference(fields, allowed))
            }
            if not left:
                return updater.apply(scope, live, config, managed, who, ctx.now, force=True, empty=empty)
            rest = updater.Conflicts(left)
    causes = [errors.Cause("FieldManagerConflict", f"conflict with {other}", path) for other, path in rest.rows()]
    raise errors.apply_conflict(causes, rest.message())


def _last_applied_fields(live: Tree, scope: updater.Scope) -> FieldSet | None:
    """Fields that client-side apply set and that still have those values; None without the annotation."""
    said = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not said:
        return None
    try:
        last = json.loads(said)
    except ValueError:
        return None
    if not isinstance(last, dict) or last.get("apiVersion") != scope.version or typed.problems(last, scope.node):
        return None
    out = typed.field_set(last, scope.node)
    for part in typed.compare(last, live, scope.node):
        out = fieldset.difference(out, part)
    return out


def _keep_annotation(tree: Tree, live: Tree, config: Tree) -> Tree | None:
    """The tree with the last-applied annotation brought up to date, if it has one; None when nothing changes."""
    metadata = tree.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return tree if tree is not live else None
    said = thaw(config)
    (said.get("metadata") or {}).get("annotations", {}).pop(LAST_APPLIED, None)
    annotations = {**annotations, LAST_APPLIED: sorted_text(said) + "\n"}
    return {**tree, "metadata": {**metadata, "annotations": annotations}}

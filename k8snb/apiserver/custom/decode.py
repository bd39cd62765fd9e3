"""Reading a custom object: JSON or YAML, unknown fields dropped and reported, defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from k8snb.api import errors, gojson, yaml11
from k8snb.api.decode import DecodeError, Mode, decode_object
from k8snb.api.gotext import quote
from k8snb.api.unstructured import Unstructured
from k8snb.apiserver.custom.structural import default, drop_nulls, prune

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.apiserver.context import ServerContext

Schema = Mapping[str, Any]


def custom_object(ctx: ServerContext, resource: Resource, schema: Schema) -> Unstructured:
    """The object in the request's body; APIError 400. An object of another kind is left for validation to refuse."""
    r = ctx.request
    mode = cast("Mode", r.options.field_validation or "Warn")
    body = r.body
    tree, strict = _parsed(body, r.content_type, resource) if isinstance(body, bytes | str) else (body, [])
    kind, api_version = _named(tree, resource)
    whole = dict(cast("Mapping[str, Any]", tree))
    if api_version != resource.api_version:
        raise errors.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    whole["kind"], whole["apiVersion"] = resource.kind, resource.api_version
    obj, problems = settled(whole, resource, schema, mode)
    strict += problems
    if strict and mode == "Strict":
        lines = [text for text in strict if text.startswith("line ")]
        rest = strict[len(lines) :]
        said = ["yaml: unmarshal errors:\n  " + "\n  ".join(lines), *rest] if lines else rest
        raise errors.bad_request(
            f"{kind} in version {quote(resource.version)} cannot be handled as a {resource.kind}: strict decoding error: "
            + ", ".join(said)
        )
    if mode != "Ignore":
        for text in strict:
            ctx.warn(text)
    return obj if kind == resource.kind else replace(obj, kind=kind)


def settled(tree: Mapping[str, Any], resource: Resource, schema: Schema, mode: Mode) -> tuple[Unstructured, list[str]]:
    """The object of a tree: pruned, with defaults; and the unknown fields that were dropped, as strict errors."""
    unknown: list[str] = []
    pruned = default(drop_nulls(prune(dict(tree), schema, unknown), schema), schema)
    try:
        obj, warnings = decode_object(pruned, resource, "Ignore" if mode == "Ignore" else "Warn")
    except DecodeError as error:
        raise errors.bad_request(
            f"{resource.kind} in version {quote(resource.version)} cannot be handled as a {resource.kind}: {error}"
        ) from None
    found = [*warnings, *(f"unknown field {quote(path)}" for path in sorted(unknown))]
    return cast("Unstructured", obj), found


def _parsed(body: bytes | str, content_type: str, resource: Resource) -> tuple[Any, list[str]]:
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    try:
        if "yaml" in content_type:
            loaded = yaml11.load(raw)
            return loaded.tree, [f"line {line}: key {key} already set in map" for line, key in loaded.duplicates]
        tree = gojson.loads(raw)
    except (gojson.JsonError, yaml11.YamlError) as error:
        shown = raw[:30].hex() + (" ..." if len(raw) > 30 else "") if raw[:1] != b"{" else _head(raw)
        prefix = "" if "yaml" in content_type else "couldn't get version/kind; json parse error: "
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): {prefix}{error} "
            f"({shown or '<empty>'})"
        ) from None
    return tree, list(_repeated(tree, ""))


def _head(raw: bytes) -> str:
    return raw[:30].decode("utf-8", "replace") + (" ..." if len(raw) > 30 else "")


def _repeated(value: Any, path: str) -> list[str]:
    """Strict errors for keys that stand twice in an object."""
    found: list[str] = []
    if isinstance(value, dict):
        for key in getattr(value, "repeated", ()):
            found.append(f"duplicate field {quote(f'{path}.{key}' if path else key)}")
        for key, item in value.items():
            found += _repeated(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _repeated(item, f"{path}[{index}]")
    return found


def _named(tree: Any, resource: Resource) -> tuple[str, str]:
    """(kind, apiVersion) of a tree; what is missing is the resource's. APIError 400 when it is no object."""
    if tree is None:
        return resource.kind, resource.api_version
    if not isinstance(tree, Mapping):
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind; json "
            f"parse error: json: cannot unmarshal into Go value of type struct"
        )
    kind, api_version = tree.get("kind") or resource.kind, tree.get("apiVersion") or resource.api_version
    if not isinstance(kind, str) or not isinstance(api_version, str):
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): couldn't get version/kind"
        )
    return kind, api_version

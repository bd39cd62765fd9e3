"""From a patched tree back to an object: the decoder's complaints as the patch handler words them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from k8snb.api.decode import DecodeError, decode_object
from k8snb.api.gotext import quote
from k8snb.api.schema import type_named
from k8snb.api.scheme import SCHEME
from k8snb.api.unstructured import Unstructured

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource

_NOT_AN_OBJECT = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type "
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
)
_REGISTRY = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"


class Undecodable(Exception):
    """The tree is not an object of the resource; the text is Go's."""


def decode_tree(tree: Any, resource: Resource, current: Any, directive: str) -> tuple[Any, list[str]]:
    """The object that a patched tree describes, and its strict errors (unknown fields) in order.

    A missing kind or API version is the current object's. Raises `Undecodable`.
    """
    if not isinstance(tree, Mapping):
        raise Undecodable(_NOT_AN_OBJECT)
    whole = dict(tree)
    for name in ("kind", "apiVersion"):
        if not whole.get(name):
            whole[name] = getattr(current, name)
    if (whole["kind"], whole["apiVersion"]) != (current.kind, current.apiVersion) and not isinstance(
        current, Unstructured
    ):
        _check_kind(whole, resource, current)
    try:
        obj, warnings = decode_object(whole, resource, "Ignore" if directive == "Ignore" else "Warn")
    except DecodeError as error:
        raise Undecodable(str(error)) from None
    return obj, list(warnings)


def _check_kind(whole: Mapping[str, Any], resource: Resource, current: Any) -> None:
    """A patch that changes what the object is: the other kind must exist, be decodable, and cannot be converted."""
    from k8snb.api.decode import DecodeError, decode_object

    kind, version = whole["kind"], whole["apiVersion"]
    if type_named(version, kind) is None:
        raise Undecodable(
            f"no kind {quote(str(kind))} is registered for version {quote(str(version))} in scheme {quote(_REGISTRY)}"
        )
    target = SCHEME.find(version, kind)
    if target is not None:
        try:
            decode_object(whole, target, "Ignore")
        except DecodeError as error:
            raise Undecodable(str(error)) from None
    other = version.rpartition("/")[2]
    raise Undecodable(f"converting ({other}.{kind}) to ({resource.group or 'core'}.{current.kind}): unknown conversion")

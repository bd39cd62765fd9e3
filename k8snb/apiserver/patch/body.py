"""Reading a patch: JSON with its duplicate fields noted, YAML for server-side apply.

Called by `k8snb.apiserver.patch`; the texts are those of Go's decoders behind the API server's patch handler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.api import errors, gojson
from k8snb.apiserver.patch import json_patch
from k8snb.apiserver.patch.tree import json_kind

Body = Any
"""What a request carries: bytes, or a mapping or list that is already decoded."""

_MAP = "Go value of type map[string]interface {}"
_OPERATION = ("op", "path", "from", "value")


def load(data: bytes) -> tuple[Any, list[str]]:
    """A JSON text and its strict errors (`duplicate field "data.a"`); raises `gojson.JsonError` with Go's text."""
    value = gojson.loads(data)
    found: list[str] = []
    _repeated(value, "", found)
    return value, found


def _repeated(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, dict):
        if isinstance(value, gojson.JsonMap):
            found.extend(f'duplicate field "{path}{key}"' for key in value.repeated)
        for key, item in value.items():
            _repeated(item, f"{path}{key}.", found)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            _repeated(item, f"{path.removesuffix('.')}[{at}].", found)


def as_object(body: Body, prefix: str = "error decoding patch: ") -> tuple[Mapping[str, Any], list[str]]:
    """The patch as an object with its strict errors; raises a 400."""
    value, strict = _read(body, prefix)
    if value is None:
        return {}, strict
    if not isinstance(value, Mapping):
        kind = json_kind(value)
        raise errors.bad_request(f"{prefix}json: cannot unmarshal {kind} into {_MAP}")
    return value, strict


def as_operations(body: Body) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The operations of a JSON Patch with its strict errors; raises a 400, or a 413 for more than the limit."""
    prefix = "error decoding patch: "
    value, strict = _read(body, prefix)
    if value is None:
        return [], strict
    if not isinstance(value, list | tuple):
        kind = json_kind(value)
        raise errors.bad_request(f"{prefix}json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp")
    for at, operation in enumerate(value):
        if operation is None:
            continue
        if not isinstance(operation, Mapping):
            kind = json_kind(operation)
            what = f"cannot unmarshal {kind} into Go value of type handlers.jsonPatchOp"
            raise errors.bad_request(f"{prefix}json: {what}")
        for name in ("op", "path", "from"):
            if not isinstance(operation.get(name, ""), str | None):
                kind = json_kind(operation[name])
                raise errors.bad_request(
                    f"{prefix}json: cannot unmarshal {kind} into Go struct field jsonPatchOp.{name} of type string"
                )
        strict.extend(f'unknown field "[{at}].{name}"' for name in operation if name not in _OPERATION)
    if len(value) > json_patch.LIMIT:
        raise errors.request_entity_too_large(
            f"The allowed maximum operations in a JSON patch is {json_patch.LIMIT}, got {len(value)}"
        )
    return [operation or {} for operation in value], [f"json patch {text}" for text in strict]


def _read(body: Body, prefix: str) -> tuple[Any, list[str]]:
    if not isinstance(body, bytes):
        return body, []
    try:
        return load(body)
    except gojson.JsonError as error:
        raise errors.bad_request(f"{prefix}{error}") from None

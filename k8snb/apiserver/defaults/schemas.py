"""Schemas inside schemas: where a value may be a schema or something else, Go decodes it by a rule of its own.

`items` is a schema or a list of schemas, and anything else counts as absent; `additionalProperties` and
`additionalItems` are a schema or a boolean.  Unknown fields in there are dropped without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.codec import to_dict
from k8snb.api.frozen import freeze_json, frozen_map
from k8snb.api.schema import plan
from k8snb.api.typed import Walk
from k8snb.api.types.apiextensions_v1 import JSONSchemaProps

_PREFIX = 'CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: '
_LISTS = ("allOf", "oneOf", "anyOf")
_MAPS = ("properties", "patternProperties", "definitions")
_OR_BOOL = ("additionalProperties", "additionalItems")


def settled(schema: JSONSchemaProps) -> JSONSchemaProps:
    """The schema with all schemas in it read as the server reads them; APIError 400 when one cannot be."""
    changes: dict[str, Any] = {}
    for name in _LISTS:
        found = getattr(schema, name)
        if found:
            changes[name] = tuple(settled(item) for item in found)
    for name in _MAPS:
        inner = getattr(schema, name)
        if inner:
            changes[name] = frozen_map({key: settled(item) for key, item in inner.items()})
    if schema.not_ is not None:
        changes["not_"] = settled(schema.not_)
    if schema.items is not None:
        changes["items"] = _items(schema.items)
    for name in _OR_BOOL:
        value = getattr(schema, name)
        if isinstance(value, Mapping):
            changes[name] = _tree(value)
        elif value is not None and not isinstance(value, bool):
            raise errors.bad_request(f"{_PREFIX}boolean or JSON schema expected")
    changed = {name: item for name, item in changes.items() if item != getattr(schema, name)}
    return replace(schema, **changed) if changed else schema


def _items(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _tree(value)
    return tuple(_tree(item) for item in value) if isinstance(value, list | tuple) else None


def _tree(value: Any) -> Any:
    """A schema that is kept as a tree, as the server would write it."""
    walk = Walk()
    found = walk.struct(plan(JSONSchemaProps), _thawed(value), None, "", "v1.JSONSchemaProps")
    error = walk.error()
    if error is not None:
        raise errors.bad_request(_PREFIX + error)
    return freeze_json(to_dict(settled(found)))


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, list | tuple) else value

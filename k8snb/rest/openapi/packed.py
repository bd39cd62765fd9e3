"""``/openapi/v2`` as protobuf, the only form of it that kubectl before 1.29 reads.

The field numbers are those of gnostic's ``openapi.v2.Document``; only what our document uses is listed. Free values
(defaults, enums, extensions) travel as YAML, of which JSON is a part.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from k8snb.rest.openapi.schemas import Tree
from k8snb.rest.protobuf.messages import class_of, pool_of

_OPERATIONS = ("get", "put", "post", "delete", "patch")
_NUMBERS: dict[str, dict[str, list[Any]]] = {
    "Document": {"swagger": [1, "string"], "info": [2, "Info"], "paths": [8, "Paths"], "definitions": [9, "Named"]},
    "Info": {"title": [1, "string"], "version": [2, "string"]},
    "Paths": {"path": [2, "NamedPath", "rep"]},
    "NamedPath": {"name": [1, "string"], "value": [2, "PathItem"]},
    "PathItem": {
        "get": [2, "Operation"], "put": [3, "Operation"], "post": [4, "Operation"], "delete": [5, "Operation"],
        "patch": [8, "Operation"], "parameters": [9, "Item", "rep"],
    },
    "Operation": {
        "tags": [1, "string", "rep"], "operationId": [5, "string"], "produces": [6, "string", "rep"],
        "consumes": [7, "string", "rep"], "parameters": [8, "Item", "rep"], "responses": [9, "Responses"],
        "extensions": [13, "NamedAny", "rep"],
    },
    "Item": {"parameter": [1, "Parameter"]},
    "Parameter": {"body": [1, "Body"], "other": [2, "Other"]},
    "Other": {"query": [3, "Query"], "path": [4, "Path"]},
    "Body": {"name": [2, "string"], "in": [3, "string"], "required": [4, "bool"], "schema": [5, "Schema"]},
    "Query": {"in": [2, "string"], "name": [4, "string"], "type": [6, "string"], "uniqueItems": [20, "bool"]},
    "Path": {
        "required": [1, "bool"], "in": [2, "string"], "description": [3, "string"], "name": [4, "string"],
        "type": [5, "string"],
    },
    "Responses": {"code": [1, "NamedResponse", "rep"]},
    "NamedResponse": {"name": [1, "string"], "value": [2, "ResponseValue"]},
    "ResponseValue": {"response": [1, "Response"]},
    "Response": {"description": [1, "string"], "schema": [2, "SchemaItem"]},
    "SchemaItem": {"schema": [1, "Schema"]},
    "Named": {"each": [1, "NamedSchema", "rep"]},
    "NamedSchema": {"name": [1, "string"], "value": [2, "Schema"]},
    "NamedAny": {"name": [1, "string"], "value": [2, "Any"]},
    "Any": {"yaml": [2, "string"]},
    "Strings": {"value": [1, "string", "rep"]},
    "Schemas": {"schema": [1, "Schema", "rep"]},
    "Schema": {
        "$ref": [1, "string"], "format": [2, "string"], "description": [4, "string"], "default": [5, "Any"],
        "required": [19, "string", "rep"], "enum": [20, "Any", "rep"], "additionalProperties": [21, "SchemaItem"],
        "type": [22, "Strings"], "items": [23, "Schemas"], "properties": [25, "Named"],
        "extensions": [31, "NamedAny", "rep"],
    },
}  # fmt: skip


@cache
def _document() -> type[Any]:
    pool = pool_of({name: {"fields": fields} for name, fields in _NUMBERS.items()})
    return class_of(pool, "Document")


def pack(swagger: Tree) -> bytes:
    """The document as protobuf."""
    found = _document()()
    found.f_swagger = swagger["swagger"]
    found.f_info.f_title = swagger["info"]["title"]
    found.f_info.f_version = swagger["info"]["version"]
    for path, item in swagger["paths"].items():
        named = found.f_paths.f_path.add(f_name=path)
        for parameter in item.get("parameters", ()):
            _parameter(named.f_value.f_parameters.add(), parameter)
        for method in _OPERATIONS:
            if method in item:
                _operation(getattr(named.f_value, f"f_{method}"), item[method])
    for name, schema in swagger["definitions"].items():
        _schema(found.f_definitions.f_each.add(f_name=name).f_value, schema)
    return bytes(found.SerializeToString())


def _operation(into: Any, operation: Tree) -> None:
    into.f_tags.extend(operation.get("tags", ()))
    into.f_operationId = operation["operationId"]
    into.f_produces.extend(operation.get("produces", ()))
    into.f_consumes.extend(operation.get("consumes", ()))
    for parameter in operation["parameters"]:
        _parameter(into.f_parameters.add(), parameter)
    for code, answer in operation["responses"].items():
        response = into.f_responses.f_code.add(f_name=code).f_value.f_response
        response.f_description = answer["description"]
        if "schema" in answer:
            _schema(response.f_schema.f_schema, answer["schema"])
    _extensions(into, operation)


def _parameter(item: Any, parameter: Tree) -> None:
    place = parameter["in"]
    if place == "body":
        into = item.f_parameter.f_body
        into.f_required = parameter["required"]
        _schema(into.f_schema, parameter["schema"])
    elif place == "path":
        into = item.f_parameter.f_other.f_path
        into.f_required = True
        into.f_type = parameter["type"]
    else:
        into = item.f_parameter.f_other.f_query
        into.f_type = parameter["type"]
        into.f_uniqueItems = True
    into.f_name = parameter["name"]
    into.f_in = place


def _schema(into: Any, schema: Tree) -> None:
    into.SetInParent()
    if isinstance(schema.get("$ref"), str):
        into.f_dollar_ref = schema["$ref"]
    for name in ("format", "description"):
        if name in schema:
            setattr(into, f"f_{name}", schema[name])
    if "default" in schema:
        into.f_default.f_yaml = json.dumps(schema["default"])
    into.f_required.extend(schema.get("required", ()))
    for value in schema.get("enum", ()):
        into.f_enum.add(f_yaml=json.dumps(value))
    if isinstance(schema.get("additionalProperties"), dict):
        _schema(into.f_additionalProperties.f_schema, schema["additionalProperties"])
    if "type" in schema:
        into.f_type.f_value.append(schema["type"])
    if "items" in schema:
        _schema(into.f_items.f_schema.add(), schema["items"])
    for name, inner in schema.get("properties", {}).items():
        _schema(into.f_properties.f_each.add(f_name=name).f_value, inner)
    _extensions(into, schema)


def _extensions(into: Any, tree: Tree) -> None:
    for name, value in tree.items():
        if name.startswith("x-"):
            into.f_extensions.add(f_name=name).f_value.f_yaml = json.dumps(value)

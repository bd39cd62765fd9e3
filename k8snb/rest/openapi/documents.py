"""``/openapi/v3`` with one document for each group version, and ``/openapi/v2``, made from what the server serves.

A document is made when it is first asked for and kept as long as its resources stay the same. Its address carries a hash of
its content, so that clients may keep it for ever. Descriptions are in the language that is asked for (en or zh).
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from k8snb.api.codec import to_dict
from k8snb.api.scheme import Resource, Scheme
from k8snb.apiserver.http.discovery import VERSION, groups_of
from k8snb.rest.openapi.paths import Paths
from k8snb.rest.openapi.schemas import Schemas, Tree

_INFO = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
_SECURITY = {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}}


class Document(msgspec.Struct, frozen=True):
    """A document as it is sent, and the hash of it."""

    body: bytes
    hash: str


class Documents:
    """The documents of one API server; to be used on the cluster's thread."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._kept: dict[str, tuple[tuple[Any, ...], Document]] = {}

    def index(self, language: str = "en") -> bytes:
        """``/openapi/v3``: where the documents are."""
        documents = {path: self.document(path, language) for path in self._group_versions()}
        paths = {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document.hash}"}
            for path, document in documents.items()
            if document is not None
        }
        return msgspec.json.encode({"paths": paths})

    def document(self, path: str, language: str = "en") -> Document | None:
        """The document of a group version, as in ``api/v1`` and ``apis/apps/v1``; None when there is none."""
        resources = self._group_versions().get(path)
        if resources is None:
            return None
        return self._keep(f"{path} {language}", resources, lambda: self._v3(resources, language))

    def swagger(self, language: str = "en") -> Document:
        """``/openapi/v2``: everything in one document of the older form."""
        scheme: Scheme = self._server.scheme
        return self._keep(f"swagger {language}", scheme.resources, lambda: _as_v2(self._v3(scheme.resources, language)))

    def packed(self, language: str = "en") -> Document:
        """The same as protobuf."""
        from k8snb.rest.openapi.packed import pack

        scheme: Scheme = self._server.scheme
        return self._keep(
            f"packed {language}", scheme.resources, lambda: pack(_as_v2(self._v3(scheme.resources, language)))
        )

    def _group_versions(self) -> dict[str, tuple[Resource, ...]]:
        scheme: Scheme = self._server.scheme
        found = {"api/v1": tuple(scheme.served("", "v1"))}
        for group, versions in groups_of(scheme).items():
            for version in versions:
                found[f"apis/{group}/{version}"] = tuple(scheme.served(group, version))
        return found

    def _keep(self, name: str, resources: tuple[Resource, ...], make: Any) -> Document:
        custom = [self._custom(resource) if resource.custom else None for resource in resources]
        state = (*map(id, resources), msgspec.json.encode(custom))
        kept = self._kept.get(name)
        if kept is None or kept[0] != state:
            made = make()
            body = made if isinstance(made, bytes) else msgspec.json.encode(made)
            kept = self._kept[name] = (state, Document(body, hashlib.sha512(body).hexdigest().upper()))
        return kept[1]

    def _v3(self, resources: tuple[Resource, ...], language: str) -> Tree:
        schemas = Schemas("#/components/schemas/", language)
        paths = Paths(schemas, self._custom)
        for resource in resources:
            paths.add(resource)
        return {
            "openapi": "3.0.0",
            "info": _INFO,
            "paths": dict(sorted(paths.found.items())),
            "components": {"schemas": dict(sorted(schemas.found.items())), "securitySchemes": _SECURITY},
        }

    def _custom(self, resource: Resource) -> Tree:
        """The schema that the definition of a custom resource gives it."""
        definition = self._server.reader.get("customresourcedefinitions", "", f"{resource.plural}.{resource.group}")
        if definition is None:
            return {}
        for version in definition.spec.versions:
            if version.name == resource.version and version.schema is not None:
                return dict(to_dict(version.schema).get("openAPIV3Schema") or {})
        return {}


def _as_v2(document: Tree) -> Tree:
    """The same in the older form: definitions instead of components, bodies among the parameters."""
    return {
        "swagger": "2.0",
        "info": _INFO,
        "paths": {path: _path_v2(item) for path, item in document["paths"].items()},
        "definitions": {name: _schema_v2(item) for name, item in document["components"]["schemas"].items()},
        "securityDefinitions": _SECURITY,
        "security": [{"BearerToken": []}],
    }


def _path_v2(item: Tree) -> Tree:
    found: Tree = {}
    for method, operation in item.items():
        if method == "parameters":
            found[method] = [_parameter_v2(parameter) for parameter in operation]
            continue
        changed = {
            key: value for key, value in operation.items() if key not in ("requestBody", "parameters", "responses")
        }
        parameters = [_parameter_v2(parameter) for parameter in operation["parameters"]]
        body = operation.get("requestBody")
        if body is not None:
            changed["consumes"] = list(body["content"])
            schema = _schema_v2(next(iter(body["content"].values()))["schema"])
            parameters.insert(0, {"name": "body", "in": "body", "required": body["required"], "schema": schema})
        responses: Tree = {}
        for code, answer in operation["responses"].items():
            responses[code] = {"description": answer["description"]}
            if "content" in answer:
                changed["produces"] = list(answer["content"])
                responses[code]["schema"] = _schema_v2(next(iter(answer["content"].values()))["schema"])
        found[method] = {**changed, "parameters": parameters, "responses": responses}
    return found


def _parameter_v2(parameter: Tree) -> Tree:
    return {**{key: value for key, value in parameter.items() if key != "schema"}, **parameter["schema"]}


def _schema_v2(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_schema_v2(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"].replace("#/components/schemas/", "#/definitions/")}
    if len(schema.get("allOf", ())) == 1:
        return {
            **_schema_v2(schema["allOf"][0]),
            **{k: _schema_v2(v) for k, v in schema.items() if k not in ("allOf", "default")},
        }
    if "oneOf" in schema and "format" in schema:
        return {"type": "string", "format": schema["format"]}
    if "oneOf" in schema:
        return {"type": "string"}
    return {
        key: {name: _schema_v2(item) for name, item in value.items()} if key == "properties" else _schema_v2(value)
        for key, value in schema.items()
    }

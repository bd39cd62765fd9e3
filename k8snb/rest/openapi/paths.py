"""The paths of a group version as OpenAPI 3 operations, with the parameters that each verb knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from k8snb.api.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from k8snb.api.scheme import Resource, Subresource
from k8snb.rest.openapi.schemas import META, Schemas, Tree, gvk

_BODIES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_WRITES = ("dryRun", "fieldManager", "fieldValidation")
_LISTS = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)  # fmt: skip
_DELETES = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_TYPES = {
    "allowWatchBookmarks": "boolean", "sendInitialEvents": "boolean", "watch": "boolean", "force": "boolean",
    "orphanDependents": "boolean", "limit": "integer", "timeoutSeconds": "integer", "gracePeriodSeconds": "integer",
    "follow": "boolean", "previous": "boolean", "timestamps": "boolean", "tailLines": "integer",
    "limitBytes": "integer", "sinceSeconds": "integer", "stdin": "boolean", "stdout": "boolean", "stderr": "boolean",
    "tty": "boolean", "ports": "integer",
}  # fmt: skip
_ACTIONS = {"get": "get", "list": "list", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}
_METHODS = {"get": "get", "create": "post", "update": "put", "patch": "patch", "delete": "delete"}
_STREAMED = {
    "log": ("container", "follow", "limitBytes", "previous", "sinceSeconds", "tailLines", "timestamps"),
    "exec": ("command", "container", "stderr", "stdin", "stdout", "tty"),
    "attach": ("container", "stderr", "stdin", "stdout", "tty"),
    "portforward": ("ports",),
    "proxy": ("path",),
}

_ANYTHING = ("*/*",)
_ANSWERS = dict.fromkeys(_STREAMED, _ANYTHING) | {"log": ("text/plain", *_BODIES)}
"""Media types of what streams answer."""

CustomSchema = Callable[[Resource], dict[str, Any]]


class Paths:
    """Collects the paths of resources and the schemas that they need."""

    def __init__(self, schemas: Schemas, custom: CustomSchema) -> None:
        self.schemas = schemas
        self.custom = custom
        self.found: dict[str, Tree] = {}

    def add(self, resource: Resource) -> None:
        """Add a resource with its subresources."""
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        inside = (
            f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{root}/{resource.plural}"
        )
        verbs = set(resource.verbs)
        one = self._one(resource)
        collection: Tree = {}
        if "list" in verbs:
            collection["get"] = self._operation(resource, "list", self._list(resource, one), _LISTS)
        if "create" in verbs:
            collection["post"] = self._operation(resource, "create", one, _WRITES, body=one)
        if "deletecollection" in verbs:
            status = self._meta("Status")
            collection["delete"] = self._operation(
                resource,
                "deletecollection",
                status,
                (*_LISTS, *_DELETES),
                body=self._meta("DeleteOptions"),
                name="deletecollection",
            )
        if collection:
            self.found[inside] = {**collection, "parameters": self._around(resource, False)}
        if resource.namespaced and "list" in verbs:
            everywhere = self._operation(
                resource, "list", self._list(resource, one), _LISTS, name="listForAllNamespaces"
            )
            self.found[f"{root}/{resource.plural}"] = {"get": everywhere, "parameters": [_query("pretty")]}
        item: Tree = {}
        if "get" in verbs:
            item["get"] = self._operation(resource, "get", one, ())
        if "update" in verbs:
            item["put"] = self._operation(resource, "update", one, _WRITES, body=one)
        if "patch" in verbs:
            item["patch"] = self._operation(resource, "patch", one, (*_WRITES, "force"), body=self._patch())
        if "delete" in verbs:
            item["delete"] = self._operation(
                resource, "delete", self._meta("Status"), _DELETES, body=self._meta("DeleteOptions")
            )
        if item:
            self.found[f"{inside}/{{name}}"] = {**item, "parameters": self._around(resource, True)}
        for sub in resource.subresources.values():
            self._sub(resource, sub, f"{inside}/{{name}}/{sub.name}", one)

    def _sub(self, resource: Resource, sub: Subresource, path: str, one: Tree) -> None:
        streamed = _STREAMED.get(sub.name)
        if streamed is not None:
            body: Tree = {"type": "string"}
        else:
            version = f"{sub.group}/{sub.version}" if sub.group else sub.version
            body = one if sub.kind == resource.kind else self.schemas.kind(version, sub.kind)
        operations: Tree = {}
        for verb in sub.verbs:
            method = _METHODS.get(verb)
            if method is None:
                continue
            if streamed is not None:
                operations[method] = self._operation(
                    resource, verb, body, streamed, name=f"{verb}{sub.name}", kind=sub, answers=_ANSWERS[sub.name]
                )
                continue
            given = None if verb == "get" else self._patch() if verb == "patch" else body
            parameters = () if verb == "get" else (*_WRITES, "force") if verb == "patch" else _WRITES
            operations[method] = self._operation(
                resource, verb, body, parameters, body=given, name=f"{verb}{sub.name}", kind=sub
            )
        if operations:
            self.found[path] = {**operations, "parameters": self._around(resource, True)}

    def _operation(
        self,
        resource: Resource,
        verb: str,
        answer: Tree,
        parameters: tuple[str, ...],
        *,
        body: Tree | None = None,
        name: str = "",
        kind: Subresource | None = None,
        answers: tuple[str, ...] = _BODIES,
    ) -> Tree:
        group = "".join(part.capitalize() for part in resource.group.partition(".")[0].split("-")) or "Core"
        scope = "Namespaced" if resource.namespaced else ""
        tree: Tree = {
            "tags": [f"{group.lower()}_{resource.version}"],
            "operationId": f"{name or verb}{group}{resource.version.capitalize()}{scope}{resource.plural.capitalize()}",
            "parameters": [_query(item) for item in parameters],
            "responses": self._responses(verb, answer, answers),
            "x-kubernetes-action": "list" if verb == "list" else _ACTIONS.get(verb, verb),
            "x-kubernetes-group-version-kind": (
                gvk(resource.group, resource.version, resource.kind)
                if kind is None
                else gvk(kind.group, kind.version, kind.kind)
            ),
        }
        if body is not None:
            kinds = (
                (JSON_PATCH, MERGE_PATCH, *(() if resource.custom else (STRATEGIC_MERGE_PATCH,)), APPLY_PATCH)
                if verb == "patch"
                else _BODIES[:2]
                if resource.custom
                else _BODIES
            )
            required = verb in ("create", "update", "patch")
            tree["requestBody"] = {"content": {kind: {"schema": body} for kind in kinds}, "required": required}
        return tree

    def _responses(self, verb: str, answer: Tree, kinds: tuple[str, ...]) -> Tree:
        def content(schema: Tree) -> Tree:
            return {"content": {kind: {"schema": schema} for kind in kinds}}

        codes = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201")}
        found = {code: {"description": "OK", **content(answer)} for code in codes.get(verb, ("200",))}
        if verb == "delete":
            found["202"] = {"description": "Accepted", **content(answer)}
        found["401"] = {"description": "Unauthorized"}
        refused = (
            {} if kinds == _ANYTHING else content(self._meta("Status"))
        )  # what is behind it may refuse in its own way
        found["default"] = {"description": "Refused", **refused}
        return found

    def _around(self, resource: Resource, named: bool) -> list[Tree]:
        found = [_path("name", resource.kind)] if named else []
        if resource.namespaced:
            found.append(_path("namespace", resource.kind))
        return [*found, _query("pretty")]

    def _one(self, resource: Resource) -> Tree:
        if resource.custom:
            return self.schemas.custom(resource, self.custom(resource))
        return self.schemas.kind(resource.api_version, resource.kind)

    def _list(self, resource: Resource, one: Tree) -> Tree:
        if resource.custom:
            return self.schemas.custom_list(resource, one)
        return self.schemas.kind(resource.api_version, f"{resource.kind}List")

    def _meta(self, kind: str) -> Tree:
        return self.schemas.kind("v1", kind)

    def _patch(self) -> Tree:
        self.schemas.found.setdefault(f"{META}.Patch", {"type": "object"})
        return {"$ref": f"{self.schemas.prefix}{META}.Patch"}


def _query(name: str) -> Tree:
    return {"name": name, "in": "query", "schema": {"type": _TYPES.get(name, "string"), "uniqueItems": True}}


def _path(name: str, kind: str) -> Tree:
    what = f"name of the {kind}" if name == "name" else "the namespace of the object"
    return {"name": name, "in": "path", "required": True, "description": what, "schema": {"type": "string"}}

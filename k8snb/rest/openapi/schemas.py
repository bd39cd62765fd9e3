"""The generated types as OpenAPI schemas: what ``kubectl explain``, validating editors and generated clients read.

The facts (types, requirements, enums, merge keys) are those of Kubernetes' own document; the descriptions are this project's
own (``k8snb.api.about``), and a kind that has none says where it is described. Definitions of custom resources bring their
own schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.api.about import REFERENCE, described, leaf
from k8snb.api.schema import FieldPlan, Shape, plan, type_named
from k8snb.api.scheme import Resource
from k8snb.rest.names import definition, definition_of

Tree = dict[str, Any]
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_RAW = {
    "RawExtension": "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "FieldsV1": f"{META}.FieldsV1",
    "Patch": f"{META}.Patch",
}
_CUSTOM = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
_LEAVES: dict[str, Tree] = {
    QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    INT_OR_STRING: {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
    f"{META}.Time": {"type": "string", "format": "date-time"},
    f"{META}.MicroTime": {"type": "string", "format": "date-time"},
    f"{META}.FieldsV1": {"type": "object"},
    f"{META}.Patch": {"type": "object"},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object"},
    f"{_CUSTOM}.JSON": {},
    f"{_CUSTOM}.JSONSchemaPropsOrArray": {},
    f"{_CUSTOM}.JSONSchemaPropsOrBool": {},
    f"{_CUSTOM}.JSONSchemaPropsOrStringArray": {},
}
_SIMPLE: dict[str, Tree] = {
    "string": {"type": "string"},
    "bytes": {"type": "string", "format": "byte"},
    "float": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
}
_NAMED = {"quantity": QUANTITY, "intorstring": INT_OR_STRING, "time": f"{META}.Time", "microtime": f"{META}.MicroTime"}


class Schemas:
    """The schemas of one document: those asked for, and all that they refer to. ``prefix`` is where references point.

    Descriptions are in ``language`` (en or zh).
    """

    def __init__(self, prefix: str, language: str = "en") -> None:
        self.prefix = prefix
        self.language = language
        self.found: dict[str, Tree] = {}

    def reference(self, type_: type[Any]) -> Tree:
        """A reference to a generated type, which is added to the document."""
        return self._to(definition_of(type_), type_)

    def kind(self, api_version: str, kind: str) -> Tree:
        """A reference to a kind; a free object when the kind is not one of the generated types."""
        found = type_named(api_version, kind)
        if found is None:
            found = type_named("v1", kind)
        return self.reference(found) if found is not None else {"type": "object"}

    def custom(self, resource: Resource, schema: Mapping[str, Any]) -> Tree:
        """A reference to a custom resource, described by its definition."""
        name = custom_name(resource)
        if name not in self.found:
            from k8snb.api.types.meta_v1 import ObjectMeta

            whole: Tree = {"type": "object", **schema}
            whole["properties"] = {
                **schema.get("properties", {}),
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": self.reference(ObjectMeta),
            }
            whole["x-kubernetes-group-version-kind"] = [gvk(resource.group, resource.version, resource.kind)]
            self.found[name] = whole
        return self._ref(name)

    def custom_list(self, resource: Resource, item: Tree) -> Tree:
        """A reference to the list of a custom resource."""
        from k8snb.api.types.meta_v1 import ListMeta

        name = f"{custom_name(resource)}List"
        self.found[name] = {
            "type": "object",
            "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"},
                "items": {"type": "array", "items": item},
                "kind": {"type": "string"},
                "metadata": self.reference(ListMeta),
            },
            "x-kubernetes-group-version-kind": [gvk(resource.group, resource.version, f"{resource.kind}List")],
        }
        return self._ref(name)

    # -- types

    def _ref(self, name: str) -> Tree:
        return {"$ref": f"{self.prefix}{name}"}

    def _to(self, name: str, type_: type[Any]) -> Tree:
        if name not in self.found:
            self.found[name] = {}  # types may contain themselves
            self.found[name] = self._struct(type_)
        return self._ref(name)

    def _leaf(self, name: str) -> Tree:
        if name not in self.found:
            about = leaf(name.rpartition(".")[2], self.language)
            self.found[name] = {**({"description": about} if about else {}), **_LEAVES[name]}
        return self._ref(name)

    def _struct(self, type_: type[Any]) -> Tree:
        types = plan(type_)
        tree: Tree = {"type": "object"}
        kinds = gvks(type_)
        about = described(type_, "", self.language)
        if kinds and not about:
            about = f"{type_.__name__}: every field is described in the API reference, {REFERENCE}"
        if about:
            tree["description"] = about
        tree["properties"] = {}
        if kinds:  # the type's own fields are not among those of its plan
            tree["properties"] = {name: self._told({"type": "string"}, type_, name) for name in ("apiVersion", "kind")}
        tree["properties"] |= {
            name: self._told(self._field(field), type_, name) for name, field in sorted(types.fields.items())
        }
        required = [name for name, field in sorted(types.fields.items()) if field.required]
        if required:
            tree["required"] = required
        if types.map_type:
            tree["x-kubernetes-map-type"] = types.map_type
        if kinds:
            tree["x-kubernetes-group-version-kind"] = kinds
        return tree

    def _told(self, tree: Tree, type_: type[Any], field: str) -> Tree:
        about = described(type_, field, self.language)
        return {"description": about, **tree} if about else tree

    def _field(self, field: FieldPlan) -> Tree:
        tree = self._shape(field.shape, field.enum)
        if "$ref" in tree:
            empty = field.shape.kind == "struct" and not field.pointer
            tree = {"allOf": [tree], **({"default": {}} if empty else {})}
        if field.default is not None:
            tree["default"] = field.default
        for name, value in (
            ("x-kubernetes-list-map-keys", list(field.list_keys) or None),
            ("x-kubernetes-list-type", field.list_type),
            ("x-kubernetes-map-type", field.map_type),
            ("x-kubernetes-patch-merge-key", field.merge_key),
            ("x-kubernetes-patch-strategy", ",".join(field.strategies) or None),
        ):
            if value is not None:
                tree[name] = value
        return tree

    def _shape(self, shape: Shape, enum: tuple[str, ...] = ()) -> Tree:
        kind = shape.kind
        if kind in _SIMPLE:
            return {**_SIMPLE[kind], **({"enum": list(enum)} if enum else {})}
        if kind == "int":
            return {"type": "integer", "format": f"int{shape.bits}"}
        if kind in _NAMED:
            return self._leaf(_NAMED[kind])
        if kind == "raw":
            return self._leaf(_RAW.get(shape.name, f"{_CUSTOM}.{shape.name}"))
        if kind == "struct":
            return self._to(definition(shape.module, shape.name), shape.type)
        assert shape.elem is not None
        inner = self._shape(shape.elem, enum)
        if "$ref" in inner:
            inner = {"allOf": [inner], "default": {}} if shape.elem.kind == "struct" else {"allOf": [inner]}
        if kind == "list":
            return {"type": "array", "items": inner}
        return {"type": "object", "additionalProperties": inner}


def gvk(group: str, version: str, kind: str) -> Tree:
    """The extension by which clients find a kind's schema."""
    return {"group": group, "version": version, "kind": kind}


def gvks(type_: type[Any]) -> list[Tree]:
    """The kinds that a type is (none for parts of objects)."""
    from k8snb.api.types._index import KINDS

    module, name = type_.__module__.rpartition(".")[2], type_.__name__
    found = []
    for key, where in KINDS.items():
        head, _, kind = key.rpartition("/")
        if kind == name and where == module:
            group, _, version = head.rpartition("/")
            found.append(gvk(group, version, kind))
    return found


def custom_name(resource: Resource) -> str:
    """The definition's name of a custom resource: the group backwards, version, kind."""
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])

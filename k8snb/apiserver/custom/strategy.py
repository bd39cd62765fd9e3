"""The strategy of custom resources: schema defaults, schema validation, CEL rules, generation and status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict, freeze_json
from k8snb.apiserver.custom.embedded import embedded_errors
from k8snb.apiserver.custom.rules import check_rules
from k8snb.apiserver.custom.structural import default, drop_nulls, prune
from k8snb.apiserver.custom.validate import blocks_rules, has_rules, list_types, unchecked, validate
from k8snb.apiserver.strategy import Context, Strategy
from k8snb.apiserver.validation.field import FieldError, Path, invalid
from k8snb.apiserver.validation.metadata import Errors, object_meta, object_meta_update
from k8snb.apiserver.validation.names import subdomain_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.scheme import Resource
    from k8snb.api.unstructured import Unstructured


class CustomStrategy(Strategy):
    """Decides about the objects of one version of a custom resource; `schema` is its openAPIV3Schema as a plain dict."""

    allow_create_on_update = False
    allow_unconditional_update = False
    tracks_generation = True

    def __init__(self, resource: Resource, schema: Mapping[str, Any], status: bool) -> None:
        super().__init__(resource)
        self.schema = schema
        self.has_status = status

    def default(self, obj: Any) -> Any:
        """Drop what the schema does not know and fill in what it says."""
        tree = as_tree(obj)
        done = default(drop_nulls(prune(tree, self.schema, []), self.schema), self.schema)
        if done == tree:
            return obj
        content = {key: item for key, item in done.items() if key not in ("apiVersion", "kind", "metadata")}
        return replace(obj, content=freeze_json(content))

    def prepare_for_create(self, obj: Any, ctx: Context) -> Any:
        if self.has_status and "status" in obj.content:
            obj = _without_status(obj)
        return replace(obj, metadata=replace(obj.metadata, generation=1))

    def prepare_for_update(self, new: Any, old: Any, ctx: Context) -> Any:
        if self.has_status:
            new = _with_status_of(new, old)
        if self.spec_changed(new, old):
            meta = replace(new.metadata, generation=(old.metadata.generation or 0) + 1)
            new = replace(new, metadata=meta)
        return new

    def spec_changed(self, new: Any, old: Any) -> bool:
        """Whether anything but metadata (and, with a status subresource, status) changed."""
        return (
            _without_status(new).content != _without_status(old).content
            if self.has_status
            else (new.content != old.content)
        )

    def prepare_for_status_update(self, new: Any, old: Any, ctx: Context) -> Any:
        """Everything but status stays, metadata too (apart from managedFields)."""
        meta = replace(old.metadata, managedFields=new.metadata.managedFields)
        return replace(_with_status_of(old, new), metadata=meta)

    def validate(self, obj: Any, ctx: Context) -> list[FieldError]:
        errors: Errors = self._type_meta(obj)
        if errors:
            return errors
        object_meta(obj.metadata, self.resource.namespaced, subdomain_name, errors, kube=False)
        return errors + self._content(obj, None)

    def validate_update(self, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        errors: Errors = self._type_meta(new)
        if errors:
            return errors
        object_meta_update(new.metadata, old.metadata, errors, kube=False)
        return errors + self._content(new, old)

    def validate_status_update(self, new: Any, old: Any, ctx: Context) -> list[FieldError]:
        return self.validate_update(new, old, ctx)

    def _type_meta(self, obj: Any) -> Errors:
        errors: Errors = []
        if obj.kind != self.resource.kind:
            errors.append(invalid(Path("kind"), obj.kind, f"must be {self.resource.kind}"))
        if obj.apiVersion != self.resource.api_version:
            errors.append(invalid(Path("apiVersion"), obj.apiVersion, f"must be {self.resource.api_version}"))
        return errors

    def _content(self, obj: Unstructured, old: Unstructured | None) -> list[FieldError]:
        tree = as_tree(obj)
        errors = validate(tree, self.schema)
        errors += embedded_errors(tree, self.schema)
        errors += list_types(tree, self.schema)
        if blocks_rules(errors) and has_rules(self.schema):
            return [*errors, unchecked()]
        return errors + check_rules(tree, None if old is None else as_tree(old), self.schema)


def as_tree(obj: Unstructured) -> dict[str, Any]:
    """The object as a plain tree, as its schema sees it: of metadata only name and generateName."""
    meta = {key: value for key in ("name", "generateName") if (value := getattr(obj.metadata, key))}
    return {"apiVersion": obj.apiVersion, "kind": obj.kind, "metadata": meta, **_thawed(obj.content)}


def _thawed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, tuple) else value


def _without_status(obj: Unstructured) -> Unstructured:
    if "status" not in obj.content:
        return obj
    return replace(obj, content=FrozenDict({key: item for key, item in obj.content.items() if key != "status"}))


def _with_status_of(obj: Unstructured, source: Unstructured) -> Unstructured:
    """The object with the status of another version of it."""
    status = source.content.get("status")
    if obj.content.get("status") == status:
        return obj
    content = {key: item for key, item in obj.content.items() if key != "status"}
    if status is not None:
        content["status"] = status
    return replace(obj, content=freeze_json(content))

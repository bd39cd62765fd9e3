"""Custom resource definitions: kinds that are added while the server runs (it serves them in `k8snb.apiserver.custom`)."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import apiextensions_v1 as apiextensions
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.defaults.schemas import settled
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import definitions, names
from k8snb.apiserver.validation.field import SPEC, FieldError, invalid
from k8snb.apiserver.validation.metadata import Errors, immutable, object_meta, object_meta_update

Definition = apiextensions.CustomResourceDefinition
_NO_CONVERSION = apiextensions.CustomResourceConversion(strategy="None")
_SERVICE_PORT = 443


class CustomResourceDefinitionStrategy(Kind):
    """Decisions about custom resource definitions."""

    serves = (("apiextensions.k8s.io/v1", "CustomResourceDefinition"),)
    has_status = True
    tracks_generation = True
    allow_unconditional_update = False

    def default(self, obj: Definition) -> Definition:
        """Names made of the kind, no conversion between versions; schemas as the server reads them."""
        given = obj.spec.names
        if given.kind:
            given = changed(
                given,
                singular=given.singular or given.kind.lower(),
                listKind=given.listKind or given.kind + "List",
            )
        spec = changed(
            obj.spec,
            names=given,
            versions=each(obj.spec.versions, _version),
            conversion=_conversion(obj.spec.conversion),
        )
        return changed(obj, spec=spec)

    def prepare_for_create(self, obj: Definition, ctx: Context) -> Definition:
        """No status but the version that objects are stored in."""
        return _with_stored_version(super().prepare_for_create(obj, ctx))

    def prepare_for_update(self, new: Definition, old: Definition, ctx: Context) -> Definition:
        """A new storage version joins those that objects may be stored in."""
        return _with_stored_version(super().prepare_for_update(new, old, ctx))

    def validate(self, obj: Definition, ctx: Context) -> list[FieldError]:
        """A new definition; its name is made of plural and group."""
        errors: Errors = []
        wanted = f"{obj.spec.names.plural}.{obj.spec.group}"

        def rule(name: str, prefix: bool = False) -> names.Messages:
            messages = names.subdomain_name(name, prefix)
            return messages if name == wanted else (*messages, 'must be spec.names.plural+"."+spec.group')

        object_meta(obj.metadata, False, rule, errors)
        self.check(obj, errors)
        definitions.approval(obj, None, errors)
        _unknown_fields(obj, None, errors)
        return errors

    def validate_update(self, new: Definition, old: Definition, ctx: Context) -> list[FieldError]:
        """A changed definition: scope and kind stay once it is served, group and plural always."""
        errors: Errors = []
        object_meta_update(new.metadata, old.metadata, errors)
        definitions.spec(new, errors)
        after, before = new.spec, old.spec
        if any(item.type == "Established" and item.status == "True" for item in old.status.conditions):
            immutable(after.scope, before.scope, SPEC / "scope", errors)
            immutable(after.names.kind, before.names.kind, SPEC / "names" / "kind", errors)
        immutable(after.group, before.group, SPEC / "group", errors)
        immutable(after.names.plural, before.names.plural, SPEC / "names" / "plural", errors)
        definitions.status(new, errors)
        definitions.approval(new, old, errors)
        _unknown_fields(new, old, errors)
        return errors

    def check(self, obj: Definition, errors: Errors) -> None:
        """Spec and status."""
        definitions.spec(obj, errors)
        definitions.status(obj, errors)

    def check_status(self, new: Definition, old: Definition, errors: Errors) -> None:
        """Only the accepted names are judged."""
        definitions.accepted(new, errors)


def _version(version: apiextensions.CustomResourceDefinitionVersion) -> apiextensions.CustomResourceDefinitionVersion:
    schema = version.schema.openAPIV3Schema if version.schema is not None else None
    if version.schema is None or schema is None:
        return version
    return changed(version, schema=changed(version.schema, openAPIV3Schema=settled(schema)))


def _conversion(value: apiextensions.CustomResourceConversion | None) -> apiextensions.CustomResourceConversion:
    if value is None:
        return _NO_CONVERSION
    config: Any = value.webhook.clientConfig if value.webhook is not None else None
    if value.webhook is None or config is None or config.service is None or config.service.port is not None:
        return value
    config = replace(config, service=replace(config.service, port=_SERVICE_PORT))
    return replace(value, webhook=replace(value.webhook, clientConfig=config))


def _with_stored_version(obj: Definition) -> Definition:
    stored = obj.status.storedVersions
    for version in obj.spec.versions:
        if version.storage:
            if version.name in stored:
                return obj
            return replace(obj, status=replace(obj.status, storedVersions=(*stored, version.name)))
    return obj


def _unknown_fields(new: Definition, old: Definition | None, errors: Errors) -> None:
    if new.spec.preserveUnknownFields and not (old is not None and old.spec.preserveUnknownFields):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        errors.append(invalid(SPEC / "preserveUnknownFields", True, detail))

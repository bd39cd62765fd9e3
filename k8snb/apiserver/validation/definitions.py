"""Validation of a CustomResourceDefinition: names, versions, conversion, columns, subresources; schemas are elsewhere.

Upstream's internal type has one place for a schema (and for subresources, columns and selectable fields) that all
versions share, and its error paths show that: what all versions agree on is reported under ``spec.validation`` and so
on, and is missing from versions that are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from k8snb.api.codec import to_dict
from k8snb.api.types import apiextensions_v1 as apiextensions
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import (
    METADATA,
    SPEC,
    STATUS,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.schemas import schema_errors
from k8snb.apiserver.validation.webhooks import client, review_versions

APPROVED: Final = "api-approved.kubernetes.io"
_PROTECTED: Final = (".k8s.io", ".kubernetes.io")
_SCOPES: Final = ("Cluster", "Namespaced")
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MOST_SELECTABLE: Final = 8
_LONGEST_WARNING: Final = 256

Definition = apiextensions.CustomResourceDefinition
Version = apiextensions.CustomResourceDefinitionVersion


def shared(versions: tuple[Version, ...], field: str) -> bool:
    """Whether all versions have the same in a field."""
    return bool(versions) and all(getattr(item, field) == getattr(versions[0], field) for item in versions)


_HOISTED: Final = {"schema": None, "subresources": None, "additionalPrinterColumns": (), "selectableFields": ()}


def spec(definition: Definition, errors: Errors) -> None:
    """The whole spec of a new or changed definition."""
    value = definition.spec
    where = SPEC / "group"
    if not value.group:
        errors.append(required(where))
    elif messages := names.dns_subdomain(value.group):
        errors.append(invalid(where, value.group, ",".join(messages)))
    elif "." not in value.group:
        errors.append(invalid(where, value.group, "should be a domain with at least one dot"))
    _one_of(value.scope, _SCOPES, SPEC / "scope", errors)
    for index, version in enumerate(value.versions):
        if version.schema is None or version.schema.openAPIV3Schema is None:
            errors.append(required((SPEC / "versions")[index] / "schema" / "openAPIV3Schema"))
    _versions(value, errors)
    for field in ("plural", "singular", "kind", "listKind"):
        if not getattr(value.names, field):
            errors.append(required(SPEC / "names" / field))
    kind_names(value.names, SPEC / "names", errors)
    _common_part(value, errors)
    if value.conversion is not None:
        _conversion(value.conversion, SPEC / "conversion", errors)


def status(definition: Definition, errors: Errors) -> None:
    """Accepted names, and the versions in which objects may be stored."""
    accepted(definition, errors)
    stored, where = definition.status.storedVersions, STATUS / "storedVersions"
    if not stored:
        errors.append(invalid(where, None, "must have at least one stored version"))
        return
    known = [version.name for version in definition.spec.versions]
    for version in definition.spec.versions:
        if version.storage and version.name not in stored:
            errors.append(invalid(where, stored, f"must have the storage version {version.name}"))
    for index, name in enumerate(stored):
        if name not in known:
            detail = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
                f" until a storage migration ensures no data remains persisted in {name} and removes {name} from"
                " status.storedVersions"
            )
            errors.append(invalid(where[index], name, detail))


def accepted(definition: Definition, errors: Errors) -> None:
    """The names that the server has accepted."""
    kind_names(definition.status.acceptedNames, STATUS / "acceptedNames", errors)


def approval(definition: Definition, old: Definition | None, errors: Errors) -> None:
    """Groups of the Kubernetes project need an annotation that says where the API was approved."""
    group = definition.spec.group
    if group not in ("k8s.io", "kubernetes.io") and not group.endswith(_PROTECTED):
        return
    annotations = definition.metadata.annotations
    state, detail = _approved(annotations)
    if state in ("approved", "bypassed") or (old is not None and _approved(old.metadata.annotations)[0] == state):
        return
    where = (METADATA / "annotations")[APPROVED]
    errors.append(
        required(where, detail) if state == "missing" else invalid(where, annotations.get(APPROVED, ""), detail)
    )


def _approved(annotations: Mapping[str, str]) -> tuple[str, str]:
    text = annotations.get(APPROVED, "")
    if not text:
        return "missing", (
            f'protected groups must have approval annotation "{APPROVED}", see'
            " https://github.com/kubernetes/enhancements/pull/1111"
        )
    if text.startswith("unapproved"):
        return "bypassed", ""
    if "://" in text and text.partition("://")[2].partition("/")[0]:
        return "approved", ""
    return "invalid", (
        f'protected groups must have approval annotation "{APPROVED}" with either a URL or a reason starting with'
        ' "unapproved", see https://github.com/kubernetes/enhancements/pull/1111'
    )


def _one_of(value: str, allowed: tuple[str, ...], path: Path, errors: Errors) -> None:
    if not value:
        errors.append(required(path))
    elif value not in allowed:
        errors.append(not_supported(path, value, allowed))


def _versions(value: apiextensions.CustomResourceDefinitionSpec, errors: Errors) -> None:
    own = [field for field in _HOISTED if not shared(value.versions, field)]
    path = SPEC / "versions"
    for index, version in enumerate(value.versions):
        where = path[index]
        if messages := names.dns_1035_label(version.name):
            errors.append(invalid(where / "name", version.name, ",".join(messages)))
        _warning(version, where / "deprecationWarning", errors)
        _part(version, own, where, "schema", errors)
    hoisted = {field: empty for field, empty in _HOISTED.items() if field not in own}
    shown = tuple(replace(version, **hoisted) for version in value.versions)
    called = [version.name for version in value.versions]
    if len(set(called)) != len(called):
        errors.append(invalid(path, shown, "must contain unique version names"))
    if sum(version.storage for version in value.versions) != 1:
        errors.append(invalid(path, shown, "must have exactly one version marked as storage version"))


def _common_part(value: apiextensions.CustomResourceDefinitionSpec, errors: Errors) -> None:
    """What all versions share, under the path that upstream's internal type has for it."""
    if value.versions:
        common = [field for field in _HOISTED if shared(value.versions, field)]
        _part(value.versions[0], common, SPEC, "validation", errors)


def _part(version: Version, fields: list[str], path: Path, schema_name: str, errors: Errors) -> None:
    """Those fields of a version that are reported at this path."""
    schema = version.schema.openAPIV3Schema if version.schema is not None else None
    if "schema" in fields and schema is not None:
        has_status = version.subresources is not None and version.subresources.status is not None
        errors += schema_errors(to_dict(schema), has_status, path / schema_name / "openAPIV3Schema", schema)
    if "subresources" in fields and version.subresources is not None and version.subresources.scale is not None:
        _scale(version.subresources.scale, path / "subresources", errors)
    if "additionalPrinterColumns" in fields:
        for index, column in enumerate(version.additionalPrinterColumns):
            _column(column, (path / "additionalPrinterColumns")[index], errors)
    if "selectableFields" in fields and version.selectableFields and schema is not None:
        _selectable(version.selectableFields, to_dict(schema), path / "selectableFields", errors)


def _warning(version: Version, path: Path, errors: Errors) -> None:
    text = version.deprecationWarning
    if text is None:
        return
    if not version.deprecated:
        errors.append(invalid(path, text, "can only be set for deprecated versions"))
        return
    if len(text.encode()) > _LONGEST_WARNING:
        errors.append(invalid(path, text, f"must be <= {_LONGEST_WARNING} characters long"))
    if not text:
        errors.append(invalid(path, text, "must not be an empty string"))
    bad = next((index for index, char in enumerate(text) if not (char.isprintable() or char == " ")), None)
    if bad is not None:
        place = len(text[:bad].encode())
        detail = f"must only contain printable UTF-8 characters; non-printable character found at index {place}"
        errors.append(invalid(path, text, detail))


def kind_names(value: apiextensions.CustomResourceDefinitionNames, path: Path, errors: Errors) -> None:
    """Plural, singular, kinds, short names and categories: DNS labels, kinds in mixed case."""
    for field in ("plural", "singular"):
        _label(getattr(value, field), path / field, errors)
    for field in ("kind", "listKind"):
        text = getattr(value, field)
        if text and (messages := names.dns_1035_label(text.lower())):
            detail = "may have mixed case, but should otherwise match: " + ",".join(messages)
            errors.append(invalid(path / field, text, detail))
    for index, name in enumerate(value.shortNames):
        _label(name, (path / "shortNames")[index], errors, needed=True)
    if value.kind and value.kind == value.listKind:
        errors.append(invalid(path / "listKind", value.listKind, "kind and listKind may not be the same"))
    for index, name in enumerate(value.categories):
        _label(name, (path / "categories")[index], errors, needed=True)


def _label(text: str | None, path: Path, errors: Errors, needed: bool = False) -> None:
    if (text or needed) and (messages := names.dns_1035_label(text or "")):
        errors.append(invalid(path, text or "", ",".join(messages)))


def _column(column: apiextensions.CustomResourceColumnDefinition, path: Path, errors: Errors) -> None:
    if not column.name:
        errors.append(required(path / "name"))
    detail = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not column.type:
        errors.append(required(path / "type", detail))
    elif column.type not in _COLUMN_TYPES:
        errors.append(invalid(path / "type", column.type, detail))
    if column.format and column.format not in _COLUMN_FORMATS:
        errors.append(invalid(path / "format", column.format, f"must be one of {','.join(_COLUMN_FORMATS)}"))
    if not column.jsonPath:
        errors.append(required(path / "JSONPath"))
    else:
        _simple_path(column.jsonPath, path / "JSONPath", errors)


def _simple_path(text: str, path: Path, errors: Errors) -> bool:
    if text.startswith("."):
        return True
    errors.append(invalid(path, text, "must be a simple json path starting with ."))
    return False


def _scale(scale: apiextensions.CustomResourceSubresourceScale, path: Path, errors: Errors) -> None:
    for field, part in (("specReplicasPath", "spec"), ("statusReplicasPath", "status")):
        text = getattr(scale, field)
        if not text:
            errors.append(required(path / f"scale.{field}"))
        elif _simple_path(text, path / f"scale.{field}", errors) and not text.startswith(f".{part}."):
            errors.append(invalid(path / f"scale.{field}", text, f"should be a json path under .{part}"))
    text = scale.labelSelectorPath
    if (
        text
        and _simple_path(text, path / "scale.labelSelectorPath", errors)
        and not text.startswith((".spec.", ".status."))
    ):
        detail = "should be a json path under either .spec or .status"
        errors.append(invalid(path / "scale.labelSelectorPath", text, detail))


def _selectable(
    fields: tuple[apiextensions.SelectableField, ...], schema: Mapping[str, Any], path: Path, errors: Errors
) -> None:
    seen: dict[str, None] = {}
    for index, field in enumerate(fields):
        where, text = path[index] / "jsonPath", field.jsonPath
        if not text:
            errors.append(required(where))
            continue
        found: Any = schema
        steps = text.removeprefix(".").split(".")
        for step in steps:
            found = (found.get("properties") or {}).get(step) if isinstance(found, Mapping) else None
        if not text.startswith(".") or (found is None and steps[0] != "metadata"):
            errors.append(invalid(where, text, "is an invalid path: does not refer to a valid field"))
            continue
        if steps[0] == "metadata":
            errors.append(invalid(where, text, "must not point to fields in metadata"))
        if not isinstance(found, Mapping) or found.get("type") not in ("string", "boolean", "integer"):
            detail = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats"
                " are allowed."
            )
            errors.append(invalid(where, text, detail))
        if text in seen:
            errors.append(duplicate(where, text))
        seen[text] = None
    if len(seen) > _MOST_SELECTABLE:
        errors.append(too_many(path, len(seen), _MOST_SELECTABLE))


def _conversion(value: apiextensions.CustomResourceConversion, path: Path, errors: Errors) -> None:
    """The paths are those of upstream's internal type, where the webhook's two parts stand side by side."""
    _one_of(value.strategy, ("None", "Webhook"), path / "strategy", errors)
    webhook = value.webhook
    config = webhook.clientConfig if webhook is not None else None
    versions = webhook.conversionReviewVersions if webhook is not None else ()
    where = path / "webhookClientConfig"
    if value.strategy == "Webhook":
        if config is None:
            errors.append(required(where, "required when strategy is set to Webhook"))
        else:
            client(config, where, errors)
        review_versions(versions, path / "conversionReviewVersions", errors)
        return
    detail = "should not be set when strategy is not set to Webhook"
    if config is not None:
        errors.append(forbidden(where, detail))
    if versions:
        errors.append(forbidden(path / "conversionReviewVersions", detail))

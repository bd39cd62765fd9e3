"""Validation of ``metadata``: names, labels, annotations, finalizers, owners, and what may not change.

Every kind calls :func:`object_meta` when it is created and :func:`object_meta_update` when it is changed; the server runs the
latter once more for all kinds, which is why the real server (and this one) lists some causes twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from k8snb.api.gotext import quote
from k8snb.api.object import Object
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import METADATA, FieldError, Path, forbidden, invalid, required, too_long

Errors = list[FieldError]

# 256 KiB for all annotations of an object together.
ANNOTATIONS_LIMIT = 256 * 1024
IMMUTABLE = "field is immutable"
NOT_QUALIFIED = "name is neither a standard finalizer name nor is it fully qualified"
NEGATIVE = "must be greater than or equal to 0"
_STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
_IMMUTABLE_FIELDS = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def labels(value: Mapping[str, str], path: Path, errors: Errors) -> None:
    """Label keys must be qualified names and label values label values."""
    for key, text in value.items():
        if messages := names.qualified_name(key):
            errors += [invalid(path, key, message) for message in messages]
        if messages := names.label_value(text):
            errors += [invalid(path, text, message) for message in messages]


def annotation_map(value: Mapping[str, str], path: Path, errors: Errors) -> None:
    """Annotation keys are qualified names (upper case is allowed in the prefix); all together at most 256 KiB."""
    total = 0
    for key, text in value.items():
        if messages := names.qualified_name(key.lower()):
            errors += [invalid(path, key, message) for message in messages]
        total += len(key) + len(text)
    if total > ANNOTATIONS_LIMIT // 4 and _bytes(value) > ANNOTATIONS_LIMIT:
        errors.append(too_long(path, ANNOTATIONS_LIMIT))


def _bytes(value: Mapping[str, str]) -> int:
    return sum(len(key.encode()) + len(text.encode()) for key, text in value.items())


def nonnegative(value: int | None, path: Path, errors: Errors) -> None:
    """A number that may not be below zero; absent is fine."""
    if value is not None and value < 0:
        errors.append(invalid(path, value, NEGATIVE))


def immutable(new: Any, old: Any, path: Path, errors: Errors) -> None:
    """A field that may not change."""
    if new is not old and new != old:
        errors.append(invalid(path, new, IMMUTABLE))


def owner_references(references: tuple[OwnerReference, ...], path: Path, errors: Errors) -> None:
    """Owners need version, kind, name and uid; at most one is the controller; Events own nothing."""
    first = ""
    for reference in references:
        group, _, version = reference.apiVersion.rpartition("/")
        if "/" in group:
            group = version = ""
        if not version:
            errors.append(invalid(path / "apiVersion", reference.apiVersion, "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not getattr(reference, name):
                errors.append(invalid(path / name, "", "must not be empty"))
        if (group, version, reference.kind) == ("", "v1", "Event"):
            errors.append(invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"))
        if reference.controller:
            current = f"{reference.kind}/{reference.name}"
            if first:
                detail = (
                    'Only one reference can have Controller set to true. Found "true" in references for'
                    f" {first} and {current}"
                )
                errors.append(invalid(path, references, detail))
            else:
                first = current


def finalizers(value: tuple[str, ...], path: Path, errors: Errors) -> None:
    """Finalizers are qualified names; ``orphan`` and ``foregroundDeletion`` exclude each other."""
    for name in value:
        errors += [invalid(path, name, message) for message in names.qualified_name(name)]
    if "orphan" in value and "foregroundDeletion" in value:
        errors.append(invalid(path, value, "finalizer orphan and foregroundDeletion cannot be both set"))


def kube_finalizers(value: tuple[str, ...], path: Path, errors: Errors) -> None:
    """Built-in kinds also want a domain in the name of a finalizer that is not Kubernetes' own."""
    for index, name in enumerate(value):
        if not is_kube_finalizer(name):
            errors.append(invalid(path[index], name, NOT_QUALIFIED))


def is_kube_finalizer(name: str) -> bool:
    """Whether the finalizer is Kubernetes' own or has a domain."""
    return "/" in name or name in _STANDARD_FINALIZERS


def object_meta(
    meta: ObjectMeta, namespaced: bool, rule: names.NameRule, errors: Errors, path: Path = METADATA, kube: bool = True
) -> None:
    """Metadata of a new object; ``rule`` judges its name, ``kube`` adds the check of finalizers that built-in kinds have."""
    name = meta.name or ""
    if meta.generateName:
        errors += [invalid(path / "generateName", meta.generateName, text) for text in rule(meta.generateName, True)]
    if not name:
        errors.append(required(path / "name", "name or generateName is required"))
    elif messages := rule(name, False):
        errors += [invalid(path / "name", name, message) for message in messages]
    _namespace(meta.namespace or "", namespaced, path, errors)
    if meta.generation is not None and meta.generation < 0:
        errors.append(invalid(path / "generation", meta.generation, NEGATIVE))
    if meta.labels:
        labels(meta.labels, path / "labels", errors)
    if meta.annotations:
        annotation_map(meta.annotations, path / "annotations", errors)
    if meta.ownerReferences:
        owner_references(meta.ownerReferences, path / "ownerReferences", errors)
    if meta.finalizers:
        finalizers(meta.finalizers, path / "finalizers", errors)
        if kube:
            kube_finalizers(meta.finalizers, path / "finalizers", errors)


def _namespace(namespace: str, namespaced: bool, path: Path, errors: Errors) -> None:
    if namespaced:
        if not namespace:
            errors.append(required(path / "namespace"))
        elif messages := names.dns_label(namespace):
            errors += [invalid(path / "namespace", namespace, message) for message in messages]
    elif namespace:
        errors.append(forbidden(path / "namespace", "not allowed on this type"))


def object_meta_update(
    new: ObjectMeta, old: ObjectMeta, errors: Errors, path: Path = METADATA, kube: bool = True
) -> None:
    """Metadata of a changed object; what is the same value as before was checked when it came in."""
    if new is old:
        return
    if old.deletionTimestamp is not None and new.finalizers is not old.finalizers:
        added = sorted(set(new.finalizers) - set(old.finalizers))
        if added:
            shown = ", ".join(quote(name) for name in added)
            detail = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{shown}}}"
            errors.append(forbidden(path / "finalizers", detail))
    if not new.resourceVersion:
        errors.append(invalid(path / "resourceVersion", "", "must be specified for an update"))
    if (new.generation or 0) < (old.generation or 0):
        errors.append(invalid(path / "generation", new.generation or 0, "must not be decremented"))
    for name in _IMMUTABLE_FIELDS:
        after, before = getattr(new, name), getattr(old, name)
        if after is not before and after != before:
            shown_value = "" if after is None and name in ("name", "namespace", "uid") else after
            errors.append(invalid(path / name, shown_value, IMMUTABLE))
    if new.labels is not old.labels:
        labels(new.labels, path / "labels", errors)
    if new.annotations is not old.annotations:
        annotation_map(new.annotations, path / "annotations", errors)
    if new.ownerReferences is not old.ownerReferences:
        owner_references(new.ownerReferences, path / "ownerReferences", errors)
    if kube and new.finalizers is not old.finalizers:
        kube_finalizers(new.finalizers, path / "finalizers", errors)


def changed_meta(new: Object, old: Object, kube: bool = True) -> Errors:
    """The metadata errors of an update, as a list to go on with."""
    errors: Errors = []
    object_meta_update(new.metadata, old.metadata, errors, kube=kube)
    return errors

"""Namespaces: active when they are made, labelled with their own name, held by their finalizer until they are empty."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.field import SPEC, STATUS, FieldError, Path, invalid
from k8snb.apiserver.validation.metadata import NOT_QUALIFIED, Errors, changed_meta, is_kube_finalizer

_NAME_LABEL = "kubernetes.io/metadata.name"
_FINALIZER = "kubernetes"
_FINALIZERS = SPEC / "finalizers"


class NamespaceStrategy(Kind):
    """Decisions about namespaces."""

    serves = (("v1", "Namespace"),)
    name_rule = staticmethod(names.label_name)
    has_status = True
    checks_as_new = True

    def default(self, obj: core.Namespace) -> core.Namespace:
        """The label by which selectors find a namespace of a known name, a phase."""
        return _phased(_labelled(obj))

    def prepare_for_create(self, obj: core.Namespace, ctx: Context) -> core.Namespace:
        """Active, with the finalizer that the namespace controller takes off when the namespace is empty."""
        finalizers = obj.spec.finalizers
        if _FINALIZER not in finalizers:
            finalizers = (*finalizers, _FINALIZER)
        return replace(obj, spec=replace(obj.spec, finalizers=finalizers), status=core.NamespaceStatus(phase="Active"))

    def prepare_for_update(self, new: core.Namespace, old: core.Namespace, ctx: Context) -> core.Namespace:
        """Finalizers change through the finalize subresource only, the status through its own."""
        return replace(new, spec=replace(new.spec, finalizers=old.spec.finalizers), status=old.status)

    def prepare_for_subresource(
        self, name: str, new: core.Namespace, old: core.Namespace, ctx: Context
    ) -> core.Namespace:
        """Finalizing keeps the status."""
        return replace(new, status=old.status)

    def canonicalize(self, obj: core.Namespace) -> core.Namespace:
        """A generated name is known only now."""
        return _labelled(obj)

    def check(self, obj: core.Namespace, errors: Errors) -> None:
        """The names of finalizers."""
        for name in obj.spec.finalizers:
            _finalizer(name, _FINALIZERS, errors)

    def check_update(self, new: core.Namespace, old: core.Namespace, errors: Errors) -> None:
        """Nothing but metadata can change."""

    def check_status(self, new: core.Namespace, old: core.Namespace, errors: Errors) -> None:
        """Active exactly until it is being deleted."""
        phase = new.status.phase
        where = STATUS / "Phase"
        if new.metadata.deletionTimestamp is None:
            if phase != "Active":
                errors.append(invalid(where, phase or "", "may only be 'Active' if `deletionTimestamp` is empty"))
        elif phase != "Terminating":
            errors.append(invalid(where, phase or "", "may only be 'Terminating' if `deletionTimestamp` is not empty"))

    def validate_subresource(
        self, name: str, new: core.Namespace, old: core.Namespace, ctx: Context
    ) -> list[FieldError]:
        """Problems of the finalizers that finalizing would leave."""
        errors = changed_meta(new, old)
        for index, finalizer in enumerate(new.spec.finalizers):
            _finalizer(finalizer, _FINALIZERS[index], errors)
        return errors


def _labelled(obj: core.Namespace) -> core.Namespace:
    name = obj.metadata.name
    if not name or obj.metadata.labels.get(_NAME_LABEL) == name:
        return obj
    labels = FrozenDict({**obj.metadata.labels, _NAME_LABEL: name})
    return replace(obj, metadata=replace(obj.metadata, labels=labels))


def _phased(obj: core.Namespace) -> core.Namespace:
    return obj if obj.status.phase else replace(obj, status=replace(obj.status, phase="Active"))


def _finalizer(name: str, path: Path, errors: Errors) -> None:
    errors += [invalid(path, name, message) for message in names.qualified_name(name)]
    if not is_kube_finalizer(name):
        errors.append(invalid(path, name, NOT_QUALIFIED))

"""Ingress classes: which controller serves the ingresses of a class, and its parameters."""

from __future__ import annotations

from k8snb.api.types import networking_v1 as networking
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.domains import domain_prefixed_path, typed_reference
from k8snb.apiserver.validation.field import SPEC, Path, forbidden, not_supported, reject, required, too_long
from k8snb.apiserver.validation.metadata import Errors, immutable

_LONGEST_CONTROLLER = 250
_SCOPES = ("Cluster", "Namespace")


class IngressClassStrategy(Kind):
    """Decisions about ingress classes."""

    serves = (("networking.k8s.io/v1", "IngressClass"),)
    tracks_generation = True

    def default(self, obj: networking.IngressClass) -> networking.IngressClass:
        """Parameters are an object of the whole cluster."""
        parameters = obj.spec.parameters
        if parameters is None or parameters.scope is not None:
            return obj
        return changed(obj, spec=changed(obj.spec, parameters=changed(parameters, scope="Cluster")))

    def check(self, obj: networking.IngressClass, errors: Errors) -> None:
        """The controller's name and the reference to parameters."""
        controller, where = obj.spec.controller or "", SPEC / "controller"
        if len(controller) > _LONGEST_CONTROLLER:
            errors.append(too_long(where, _LONGEST_CONTROLLER))
        domain_prefixed_path(controller, where, errors)
        if obj.spec.parameters is not None:
            _parameters(obj.spec.parameters, SPEC / "parameters", errors)

    def check_update(self, new: networking.IngressClass, old: networking.IngressClass, errors: Errors) -> None:
        """The controller stays."""
        immutable(new.spec.controller, old.spec.controller, SPEC / "controller", errors)
        self.check(new, errors)


def _parameters(value: networking.IngressClassParametersReference, path: Path, errors: Errors) -> None:
    typed_reference(value, path, errors)
    if value.scope is None:
        errors.append(required(path / "scope"))
    elif value.scope not in _SCOPES:
        errors.append(not_supported(path / "scope", value.scope, _SCOPES))
    elif value.scope == "Namespace":
        if value.namespace is None:
            errors.append(required(path / "namespace", "`parameters.scope` is set to 'Namespace'"))
        else:
            reject(errors, path / "namespace", value.namespace, names.dns_label(value.namespace))
    elif value.namespace is not None:
        errors.append(forbidden(path / "namespace", "`parameters.scope` is set to 'Cluster'"))

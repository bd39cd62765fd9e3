"""Ingresses: hosts and paths that lead to services."""

from __future__ import annotations

from k8snb.api.gotext import quote
from k8snb.api.types import networking_v1 as networking
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.addresses import legacy_ip, parse_ip
from k8snb.apiserver.validation.domains import typed_reference
from k8snb.apiserver.validation.field import SPEC, STATUS, FieldError, Path, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_NOT_AN_IP = "must be a DNS name, not an IP address"


class IngressStrategy(Kind):
    """Decisions about ingresses."""

    serves = (("networking.k8s.io/v1", "Ingress"),)
    has_status = True
    tracks_generation = True

    def validate(self, obj: networking.Ingress, ctx: Context) -> list[FieldError]:
        """A new ingress; an old annotation may name its class too, but no other one."""
        errors = super().validate(obj, ctx)
        named, wanted = obj.metadata.annotations.get(_CLASS_ANNOTATION), obj.spec.ingressClassName
        if named is not None and wanted is not None and named != wanted:
            where = Path("annotations") / _CLASS_ANNOTATION
            errors.append(invalid(where, named, "must match `ingressClassName` when both are specified"))
        return errors

    def check(self, obj: networking.Ingress, errors: Errors) -> None:
        """Backends, rules, certificates and class."""
        spec = obj.spec
        if not spec.rules and spec.defaultBackend is None:
            errors.append(invalid(SPEC, None, "either `defaultBackend` or `rules` must be specified"))
        if spec.defaultBackend is not None:
            _backend(spec.defaultBackend, SPEC / "defaultBackend", errors)
        for index, rule in enumerate(spec.rules):
            _rule(rule, (SPEC / "rules")[index], errors)
        for index, tls in enumerate(spec.tls):
            _tls(tls, (SPEC / "tls")[index], errors)
        if spec.ingressClassName is not None:
            where = SPEC / "ingressClassName"
            reject(errors, where, spec.ingressClassName, names.dns_subdomain(spec.ingressClassName))

    def check_status(self, new: networking.Ingress, old: networking.Ingress, errors: Errors) -> None:
        """Addresses and names of the load balancer."""
        existing = [item.ip for item in old.status.loadBalancer.ingress if item.ip]
        for index, item in enumerate(new.status.loadBalancer.ingress):
            where = (STATUS / "loadBalancer" / "ingress")[index]
            if item.ip:
                legacy_ip(item.ip, where / "ip", errors, existing)
            if item.hostname:
                reject(errors, where / "hostname", item.hostname, names.dns_subdomain(item.hostname))
                if parse_ip(item.hostname) is not None:
                    errors.append(invalid(where / "hostname", item.hostname, _NOT_AN_IP))

    def warnings(self, obj: networking.Ingress, old: networking.Ingress | None = None) -> tuple[str, ...]:
        """The annotation that came before the field."""
        if old is None and _CLASS_ANNOTATION in obj.metadata.annotations and obj.spec.ingressClassName is None:
            return (f"annotation {quote(_CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead",)
        return ()


def _host(host: str, path: Path, errors: Errors) -> None:
    rule = names.wildcard_subdomain if "*" in host else names.dns_subdomain
    reject(errors, path, host, rule(host))


def _rule(rule: networking.IngressRule, path: Path, errors: Errors) -> None:
    if rule.host:
        if parse_ip(rule.host) is not None:
            errors.append(invalid(path / "host", rule.host, _NOT_AN_IP))
        _host(rule.host, path / "host", errors)
    if rule.http is None:
        return
    where = path / "http" / "paths"
    if not rule.http.paths:
        errors.append(required(where))
    for index, item in enumerate(rule.http.paths):
        _path(item, where[index], errors)


def _path(item: networking.HTTPIngressPath, path: Path, errors: Errors) -> None:
    text, where = item.path or "", path / "path"
    if item.pathType is None:
        errors.append(required(path / "pathType", "pathType must be specified"))
        return
    if item.pathType in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.append(invalid(where, text, "must be an absolute path"))
        errors += [invalid(where, text, f"must not contain '{bad}'") for bad in _BAD_SEQUENCES if bad in text]
        errors += [invalid(where, text, f"cannot end with '{bad}'") for bad in _BAD_ENDS if text.endswith(bad)]
    elif item.pathType == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(invalid(where, text, "must be an absolute path"))
    else:
        errors.append(not_supported(path / "pathType", item.pathType, _PATH_TYPES))
    _backend(item.backend, path / "backend", errors)


def _backend(backend: networking.IngressBackend, path: Path, errors: Errors) -> None:
    service = backend.service
    if backend.resource is not None:
        if service is not None:
            errors.append(invalid(path, "", "cannot set both resource and service backends"))
        else:
            typed_reference(backend.resource, path / "resource", errors)
        return
    if service is None:
        errors.append(invalid(path, "", "resource or service backend is required"))
        return
    where = path / "service"
    if not service.name:
        errors.append(required(where / "name"))
    else:
        reject(errors, where / "name", service.name, names.dns_label(service.name))
    name, number = service.port.name, service.port.number
    if name and number:
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif name:
        reject(errors, where / "port" / "name", name, names.port_name(name))
    elif number:
        errors += [invalid(where / "port" / "number", number, message) for message in names.port_number(number)]
    else:
        errors.append(required(path, "port name or number is required"))


def _tls(tls: networking.IngressTLS, path: Path, errors: Errors) -> None:
    for index, host in enumerate(tls.hosts):
        _host(host, (path / "hosts")[index], errors)
    if tls.secretName:
        reject(errors, path / "secretName", tls.secretName, names.dns_subdomain(tls.secretName))

"""Validation of a PodSpec, of a pod or of a template.

The answer for a spec is remembered by the identity of the spec: pods stamped from one template share it, and judging it again
would cost more than all the rest of a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from k8snb.api.quantity import parse
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.apiserver.validation import containers, names, security
from k8snb.apiserver.validation.addresses import legacy_ip
from k8snb.apiserver.validation.environment import file_key_volumes
from k8snb.apiserver.validation.field import (
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    reject,
    required,
    too_long,
)
from k8snb.apiserver.validation.metadata import Errors, annotation_map, labels
from k8snb.apiserver.validation.pod_resources import aggregate_limits, aggregate_requests
from k8snb.apiserver.validation.resources import is_huge_page, pod_resource_name, requirements
from k8snb.apiserver.validation.scheduling import affinity, tolerations, topology_spread
from k8snb.apiserver.validation.selectors import label_name
from k8snb.apiserver.validation.volumes import volumes

MIRROR: Final = "kubernetes.io/config.mirror"
DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")


def pod_spec(spec: core.PodSpec, meta: ObjectMeta | None, path: Path, errors: Errors) -> None:
    """A pod's spec; ``meta`` only for a real pod, not for a template."""
    if spec.terminationGracePeriodSeconds is None:
        errors.append(required(path / "terminationGracePeriodSeconds"))
    host_users = spec.securityContext is None or spec.hostUsers is not False
    good = volumes(spec.volumes, meta, path / "volumes", errors)
    claims = frozenset(claim.name for claim in spec.resourceClaims if claim.name)
    _claims(spec.resourceClaims, meta, path / "resourceClaims", errors)
    around = containers.Surroundings(good, claims, spec, host_users)
    containers.regular(around, path / "containers", errors)
    if spec.initContainers:
        containers.init(around, path / "initContainers", errors)
    if spec.ephemeralContainers:
        containers.ephemeral(around, path / "ephemeralContainers", errors)
    if spec.resources is not None:
        _pod_resources(spec, spec.resources, claims, path / "resources", errors)
    if spec.hostNetwork and spec.securityContext is not None:
        _host_ports(spec, meta is not None, path / "containers", errors)
    _one_of(spec.restartPolicy, _RESTART_POLICIES, path / "restartPolicy", errors)
    _one_of(spec.dnsPolicy, _DNS_POLICIES, path / "dnsPolicy", errors)
    labels(spec.nodeSelector, path / "nodeSelector", errors)
    security.pod_context(spec.securityContext, spec, path / "securityContext", errors)
    if spec.affinity is not None:
        affinity(spec.affinity, path / "affinity", errors)
    _dns(spec, path / "dnsConfig", errors)
    for index, gate in enumerate(spec.readinessGates):
        label_name(gate.conditionType, (path / "readinessGates")[index] / "conditionType", errors)
    _scheduling_gates(spec.schedulingGates, path / "schedulingGates", errors)
    topology_spread(spec.topologySpreadConstraints, path / "topologySpreadConstraints", errors)
    security.host_process(spec, path, errors)
    security.host_users(spec, path, errors)
    _hostname_override(spec, path, errors)
    for name, messages in (
        ("serviceAccountName", names.dns_subdomain(spec.serviceAccountName or "x")),
        ("nodeName", names.dns_subdomain(spec.nodeName or "x")),
    ):
        reject(errors, path / name, getattr(spec, name), messages)
    seconds = spec.activeDeadlineSeconds
    if seconds is not None and not 1 <= seconds <= names.MAX_INT32:
        errors.append(invalid(path / "activeDeadlineSeconds", seconds, names.in_range(1, names.MAX_INT32)))
    for name in ("hostname", "subdomain"):
        if value := getattr(spec, name):
            reject(errors, path / name, value, names.dns_label(value))
    tolerations(spec.tolerations, path / "tolerations", errors)
    for index, alias in enumerate(spec.hostAliases):
        where = (path / "hostAliases")[index]
        legacy_ip(alias.ip, where / "ip", errors)
        for number, host in enumerate(alias.hostnames):
            reject(errors, (where / "hostnames")[number], host, names.dns_subdomain(host))
    if spec.priorityClassName:
        reject(errors, path / "priorityClassName", spec.priorityClassName, names.dns_subdomain(spec.priorityClassName))
    if spec.runtimeClassName is not None:
        reject(errors, path / "runtimeClassName", spec.runtimeClassName, names.dns_subdomain(spec.runtimeClassName))
    if spec.preemptionPolicy is not None:
        _one_of(spec.preemptionPolicy, ("PreemptLowerPriority", "Never"), path / "preemptionPolicy", errors)
    if spec.overhead:
        requirements(core.ResourceRequirements(limits=spec.overhead), path / "overhead", errors)
    security.operating_system(spec, path, errors)
    file_key_volumes(spec, path, errors)


def _one_of(value: str | None, known: tuple[str, ...], path: Path, errors: Errors) -> None:
    if not value:
        errors.append(required(path))
    elif value not in known:
        errors.append(not_supported(path, value, known))


def _claims(claims: tuple[core.PodResourceClaim, ...], meta: ObjectMeta | None, path: Path, errors: Errors) -> None:
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        where = path[index]
        if meta is not None and MIRROR in meta.annotations:
            errors.append(forbidden("", "static pods do not support resource claims"))
            continue
        if not claim.name:
            errors.append(required(where / "name"))
        elif claim.name in seen:
            errors.append(duplicate(where / "name", claim.name))
        else:
            reject(errors, where / "name", claim.name, names.dns_label(claim.name))
            seen.add(claim.name)
        if claim.resourceClaimName is not None and claim.resourceClaimTemplateName is not None:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(where, claim, detail))
        if claim.resourceClaimName is None and claim.resourceClaimTemplateName is None:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(where, claim, detail))
        for name in ("resourceClaimName", "resourceClaimTemplateName"):
            value = getattr(claim, name)
            if value is not None:
                reject(errors, where / name, value, names.dns_subdomain(value))


def _pod_resources(
    spec: core.PodSpec, resources: core.ResourceRequirements, claims: frozenset[str], path: Path, errors: Errors
) -> None:
    if spec.os is not None and spec.os.name == "windows":
        errors.append(forbidden(path, "may not be set for a windows pod"))
        return
    if resources.claims:
        errors.append(forbidden(path / "claims", "claims may not be set for Resources at pod-level"))
    requirements(resources, path, errors, claims, pod_resource_name)
    for name, amount in aggregate_requests(spec).items():
        given = resources.requests.get(name)
        if given is not None and amount.nanos > parse(given).nanos:
            detail = f"must be greater than or equal to aggregate container requests of {amount}"
            errors.append(invalid((path / "requests")[name], given, detail))
    for name, amount in aggregate_limits(spec).items():
        given = resources.limits.get(name)
        if is_huge_page(name) and given is not None and amount.nanos > parse(given).nanos:
            detail = f"must be greater than or equal to aggregate container limits of {amount}"
            errors.append(invalid((path / "limits")[name], given, detail))
    for index, container in enumerate(spec.containers):
        for name, limit in container.resources.limits.items():
            most = resources.limits.get(name)
            if most is not None and parse(limit).nanos > parse(most).nanos:
                where = (path / "containers")[index][name] / "limits"
                errors.append(invalid(where, limit, f"must be less than or equal to pod limits of {most}"))


def _host_ports(spec: core.PodSpec, is_pod: bool, path: Path, errors: Errors) -> None:
    for number, container in enumerate(spec.containers):
        for index, port in enumerate(container.ports):
            host = port.hostPort or 0
            if (is_pod or host) and host != port.containerPort:
                detail = "must match `containerPort` when `hostNetwork` is true"
                errors.append(invalid((path[number] / "ports")[index] / "hostPort", host, detail))


def _dns(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    config = spec.dnsConfig
    if spec.dnsPolicy == "None":
        if config is None:
            errors.append(required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
        elif not config.nameservers:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.append(required(path / "nameservers", detail))
            return
    if config is None:
        return
    # The limits of the C library's resolver, as upstream states them.
    if len(config.nameservers) > 3:
        errors.append(invalid(path / "nameservers", config.nameservers, "must not have more than 3 nameservers"))
    for index, server in enumerate(config.nameservers):
        legacy_ip(server, (path / "nameservers")[index], errors)
    if len(config.searches) > 32:
        errors.append(invalid(path / "searches", config.searches, "must not have more than 32 search paths"))
    if len(" ".join(config.searches)) > 2048:
        detail = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(invalid(path / "searches", config.searches, detail))
    for index, search in enumerate(config.searches):
        if search != ".":
            search = search.removesuffix(".")
            reject(errors, (path / "searches")[index], search, names.dns_subdomain_with_underscore(search))
    for index, option in enumerate(config.options):
        if not option.name:
            errors.append(required((path / "options")[index], "must not be empty"))


def _scheduling_gates(gates: tuple[core.PodSchedulingGate, ...], path: Path, errors: Errors) -> None:
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        label_name(gate.name, path[index], errors)
        if gate.name in seen:
            errors.append(duplicate(path[index], gate.name))
        seen.add(gate.name)


def _hostname_override(spec: core.PodSpec, path: Path, errors: Errors) -> None:
    value = spec.hostnameOverride
    if value is None:
        return
    where = path / "hostnameOverride"
    if spec.setHostnameAsFQDN:
        errors.append(forbidden(where, "may not be specified when setHostnameAsFQDN is true"))
    if spec.hostNetwork and spec.securityContext is not None:
        errors.append(forbidden(where, "may not be specified when hostNetwork is true"))
    if len(value) > 64:
        errors.append(too_long(where, 64))
    reject(errors, where, value, names.dns_subdomain(value))


def pod_annotations(value: Mapping[str, str], spec: core.PodSpec, path: Path, errors: Errors) -> None:
    """Annotations that mean something to pods."""
    if not value:
        return
    if MIRROR in value and not spec.nodeName:
        errors.append(invalid(path[MIRROR], value[MIRROR], "must set spec.nodeName if mirror pod annotation is set"))
    cost = value.get(DELETION_COST)
    if cost is not None and not is_deletion_cost(cost):
        errors.append(invalid(path[DELETION_COST], cost, "must be a 32bit integer"))
    security.legacy_annotations(value, spec, path, errors)


def is_deletion_cost(text: str) -> bool:
    """Whether the text is a 32-bit integer without a plus sign or leading zeros."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (len(digits) > 1 and digits[0] == "0") or text == "-0":
        return False
    return -(1 << 31) <= int(text) < 1 << 31


def pod_template(template: core.PodTemplateSpec, path: Path, errors: Errors) -> None:
    """A pod template of a workload."""
    meta, spec = template.metadata, template.spec
    labels(meta.labels, path / "labels", errors)
    annotation_map(meta.annotations, path / "annotations", errors)
    pod_annotations(meta.annotations, spec, path / "annotations", errors)
    pod_spec(spec, None, path / "spec", errors)
    security.annotations_match(meta.annotations, spec, path / "spec", errors)
    if spec.ephemeralContainers:
        where = path / "spec" / "ephemeralContainers"
        errors.append(forbidden(where, "ephemeral containers not allowed in pod template"))

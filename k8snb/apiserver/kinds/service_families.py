"""IP families of services: policy and families are filled in, and refused when the cluster cannot give them.

Texts, order and exceptions are those of kube-apiserver (``pkg/registry/core/service/storage/alloc.go``,
``initIPFamilyFields``).
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from k8snb.api import errors
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation.field import SPEC, FieldError, invalid
from k8snb.apiserver.validation.services import cluster_ips

IPV4: Final = "IPv4"
IPV6: Final = "IPv6"
_WITH_ADDRESS: Final = ("ClusterIP", "NodePort", "LoadBalancer")


def family_of(text: str) -> str:
    """The IP family of an address or CIDR."""
    return IPV6 if ":" in text else IPV4


def with_families(new: core.Service, old: core.Service | None, ctx: Any) -> core.Service:
    """Fill in family policy and families; raises a 422 when the cluster's ranges cannot give what is asked."""
    spec, before = new.spec, old.spec if old is not None else None
    if spec.type == "ExternalName" or (before is not None and _stays_dual(spec, before)):
        return new
    known = tuple(family_of(cidr) for cidr in ctx.server.service_cidrs)
    if spec.ipFamilyPolicy is None:
        if before is not None and before.ipFamilyPolicy is not None:
            policy = before.ipFamilyPolicy
        else:
            policy = "RequireDualStack" if spec.clusterIP == "None" and not spec.selector else "SingleStack"
        spec = replace(spec, ipFamilyPolicy=policy)
    problems: list[FieldError] = []
    cluster_ips(spec, before, problems)
    _refuse(new, problems)
    spec = _inferred(spec, before, known, problems)
    _refuse(new, problems)
    if spec.clusterIP == "None" and not spec.selector:
        return replace(new, spec=_both(replace(spec, ipFamilies=spec.ipFamilies or known[:1])))
    if spec.ipFamilyPolicy == "RequireDualStack" and len(known) < 2:
        detail = "this cluster is not configured for dual-stack services"
        problems.append(invalid(SPEC / "ipFamilyPolicy", spec.ipFamilyPolicy, detail))
    for index, family in enumerate(spec.ipFamilies):
        if family not in known:
            problems.append(invalid((SPEC / "ipFamilies")[index], family, "not configured on this cluster"))
    _refuse(new, problems)
    spec = replace(spec, ipFamilies=spec.ipFamilies or known[:1])
    return replace(new, spec=_both(spec) if len(known) == 2 else spec)


def _refuse(service: core.Service, problems: list[FieldError]) -> None:
    if problems:
        raise errors.invalid("Service", service.metadata.name or "", list(problems), "")


def _both(spec: core.ServiceSpec) -> core.ServiceSpec:
    """The other family is added for a service that wants both."""
    if spec.ipFamilyPolicy == "SingleStack" or len(spec.ipFamilies) != 1:
        return spec
    return replace(spec, ipFamilies=(*spec.ipFamilies, IPV6 if spec.ipFamilies[0] == IPV4 else IPV4))


def _stays_dual(new: core.ServiceSpec, old: core.ServiceSpec) -> bool:
    """Whether nothing changes for a service that only prefers two families: a changed cluster does not change it."""
    fields = ("type", "ipFamilyPolicy", "clusterIPs", "ipFamilies")
    same = all(getattr(new, name) == getattr(old, name) for name in fields)
    return same and new.ipFamilyPolicy == "PreferDualStack" and new.type in _WITH_ADDRESS


def _inferred(
    spec: core.ServiceSpec, old: core.ServiceSpec | None, known: tuple[str, ...], problems: list[FieldError]
) -> core.ServiceSpec:
    """What policy, families and addresses say about each other."""
    path, policy = SPEC / "ipFamilyPolicy", spec.ipFamilyPolicy
    if old is not None:
        for name, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
            after, before = getattr(spec, name), getattr(old, name)
            if policy == "SingleStack":
                if after == before and len(after) > 1:
                    spec = replace(spec, **{name: after[:1]})
            elif len(before) == 2 and len(after) == 1 and after[0] == before[0]:
                problems.append(invalid(path, policy, f"must be 'SingleStack' to release the secondary {what}"))
    if policy == "SingleStack":
        for name, what in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families")):
            if len(getattr(spec, name)) == 2:
                detail = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                problems.append(invalid(path, policy, detail))
    families = list(spec.ipFamilies)
    for index, ip in enumerate(spec.clusterIPs):
        if ip == "None":
            break
        if index < len(families):
            continue
        if family_of(ip) in known:
            families.append(family_of(ip))
        else:
            detail = f"{family_of(ip)} is not configured on this cluster"
            problems.append(invalid((SPEC / "clusterIPs")[index], spec.clusterIPs, detail))
    return replace(spec, ipFamilies=tuple(families))

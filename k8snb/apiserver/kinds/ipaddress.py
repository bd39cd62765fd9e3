"""IP addresses: one object for each address that a service holds, named as the address."""

from __future__ import annotations

from k8snb.api.types import networking_v1 as networking
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.addresses import strict_ip
from k8snb.apiserver.validation.domains import segment
from k8snb.apiserver.validation.field import ROOT, SPEC, reject, required
from k8snb.apiserver.validation.metadata import Errors, immutable

_PARENT = SPEC / "parentRef"


def _address(name: str, _prefix: bool = False) -> names.Messages:
    errors: Errors = []
    strict_ip(name, ROOT, errors)
    return tuple(error.detail for error in errors)


class IPAddressStrategy(Kind):
    """Decisions about IP addresses."""

    serves = (("networking.k8s.io/v1", "IPAddress"),)
    name_rule = staticmethod(_address)

    def check(self, obj: networking.IPAddress, errors: Errors) -> None:
        """What holds the address."""
        parent = obj.spec.parentRef
        if parent is None:
            errors.append(required(_PARENT))
            return
        if parent.group:
            reject(errors, _PARENT / "group", parent.group, names.dns_subdomain(parent.group))
        segment(parent.resource, _PARENT / "resource", errors)
        segment(parent.name, _PARENT / "name", errors)
        if parent.namespace:
            reject(errors, _PARENT / "namespace", parent.namespace, names.path_segment(parent.namespace))

    def check_update(self, new: networking.IPAddress, old: networking.IPAddress, errors: Errors) -> None:
        """An address does not change hands."""
        immutable(new.spec.parentRef, old.spec.parentRef, _PARENT, errors)

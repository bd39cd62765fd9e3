"""Endpoints, the older form of EndpointSlices."""

from __future__ import annotations

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import endpoints
from k8snb.apiserver.validation.address_warnings import ip_warnings
from k8snb.apiserver.validation.field import Path
from k8snb.apiserver.validation.metadata import Errors, object_meta

_SUBSETS = Path("subsets")
_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
_MANAGER = "endpoint-controller"


class EndpointsStrategy(Kind):
    """Decisions about endpoints."""

    serves = (("v1", "Endpoints"),)
    allow_create_on_update = True

    def default(self, obj: core.Endpoints) -> core.Endpoints:
        """Ports are TCP."""
        return changed(obj, subsets=each(obj.subsets, _subset))

    def check(self, obj: core.Endpoints, errors: Errors) -> None:
        """Addresses and ports."""
        endpoints.subsets(obj.subsets, _SUBSETS, errors)

    def check_update(self, new: core.Endpoints, old: core.Endpoints, errors: Errors) -> None:
        """Everything of a new one; subsets that did not change are left alone."""
        object_meta(new.metadata, True, self.name_rule, errors)
        if new.subsets is not old.subsets:
            problems: Errors = []
            self.check(new, problems)
            if problems and new.subsets != old.subsets:
                errors += problems

    def warnings(self, obj: core.Endpoints, old: core.Endpoints | None = None) -> tuple[str, ...]:
        """Addresses that should be written otherwise, unless the controller wrote them."""
        if obj.metadata.labels.get(_MANAGED_BY) == _MANAGER:
            return ()
        return tuple(
            text
            for index, subset in enumerate(obj.subsets)
            for name in ("addresses", "notReadyAddresses")
            for number, address in enumerate(getattr(subset, name))
            for text in ip_warnings(address.ip, (_SUBSETS[index] / name)[number] / "ip")
        )


def _subset(subset: core.EndpointSubset) -> core.EndpointSubset:
    return changed(subset, ports=each(subset.ports, _port))


def _port(port: core.EndpointPort) -> core.EndpointPort:
    return port if port.protocol else changed(port, protocol="TCP")

"""Validation of Endpoints."""

from __future__ import annotations

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.addresses import endpoint_ip, legacy_ip
from k8snb.apiserver.validation.containers import protocol
from k8snb.apiserver.validation.field import Path, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_name


def subsets(value: tuple[core.EndpointSubset, ...], path: Path, errors: Errors) -> None:
    """``subsets``: addresses, ready or not, and their ports."""
    for index, subset in enumerate(value):
        where = path[index]
        if not subset.addresses and not subset.notReadyAddresses:
            errors.append(required(where, "must specify `addresses` or `notReadyAddresses`"))
        for name in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(getattr(subset, name)):
                _address(address, (where / name)[number], errors)
        for number, port in enumerate(subset.ports):
            _port(port, len(subset.ports) > 1, (where / "ports")[number], errors)


def _address(address: core.EndpointAddress, path: Path, errors: Errors) -> None:
    legacy_ip(address.ip, path / "ip", errors)
    if address.hostname:
        reject(errors, path / "hostname", address.hostname, names.dns_label(address.hostname))
    if address.nodeName is not None:
        reject(errors, path / "nodeName", address.nodeName, names.dns_subdomain(address.nodeName))
    endpoint_ip(address.ip, path / "ip", errors)


def _port(port: core.EndpointPort, named: bool, path: Path, errors: Errors) -> None:
    if port.name:
        reject(errors, path / "name", port.name, names.dns_label(port.name))
    elif named:
        errors.append(required(path / "name"))
    reject(errors, path / "port", port.port, names.port_number(port.port))
    protocol(port.protocol, path / "protocol", errors)
    if port.appProtocol is not None:
        label_name(port.appProtocol, path / "appProtocol", errors)

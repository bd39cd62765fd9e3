"""Validation of Nodes.

Left out: the long unused annotations ``scheduler.alpha.kubernetes.io/taints`` and ``preferAvoidPods``, and ``spec.configSource``,
which the server drops from every new node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from k8snb.api.gotext import quote
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.validation.addresses import is_dual_stack_cidrs, legacy_cidr, parse_cidr
from k8snb.apiserver.validation.field import METADATA, SPEC, STATUS, Path, duplicate, forbidden, internal, invalid
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.resources import quantity
from k8snb.apiserver.validation.scheduling import taints

_LONGEST_FEATURE: Final = 253
_FEATURE: Final = re.compile(r"[A-Z][A-Za-z0-9]*(?:/[A-Za-z0-9]+)*")
_TAINTS: Final = METADATA / "taints"
_CIDRS: Final = SPEC / "podCIDRs"
_FEATURES: Final = STATUS / "declaredFeatures"


def create(node: core.Node, errors: Errors) -> None:
    """Everything of a node but the metadata."""
    if node.spec.taints:
        taints(node.spec.taints, _TAINTS, errors)
    _resources(node.status.capacity, STATUS / "capacity", errors)
    _resources(node.status.allocatable, STATUS / "allocatable", errors)
    swap = node.status.nodeInfo.swap
    if swap is not None and swap.capacity is not None and swap.capacity < 0:
        detail = "swap capacity must be a non-negative value"
        errors.append(invalid(METADATA / "nodeSwapStatus", swap.capacity, detail))
    _declared_features(node.status.declaredFeatures, errors)
    cidrs = node.spec.podCIDRs
    for index, cidr in enumerate(cidrs):
        legacy_cidr(cidr, _CIDRS[index], errors)
    if len(cidrs) < 2:
        return
    bad = next((cidr for cidr in cidrs if parse_cidr(cidr) is None), None)
    if bad is not None:
        detail = f"invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR address: {bad}"
        errors.append(internal(_CIDRS, detail))
    if bad is not None or not is_dual_stack_cidrs(cidrs) or len(cidrs) > 2:
        errors.append(invalid(_CIDRS, cidrs, "may specify no more than one CIDR for each IP family"))


def update(new: core.Node, old: core.Node, errors: Errors) -> None:
    """What may change, in spec or status; what is the same object as before was checked when it came in."""
    status, before = new.status, old.status
    if status is not before:
        if status.capacity is not before.capacity:
            _resources(status.capacity, STATUS / "capacity", errors)
        if status.allocatable is not before.allocatable:
            _resources(status.allocatable, STATUS / "allocatable", errors)
        if status.declaredFeatures is not before.declaredFeatures:
            _declared_features(status.declaredFeatures, errors)
        if status.addresses is not before.addresses:
            _addresses(status.addresses, errors)
    if new.spec is not old.spec:
        _spec_update(new.spec, old.spec, errors)


def _spec_update(new: core.NodeSpec, old: core.NodeSpec, errors: Errors) -> None:
    if old.podCIDRs:
        detail = 'node updates may not change podCIDR except from "" to valid'
        if len(new.podCIDRs) != len(old.podCIDRs):
            errors.append(forbidden(_CIDRS, detail))
        else:
            pairs = zip(new.podCIDRs, old.podCIDRs, strict=True)
            errors += [forbidden(_CIDRS, detail) for after, before in pairs if after != before]
    if old.providerID and new.providerID != old.providerID:
        detail = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden(SPEC / "providerID", detail))
    if new.taints:
        taints(new.taints, _TAINTS, errors)
    if (new.externalID or "") != (old.externalID or ""):
        errors.append(forbidden(SPEC / "externalID", "may not be updated"))


def _resources(amounts: Mapping[str, str], path: Path, errors: Errors) -> None:
    for name in sorted(amounts):
        quantity(name, amounts[name], path / name, errors)


def _addresses(addresses: tuple[core.NodeAddress, ...], errors: Errors) -> None:
    seen: set[tuple[str, str]] = set()
    for index, address in enumerate(addresses):
        if (address.type, address.address) in seen:
            errors.append(duplicate((STATUS / "addresses")[index], address))
        seen.add((address.type, address.address))


def _declared_features(features: tuple[str, ...], errors: Errors) -> None:
    for index, name in enumerate(features):
        if len(name) > _LONGEST_FEATURE:
            detail = f"invalid feature name {quote(name)}: must be no more than {_LONGEST_FEATURE} characters"
            errors.append(invalid(_FEATURES[index], name, detail))
        elif not _FEATURE.fullmatch(name):
            detail = (
                f"invalid feature name {quote(name)}: must start with an UpperCamelCase segment, with subsequent segments"
                " separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters"
                " and slashes"
            )
            errors.append(invalid(_FEATURES[index], name, detail))
        following = features[index + 1] if index + 1 < len(features) else None
        if following == name:
            errors.append(duplicate(_FEATURES[index + 1], following))
        elif following is not None and name > following:
            errors.append(invalid(_FEATURES[index + 1], following, "list must be sorted alphabetically"))

"""Network policies: who may talk to the selected pods, and to whom they may talk."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from k8snb.api.types import networking_v1 as networking
from k8snb.apiserver.defaults.pods import changed, each
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.validation import names
from k8snb.apiserver.validation.address_warnings import cidr_warnings
from k8snb.apiserver.validation.addresses import Network, legacy_cidr, parse_cidr
from k8snb.apiserver.validation.field import SPEC, Path, forbidden, invalid, not_supported, reject, required
from k8snb.apiserver.validation.metadata import Errors
from k8snb.apiserver.validation.selectors import label_selector

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")


class NetworkPolicyStrategy(Kind):
    """Decisions about network policies."""

    serves = (("networking.k8s.io/v1", "NetworkPolicy"),)
    tracks_generation = True

    def default(self, obj: networking.NetworkPolicy) -> networking.NetworkPolicy:
        """TCP; a policy is about incoming traffic, and about outgoing traffic when it has such rules."""
        spec = obj.spec
        types = spec.policyTypes or (_TYPES if spec.egress else _TYPES[:1])
        return changed(
            obj,
            spec=changed(spec, ingress=each(spec.ingress, _ports), egress=each(spec.egress, _ports), policyTypes=types),
        )

    def check(self, obj: networking.NetworkPolicy, errors: Errors) -> None:
        """A new policy."""
        _spec(obj.spec, (), errors)

    def check_update(self, new: networking.NetworkPolicy, old: networking.NetworkPolicy, errors: Errors) -> None:
        """A changed policy; CIDRs that were there before are not judged again."""
        _spec(new.spec, [text for text, _ in _cidrs(old.spec)], errors)

    def warnings(self, obj: networking.NetworkPolicy, old: networking.NetworkPolicy | None = None) -> tuple[str, ...]:
        """CIDRs that should be written otherwise."""
        if old is not None and old.spec is obj.spec:
            return ()
        return tuple(text for cidr, path in _cidrs(obj.spec) for text in cidr_warnings(cidr, path))


def _ports(rule: Any) -> Any:
    return changed(rule, ports=each(rule.ports, _with_protocol))


def _with_protocol(port: networking.NetworkPolicyPort) -> networking.NetworkPolicyPort:
    return port if port.protocol is not None else changed(port, protocol="TCP")


def _rules(
    spec: networking.NetworkPolicySpec,
) -> Iterator[tuple[Any, tuple[networking.NetworkPolicyPeer, ...], Path, Path]]:
    for index, incoming in enumerate(spec.ingress):
        path = (SPEC / "ingress")[index]
        yield incoming, incoming.from_, path, path / "from"
    for index, outgoing in enumerate(spec.egress):
        path = (SPEC / "egress")[index]
        yield outgoing, outgoing.to, path, path / "to"


def _cidrs(spec: networking.NetworkPolicySpec) -> Iterator[tuple[str, Path]]:
    for _, peers, _, path in _rules(spec):
        for index, peer in enumerate(peers):
            if peer.ipBlock is not None:
                where = path[index] / "ipBlock"
                yield peer.ipBlock.cidr, where / "cidr"
                for number, text in enumerate(peer.ipBlock.except_):
                    yield text, (where / "except")[number]


def _spec(spec: networking.NetworkPolicySpec, existing: Sequence[str], errors: Errors) -> None:
    label_selector(spec.podSelector, SPEC / "podSelector", errors)
    for rule, peers, path, where in _rules(spec):
        for index, port in enumerate(rule.ports):
            _port(port, (path / "ports")[index], errors)
        for index, peer in enumerate(peers):
            _peer(peer, existing, where[index], errors)
    where = SPEC / "policyTypes"
    if len(spec.policyTypes) > len(_TYPES):
        errors.append(invalid(where, spec.policyTypes, "may not specify more than two policyTypes"))
        return
    for index, name in enumerate(spec.policyTypes):
        if name not in _TYPES:
            errors.append(not_supported(where[index], name, _TYPES))


def _port(port: networking.NetworkPolicyPort, path: Path, errors: Errors) -> None:
    if port.protocol is not None and port.protocol not in _PROTOCOLS:
        errors.append(not_supported(path / "protocol", port.protocol, _PROTOCOLS))
    end, where = port.endPort, path / "endPort"
    if isinstance(port.port, int):
        errors += [invalid(path / "port", port.port, message) for message in names.port_number(port.port)]
        if end is not None:
            if end < port.port:
                errors.append(invalid(where, port.port, "must be greater than or equal to `port`"))
            errors += [invalid(where, end, message) for message in names.port_number(end)]
    elif port.port is not None:
        if end is not None:
            errors.append(invalid(where, end, "may not be specified when `port` is non-numeric"))
        reject(errors, path / "port", port.port, names.port_name(port.port))
    elif end is not None:
        errors.append(invalid(where, end, "may not be specified when `port` is not specified"))


def _peer(peer: networking.NetworkPolicyPeer, existing: Sequence[str], path: Path, errors: Errors) -> None:
    label_selector(peer.podSelector, path / "podSelector", errors)
    label_selector(peer.namespaceSelector, path / "namespaceSelector", errors)
    if peer.ipBlock is not None:
        _block(peer.ipBlock, existing, path / "ipBlock", errors)
    selects = peer.podSelector is not None or peer.namespaceSelector is not None
    if not selects and peer.ipBlock is None:
        errors.append(required(path, "must specify a peer"))
    elif selects and peer.ipBlock is not None:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))


def _block(block: networking.IPBlock, existing: Sequence[str], path: Path, errors: Errors) -> None:
    if not block.cidr:
        errors.append(required(path / "cidr"))
        return
    legacy_cidr(block.cidr, path / "cidr", errors, existing)
    whole = parse_cidr(block.cidr)
    if whole is None:
        return
    for index, text in enumerate(block.except_):
        where = (path / "except")[index]
        legacy_cidr(text, where, errors, existing)
        part = parse_cidr(text)
        if part is not None and not _strictly_inside(part[1], whole[1]):
            errors.append(invalid(where, text, "must be a strict subset of `cidr`"))


def _strictly_inside(part: Network, whole: Network) -> bool:
    if isinstance(part, ipaddress.IPv4Network) and isinstance(whole, ipaddress.IPv4Network):
        return part != whole and part.subnet_of(whole)
    if isinstance(part, ipaddress.IPv6Network) and isinstance(whole, ipaddress.IPv6Network):
        return part != whole and part.subnet_of(whole)
    return False

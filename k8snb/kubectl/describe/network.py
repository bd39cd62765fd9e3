"""Ingresses and NetworkPolicies."""

from __future__ import annotations

from typing import Any

from k8snb.api import selectors
from k8snb.api.errors import APIError
from k8snb.apiserver.tables.network import load_balancer
from k8snb.kubectl.describe.page import NONE, Page
from k8snb.kubectl.describe.services import addresses

_EVERY_POD = "<none> (Allowing the specific traffic to all pods in this namespace)"


def ingress(page: Page, obj: Any) -> None:
    """An Ingress, its backends looked up."""
    meta, spec = obj.metadata, obj.spec
    page.line(f"Name:\t{meta.name}")
    page.mapping("Labels", meta.labels)
    page.line(f"Namespace:\t{meta.namespace}")
    page.line(f"Address:\t{load_balancer(obj.status.loadBalancer)}")
    page.line(f"Ingress Class:\t{spec.ingressClassName or NONE}")
    default = spec.defaultBackend
    page.line(f"Default backend:\t{_backend(page, meta.namespace, default) if default is not None else '<default>'}")
    if spec.tls:
        page.line("TLS:")
    for item in spec.tls:
        hosts = ",".join(item.hosts)
        page.line(f"{item.secretName} terminates {hosts}" if item.secretName else f"SNI routes {hosts}", 1)
    page.line("Rules:")
    page.line("Host\tPath\tBackends", 1)
    page.line("----\t----\t--------", 1)
    count = 0
    for rule in spec.rules:
        if rule.http is None:
            continue
        count += 1
        page.line(f"{rule.host or '*'}\t", 1)
        for path in rule.http.paths:
            page.line(f"\t{path.path or ''} \t{_backend(page, meta.namespace, path.backend)}", 1)
    if not count:
        page.line(f"*\t*\t{_backend(page, meta.namespace, default) if default is not None else '<default>'}", 1)
    page.annotations("Annotations", meta.annotations)
    page.events(obj)


def _backend(page: Page, namespace: str, backend: Any) -> str:
    """`web:80 (10.244.0.2:8080)`, or why there is no such service."""
    if backend.service is None:
        ref = backend.resource
        return f"APIGroup: {ref.apiGroup or NONE}, Kind: {ref.kind}, Name: {ref.name}"
    name, port = backend.service.name, backend.service.port
    wanted = (port.name or port.number or "") if port is not None else ""
    try:
        service = page.client.get(page.client.core("services"), namespace, name)
    except APIError as error:
        return f"{name}:{wanted} (<error: {error.message}>)"
    own = next((item for item in service.spec.ports if wanted in (item.name, item.port)), None)
    return f"{name}:{wanted} ({addresses(page, service, own) if own is not None else ''})"


def network_policy(page: Page, obj: Any) -> None:
    """A NetworkPolicy in words."""
    meta, spec = obj.metadata, obj.spec
    page.line(f"Name:\t{meta.name}")
    page.line(f"Namespace:\t{meta.namespace}")
    page.line(f"Created on:\t{(meta.creationTimestamp or '').replace('T', ' ').replace('Z', ' +0000 UTC')}")
    page.mapping("Labels", meta.labels)
    page.annotations("Annotations", meta.annotations)
    page.line("Spec:")
    chosen = str(selectors.from_label_selector(spec.podSelector))
    page.line(f"PodSelector:     {chosen or _EVERY_POD}", 1)
    for kind, peers, rules in (("Ingress", "from", spec.ingress), ("Egress", "to", spec.egress)):
        word = kind.lower()
        if kind in spec.policyTypes:
            page.line(f"Allowing {word} traffic:", 1)
            _rules(page, rules, peers.capitalize(), word)
        else:
            page.line(f"Not affecting {word} traffic", 1)
    page.line(f"Policy Types: {', '.join(spec.policyTypes)}", 1)


def _rules(page: Page, rules: Any, title: str, word: str) -> None:
    if not rules:
        page.line(f"<none> (Selected pods are isolated for {word} connectivity)", 2)
    for at, rule in enumerate(rules):
        if at:
            page.line("----------", 2)
        if not rule.ports:
            page.line("To Port: <any> (traffic allowed to all ports)", 2)
        for port in rule.ports:
            number = port.port if port.port is not None else ""
            if port.endPort is not None:
                page.line(f"To Port Range: {number}-{port.endPort}/{port.protocol}", 2)
            else:
                page.line(f"To Port: {number}/{port.protocol}", 2)
        peers = rule.from_ if word == "ingress" else rule.to
        if not peers:
            side = "source" if word == "ingress" else "destination"
            page.line(f"{title}: <any> (traffic not restricted by {side})", 2)
        for peer in peers:
            page.line(f"{title}:", 2)
            if peer.ipBlock is not None:
                page.line("IPBlock:", 3)
                page.line(f"CIDR: {peer.ipBlock.cidr}", 4)
                page.line(f"Except: {', '.join(peer.ipBlock.except_)}", 4)
            for name, selector in (
                ("NamespaceSelector", peer.namespaceSelector),
                ("PodSelector", peer.podSelector),
            ):
                if selector is not None:
                    page.line(f"{name}: {str(selectors.from_label_selector(selector)) or NONE}", 3)

"""What is accepted but probably not meant: services, endpoints, files and ports of pods."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.manifests import warnings


def projected(*sources: dict[str, Any]) -> dict[str, Any]:
    """A pod with one projected volume."""
    return {"spec.volumes": [{"name": "v", "projected": {"sources": list(sources)}}]}


def config_map(*paths: str) -> dict[str, Any]:
    """A source with files of a config map."""
    return {"configMap": {"name": "c", "items": [{"key": path, "path": path} for path in paths]}}


TOKEN = {"serviceAccountToken": {"path": "token"}}
CASES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "headless": ("services", {"spec.clusterIP": "None"}, ()),
    "headless with what it has no use for": (
        "services",
        {"spec.clusterIP": "None", "spec.sessionAffinity": "ClientIP", "spec.externalIPs": ["1.2.3.4"]},
        (
            "spec.externalIPs is ignored for headless services",
            "spec.SessionAffinity is ignored for headless services",
        ),
    ),
    "an address elsewhere for a name": (
        "services",
        {"spec": {"type": "ExternalName", "externalName": "a.example.com", "externalIPs": ["1.2.3.4"]}},
        ('spec.externalIPs is ignored when spec.type is "ExternalName"',),
    ),
    "sticky sessions to a name": (
        "services",
        {"spec": {"type": "ExternalName", "externalName": "a.example.com", "sessionAffinity": "ClientIP"}},
        (),
    ),
    "a name for an address": (
        "services",
        {"spec.externalName": "a.example.com"},
        ('spec.externalName is ignored when spec.type is not "ExternalName"',),
    ),
    "addresses of a service": (
        "services",
        {
            "spec.type": "LoadBalancer",
            "spec.externalIPs": ["2001:DB8::1"],
            "spec.loadBalancerSourceRanges": ["2001:DB8::/32"],
            "spec.trafficDistribution": "PreferClose",
        },
        (
            'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
            (
                'spec.loadBalancerSourceRanges[0]: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format'
                ' ("2001:db8::/32")'
            ),
            'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
        ),
    ),
    "endpoints": (
        "endpoints",
        {"subsets": [{"addresses": [{"ip": "2001:DB8::1"}]}]},
        (
            'subsets[0].addresses[0].ip: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
        ),
    ),
    "ports: one address or all of them": (
        "pods",
        {
            "spec.containers.0.ports": [
                {"containerPort": 80, "hostPort": 80},
                {"containerPort": 80, "hostPort": 80, "hostIP": "1.2.3.4"},
                {"containerPort": 80},
            ]
        },
        (
            "spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]",
            "spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]",
            "spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]",
        ),
    ),
    "files: one inside another": (
        "pods",
        {
            "spec.volumes": [
                {
                    "name": "v",
                    "secret": {"secretName": "s", "items": [{"key": "a", "path": "a"}, {"key": "b", "path": "a/b"}]},
                }
            ]
        },
        ('volume "v" (Secret "s"): overlapping paths: "a/b" with "a"',),
    ),
    "files: side by side": ("pods", projected(TOKEN, config_map("ca.crt", "a/b")), ()),
    "files: of two sources": (
        "pods",
        projected(TOKEN, config_map("token")),
        ('volume "v" (Projected ConfigMap "c"): overlapping paths: "token" with "token"',),
    ),
    "files: no source": ("pods", projected({}, TOKEN), ('volume "v" (Projected) has no sources provided',)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_warned_about(name: str) -> None:
    kind, changes, expected = CASES[name]

    assert warnings(kind, changes) == expected

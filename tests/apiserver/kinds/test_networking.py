"""Ingresses, ingress classes, network policies, addresses, ranges and endpoint slices."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.errors import APIError
from tests.apiserver.kinds.judge import changed, problems, stored
from tests.apiserver.rig import Rig

Tree = dict[str, Any]
SERVICE: Tree = {"service": {"name": "s", "port": {"number": 80}}}


def route(path: Any = "/", kind: str = "Prefix", backend: Tree = SERVICE, host: str = "a.example.com") -> Tree:
    item = {"path": path, "pathType": kind, "backend": backend}
    return {"rules": [{"host": host, "http": {"paths": [item]}}]}


PATH = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(route(), [], id="good"),
        pytest.param(
            route("/a/.."), [f"{PATH}.path: Invalid value: \"/a/..\": cannot end with '/..'"], id="ends with dots"
        ),
        pytest.param(
            route("a", "ImplementationSpecific"),
            [f'{PATH}.path: Invalid value: "a": must be an absolute path'],
            id="relative",
        ),
        pytest.param(route("", "ImplementationSpecific"), [], id="no path for the implementation's own sort"),
        pytest.param(
            route(backend={"resource": {"kind": "a/b", "name": ""}}),
            [
                f"{PATH}.backend.resource.kind: Invalid value: \"a/b\": may not contain '/'",
                f"{PATH}.backend.resource.name: Required value",
            ],
            id="bad resource",
        ),
        pytest.param(
            route(backend={"service": {"name": "", "port": {"name": "Bad_"}}}),
            [
                f"{PATH}.backend.service.name: Required value",
                (
                    f'{PATH}.backend.service.port.name: Invalid value: "Bad_": must contain only alpha-numeric characters'
                    " (a-z, 0-9), and hyphens (-)"
                ),
            ],
            id="bad service",
        ),
        pytest.param(
            {"rules": [{"http": {"paths": []}}]}, ["spec.rules[0].http.paths: Required value"], id="rule without paths"
        ),
    ],
)
def test_ingress(spec: Tree, expected: list[str]) -> None:
    assert expected == problems("ingresses", {"spec": spec})


def test_the_annotation_and_the_field_must_name_one_class() -> None:
    body = {
        "metadata": {"name": "x", "annotations": {"kubernetes.io/ingress.class": "a"}},
        "spec": {**route(), "ingressClassName": "b"},
    }

    expected = (
        'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are'
        " specified"
    )
    assert [expected] == problems("ingresses", body)


def test_the_old_annotation_is_warned_about() -> None:
    body = {"metadata": {"name": "x", "annotations": {"kubernetes.io/ingress.class": "a"}}, "spec": route()}

    answer = Rig().send("create", "ingresses", body=body)

    assert answer.warnings == (
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead",
    )


def test_an_ingress_status_has_addresses_and_names() -> None:
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "1.2.3"}, {"hostname": "1.2.3.4"}]}}}

    assert changed("ingresses", {"spec": route()}, status, "status") == [
        (
            'status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or'
            " 2001:db8::ffff)"
        ),
        'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({"kind": "a", "name": "b"}, [], id="good"),
        pytest.param(
            {"kind": "a", "name": "b", "namespace": "c"},
            ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
            id="namespace of a cluster's object",
        ),
        pytest.param(
            {"kind": "a", "name": "b", "scope": "x"},
            ['spec.parameters.scope: Unsupported value: "x": supported values: "Cluster", "Namespace"'],
            id="scope",
        ),
    ],
)
def test_ingress_class_parameters(parameters: Tree, expected: list[str]) -> None:
    body = {"spec": {"controller": "example.com/ingress", "parameters": parameters}}

    assert expected == problems("ingressclasses", body)


def policy(**port: Any) -> Tree:
    return {"podSelector": {}, "egress": [{"ports": [port], "to": [{"podSelector": {}}]}]}


PORT = "spec.egress[0].ports[0]"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(policy(port=1, endPort=2), [], id="good"),
        pytest.param(
            policy(port=80, endPort=79),
            [f"{PORT}.endPort: Invalid value: 80: must be greater than or equal to `port`"],
            id="range upside down (the message shows the wrong number upstream too)",
        ),
        pytest.param(
            policy(protocol="ICMP"),
            [f'{PORT}.protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
            id="protocol",
        ),
        pytest.param(
            {"podSelector": {}, "policyTypes": ["Ingress", "Egress", "Ingress"]},
            [
                (
                    'spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two'
                    " policyTypes"
                )
            ],
            id="three types",
        ),
        pytest.param(
            {
                "podSelector": {},
                "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/16", "except": ["10.0.0.0/16", "10.1.0.0/24"]}}]}],
            },
            [
                f'spec.ingress[0].from[0].ipBlock.except[{index}]: Invalid value: "{text}": must be a strict subset of'
                " `cidr`"
                for index, text in enumerate(("10.0.0.0/16", "10.1.0.0/24"))
            ],
            id="exceptions outside",
        ),
    ],
)
def test_network_policy(spec: Tree, expected: list[str]) -> None:
    assert expected == problems("networkpolicies", {"spec": spec})


def test_a_policy_that_is_not_canonical_is_warned_about() -> None:
    spec = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "2001:DB8::/32"}}]}]}

    answer = Rig().send("create", "networkpolicies", body={"metadata": {"name": "x"}, "spec": spec})

    assert answer.warnings == (
        (
            'spec.ingress[0].from[0].ipBlock.cidr: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format'
            ' ("2001:db8::/32")'
        ),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("192.0.2.1", [], id="good"),
        pytest.param(
            "2001:db8:0::1",
            ['metadata.name: Invalid value: "2001:db8:0::1": must be in canonical form ("2001:db8::1")'],
            id="not canonical",
        ),
        pytest.param(
            "web",
            ['metadata.name: Invalid value: "web": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
            id="no address",
        ),
    ],
)
def test_an_address_object_is_named_as_the_address(name: str, expected: list[str]) -> None:
    body = {"metadata": {"name": name}, "spec": {"parentRef": {"resource": "services", "name": "s"}}}

    assert expected == problems("ipaddresses", body)


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        pytest.param(["10.1.0.0/24", "fd00::/112"], [], id="both families"),
        pytest.param([], ["spec.cidrs: Required value: at least one CIDR required"], id="none"),
        pytest.param(
            ["10.1.0.0/24", "10.2.0.0/24"],
            [
                (
                    'spec.cidrs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: may specify no more than one IP for each IP'
                    " family, i.e 192.168.0.0/24 and 2001:db8::/64"
                )
            ],
            id="one family twice",
        ),
        pytest.param(
            ["10.1.0.1/24"],
            ['spec.cidrs[0]: Invalid value: "10.1.0.1/24": must not have bits set beyond the prefix length'],
            id="host bits",
        ),
    ],
)
def test_service_ranges(ranges: list[str], expected: list[str]) -> None:
    assert expected == problems("servicecidrs", {"spec": {"cidrs": ranges}})


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        pytest.param(["10.1.0.0/24", "fd00::/112"], [], id="a second family"),
        pytest.param(
            ["10.2.0.0/24"], ['spec.cidrs[0]: Invalid value: "10.2.0.0/24": field is immutable'], id="another range"
        ),
    ],
)
def test_service_ranges_change(ranges: list[str], expected: list[str]) -> None:
    assert expected == changed("servicecidrs", {"spec": {"cidrs": ["10.1.0.0/24"]}}, {"spec": {"cidrs": ranges}})


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        pytest.param({"addresses": ["10.1.1.1"]}, [], id="good"),
        pytest.param(
            {"addresses": ["127.0.0.1"]},
            [
                (
                    'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8,'
                    " ::1/128)"
                )
            ],
            id="loopback",
        ),
        pytest.param(
            {"addresses": ["10.1.1.1"], "hints": {"forZones": [{"name": "a"}, {"name": "a"}]}},
            ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
            id="hint twice",
        ),
    ],
)
def test_endpoint_slice(endpoint: Tree, expected: list[str]) -> None:
    assert expected == problems("endpointslices", {"addressType": "IPv4", "endpoints": [endpoint], "ports": []})


def test_ports_of_a_slice_have_different_names() -> None:
    body = {"addressType": "IPv4", "endpoints": [], "ports": [{"port": 1}, {"port": 2}]}

    assert problems("endpointslices", body) == ['ports[1].name: Duplicate value: ""']


def test_the_generation_of_a_slice_grows_with_its_labels_too() -> None:
    rig = Rig()
    rig.create("endpointslices", {"metadata": {"name": "x"}, "addressType": "IPv4", "endpoints": [], "ports": []})

    annotated = rig.patch("endpointslices", "x", {"metadata": {"annotations": {"a": "b"}}})
    labelled = rig.patch("endpointslices", "x", {"metadata": {"labels": {"a": "b"}}})

    assert (annotated.metadata.generation, labelled.metadata.generation) == (1, 2)


def test_a_policy_gets_its_types_from_its_rules() -> None:
    assert stored("networkpolicies", {"spec": policy(port=1)})["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_a_refused_ingress_is_not_stored() -> None:
    rig = Rig()

    with pytest.raises(APIError):
        rig.create("ingresses", {"metadata": {"name": "x"}, "spec": {}})

    assert rig.names("ingresses") == []

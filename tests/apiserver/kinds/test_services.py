"""Services: addresses and ports are claimed once, kept, and given back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.manifests import change_complaint, complaint, manifest
from tests.apiserver.rig import Rig


def service(rig: Rig, name: str = "x", **changes: Any) -> Any:
    """A created service."""
    return rig.create("services", manifest("services", {f"spec.{key}": value for key, value in changes.items()}, name))


def test_an_address_of_the_range() -> None:
    spec = service(Rig()).spec

    assert spec.clusterIP.startswith("10.96.")
    assert spec.clusterIPs == (spec.clusterIP,)
    assert (spec.type, spec.sessionAffinity, spec.internalTrafficPolicy) == ("ClusterIP", "None", "Cluster")
    assert (spec.ipFamilies, spec.ipFamilyPolicy) == (("IPv4",), "SingleStack")
    assert [(port.protocol, port.targetPort) for port in spec.ports] == [("TCP", 80)]


def test_no_address_twice() -> None:
    rig = Rig()
    addresses = [service(rig, f"s{number}").spec.clusterIP for number in range(50)]

    assert len(set(addresses)) == 50


def test_the_same_seed_gives_the_same_addresses() -> None:
    first, second = ([service(rig, f"s{n}").spec.clusterIP for n in range(3)] for rig in (Rig(seed=4), Rig(seed=4)))

    assert first == second


def test_a_wanted_address_is_taken_until_it_is_free() -> None:
    rig = Rig()
    service(rig, "a", clusterIP="10.96.7.7")
    error = rig.refusal("create", "services", body=manifest("services", {"spec.clusterIP": "10.96.7.7"}, "b"))
    rig.delete("services", "a")

    assert error.message == (
        'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.7.7"]: failed to allocate IP 10.96.7.7: provided'
        " IP is already allocated"
    )
    assert service(rig, "b", clusterIP="10.96.7.7").spec.clusterIP == "10.96.7.7"


def test_node_ports() -> None:
    rig = Rig()
    made = service(rig, "a", type="NodePort")
    (port,) = made.spec.ports
    error = rig.refusal(
        "create",
        "services",
        body=manifest(
            "services", {"spec.type": "NodePort", "spec.ports": [{"port": 80, "nodePort": port.nodePort}]}, "b"
        ),
    )
    back = rig.patch("services", "a", {"spec": {"type": "ClusterIP"}})

    assert 30000 <= port.nodePort <= 32767
    assert error.message == (
        f'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: {port.nodePort}: provided port is already'
        " allocated"
    )
    assert [one.nodePort for one in back.spec.ports] == [None]
    assert back.spec.clusterIP == made.spec.clusterIP


def test_an_update_without_an_address_keeps_it() -> None:
    rig = Rig()
    before = service(rig)

    body = {**manifest("services"), "spec": {"ports": [{"port": 81}]}}
    after = rig.send("update", "services", name="x", body=body).object

    assert (after.spec.clusterIP, after.spec.ports[0].port) == (before.spec.clusterIP, 81)


def test_a_name_elsewhere_needs_no_address() -> None:
    rig = Rig()
    made = service(rig, type="ExternalName", externalName="example.com", ports=None)
    changed = rig.patch("services", "x", {"spec": {"type": "ClusterIP", "externalName": None, "ports": [{"port": 1}]}})

    assert (made.spec.clusterIP, made.spec.clusterIPs) == (None, ())
    assert changed.spec.clusterIP.startswith("10.96.")


def test_headless() -> None:
    spec = service(Rig(), clusterIP="None", ports=None).spec

    assert (spec.clusterIP, spec.clusterIPs) == ("None", ("None",))


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "no ports": ({"spec.ports": []}, "spec.ports: Required value"),
    "two ports of one number": (
        {"spec.ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]},
        'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ),
    "an address outside": (
        {"spec.clusterIP": "10.1.1.1"},
        (
            'spec.clusterIPs: Invalid value: ["10.1.1.1"]: failed to allocate IP 10.1.1.1: the provided'
            " network does not match the current range"
        ),
    ),
    "a port outside": (
        {"spec.type": "NodePort", "spec.ports": [{"port": 80, "nodePort": 80}]},
        (
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is"
            " 30000-32767"
        ),
    ),
    "a node port of a cluster address": (
        {"spec.ports": [{"port": 80, "nodePort": 30000}]},
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ),
    "traffic that stays outside": (
        {"spec.externalTrafficPolicy": "Local"},
        'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ),
    "near to what": (
        {"spec.trafficDistribution": "Near"},
        (
            'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone",'
            ' "PreferSameNode"'
        ),
    ),
    "a name that is none": (
        {"spec.type": "ExternalName", "spec.externalName": "", "spec.ports": None},
        "spec.externalName: Required value",
    ),
    "a loop": (
        {"spec.externalIPs": ["127.0.0.1"]},
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_new_services(name: str) -> None:
    changes, expected = SPOILED[name]

    assert complaint("services", changes) == expected


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another address": (
        {"spec.clusterIP": "10.96.1.1"},
        {"spec": {"clusterIP": "10.96.1.2", "clusterIPs": ["10.96.1.2"]}},
        'spec.clusterIPs[0]: Invalid value: ["10.96.1.2"]: may not change once set',
    ),
    "another class of balancer": (
        {"spec.type": "LoadBalancer", "spec.loadBalancerClass": "example.com/a"},
        {"spec": {"loadBalancerClass": "example.com/b"}},
        'spec.loadBalancerClass: Invalid value: "example.com/b": may not change once set',
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_services(name: str) -> None:
    made, patch, expected = CHANGES[name]

    assert change_complaint("services", patch, made) == expected

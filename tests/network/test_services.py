"""kube-proxy's rules and DNS answers as pure functions of objects."""

from __future__ import annotations

import pytest

from k8snb.network import dns
from k8snb.network.services import rules_of, slices_of, table
from tests.network.world import two_webs


def test_rules_list_addresses_ports_and_endpoints() -> None:
    rig = two_webs()
    rig.serve("web", clusterIP="10.96.1.1", type="NodePort", nodePort=30080, externalIPs=("198.51.100.7",))
    view = rig.runtime.processes["kubelet"].view
    [rule] = table(view)

    assert (rule.service, rule.protocol, rule.port, rule.node_port) == ("default/web", "TCP", 80, 30080)
    assert rule.addresses == ("10.96.1.1", "198.51.100.7")
    assert [(b.address, b.port, b.pod, b.node, b.ready) for b in rule.backends] == [
        ("10.244.0.2", 80, "default/web-1", "n1", True),
        ("10.244.1.2", 80, "default/web-2", "n2", True),
    ]


def test_chain_names_are_kube_proxys_own() -> None:
    """The chain of default/kubernetes:https, as every kubeadm cluster has it."""
    rig = two_webs()
    service = rig.serve("kubernetes", port=443, clusterIP="10.96.0.1")
    from msgspec.structs import replace

    named = tuple(replace(p, name="https") for p in service.spec.ports)
    [rule] = rules_of(replace(service, spec=replace(service.spec, ports=named)), ())

    assert rule.chain == "KUBE-SVC-NPX46M4PTMTKRN6Y"


@pytest.mark.parametrize("fields", [{"clusterIP": "None"}, {"clusterIP": None, "type": "ExternalName"}])
def test_headless_and_external_services_have_no_rules(fields: dict[str, object]) -> None:
    rig = two_webs()
    service = rig.serve("other", **fields)  # type: ignore[arg-type]
    view = rig.runtime.processes["kubelet"].view

    assert rules_of(service, slices_of(view, "default", "other")) == ()


@pytest.mark.parametrize(
    ("name", "ndots", "expected"),
    [
        ("web", 5, ("web.d.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web")),
        ("a.b.c.d.e.f", 5, ("a.b.c.d.e.f", "a.b.c.d.e.f.d.svc.cluster.local", "a.b.c.d.e.f.svc.cluster.local", "a.b.c.d.e.f.cluster.local")),
        ("web.", 5, ("web",)),
        ("a.b", 1, ("a.b", "a.b.d.svc.cluster.local", "a.b.svc.cluster.local", "a.b.cluster.local")),
    ],
)  # fmt: skip
def test_search_path(name: str, ndots: int, expected: tuple[str, ...]) -> None:
    searches = ("d.svc.cluster.local", "svc.cluster.local", "cluster.local")

    assert expected == dns.candidates(name, searches, ndots)


def test_pod_records_by_address() -> None:
    rig = two_webs()
    found = dns.query("10-244-0-2.default.pod.cluster.local", rig.runtime.processes["kubelet"].view, {})

    assert found is not None
    assert found.addresses == ("10.244.0.2",)

"""kube-proxy's rules: names and lines as upstream writes them, and the same decisions in every mode."""

from __future__ import annotations

import re
from typing import Any

import pytest

from k8snb.network.cni import plugin
from k8snb.network.packet import MARK, Packet
from k8snb.network.proxy import Context, Site, mode
from k8snb.network.proxy.iptables import fragment, save, tables
from k8snb.network.proxy.nftables import chain_base
from k8snb.network.proxy.rule import probability
from k8snb.network.services import Backend, ServiceRule
from k8snb.sim.ids import Ids

SITE = Site("test-node", "192.168.0.2", "", "10.0.0.0/8")
POD, OUTSIDE, BLOCKED, NODE = "10.0.0.9", "203.0.113.2", "203.0.113.130", "192.168.0.2"
EMPTY_EXTERNAL = {"externalIPs": (), "node_port": 0}


def endpoint(address: str, node: str = "", port: int = 80, **fields: Any) -> Backend:
    """A ready endpoint."""
    facts = {"ready": True, "serving": True, "terminating": False, **fields}
    return Backend(address, port, "", node, **facts)


def portal(service: str, cluster_ip: str, *backends: Backend, **fields: Any) -> ServiceRule:
    """A service port ``p80`` at 80/TCP."""
    facts: dict[str, Any] = {
        "port_name": "p80", "protocol": "TCP", "port": 80, "node_port": 0, "affinity": 0, "internal_local": False,
        "external_local": False, **fields,
    }  # fmt: skip
    addresses = (cluster_ip, *facts.get("external_ips", ()), *facts.get("balancer_ips", ()))
    return ServiceRule(service=service, cluster_ip=cluster_ip, addresses=addresses, backends=backends, **facts)


SVC1 = portal("ns1/svc1", "172.30.0.41", endpoint("10.180.0.1"))
SVC2 = portal(
    "ns2/svc2", "172.30.0.42", endpoint("10.180.0.2"), node_port=3001, external_local=True, balancer_ips=("1.2.3.4",),
    external_ips=("192.168.99.22",), health_port=30000,
)  # fmt: skip
SVC3 = portal("ns3/svc3", "172.30.0.43", endpoint("10.180.0.3"), node_port=3003)
SVC4 = portal(
    "ns4/svc4",
    "172.30.0.44",
    endpoint("10.180.0.4"),
    endpoint("10.180.0.5", "test-node"),
    external_ips=("192.168.99.33",),
)
SVC5 = portal(
    "ns5/svc5", "172.30.0.45", endpoint("10.180.0.3"), node_port=3002, balancer_ips=("5.6.7.8",), affinity=10800,
    source_ranges=("203.0.113.0/25",),
)  # fmt: skip
SVC6 = portal("ns6/svc6", "172.30.0.46")
ALL = (SVC1, SVC2, SVC3, SVC4, SVC5, SVC6)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SVC1, "XPGD46QRK7WJZT7O"), (SVC2, "GNZBNJ2PO5MGZ6GT"), (SVC3, "X27LE4BHSL4DOUIK"), (SVC4, "4SW47YFZTEDKD3PK"),
        (SVC5, "NUKIZ6OKUXPJNT4C"),
    ],
)  # fmt: skip
def test_hashes_of_service_chains_are_upstreams(rule: ServiceRule, expected: str) -> None:
    assert rule.hash == expected


def test_hashes_of_endpoint_chains_are_upstreams() -> None:
    text = save(tables(ALL, SITE, plugin("vxlan"), "10.0.0.0/24"), "now")

    assert sorted(re.findall(r":(KUBE-SEP-\w+)", text)) == [
        "KUBE-SEP-C6EBXVWJJZMIWKLZ", "KUBE-SEP-I77PXRDZVX7PMWMN", "KUBE-SEP-OYPFS5VJICHGATKP",
        "KUBE-SEP-RS4RBKLTHTF2IUXJ", "KUBE-SEP-SXIVWICOYRO3J4NJ", "KUBE-SEP-UKSFD7AGPMPPLUHC",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SVC1, "ULMVA6XW-ns1/svc1/tcp/p80"), (SVC2, "42NFTM6N-ns2/svc2/tcp/p80"), (SVC3, "4AT6LBPK-ns3/svc3/tcp/p80"),
        (SVC4, "LAUZTJTB-ns4/svc4/tcp/p80"), (SVC5, "HVFWP5L3-ns5/svc5/tcp/p80"),
    ],
)  # fmt: skip
def test_names_of_nftables_chains_are_upstreams(rule: ServiceRule, expected: str) -> None:
    assert chain_base(rule) == expected


def lines(rule: ServiceRule, table: str = "nat", site: Site = SITE) -> list[str]:
    """The rules of one service port."""
    part = fragment(rule, rule.choice(site.node, site.zone), site)
    return [str(r) for r in (part.nat if table == "nat" else part.filter)]


def test_cluster_ip() -> None:
    assert lines(SVC1) == [
        '-A KUBE-SERVICES -d 172.30.0.41/32 -p tcp -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-XPGD46QRK7WJZT7O',
        '-A KUBE-SVC-XPGD46QRK7WJZT7O ! -s 10.0.0.0/8 -d 172.30.0.41/32 -p tcp -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
        '-A KUBE-SVC-XPGD46QRK7WJZT7O -m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80" -j KUBE-SEP-SXIVWICOYRO3J4NJ',
        '-A KUBE-SEP-SXIVWICOYRO3J4NJ -s 10.180.0.1/32 -m comment --comment "ns1/svc1:p80" -j KUBE-MARK-MASQ',
        '-A KUBE-SEP-SXIVWICOYRO3J4NJ -p tcp -m comment --comment "ns1/svc1:p80" -m tcp -j DNAT --to-destination 10.180.0.1:80',
    ]
    assert lines(SVC1, "filter") == []


def test_local_policy_without_a_local_endpoint() -> None:
    drop = "-j DROP"
    assert lines(SVC2, "filter") == [
        f'-A KUBE-EXTERNAL-SERVICES -d 192.168.99.22/32 -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m tcp --dport 80 {drop}',
        f'-A KUBE-EXTERNAL-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m tcp --dport 80 {drop}',
        f'-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 3001 {drop}',
        '-A KUBE-NODEPORTS -p tcp -m comment --comment "ns2/svc2:p80 health check node port" -m tcp --dport 30000 -j ACCEPT',
    ]
    external = [line for line in lines(SVC2) if line.startswith("-A KUBE-EXT-")]
    assert external == [
        '-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -s 10.0.0.0/8 -m comment --comment "pod traffic for ns2/svc2:p80 external destinations" -j KUBE-SVC-GNZBNJ2PO5MGZ6GT',
        '-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -m comment --comment "masquerade LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
        '-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -m comment --comment "route LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-GNZBNJ2PO5MGZ6GT',
    ]


def test_source_ranges_and_affinity() -> None:
    found = lines(SVC5)

    assert [line for line in found if line.startswith("-A KUBE-FW-")] == [
        '-A KUBE-FW-NUKIZ6OKUXPJNT4C -s 203.0.113.0/25 -m comment --comment "ns5/svc5:p80 loadbalancer IP" -j KUBE-EXT-NUKIZ6OKUXPJNT4C',
        '-A KUBE-FW-NUKIZ6OKUXPJNT4C -m comment --comment "other traffic to ns5/svc5:p80 will be dropped by KUBE-PROXY-FIREWALL"',
    ]
    assert lines(SVC5, "filter") == [
        '-A KUBE-PROXY-FIREWALL -d 5.6.7.8/32 -p tcp -m comment --comment "ns5/svc5:p80 traffic not accepted by KUBE-FW-NUKIZ6OKUXPJNT4C" -m tcp --dport 80 -j DROP'
    ]
    assert '-A KUBE-SVC-NUKIZ6OKUXPJNT4C -m comment --comment "ns5/svc5:p80 -> 10.180.0.3:80" -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-I77PXRDZVX7PMWMN --mask 255.255.255.255 --rsource -j KUBE-SEP-I77PXRDZVX7PMWMN' in found  # fmt: skip


def test_no_endpoints() -> None:
    assert lines(SVC6) == []
    assert lines(SVC6, "filter") == [
        '-A KUBE-SERVICES -d 172.30.0.46/32 -p tcp -m comment --comment "ns6/svc6:p80 has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable'
    ]


@pytest.mark.parametrize(
    ("n", "text"),
    [(2, "0.50000000000"), (3, "0.33333333349"), (4, "0.25000000000"), (5, "0.20000000019"), (7, "0.14285714272"), (10, "0.10000000009")],
)  # fmt: skip
def test_probabilities_are_the_kernels(n: int, text: str) -> None:
    assert f"{probability(n):.11f}" == text


def test_shares_are_equal() -> None:
    left, shares = 1.0, []
    for n in range(7, 1, -1):
        shares.append(left * probability(n))
        left -= shares[-1]

    assert all(abs(share - 1 / 7) < 1e-9 for share in (*shares, left))


def test_large_clusters_leave_endpoint_comments_out() -> None:
    many = portal("ns/big", "172.30.1.1", *(endpoint(f"10.1.{i // 250}.{i % 250 + 1}") for i in range(1001)))
    text = save(tables((many,), SITE, plugin("vxlan"), "10.0.0.0/24"), "now")

    assert "-> 10.1.0.1:80" not in text
    assert f'"{many.name} cluster IP"' in text


# -- the same decisions in every mode

FLOWS = [
    ("pod to cluster IP", SVC1, POD, "172.30.0.41", 80, "10.180.0.1:80", False),
    ("outside to cluster IP", SVC1, OUTSIDE, "172.30.0.41", 80, "10.180.0.1:80", True),
    ("pod to itself", SVC1, "10.180.0.1", "172.30.0.41", 80, "10.180.0.1:80", True),
    ("pod to node port", SVC3, POD, NODE, 3003, "10.180.0.3:80", True),
    ("outside to node port", SVC3, OUTSIDE, NODE, 3003, "10.180.0.3:80", True),
    ("outside to external IP", SVC4, OUTSIDE, "192.168.99.33", 80, "10.180.0.4:80 10.180.0.5:80", True),
    ("outside to balancer", SVC5, OUTSIDE, "5.6.7.8", 80, "10.180.0.3:80", True),
    ("blocked to balancer", SVC5, BLOCKED, "5.6.7.8", 80, "DROP", False),
    ("node port takes no notice of source ranges", SVC5, BLOCKED, NODE, 3002, "10.180.0.3:80", True),
    ("pod to nobody", SVC6, POD, "172.30.0.46", 80, "REJECT", False),
    ("outside, policy Local, no local endpoint", SVC2, OUTSIDE, NODE, 3001, "DROP", False),
    ("pod, policy Local, no local endpoint", SVC2, POD, "1.2.3.4", 80, "10.180.0.2:80", False),
    ("node, policy Local, no local endpoint", SVC2, NODE, NODE, 3001, "10.180.0.2:80", True),
]


def flow(mode_name: str, rule: ServiceRule, source: str, address: str, port: int) -> tuple[str, bool]:
    """Where packets of a flow end up, and whether they get a new source."""
    made = mode(mode_name)
    chance = Ids(1)
    ends, masked = set(), set()
    for _ in range(24):
        packet = Packet(source, 40000, address, port, "tcp")
        context = Context("test-node", (NODE,), chance, {}, 0.0)
        hook = "OUTPUT" if source == NODE else "PREROUTING"
        outcome = made.translate(rule, SITE, packet, context, hook, None)
        ends.add(f"{packet.dst}:{packet.dport}" if outcome.verdict == "DNAT" else outcome.verdict)
        masked.add(outcome.verdict == "DNAT" and bool(packet.mark & MARK))
    assert len(masked) == 1
    return " ".join(sorted(ends)), masked.pop()


@pytest.mark.parametrize("mode_name", ["iptables", "nftables"])
@pytest.mark.parametrize(
    ("rule", "source", "address", "port", "end", "masked"), [f[1:] for f in FLOWS], ids=[f[0] for f in FLOWS]
)
def test_flows(mode_name: str, rule: ServiceRule, source: str, address: str, port: int, end: str, masked: bool) -> None:
    assert flow(mode_name, rule, source, address, port) == (end, masked)


@pytest.mark.parametrize(
    ("rule", "source", "address", "port", "end", "masked"), [f[1:] for f in FLOWS[:10]], ids=[f[0] for f in FLOWS[:10]]
)
def test_ipvs_flows(rule: ServiceRule, source: str, address: str, port: int, end: str, masked: bool) -> None:
    assert flow("ipvs", rule, source, address, port) == (end, masked)


def test_ipvs_uses_other_nodes_under_policy_local_where_it_has_no_endpoint() -> None:
    assert flow("ipvs", SVC2, POD, "1.2.3.4", 80) == ("10.180.0.2:80", False)
    assert flow("ipvs", SVC2, OUTSIDE, NODE, 3001) == ("10.180.0.2:80", False)


def test_ipvs_goes_round() -> None:
    made = mode("ipvs")
    seen = []
    for _ in range(4):
        packet = Packet(POD, 40000, "172.30.0.44", 80, "tcp")
        made.translate(SVC4, SITE, packet, Context("test-node", (NODE,), Ids(0), {}, 0.0), "PREROUTING", None)
        seen.append(packet.dst)

    assert seen == ["10.180.0.4", "10.180.0.5"] * 2


def test_userspace_always_hides_the_client() -> None:
    assert flow("userspace", SVC1, POD, "172.30.0.41", 80) == ("10.180.0.1:80", True)
    assert flow("userspace", SVC6, POD, "172.30.0.46", 80) == ("RESET", False)


# -- which endpoints


@pytest.mark.parametrize(
    ("backends", "zone", "cluster"),
    [
        ((endpoint("1", zones=("a",)), endpoint("2", zones=("b",))), "a", ["1"]),
        ((endpoint("1", zones=("a",)), endpoint("2", zones=("b",))), "c", ["1", "2"]),
        ((endpoint("1", zones=("a",)), endpoint("2", zones=("b",))), "", ["1", "2"]),
        ((endpoint("1", zones=("a",)), endpoint("2")), "a", ["1", "2"]),
        ((endpoint("1", nodes=("test-node",), zones=("a",)), endpoint("2", nodes=("other",), zones=("a",))), "a", ["1"]),
        ((endpoint("1", nodes=("x",), zones=("a",)), endpoint("2", nodes=("y",), zones=("b",))), "b", ["2"]),
        ((endpoint("1", ready=False), endpoint("2")), "", ["2"]),
        ((endpoint("1", ready=False, terminating=True), endpoint("2", ready=False, serving=False)), "", ["1"]),
        ((endpoint("1", ready=False, serving=False, terminating=True),), "", []),
    ],
    ids=["own zone", "other zone", "no zone known", "a hint is missing", "own node", "own zone when not own node",
         "unready", "ending ones when none is ready", "ended"],
)  # fmt: skip
def test_choice_of_endpoints(backends: tuple[Backend, ...], zone: str, cluster: list[str]) -> None:
    choice = portal("a/b", "10.96.0.9", *backends).choice("test-node", zone)

    assert [b.address for b in choice.cluster] == cluster

"""How pods are wired by each plugin: interfaces, routes, MTU, encapsulation, both address families."""

from __future__ import annotations

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.cluster import Cluster
from k8snb.network import Cni

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: n2, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: n1, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host}
spec: {nodeName: n1, hostNetwork: true, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
"""


def world(cni: str | Cni, dual_stack: bool = False) -> Cluster:
    """Two nodes, a pod on each, one with its node's network."""
    cluster = Cluster(nodes=["n1", "n2"], cni=cni, dual_stack=dual_stack)
    cluster.apply(PODS)
    cluster.settle()
    return cluster


@pytest.mark.parametrize(
    ("cni", "mtu", "node", "to_other", "to_pod", "inside"),
    [
        ("vxlan", 1450, ["lo", "eth0", "flannel.1", "cni0", "veth"], "10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink",
         "10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1", "default via 10.244.0.1 dev eth0"),
        ("bridge", 1500, ["lo", "eth0", "cni0", "veth"], "10.244.1.0/24 via 172.18.0.3 dev eth0",
         "10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1", "default via 10.244.0.1 dev eth0"),
        ("routed", 1500, ["lo", "eth0", "cali"], "10.244.1.0/24 via 172.18.0.3 dev eth0 proto bird",
         "10.244.0.2 dev cali", "default via 169.254.1.1 dev eth0"),
        ("kubenet", 1500, ["lo", "eth0", "cbr0", "veth"], "10.244.1.0/24 via 172.18.0.3 dev eth0",
         "10.244.0.0/24 dev cbr0 proto kernel scope link src 10.244.0.1", "default via 10.244.0.1 dev eth0"),
    ],
)  # fmt: skip
def test_wiring(cni: str, mtu: int, node: list[str], to_other: str, to_pod: str, inside: str) -> None:
    cluster = world(cni)
    names = [i.name for i in cluster.interfaces("node/n1")]
    routes = [str(r) for r in cluster.routes("node/n1")]
    eth0 = cluster.interfaces("pod/client")[1]

    assert [n if n in node else n[:4] for n in names] == node
    assert to_other in routes
    assert any(r.startswith(to_pod) for r in routes)
    assert (eth0.name, eth0.mtu, eth0.peer) == ("eth0", mtu, names[-1])
    assert str(cluster.routes("pod/client")[0]) == inside


def test_services_are_on_no_interface_and_in_no_route() -> None:
    cluster = world("vxlan")
    told = [str(x) for of in ("node/n1", "pod/client") for x in (*cluster.interfaces(of), *cluster.routes(of))]

    assert not any("10.96." in line for line in told)


def test_pod_with_the_hosts_network_has_the_nodes_interfaces() -> None:
    cluster = world("vxlan")

    assert cluster.interfaces("pod/host") == cluster.interfaces("node/n1")
    assert cluster.get("pod/host").status.podIP == "172.18.0.2"


@pytest.mark.parametrize(
    ("cni", "codes"),
    [("vxlan", ["encapsulate", "wire", "decapsulate"]), ("bridge", ["wire", "arrive"]), ("routed", ["wire", "arrive"])],
)
def test_between_nodes(cni: str, codes: list[str]) -> None:
    cluster = world(cni)
    trace = cluster.trace("pod/client", f"http://{cluster.get('pod/web').status.podIP}/")
    found = [
        s.code
        for s in trace.forward()
        if s.code in ("encapsulate", "wire", "decapsulate") or (s.code == "arrive" and s.place == "node/n2")
    ]

    assert found == codes
    outer = [s.packet.outer for s in trace.steps if s.packet is not None and s.packet.outer]
    assert outer[:1] == (["VXLAN 1 172.18.0.2 → 172.18.0.3:8472"] if cni == "vxlan" else [])
    last = trace.forward()[-1].packet
    assert last is not None
    assert last.ttl == 62


def test_own_plugin() -> None:
    cluster = world(Cni("jumbo", "bridge", bridge="br0", mtu=9000, enforces=False))

    assert cluster.interfaces("pod/client")[1].mtu == 9000
    assert "br0" in [i.name for i in cluster.interfaces("node/n1")]


def test_dual_stack() -> None:
    cluster = world("vxlan", dual_stack=True)
    pod, node = cluster.get("pod/web"), cluster.get("node/n2")

    assert [p.ip for p in pod.status.podIPs] == ["10.244.1.2", "fd00:10:244:1::2"]
    assert node.spec.podCIDRs == ("10.244.1.0/24", "fd00:10:244:1::/64")
    answer = cluster.request("pod/client", "http://[fd00:10:244:1::2]/")
    assert answer.ok
    assert "RemoteAddr: [fd00:10:244::2]" in answer.body
    assert [str(a) for a in cluster.interfaces("pod/web")[1].addresses] == ["10.244.1.2/24", "fd00:10:244:1::2/64"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cni": "vxlang"}, "there is no pod network 'vxlang'; did you mean vxlan?"),
        ({"cni": 4}, "cni is 4: give a name"),
        ({"cni": Cni("x", "tunnel")}, "a pod network's mode is vxlan, bridge or routed, not 'tunnel'"),
        ({"proxy_mode": "iptable"}, "kube-proxy has no mode 'iptable'; did you mean iptables"),
    ],
)
def test_mistakes_are_explained(options: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=r".") as error:
        Cluster(nodes=0, **options)  # type: ignore[arg-type]

    assert message in str(error.value)


def test_unknown_node_has_no_rules() -> None:
    with pytest.raises(ValueError, match="there is no node 'x'"):
        world("vxlan").proxy_rules("x")


def test_wiring_survives_a_restart(tmp_path: object) -> None:
    path = f"{tmp_path}/cluster.db"
    with Cluster(nodes=1, path=path, cni="routed", proxy_mode="nftables") as first:
        first.settle()
    with Cluster(path=path) as again:
        assert (again.network.cni.name, again.network.mode.name) == ("routed", "nftables")


@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables", "userspace"])
def test_rules_can_be_asked_for_in_another_mode(mode: str) -> None:
    own = Cluster(nodes=1, proxy_mode=mode)
    other = Cluster(nodes=1, proxy_mode="ipvs" if mode == "iptables" else "iptables")
    for cluster in (own, other):
        cluster.apply(
            "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.7.7, ports: [{port: 80}]}"
        )
        cluster.settle()

    assert other.proxy_rules("worker-1", mode) == own.proxy_rules("worker-1")
    assert other.proxy_rules("worker-1", mode) != other.proxy_rules("worker-1")


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadValue, match="iptables"):
        Cluster(nodes=1).proxy_rules("worker-1", "iptable")

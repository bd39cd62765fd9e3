"""Two IP families: addresses of nodes, pods and Services, kube-proxy's rules of IPv6, DNS, and packets of either family."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.cluster import Cluster
from k8snb.controllers import IN_TREE
from k8snb.controllers.serviceloadbalancer import ServiceLoadBalancerController

MODES = ("iptables", "ipvs", "nftables", "userspace")
WORLD = """
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  nodeName: worker-1
  containers:
  - name: c
    image: busybox
    command: [sleep, infinity]
    env: [{name: IPS, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}, {name: HOSTS, valueFrom: {fieldRef: {fieldPath: status.hostIPs}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {nodeName: worker-1, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, labels: {app: web}}
spec: {nodeName: worker-2, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host}
spec: {nodeName: worker-2, hostNetwork: true, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Service
metadata: {name: both}
spec: {type: NodePort, ipFamilyPolicy: RequireDualStack, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: six}
spec: {ipFamilies: [IPv6], selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: four}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: head}
spec: {clusterIP: None, ipFamilyPolicy: PreferDualStack, selector: {app: web}, ports: [{port: 80, name: http}]}
"""


def world(**options: str) -> Cluster:
    """Two nodes, two web pods, a client, Services of one and of two families."""
    cluster = Cluster(nodes=2, dual_stack=True, **options)  # type: ignore[arg-type]
    cluster.apply(WORLD)
    cluster.settle()
    return cluster


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return world()


def test_nodes_and_pods_have_an_address_of_each_family(cluster: Cluster) -> None:
    node, pod, host = cluster.get("node/worker-2"), cluster.get("pod/web-2"), cluster.get("pod/host")

    assert [a.address for a in node.status.addresses if a.type == "InternalIP"] == [
        "172.18.0.3", "fc00:f853:ccd:e793::3",
    ]  # fmt: skip
    assert node.spec.podCIDRs == ("10.244.1.0/24", "fd00:10:244:1::/64")
    assert [i.ip for i in pod.status.podIPs] == ["10.244.1.2", "fd00:10:244:1::2"]
    assert [i.ip for i in pod.status.hostIPs] == ["172.18.0.3", "fc00:f853:ccd:e793::3"]
    assert [i.ip for i in host.status.podIPs] == ["172.18.0.3", "fc00:f853:ccd:e793::3"]


def test_a_pod_knows_both_of_its_addresses(cluster: Cluster) -> None:
    hosts = cluster.exec("client", "cat", "/etc/hosts").stdout

    assert "10.244.0.2\tclient\nfd00:10:244::2\tclient\n" in hosts
    assert cluster.exec("client", "sh", "-c", "echo $IPS $HOSTS").stdout == (
        "10.244.0.2,fd00:10:244::2 172.18.0.2,fc00:f853:ccd:e793::2\n"
    )


def test_each_family_has_its_slices(cluster: Cluster) -> None:
    def kinds(name: str) -> dict[str, list[str]]:
        found = cluster.list("endpointslices", f"kubernetes.io/service-name={name}")
        return {s.addressType: sorted(a for e in s.endpoints for a in e.addresses) for s in found}

    four, six = ["10.244.0.3", "10.244.1.2"], ["fd00:10:244:1::2", "fd00:10:244::3"]
    assert kinds("both") == {"IPv4": four, "IPv6": six}
    assert (kinds("six"), kinds("four")) == ({"IPv6": six}, {"IPv4": four})
    assert sorted(a.ip for s in cluster.get("endpoints/both").subsets for a in s.addresses) == four


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["pod/client", "node/worker-1"])
def test_both_addresses_of_a_service_lead_to_pods(mode: str, source: str) -> None:
    cluster = world(proxy_mode=mode)
    ips = cluster.get("svc/both").spec.clusterIPs
    asked = [f"http://{ips[0]}", f"http://[{ips[1]}]", f"http://[{cluster.get('svc/six').spec.clusterIP}]"]
    seen = [{cluster.request(source, url).body.split()[1] for _ in range(12)} for url in asked]

    assert seen == [{"web-1", "web-2"}] * 3


@pytest.mark.parametrize(
    ("name", "address"), [("both", "10.96"), ("four", "10.96"), ("six", "fd00:10:96"), ("head", "10.244")]
)
def test_names_lead_to_ipv4_first_and_to_ipv6_where_there_is_nothing_else(
    cluster: Cluster, name: str, address: str
) -> None:
    answer = cluster.request("pod/client", f"http://{name}")
    found = next(h for h in answer.hops if h.code == "resolved").facts["addresses"]

    assert answer.ok
    assert found.startswith(address)


@pytest.mark.parametrize(
    ("question", "answers"),
    [
        ("dig +short AAAA both.default.svc.cluster.local", "fd00:10:96::"),
        ("dig +short AAAA head.default.svc.cluster.local", "fd00:10:244::3\nfd00:10:244:1::2\n"),
        ("dig +short A six.default.svc.cluster.local", ""),
        ("dig +short -x fd00:10:244::3", "fd00-10-244--3.head.default.svc.cluster.local.\n"),
    ],
)
def test_aaaa_records(cluster: Cluster, question: str, answers: str) -> None:
    said = cluster.exec("client", "sh", "-c", question).stdout

    assert sorted(said.split()) == sorted(answers.split()) or (answers and said.startswith(answers))


def test_a_packet_of_ipv6_passes_the_devices_and_rules_of_ipv6(cluster: Cluster) -> None:
    address = cluster.get("pod/web-2").status.podIPs[1].ip
    trace = cluster.trace("outside", "http://[fc00:f853:ccd:e793::2]:30080")
    direct = cluster.trace("pod/client", f"http://[{address}]")
    carried = next(s for s in direct.steps if s.code == "encapsulate")
    sources = {s.packet.src for s in trace.forward() if s.packet is not None}

    assert trace.ok
    assert trace.steps[0].packet is not None
    assert trace.steps[0].packet.src == "2001:db8::10"
    assert sources <= {"2001:db8::10", "fd00:10:244::", "fd00:10:244::1"}
    assert carried.packet is not None
    assert carried.detail == "flannel-v6.1"
    assert carried.packet.outer == "VXLAN 1 fc00:f853:ccd:e793::2 → [fc00:f853:ccd:e793::3]:8472"
    received = trace.reply()[-1].packet
    assert received is not None
    assert (received.src, received.dst) == ("fc00:f853:ccd:e793::2", "2001:db8::10")


@pytest.mark.parametrize("cni", ["vxlan", "bridge", "routed"])
def test_every_plugin_routes_both_families(cni: str) -> None:
    cluster = world(cni=cni)
    routes = [str(r) for r in cluster.routes("node/worker-1", six=True)]
    target = cluster.get("pod/web-2").status.podIPs[1].ip

    assert cluster.request("pod/client", f"http://[{target}]").ok
    assert routes[0] == "default via fc00:f853:ccd:e793::1 dev eth0"
    assert any(r.startswith("fd00:10:244:1::/64 via ") for r in routes)
    assert [r for r in cluster.routes("node/worker-1") if ":" in r.to] == []


@pytest.mark.parametrize("mode", [None, "Proxy"])
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a_load_balancer_has_an_address_of_each_family(policy: str, mode: str | None) -> None:
    cluster = Cluster(nodes=2, dual_stack=True, controllers=[*IN_TREE, ServiceLoadBalancerController])
    cluster.apply(WORLD)
    cluster.patch("svc/both", {"spec": {"type": "LoadBalancer", "externalTrafficPolicy": policy}})
    cluster.settle()
    ingress = cluster.get("svc/both").status.loadBalancer.ingress
    if mode is not None:
        given = [{"ip": i.ip, "ipMode": mode} for i in ingress]
        cluster.patch("svc/both", {"status": {"loadBalancer": {"ingress": given}}}, subresource="status")
        cluster.settle()
    answers = [cluster.request("outside", f"http://{ip}") for ip in ("198.51.100.1", "[2001:db8:51::1]")]

    assert [i.ip for i in ingress] == ["198.51.100.1", "2001:db8:51::1"]
    assert [a.status for a in answers] == [200, 200]
    shown = [a.body.partition("RemoteAddr: ")[2].split(":40000")[0] for a in answers]
    kept = policy == "Local" and mode is None
    assert (shown == ["203.0.113.10", "[2001:db8::10]"]) is kept


def test_a_policy_of_ipv6_addresses(cluster: Cluster) -> None:
    cluster = cluster.fork()
    cluster.apply(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: six}\n"
        "spec: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 'fd00:10:244::/64'}}]}]}\n"
    )
    cluster.settle()
    four, six = (i.ip for i in cluster.get("pod/web-2").status.podIPs)

    assert cluster.request("pod/client", f"http://[{six}]").ok
    assert cluster.request("pod/client", f"http://{four}").error == "timeout"


def test_rules_of_ipv6_are_text_of_their_own_tool(cluster: Cluster) -> None:
    text = cluster.proxy_rules("worker-1", six=True)
    ip = cluster.get("svc/six").spec.clusterIP

    assert text.startswith("# Generated by ip6tables-save")
    assert f"-A KUBE-SERVICES -d {ip}/128 -p tcp" in text
    assert "--to-destination [fd00:10:244:1::2]:80" in text
    assert f"! -s fd00:10:244::/56 -d {ip}/128" in text
    assert "10.244." not in text
    assert "127.0.0.0/8" not in text


@pytest.mark.skipif(shutil.which("ip6tables-restore") is None, reason="there is no ip6tables here")
def test_the_rules_of_ipv6_are_ones_that_ip6tables_reads(cluster: Cluster) -> None:
    def read(text: str) -> tuple[int, str]:
        done = subprocess.run(["ip6tables-restore", "--test"], input=text, text=True, capture_output=True, check=False)
        return done.returncode, done.stderr

    if read("*filter\nCOMMIT\n")[0]:
        pytest.skip("ip6tables cannot be used here")

    assert read(cluster.proxy_rules("worker-1", six=True)) == (0, "")


def test_nftables_has_a_table_of_ipv6() -> None:
    text = world(proxy_mode="nftables").proxy_rules("worker-1", six=True)

    assert text.startswith("table ip6 kube-proxy {")
    assert "type ipv6_addr . inet_proto . inet_service : verdict" in text
    assert "ip6 daddr fd00:10:96::/112 drop" in text
    assert "ip daddr" not in text


def test_a_cluster_of_one_family_has_no_ipv6() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(WORLD.split("---", maxsplit=1)[0])
    cluster.settle()
    trace = cluster.trace("pod/client", "http://[fd00::1]")

    with pytest.raises(BadValue, match="dual_stack=True"):
        cluster.proxy_rules("worker-1", six=True)
    assert (trace.answer.error, trace.answer.hops[-1].code) == ("unreachable", "no-ipv6")
    assert [f.id for f in cluster.explain_request("pod/client", "http://[fd00::1]")][-2:] == [
        "net.no-ipv6", "net.hint.ipv6",
    ]  # fmt: skip

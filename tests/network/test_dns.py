"""The DNS specification's records, and what a resolver in a pod makes of them."""

from __future__ import annotations

import pytest

from k8snb.addons import ADDONS, CoreDNS
from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import Namespace, Service, ServicePort, ServiceSpec
from k8snb.api.types.discovery_v1 import Endpoint, EndpointPort, EndpointSlice
from k8snb.api.types.meta_v1 import LabelSelector, ObjectMeta
from k8snb.api.types.networking_v1 import NetworkPolicy, NetworkPolicySpec
from k8snb.client.view import View
from k8snb.cluster import Cluster
from k8snb.network import dns
from tests.network.world import NetRig, two_webs
from tests.node.builders import script, spec


def world() -> tuple[NetRig, View]:
    """A cluster IP, a headless Service with a named and a nameless endpoint, an alias, two families."""
    rig = two_webs()
    put = rig.api.put
    named = (ServicePort(name="http", port=80, targetPort=8080, protocol="TCP"),)
    put(Namespace(metadata=ObjectMeta(name="shop")))
    web = ServiceSpec(clusterIP="10.96.3.3", clusterIPs=("10.96.3.3", "fd00::33"), ports=named)
    put(Service(metadata=ObjectMeta(name="api", namespace="shop"), spec=web))
    put(Service(metadata=ObjectMeta(name="db", namespace="shop"), spec=ServiceSpec(clusterIP="None", ports=named)))
    put(Service(metadata=ObjectMeta(name="idle", namespace="shop"), spec=ServiceSpec(clusterIP="None", ports=named)))
    alias = ServiceSpec(type="ExternalName", externalName="example.com")
    put(Service(metadata=ObjectMeta(name="far", namespace="shop"), spec=alias))
    labels = FrozenDict({"kubernetes.io/service-name": "db"})
    slice_ = EndpointSlice(
        metadata=ObjectMeta(name="db-x", namespace="shop", labels=labels),
        addressType="IPv4",
        endpoints=(Endpoint(addresses=("10.244.0.7",), hostname="db-0"), Endpoint(addresses=("10.244.1.8",))),
        ports=(EndpointPort(name="http", port=8080, protocol="TCP"),),
    )
    put(slice_)
    return rig, rig.runtime.processes["kubelet"].view


CASES = {
    "cluster IP": ("api.shop.svc.cluster.local", "A", "NOERROR", ["10.96.3.3"]),
    "cluster IP, IPv6": ("api.shop.svc.cluster.local", "AAAA", "NOERROR", ["fd00::33"]),
    "no such type": ("db.shop.svc.cluster.local", "AAAA", "NOERROR", []),
    "named port": ("_http._tcp.api.shop.svc.cluster.local", "SRV", "NOERROR", ["0 100 80 api.shop.svc.cluster.local."]),
    "port of another protocol": ("_http._udp.api.shop.svc.cluster.local", "SRV", "NXDOMAIN", []),
    "headless": ("db.shop.svc.cluster.local", "A", "NOERROR", ["10.244.0.7", "10.244.1.8"]),
    "headless, named ports": (
        "_http._tcp.db.shop.svc.cluster.local", "SRV", "NOERROR",
        ["0 50 8080 db-0.db.shop.svc.cluster.local.", "0 50 8080 10-244-1-8.db.shop.svc.cluster.local."],
    ),
    "headless, nobody ready": ("idle.shop.svc.cluster.local", "A", "NXDOMAIN", []),
    "pod by hostname": ("db-0.db.shop.svc.cluster.local", "A", "NOERROR", ["10.244.0.7"]),
    "endpoint by address": ("10-244-1-8.db.shop.svc.cluster.local", "A", "NOERROR", ["10.244.1.8"]),
    "no such pod": ("db-9.db.shop.svc.cluster.local", "A", "NXDOMAIN", []),
    "alias": ("far.shop.svc.cluster.local", "A", "NOERROR", ["93.184.215.14"]),
    "alias itself": ("far.shop.svc.cluster.local", "CNAME", "NOERROR", ["example.com."]),
    "pod record": ("10-244-1-8.shop.pod.cluster.local", "A", "NOERROR", ["10.244.1.8"]),
    "pod record, no such namespace": ("10-244-1-8.nowhere.pod.cluster.local", "A", "NXDOMAIN", []),
    "reverse of a cluster IP": ("3.3.96.10.in-addr.arpa", "PTR", "NOERROR", ["api.shop.svc.cluster.local."]),
    "reverse of an endpoint": ("7.0.244.10.in-addr.arpa", "PTR", "NOERROR", ["db-0.db.shop.svc.cluster.local."]),
    "reverse of nobody": ("9.9.244.10.in-addr.arpa", "PTR", "NXDOMAIN", []),
    "reverse, IPv6": (dns.reverse_name("fd00::33"), "PTR", "NOERROR", ["api.shop.svc.cluster.local."]),
    "no such service": ("web.shop.svc.cluster.local", "A", "NXDOMAIN", []),
    "the branch of a namespace": ("shop.svc.cluster.local", "A", "NOERROR", []),
    "the branch of no namespace": ("nowhere.svc.cluster.local", "A", "NXDOMAIN", []),
    "specification": ("dns-version.cluster.local", "TXT", "NOERROR", ['"1.1.0"']),
    "outside": ("kubernetes.io", "A", "NOERROR", ["15.197.167.90"]),
    "nowhere": ("nowhere.example", "A", "NXDOMAIN", []),
    "capitals": ("API.Shop.SVC.cluster.local.", "A", "NOERROR", ["10.96.3.3"]),
    "stub domain": ("git.corp.example", "A", "NOERROR", ["192.0.2.7"]),
    "stub domain, unknown": ("x.corp.example", "A", "NXDOMAIN", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_records(case: str) -> None:
    name, kind, code, values = CASES[case]
    rig, view = world()
    response = dns.ask(name, kind, view, rig.network.outside, {"corp.example": {"git": "192.0.2.7"}})

    assert (response.code, list(response.values)) == (code, values)


@pytest.mark.parametrize(
    ("name", "tried"),
    [
        ("api", ["api.default.svc.cluster.local", "api.svc.cluster.local", "api.cluster.local", "api"]),
        ("api.shop", ["api.shop.default.svc.cluster.local", "api.shop.svc.cluster.local"]),
        ("kubernetes.io", ["kubernetes.io.default.svc.cluster.local", "kubernetes.io.svc.cluster.local",
                           "kubernetes.io.cluster.local", "kubernetes.io"]),
        ("kubernetes.io.", ["kubernetes.io"]),
    ],
    ids=["a bare name from another namespace", "name and namespace", "outside: three questions too many", "with its dot"],
)  # fmt: skip
def test_what_is_asked_until_a_name_is_found(name: str, tried: list[str]) -> None:
    rig, view = world()

    assert list(rig.network.query("pod/client", name, "A", view).tried) == tried


def test_search_trail_is_in_the_trace() -> None:
    rig, view = world()
    trace = rig.network.trace("pod/client", "http://api/", view)

    assert [(s.code, s.detail) for s in trace.steps if s.place == "dns"] == [
        ("nxdomain", "api.default.svc.cluster.local"), ("nxdomain", "api.svc.cluster.local"),
        ("nxdomain", "api.cluster.local"), ("nxdomain", "api"),
    ]  # fmt: skip
    assert trace.answer.error == "nxdomain"


def test_policy_that_denies_all_egress_takes_dns_away() -> None:
    rig, view = world()
    deny = NetworkPolicySpec(podSelector=LabelSelector(), policyTypes=("Egress",))
    rig.api.put(NetworkPolicy(metadata=ObjectMeta(name="deny", namespace="default"), spec=deny))
    answer = rig.request("pod/client", "http://web/")

    assert answer.error == "timeout"
    assert [f"{h.where}:{h.code}" for h in answer.hops] == ["pod:sends", "policy:egress-denied", "dns:no-answer"]
    assert rig.network.query("pod/client", "web", "A", view).tried == ()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("dig +short SRV _http._tcp.api.shop.svc.cluster.local", ["0 100 80 api.shop.svc.cluster.local."]),
        ("dig +short -x 10.96.3.3", ["api.shop.svc.cluster.local."]),
        ("dig +short api", []),
        ("dig +short +search api.shop", ["10.96.3.3"]),
        ("host api.shop", ["api.shop.svc.cluster.local has address 10.96.3.3"]),
        ("nslookup 10.96.3.3 | grep name", ["3.3.96.10.in-addr.arpa\tname = api.shop.svc.cluster.local"]),
        ("grep -v nameserver /etc/resolv.conf",
         ["search default.svc.cluster.local svc.cluster.local cluster.local", "options ndots:5"]),
    ],
)  # fmt: skip
def test_commands_in_a_container(command: str, expected: list[str]) -> None:
    rig, _ = world()
    rig.pod("job", spec(script(command), restartPolicy="Never"))
    rig.run(5)

    assert rig.logs("job") == expected


WORLD = """
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def test_questions_travel_to_the_pods_of_kube_dns() -> None:
    """Where the Service kube-dns exists, a question is a packet like any other, and dead DNS servers answer nothing."""
    cluster = dns_world()
    trace = cluster.trace("pod/client", "http://web/")
    question = [s for s in trace.steps if s.packet is not None and s.packet.protocol == "udp"]

    assert trace.ok
    assert question[0].packet is not None
    assert (question[0].packet.dst, question[0].packet.dport) == ("10.96.0.10", 53)
    assert any(s.code == "dnat" and "kube-system/kube-dns" in s.facts.get("service", "") for s in question)

    down = without_dns(cluster)
    answer = down.request("pod/client", "http://web/")
    assert (answer.error, answer.hops[-1].code, answer.seconds) == ("refused", "refused", 0.001)
    assert down.request("pod/client", f"http://{down.get('svc/web').spec.clusterIP}/").ok


def dns_world() -> Cluster:
    """Two nodes with CoreDNS, a client and a web pod behind a Service."""
    cluster = Cluster(nodes=2, addons=[*ADDONS, CoreDNS])
    cluster.apply(WORLD)
    cluster.settle()
    return cluster


def without_dns(cluster: Cluster) -> Cluster:
    """The same with no DNS server left."""
    other = cluster.fork()
    other.scale("deployment/coredns", 0, namespace="kube-system")
    other.settle()
    return other


def without_way(cluster: Cluster) -> Cluster:
    """The same with a policy that lets nothing out of the default namespace."""
    other = cluster.fork()
    other.apply(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: shut}\n"
        "spec: {podSelector: {}, policyTypes: [Egress]}\n"
    )
    other.settle()
    return other


def test_coredns_is_installed_as_kubeadm_does() -> None:
    cluster = dns_world()
    service, pods = cluster.get("svc/kube-system/kube-dns"), list(cluster.list("pods", "k8s-app=kube-dns"))
    parts = list(cluster.list("endpointslices", "kubernetes.io/service-name=kube-dns"))

    assert (service.spec.clusterIP, dict(service.spec.selector)) == ("10.96.0.10", {"k8s-app": "kube-dns"})
    assert [(p.name, p.port, p.protocol) for p in service.spec.ports] == [
        ("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP"),
    ]  # fmt: skip
    assert sorted(a for part in parts for e in part.endpoints for a in e.addresses) == sorted(
        p.status.podIP for p in pods
    )
    assert [p.status.phase for p in pods] == ["Running", "Running"]
    assert len({p.spec.nodeName for p in pods}) == 2


SILENT = ";; connection timed out; no servers could be reached\n"
# what curl 7.88 printed on Linux for a server that drops questions and for one that refuses them
TOOLS: dict[str, tuple[str, str, int, float]] = {
    "curl http://web": ("curl: (6) Could not resolve host: web\n", "curl: (6) Could not resolve host: web\n", 6, 10),
    "curl -m 2 http://web": ("curl: (28) Resolving timed out after 2000 milliseconds\n",
                             "curl: (6) Could not resolve host: web\n", 28, 2),
    "wget -T 2 http://web": ("wget: bad address 'web'\n", "wget: bad address 'web'\n", 1, 10),
    "nc web 80": ("nc: bad address 'web'\n", "nc: bad address 'web'\n", 1, 10),
    "nslookup web": (f"{SILENT}\n", f"nslookup: write to '10.96.0.10': Connection refused\n{SILENT}\n", 1, 10),
    "dig web": (f";; communications error to 10.96.0.10#53: timed out\n{SILENT}",
                f";; communications error to 10.96.0.10#53: connection refused\n{SILENT}", 9, 10),
}  # fmt: skip


@pytest.fixture(scope="module")
def worlds() -> tuple[Cluster, Cluster]:
    cluster = dns_world()
    return without_way(cluster), without_dns(cluster)


@pytest.mark.parametrize("command", TOOLS)
def test_tools_say_that_nobody_answered(worlds: tuple[Cluster, Cluster], command: str) -> None:
    """A policy drops the questions (the tool waits); a Service without endpoints refuses them (it knows at once)."""
    lost, refused, code, seconds = TOOLS[command]
    silent, down = (world.fork() for world in worlds)
    waited = silent.exec("client", "sh", "-c", command)

    assert (waited.stderr, waited.code, waited.seconds) == (lost, code, seconds)
    assert down.exec("client", "sh", "-c", command).stderr == refused


def test_messages_of_requests_are_those_of_curl(worlds: tuple[Cluster, Cluster]) -> None:
    silent, down = worlds
    plain = silent.request("pod/client", "http://web")
    short = silent.request("pod/client", "http://web", timeout=2)

    assert (plain.error, plain.message, plain.seconds) == ("timeout", "curl: (6) Could not resolve host: web", 10.0)
    assert (short.message, short.seconds) == ("curl: (28) Resolving timed out after 2000 milliseconds", 2)
    assert down.request("pod/client", "http://web").message == "curl: (6) Could not resolve host: web"


def test_why_there_is_no_answer_from_dns(worlds: tuple[Cluster, Cluster]) -> None:
    why = [[f.id for f in w.explain_request("pod/client", "http://web") if f.tone != "state"] for w in worlds]

    assert why == [
        ["net.egress-denied", "net.hint.policy", "net.dns-dead", "net.hint.dns"],
        ["net.no-endpoints", "service.no-match", "net.hint.field", "net.dns-refused", "net.hint.coredns"],
    ]

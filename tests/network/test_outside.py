"""From outside: node ports, a cloud's load balancers, whose address the pod sees, and what a bare cluster leaves pending."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.controllers import IN_TREE
from k8snb.controllers.serviceloadbalancer import ServiceLoadBalancerController

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: n2, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
"""


def world(fields: str = "", cloud: bool = True, cni: str = "bridge") -> Cluster:
    """A web pod on n1, a client on n2, a Service of type LoadBalancer."""
    cluster = Cluster(
        nodes=["n1", "n2"], cni=cni, controllers=[*IN_TREE, *([ServiceLoadBalancerController] if cloud else [])]
    )
    cluster.apply(PODS)
    cluster.apply(f"""
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec: {{type: LoadBalancer, selector: {{app: web}}, ports: [{{port: 80, nodePort: 30080}}]{fields}}}
""")
    cluster.settle()
    return cluster


def seen(cluster: Cluster, source: str, url: str) -> str:
    """The client's address as the pod sees it, or what went wrong."""
    answer = cluster.request(source, url)
    if not answer.ok:
        return answer.error
    return next(line for line in answer.body.splitlines() if line.startswith("RemoteAddr"))[12:].rpartition(":")[0]


LOCAL = ", externalTrafficPolicy: Local"
NARROW = ", loadBalancerSourceRanges: [192.0.2.0/24]"
CASES = {
    "node port, pod's node": ("", "outside", "http://172.18.0.2:30080", "10.244.0.1"),
    "node port, another node": ("", "outside", "http://172.18.0.3:30080", "172.18.0.3"),
    "node port, policy Local, pod's node": (LOCAL, "outside", "http://172.18.0.2:30080", "203.0.113.10"),
    "node port, policy Local, another node": (LOCAL, "outside", "http://172.18.0.3:30080", "timeout"),
    "balancer, policy Local": (LOCAL, "outside", "http://198.51.100.1", "203.0.113.10"),
    "balancer from a pod": (LOCAL, "pod/client", "http://198.51.100.1", "10.244.1.2"),
    "balancer, range": (NARROW, "outside/192.0.2.9", "http://198.51.100.1", "172.18.0.3 10.244.0.1"),
    "balancer, outside of the range": (NARROW, "outside", "http://198.51.100.1", "timeout"),
    "the range does not guard node ports": (NARROW, "outside", "http://172.18.0.2:30080", "10.244.0.1"),
    "cluster IP from a pod": ("", "pod/client", "http://web", "10.244.1.2"),
}


@pytest.mark.parametrize("case", CASES)
def test_whose_address_the_pod_sees(case: str) -> None:
    fields, source, url, expected = CASES[case]

    assert seen(world(fields), source, url) in expected.split()


def test_over_vxlan_the_other_node_shows_its_overlay_address() -> None:
    assert seen(world(cni="vxlan"), "outside", "http://172.18.0.3:30080") == "10.244.1.0"


def test_balancer_uses_only_nodes_with_endpoints_under_policy_local() -> None:
    cluster = world(LOCAL)

    assert all(cluster.request("outside", "http://198.51.100.1").ok for _ in range(10))
    cluster.delete("pod", "web")
    cluster.settle()
    answer = cluster.request("outside", "http://198.51.100.1")
    assert (answer.error, answer.hops[-1].code) == ("timeout", "no-healthy-node")


def test_bare_cluster_leaves_the_balancer_pending() -> None:
    cluster = world(cloud=False)

    assert cluster.get("svc/web").status.loadBalancer.ingress == ()
    assert cluster.request("outside", "http://198.51.100.1").error == "timeout"


def test_balancer_goes_with_its_service() -> None:
    cluster = world()
    assert [i.ip for i in cluster.get("svc/web").status.loadBalancer.ingress] == ["198.51.100.1"]
    reasons = [
        e.reason for e in cluster.events if e.involvedObject.name == "web" and e.involvedObject.kind == "Service"
    ]
    assert reasons == ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]

    cluster.patch("svc/web", {"spec": {"type": "ClusterIP"}})
    cluster.settle()
    service = cluster.get("svc/web")
    assert (service.status.loadBalancer.ingress, service.metadata.finalizers) == ((), ())
    cluster.delete("svc", "web")
    cluster.settle()
    assert [s.metadata.name for s in cluster.services if s.metadata.name == "web"] == []


def test_balancer_that_is_a_proxy_hides_the_client_and_is_asked_from_inside_too() -> None:
    """``ipMode: Proxy``: kube-proxy leaves the address alone, the balancer connects to a node port by itself."""
    cluster = world(cloud=False)
    ingress = {"ip": "198.51.100.9", "ipMode": "Proxy"}
    cluster.patch("svc/web", {"status": {"loadBalancer": {"ingress": [ingress]}}}, subresource="status")

    assert "198.51.100.9" not in cluster.proxy_rules("n1")
    trace = cluster.trace("outside", "http://198.51.100.9")
    assert trace.ok
    assert [s.code for s in trace.steps if s.place == "balancer"] == ["balance", "proxy", "un-snat", "un-dnat"]
    assert {s.packet.src for s in trace.forward() if s.packet is not None and s.place == "wire"} == {"198.51.100.9"}
    inside = cluster.trace("pod/client", "http://198.51.100.9")
    assert inside.ok
    assert [s.place for s in inside.steps if s.code in ("snat", "balance")] == ["node/n2", "balancer", "node/n2"]


def test_port_forward_passes_policies_and_services_by() -> None:
    cluster = world()
    cluster.apply("""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
""")

    assert cluster.request("pod/client", "http://web").error == "timeout"
    assert cluster.port_forward("svc/web", 80).ok
    assert cluster.port_forward("pod/web", 80).ok
    assert cluster.port_forward("pod/web", 81).error == "refused"
    with pytest.raises(ValueError, match="does not have a service port 81: it has 80"):
        cluster.port_forward("svc/web", 81)
    with pytest.raises(ValueError, match="there is no service default/nope"):
        cluster.port_forward("svc/nope", 80)

"""What a trace says at each step: fields change where the kernel changes them, and a bridge is no router."""

from __future__ import annotations

import pytest

from k8snb.cluster import Cluster
from k8snb.network.trace import Step, Trace

WORLD = """
apiVersion: v1
kind: Pod
metadata: {name: near, labels: {app: near}}
spec: {nodeName: worker-1, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: far}}
spec: {nodeName: worker-2, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: worker-1, containers: [{name: c, image: "traefik/whoami:v1.11"}]}
---
apiVersion: v1
kind: Service
metadata: {name: near-svc}
spec: {selector: {app: near}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: far-svc}
spec: {type: NodePort, selector: {app: far}, ports: [{port: 80, nodePort: 30080}]}
"""


def made(cni: str) -> Cluster:
    cluster = Cluster(nodes=2, cni=cni)
    cluster.apply(WORLD)
    cluster.settle()
    return cluster


def hops(trace: Trace) -> int:
    """How many routers the packet passed on its way there."""
    return 64 - min(step.packet.ttl for step in trace.forward() if step.packet is not None)


@pytest.mark.parametrize(
    ("cni", "target", "expected"),
    [
        ("vxlan", "near", 0),
        ("bridge", "near", 0),
        ("kubenet", "near", 0),
        ("routed", "near", 1),
        ("vxlan", "near-svc", 1),
        ("vxlan", "far", 2),
        ("routed", "far", 2),
        ("vxlan", "far-svc", 2),
    ],
)
def test_a_bridge_is_no_router(cni: str, target: str, expected: int) -> None:
    cluster = made(cni)
    host = target if target.endswith("svc") else cluster.pods[target].status.podIP
    trace = cluster.trace("pod/client", f"http://{host}/")

    assert trace.ok
    assert hops(trace) == expected


def test_neighbours_on_a_bridge_see_each_others_macs() -> None:
    cluster = made("vxlan")
    near = cluster.trace("pod/client", f"http://{cluster.pods['near'].status.podIP}/")
    far = cluster.trace("pod/client", f"http://{cluster.pods['far'].status.podIP}/")

    def sender(trace: Trace) -> str:
        return next(s.packet.smac for s in trace.steps if s.code == "arrive" and s.packet is not None)

    own = next(i.mac for i in cluster.interfaces("pod/client") if i.name == "eth0")
    assert sender(near) == own
    assert sender(far) == next(i.mac for i in cluster.interfaces("node/worker-2") if i.name == "cni0")
    assert [s.code for s in near.steps if s.code in ("route", "switched") and s.place.startswith("node/")] == [
        "switched"
    ]


def test_each_field_changes_at_the_rule_that_changes_it() -> None:
    cluster = made("vxlan")
    node = cluster.nodes["worker-1"].status.addresses[0].address
    trace = cluster.trace("outside", f"http://{node}:30080/")
    rules = [s for s in trace.steps if s.code == "rule"]

    def at(field: str) -> list[str]:
        return [s.detail.rpartition("-j ")[2].split(" --random")[0] for s in rules if field in s.changed]

    assert trace.ok
    assert at("mark") == ["MARK --set-xmark 0x4000/0x4000", "MARK --set-xmark 0x4000/0x0"]
    assert [line.partition(" ")[0] for line in at("dst")] == ["DNAT"]
    assert at("src") == ["MASQUERADE"]


def test_inside_a_pod_the_sender_is_loopback_too() -> None:
    trace = made("vxlan").trace("pod/client", "http://localhost/")
    packets: list[Step] = [s for s in trace.steps if s.packet is not None]

    assert trace.ok
    assert {(s.packet.src, s.packet.dst) for s in packets if s.packet} == {("127.0.0.1", "127.0.0.1")}

"""The rules and routes of the model in a real Linux kernel: real requests go where the model says, in its proportions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from k8snb.cluster import Cluster
from tests.network.kernel import Kernel, missing

pytestmark = [pytest.mark.skipif(bool(missing()), reason=missing()), pytest.mark.slow]

PODS = {"client": "n1", "web-1": "n1", "web-2": "n2", "web-3": "n2"}
SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, type: NodePort, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec: {selector: {app: web}, type: NodePort, externalTrafficPolicy: Local, internalTrafficPolicy: Local, ports: [{port: 80, nodePort: 30081}]}
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {selector: {name: web-2}, type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80, nodePort: 30082}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
"""
REQUESTS = 120


def world(cni: str, mode: str) -> Cluster:
    """Two nodes, a client and three web pods in fixed places, and Services in front of them."""
    cluster = Cluster(nodes=["n1", "n2"], cni=cni, proxy_mode=mode)
    for name, node in PODS.items():
        image = "busybox" if name == "client" else "traefik/whoami:v1.11"
        command = ", command: [sleep, infinity]" if name == "client" else ""
        cluster.apply(f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name.partition("-")[0]}, name: {name}}}}}
spec: {{nodeName: {node}, containers: [{{name: c, image: {image}{command}}}]}}
""")
    cluster.apply(SERVICES)
    cluster.settle()
    return cluster


@pytest.fixture(
    scope="module", params=[("vxlan", "iptables"), ("bridge", "iptables"), ("routed", "iptables"), ("vxlan", "nftables")],
    ids="-".join,
)  # fmt: skip
def twin(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    cluster = world(*request.param)
    with Kernel(cluster) as kernel:
        yield kernel


def modelled(cluster: Cluster, source: str, url: str, times: int) -> list[str]:
    """What the model answers, in the words of the real client."""
    found = []
    for _ in range(times):
        answer = cluster.request(source, url)
        lines = dict(line.split(": ", 1) for line in answer.body.splitlines() if ": " in line)
        remote = lines.get("RemoteAddr", "").rpartition(":")[0]
        found.append(f"{lines['Hostname']} {remote}" if answer.ok else answer.error)
    return found


def addresses(cluster: Cluster) -> dict[str, str]:
    """The cluster IPs by Service."""
    return {s.metadata.name: s.spec.clusterIP for s in cluster.services}


@pytest.mark.parametrize(
    ("source", "service", "port"),
    [
        ("client", "web", 80), ("client", "sticky", 80), ("client", "near", 80), ("client", "empty", 80),
        ("web-1", "near", 80), ("n1", "web", 80), ("n2", "near", 80),
        ("outside", "n1", 30080), ("outside", "n2", 30080), ("outside", "n1", 30081), ("outside", "n2", 30081),
        ("outside", "n1", 30082), ("outside", "n2", 30082), ("client", "n1", 30082), ("client", "n2", 30082),
        ("client", "n1", 30080), ("client", "web-1", 80), ("client", "web-2", 80), ("n1", "web-2", 80), ("n1", "web-1", 80),
    ],
)  # fmt: skip
def test_real_requests_go_where_the_model_says(twin: Kernel, source: str, service: str, port: int) -> None:
    cluster = twin.cluster
    targets = {
        **addresses(cluster),
        **cluster.network.ipam.nodes,
        **{p.metadata.name: p.status.podIP for p in cluster.pods},
    }
    url = f"http://{targets[service]}:{port}/"
    who = f"node/{source}" if source in ("n1", "n2") else source if source == "outside" else f"pod/{source}"
    expected = modelled(cluster, f"outside/{twin.outside}" if who == "outside" else who, url, 40)
    many = len(set(expected)) > 1
    actual = twin.ask(source, url, REQUESTS if many else 2 if "timeout" not in expected else 1)

    if service == "sticky":  # one endpoint, whichever it is
        assert len(set(actual)) == len(set(expected)) == 1
        return
    assert set(actual) == set(expected)
    if many:  # within five standard deviations of an equal share
        shares = Counter(actual)
        share = 1 / len(shares)
        spread = 5 * (REQUESTS * share * (1 - share)) ** 0.5
        assert all(abs(count - REQUESTS * share) <= spread for count in shares.values())

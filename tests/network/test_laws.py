"""Laws of the network: replies find their way back, load spreads evenly, looking changes nothing, modes agree on who answers."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.cluster import Cluster
from k8snb.network.trace import Trace

SOURCES = ("pod/a", "pod/b", "pod/web-1", "pod/host", "node/n1", "node/n2", "node/n3", "outside")
TARGETS = ("web", "local", "sticky", "node1", "node3", "local1", "local2", "pod1", "pod3", "host", "example.com")
PLUGINS = ("vxlan", "bridge", "routed", "kubenet")
MODES = ("iptables", "ipvs", "nftables", "userspace")
NAMES = {"web-1": "n1", "web-2": "n2", "web-3": "n3"}


def manifests() -> str:
    """Three nodes with a web pod each, clients, a pod with its node's network, and three Services."""
    pods = [(n, node, "traefik/whoami:v1.11", "", "web") for n, node in NAMES.items()]
    pods += [("a", "n1", "busybox", "", "client"), ("b", "n2", "busybox", "", "client"),
             ("host", "n3", "traefik/whoami:v1.11", "hostNetwork: true, ", "host")]  # fmt: skip
    texts = []
    for name, node, image, more, app in pods:
        command = ", command: [sleep, infinity]" if image == "busybox" else ""
        texts.append(f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {app}, name: {name}}}}}
spec: {{nodeName: {node}, {more}containers: [{{name: c, image: "{image}"{command}}}]}}
""")
    services = {
        "web": "type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]",
        "local": "type: NodePort, selector: {name: web-1}, externalTrafficPolicy: Local, ports: [{port: 80, nodePort: 30081}]",
        "sticky": "selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80}]",
    }
    texts += [f"apiVersion: v1\nkind: Service\nmetadata: {{name: {n}}}\nspec: {{{s}}}\n" for n, s in services.items()]
    return "---\n".join(texts)


@lru_cache(maxsize=16)
def world(cni: str, mode: str) -> Cluster:
    """The cluster of a plugin and a mode; nothing in these tests changes it."""
    cluster = Cluster(nodes=["n1", "n2", "n3"], cni=cni, proxy_mode=mode)
    cluster.apply(manifests())
    cluster.settle()
    return cluster


def url(cluster: Cluster, target: str) -> str:
    """Where a target is."""
    addresses: dict[str, Any] = {s.metadata.name: s.spec.clusterIP for s in cluster.services}
    addresses |= {f"pod{n[-1]}": cluster.get(f"pod/{n}").status.podIP for n in NAMES}
    addresses |= {
        "node1": "172.18.0.2:30080", "node3": "172.18.0.4:30080", "local1": "172.18.0.2:30081", "local2": "172.18.0.3:30081",
        "host": "172.18.0.4:80", "example.com": "93.184.215.14",
    }  # fmt: skip
    return f"http://{addresses[target]}"


@given(st.sampled_from(PLUGINS), st.sampled_from(MODES), st.sampled_from(SOURCES), st.sampled_from(TARGETS))
@settings(max_examples=150, deadline=None)
def test_a_reply_always_finds_its_way_back(cni: str, mode: str, source: str, target: str) -> None:
    cluster = world(cni, mode)
    trace = cluster.trace(source, url(cluster, target))

    assert trace.answer.error in ("", "refused", "timeout")
    if not trace.answer.error and trace.reply():
        assert returned(trace)


def returned(trace: Trace) -> bool:
    """The caller gets its reply from the very address and port that it asked, at the port that it asked from."""
    asked = next(s.packet for s in trace.steps if s.code == "socket")
    got = next(s.packet for s in reversed(trace.steps) if s.code == "received")
    assert asked is not None
    assert got is not None
    return (got.src, got.sport, got.dport) == (asked.dst, asked.dport, asked.sport)


@given(st.sampled_from(PLUGINS), st.sampled_from(SOURCES), st.sampled_from(TARGETS))
@settings(max_examples=60, deadline=None)
def test_modes_agree_on_who_may_answer(cni: str, source: str, target: str) -> None:
    """But for policy Local, which userspace never knew and IPVS applies to the node's own pods, too."""
    found = {}
    for mode in ("iptables", "nftables", "ipvs"):
        cluster = world(cni, mode)
        answers = [cluster.request(source, url(cluster, target)) for _ in range(8)]
        found[mode] = {a.error for a in answers}

    assert found["iptables"] == found["nftables"]
    if not target.startswith("local"):
        assert found["ipvs"] == found["iptables"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("source", ["pod/a", "node/n2", "outside"])
def test_load_spreads_evenly(mode: str, source: str) -> None:
    cluster = world("vxlan", mode).fork()
    target = url(cluster, "node1" if source == "outside" else "web")
    count = 300
    shares = Counter(cluster.request(source, target).body.split()[1] for _ in range(count))
    spread = 5 * (count * (1 / 3) * (2 / 3)) ** 0.5

    assert sorted(shares) == sorted(NAMES)
    assert all(abs(n - count / 3) <= (1 if mode in ("ipvs", "userspace") else spread) for n in shares.values())


@pytest.mark.parametrize("mode", MODES)
def test_a_client_keeps_its_endpoint(mode: str) -> None:
    cluster = world("vxlan", mode).fork()
    names = {cluster.request("pod/a", url(cluster, "sticky")).body.split()[1] for _ in range(30)}

    assert len(names) == 1


@given(st.lists(st.tuples(st.sampled_from(SOURCES), st.sampled_from(TARGETS)), max_size=12))
@settings(max_examples=20, deadline=None)
def test_same_requests_have_the_same_answers(asked: list[tuple[str, str]]) -> None:
    origin = world("vxlan", "iptables")
    runs = []
    for _ in range(2):
        cluster = origin.fork()
        runs.append([str(cluster.request(source, url(cluster, target))) for source, target in asked])

    assert runs[0] == runs[1]


def test_looking_changes_no_object() -> None:
    cluster = world("vxlan", "iptables").fork()
    before = cluster.revision
    cluster.trace("pod/a", url(cluster, "web"))
    cluster.reachability()
    cluster.proxy_rules("n1")

    assert cluster.revision == before


def test_trace_and_request_choose_alike() -> None:
    first, second = world("vxlan", "iptables").fork(), world("vxlan", "iptables").fork()
    target = url(first, "web")

    assert [first.request("pod/a", target).body for _ in range(10)] == [
        second.trace("pod/a", target).answer.body for _ in range(10)
    ]

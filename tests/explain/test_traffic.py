"""Why a URL answers as it does, why one pod cannot reach another: the first check that fails, and the field to mend."""

from __future__ import annotations

import pytest

from k8snb.api.frozen import frozen_map
from k8snb.cluster import Cluster
from k8snb.explain.traffic import HOPS, explain_trace
from k8snb.network.trace import Answer, Hop, Trace

BASE = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: worker-1, containers: [{name: c, image: "traefik/whoami:v1.11", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: worker-2, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


def service(name: str, spec: str, namespace: str = "default") -> str:
    """A Service."""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"


def policy(spec: str) -> str:
    """A NetworkPolicy."""
    return f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec: {{{spec}}}\n"


def ingress(spec: str) -> str:
    """An Ingress."""
    return f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: i}}\nspec: {{{spec}}}\n"


def rule(path: str, name: str, host: str = "shop.example", port: int = 80) -> str:
    """One rule of an Ingress."""
    backend = f"{{service: {{name: {name}, port: {{number: {port}}}}}}}"
    return f"rules: [{{host: {host}, http: {{paths: [{{path: {path}, pathType: Exact, backend: {backend}}}]}}}}]"


# name: (manifests, source, url, ids of problems and hints)
CASES: dict[str, tuple[str, str, str, list[str]]] = {
    "well": ("", "pod/client", "http://web/", []),
    "no such name": ("", "pod/client", "http://nope/", ["net.nxdomain", "net.hint.name"]),
    "name of another namespace": (service("dns", "ports: [{port: 53}]", "kube-system"), "pod/client", "http://dns/", ["net.nxdomain", "net.hint.namespace"]),
    "headless, nobody ready": (service("hl", "clusterIP: None, selector: {app: wep}, ports: [{port: 80}]"), "pod/client", "http://hl/",
                               ["net.nxdomain", "net.headless-empty", "service.no-match", "hint.selector", "net.hint.ready"]),
    "alias of nothing": (service("ext", "type: ExternalName, externalName: db.nowhere.example"), "pod/client", "http://ext/",
                         ["net.alias-dead", "net.hint.external-name"]),
    "a name of the cluster, from a node": ("", "node/worker-1", "http://web/", ["net.nxdomain", "net.hint.node-dns"]),
    "no such port": ("", "pod/client", "http://web:81/", ["net.no-port", "net.hint.ports"]),
    "no endpoints": (service("none", "selector: {app: wep}, ports: [{port: 80}]"), "pod/client", "http://none/",
                     ["net.no-endpoints", "service.no-match", "hint.selector", "net.hint.field"]),
    "no local endpoint": (service("near", "selector: {app: web}, internalTrafficPolicy: Local, ports: [{port: 80}]"), "pod/client", "http://near/",
                          ["net.no-local", "net.hint.local"]),
    "wrong target port": (service("wrong", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"), "pod/client", "http://wrong/",
                          ["net.not-listening", "net.hint.target-port"]),
    "egress, and so no DNS": (policy("podSelector: {}, policyTypes: [Egress]"), "pod/client", "http://web/",
                              ["net.egress-denied", "net.hint.policy", "net.dns-dead", "net.hint.dns"]),
    "ingress": (policy("podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]"), "pod/client", "http://web/",
                ["net.ingress-denied", "net.hint.policy"]),
    "cluster IP from outside": ("", "outside", "http://10.96.0.1/", ["net.cluster-ip-outside", "net.hint.outside"]),
    "pod from outside": ("", "outside", "http://{web}/", ["net.pod-outside", "net.hint.outside"]),
    "nobody": ("", "pod/client", "http://10.244.7.7/", ["net.nobody"]),
    "closed node port": ("", "outside", "http://172.18.0.2:31234/", ["net.node-port-closed"]),
}  # fmt: skip


def world(more: str = "") -> Cluster:
    """Two nodes, a web pod, a client, a Service."""
    cluster = Cluster(nodes=2)
    cluster.apply(BASE)
    cluster.settle()
    if more:
        cluster.apply(more)
        cluster.settle()
    return cluster


@pytest.mark.parametrize("case", CASES)
def test_first_check_that_fails(case: str) -> None:
    manifests, source, url, expected = CASES[case]
    cluster = world(manifests)
    explanation = cluster.explain_request(source, url.replace("{web}", cluster.get("pod/web").status.podIP))

    assert [f.id for f in explanation if f.tone in ("problem", "hint")] == expected
    assert all(explanation.text(language) for language in ("en", "zh"))


INGRESS: dict[str, tuple[str, str, str, int, list[str]]] = {
    "well": (rule("/a", "web"), "shop.example", "/a", 200, []),
    "another host": (rule("/a", "web"), "other.example", "/a", 404, ["net.ingress.no-host", "net.ingress.hint.host"]),
    "another path": (rule("/a", "web"), "shop.example", "/a/b", 404, ["net.ingress.no-path", "net.ingress.hint.path"]),
    "no such service": (rule("/a", "gone"), "shop.example", "/a", 503, ["net.ingress.no-service", "net.ingress.hint.service"]),
    "no such port": (rule("/a", "web", port=81), "shop.example", "/a", 503, ["net.ingress.no-port", "net.ingress.hint.service"]),
    "no endpoints": (rule("/a", "none"), "shop.example", "/a", 503, ["net.ingress.empty", "net.ingress.hint.empty"]),
    "wrong target port": (rule("/a", "wrong"), "shop.example", "/a", 502, ["net.ingress.refused", "net.ingress.hint.refused"]),
    "of no class": (rule("/a", "web") + ", ingressClassName: other", "shop.example", "/a", 404, ["net.ingress.no-rules", "net.ingress.hint.class"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def ingress_world() -> Cluster:
    cluster = world(service("none", "selector: {app: x}, ports: [{port: 80}]") + "---\n"
                    + service("wrong", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"))  # fmt: skip
    cluster.install_ingress("nginx")
    return cluster


@pytest.mark.parametrize("case", INGRESS)
def test_status_of_an_ingress(ingress_world: Cluster, case: str) -> None:
    spec, host, path, status, expected = INGRESS[case]
    cluster = ingress_world.fork()
    cluster.apply(ingress(spec))
    cluster.settle()
    explanation = cluster.explain_request("outside", cluster.ingress_url() + path, headers={"Host": host})
    found = [f.id for f in explanation if f.tone in ("problem", "hint") and f.id != "net.status"]

    assert found == expected
    assert explanation.facts[-1].values == {"status": status}


def test_ingress_itself_is_checked(ingress_world: Cluster) -> None:
    cluster = ingress_world.fork()
    cluster.apply(ingress(rule("/a", "gone") + ", tls: [{hosts: [shop.example], secretName: cert}]"))

    assert [f.id for f in cluster.explain("ingress/i").problems] == [
        "net.ingress.path-no-service",
        "net.ingress.no-secret",
    ]


def test_pod_to_pod() -> None:
    cluster = world(policy("podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]"))

    assert [f.id for f in cluster.explain_reach("pod/client", "pod/web").problems] == ["net.ingress-denied"]
    assert cluster.explain_reach("node/worker-1", "pod/web").problems == ()


@pytest.mark.parametrize("station", HOPS)
def test_every_station_can_be_told(station: str) -> None:
    cluster = world()
    where, _, code = station.partition(":")
    facts = dict.fromkeys(("address", "addresses", "asked", "endpoint", "endpoints", "listens", "of", "phase", "policies", "port", "ports", "ready", "tried"), "1")  # fmt: skip
    hop = Hop(where, "default/web", code, frozen_map(facts))
    trace = Trace("pod/client", "http://web/", Answer(hops=(hop,)), ())
    explanation = explain_trace(cluster, None, trace)

    assert len(explanation) >= 1
    assert all("{" not in explanation.text(language) for language in ("en", "zh"))

"""NetworkPolicy: hand-made truth tables, a few hundred generated ones against a second reading of the rules, and traffic."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api.frozen import frozen_map
from k8snb.api.types.core_v1 import Namespace
from k8snb.api.types.meta_v1 import LabelSelector, LabelSelectorRequirement, ObjectMeta
from k8snb.api.types.networking_v1 import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyEgressRule,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
    NetworkPolicySpec,
)
from k8snb.cluster import Cluster
from k8snb.network.policy import Peer, check
from k8snb.network.reach import Reachability
from k8snb.sim.ids import Ids

SPACES = {"x": {"team": "a"}, "y": {"team": "b"}, "z": {}}
PORTS = (("http", "TCP", 80), ("dns", "UDP", 53))


def pod(name: str, address: str, node: str = "n1", **labels: str) -> Peer:
    """``namespace/name`` with labels."""
    namespace = name.partition("/")[0]
    return Peer(address, name, namespace, frozen_map(labels), frozen_map(SPACES[namespace]), PORTS, node)


WEB, DB, OTHER = (
    pod("x/web", "10.244.0.2", app="web"),
    pod("x/db", "10.244.0.3", app="db"),
    pod("y/web", "10.244.1.2", app="web"),
)
FAR, NODE = pod("z/far", "10.244.2.2", "n2", app="far", tier="2"), Peer("172.18.0.2", "", node="n1")
HOST, CLIENT = Peer("172.18.0.3", "x/host", node="n2"), Peer("203.0.113.10")


def labels(**wanted: str) -> LabelSelector:
    """A selector of equalities."""
    return LabelSelector(matchLabels=frozen_map(wanted))


def policy(name: str = "x/p", select: LabelSelector | None = None, **fields: Any) -> NetworkPolicy:
    """A policy of a namespace."""
    namespace, _, short = name.partition("/")
    spec = NetworkPolicySpec(podSelector=select or LabelSelector(), **fields)
    return NetworkPolicy(metadata=ObjectMeta(name=short, namespace=namespace), spec=spec)


def ingress(*peers: NetworkPolicyPeer, ports: tuple[NetworkPolicyPort, ...] = ()) -> NetworkPolicyIngressRule:
    """One ingress rule."""
    return NetworkPolicyIngressRule(from_=peers, ports=ports)


def egress(*peers: NetworkPolicyPeer, ports: tuple[NetworkPolicyPort, ...] = ()) -> NetworkPolicyEgressRule:
    """One egress rule."""
    return NetworkPolicyEgressRule(to=peers, ports=ports)


def peer(pods: LabelSelector | None = None, spaces: LabelSelector | None = None) -> NetworkPolicyPeer:
    """A peer by selectors."""
    return NetworkPolicyPeer(podSelector=pods, namespaceSelector=spaces)


def block(cidr: str, *holes: str) -> NetworkPolicyPeer:
    """A peer by address."""
    return NetworkPolicyPeer(ipBlock=IPBlock(cidr=cidr, except_=holes))


def port(number: int | str | None, protocol: str | None = None, end: int | None = None) -> NetworkPolicyPort:
    """A port of a rule."""
    return NetworkPolicyPort(port=number, protocol=protocol, endPort=end)


DENY_IN = policy(policyTypes=("Ingress",))
INTO_DB = labels(app="db")


def rule_in(*peers: NetworkPolicyPeer, ports: tuple[NetworkPolicyPort, ...] = ()) -> NetworkPolicy:
    """A policy that lets these into x/db."""
    return policy(select=INTO_DB, policyTypes=("Ingress",), ingress=(ingress(*peers, ports=ports),))


# name: (policies, direction, source, target, port, protocol, allowed, reason)
CASES: dict[str, tuple[tuple[NetworkPolicy, ...], str, Peer, Peer, int, str, bool, str]] = {
    "nothing isolates": ((), "Ingress", WEB, DB, 80, "TCP", True, "not-isolated"),
    "default deny": ((DENY_IN,), "Ingress", WEB, DB, 80, "TCP", False, "no-rule"),
    "default deny of ingress leaves egress alone": ((DENY_IN,), "Egress", WEB, DB, 80, "TCP", True, "not-isolated"),
    "of another namespace": ((policy("y/p", policyTypes=("Ingress",)),), "Ingress", WEB, DB, 80, "TCP", True, "not-isolated"),
    "an empty rule allows everybody": ((rule_in(),), "Ingress", CLIENT, DB, 80, "TCP", True, "allowed"),
    "pod of the same namespace": ((rule_in(peer(labels(app="web"))),), "Ingress", WEB, DB, 80, "TCP", True, "allowed"),
    "podSelector means the policy's namespace": ((rule_in(peer(labels(app="web"))),), "Ingress", OTHER, DB, 80, "TCP", False, "no-rule"),
    "namespaceSelector alone": ((rule_in(peer(None, labels(team="b"))),), "Ingress", OTHER, DB, 80, "TCP", True, "allowed"),
    "both selectors are AND": ((rule_in(peer(labels(app="db"), labels(team="b"))),), "Ingress", OTHER, DB, 80, "TCP", False, "no-rule"),
    "two peers are OR": ((rule_in(peer(labels(app="db")), peer(None, labels(team="b"))),), "Ingress", OTHER, DB, 80, "TCP", True, "allowed"),
    "empty namespaceSelector is every namespace": ((rule_in(peer(None, LabelSelector())),), "Ingress", FAR, DB, 80, "TCP", True, "allowed"),
    "policies add up": ((DENY_IN, rule_in(peer(labels(app="web")))), "Ingress", WEB, DB, 80, "TCP", True, "allowed"),
    "port": ((rule_in(ports=(port(80),)),), "Ingress", WEB, DB, 80, "TCP", True, "allowed"),
    "another port": ((rule_in(ports=(port(80),)),), "Ingress", WEB, DB, 81, "TCP", False, "no-rule"),
    "a port is TCP unless it says otherwise": ((rule_in(ports=(port(53),)),), "Ingress", WEB, DB, 53, "UDP", False, "no-rule"),
    "UDP": ((rule_in(ports=(port(53, "UDP"),)),), "Ingress", WEB, DB, 53, "UDP", True, "allowed"),
    "SCTP": ((rule_in(ports=(port(7, "SCTP"),)),), "Ingress", WEB, DB, 7, "SCTP", True, "allowed"),
    "all ports of a protocol": ((rule_in(ports=(port(None, "UDP"),)),), "Ingress", WEB, DB, 9999, "UDP", True, "allowed"),
    "named port": ((rule_in(ports=(port("http"),)),), "Ingress", WEB, DB, 80, "TCP", True, "allowed"),
    "named port of another protocol": ((rule_in(ports=(port("dns"),)),), "Ingress", WEB, DB, 53, "TCP", False, "no-rule"),
    "named port that the pod lacks": ((rule_in(ports=(port("ssh"),)),), "Ingress", WEB, DB, 22, "TCP", False, "no-rule"),
    "endPort": ((rule_in(ports=(port(8000, end=8010),)),), "Ingress", WEB, DB, 8010, "TCP", True, "allowed"),
    "beyond endPort": ((rule_in(ports=(port(8000, end=8010),)),), "Ingress", WEB, DB, 8011, "TCP", False, "no-rule"),
    "ipBlock": ((rule_in(block("203.0.113.0/24")),), "Ingress", CLIENT, DB, 80, "TCP", True, "allowed"),
    "ipBlock with a hole": ((rule_in(block("203.0.113.0/24", "203.0.113.8/29")),), "Ingress", CLIENT, DB, 80, "TCP", False, "no-rule"),
    "ipBlock matches pods, too": ((rule_in(block("10.244.1.0/24")),), "Ingress", OTHER, DB, 80, "TCP", True, "allowed"),
    "no selector matches the outside": ((rule_in(peer(None, LabelSelector())),), "Ingress", CLIENT, DB, 80, "TCP", False, "no-rule"),
    "the pod's own node": ((DENY_IN,), "Ingress", NODE, DB, 80, "TCP", True, "own-node"),
    "a pod with the host's network on another node": ((DENY_IN,), "Ingress", HOST, DB, 80, "TCP", False, "no-rule"),
    "is no pod to selectors": ((rule_in(peer(LabelSelector())),), "Ingress", HOST, DB, 80, "TCP", False, "no-rule"),
    "is not isolated itself": ((DENY_IN,), "Ingress", WEB, HOST, 80, "TCP", True, "no-pod"),
    "itself": ((DENY_IN,), "Ingress", DB, DB, 80, "TCP", True, "self"),
    "egress to a pod": (
        (policy(policyTypes=("Egress",), egress=(egress(peer(labels(app="db")), ports=(port("http"),)),)),), "Egress", WEB, DB, 80, "TCP", True, "allowed",
    ),
    "egress to the outside": (
        (policy(policyTypes=("Egress",), egress=(egress(block("0.0.0.0/0", "10.0.0.0/8")),)),), "Egress", WEB, CLIENT, 443, "TCP", True, "allowed",
    ),
    "egress to the outside only": (
        (policy(policyTypes=("Egress",), egress=(egress(block("0.0.0.0/0", "10.0.0.0/8")),)),), "Egress", WEB, DB, 443, "TCP", False, "no-rule",
    ),
    "egress rules without policyTypes": ((policy(egress=(egress(),)),), "Egress", WEB, DB, 80, "TCP", True, "allowed"),
    "and ingress is isolated by them, too": ((policy(egress=(egress(),)),), "Ingress", WEB, DB, 80, "TCP", False, "no-rule"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_truth_table(case: str) -> None:
    policies, direction, source, target, number, protocol, allowed, reason = CASES[case]
    verdict = check(policies, direction, source, target, number, protocol)

    assert (verdict.allowed, verdict.reason) == (allowed, reason)


def test_verdict_names_the_rule() -> None:
    two = policy(
        "x/two",
        policyTypes=("Ingress",),
        ingress=(ingress(ports=(port(1),)), ingress(block("10.9.0.0/16"), peer(labels(app="web")))),
    )
    verdict = check((DENY_IN, two), "Ingress", WEB, DB, 80, "TCP")

    assert (verdict.policies, verdict.policy, verdict.rule) == (("x/p", "x/two"), "x/two", "ingress[1].from[1]")


# -- generated: policies drawn by chance, and a second reading of their meaning as sets

EVERYBODY = tuple(
    pod(f"{space}/{app}{tier}", f"10.244.{i}.{2 + j}", f"n{i}", app=app, tier=tier)
    for i, space in enumerate(SPACES)
    for j, (app, tier) in enumerate(product(("web", "db"), ("1", "2")))
)  # fmt: skip


def drawn_selector(ids: Ids) -> LabelSelector:
    match ids.number(5):
        case 0:
            return LabelSelector()
        case 1:
            return labels(app=ids.choice(("web", "db")))
        case 2:
            return labels(app=ids.choice(("web", "db")), tier=ids.choice(("1", "2")))
        case 3:
            operator = ids.choice(("In", "NotIn"))
            return LabelSelector(
                matchExpressions=(LabelSelectorRequirement(key="tier", operator=operator, values=("1",)),)
            )
    return LabelSelector(
        matchExpressions=(LabelSelectorRequirement(key="app", operator=ids.choice(("Exists", "DoesNotExist"))),)
    )


def drawn_peer(ids: Ids) -> NetworkPolicyPeer:
    spaces = ids.choice((LabelSelector(), labels(team="a"), LabelSelector(matchExpressions=(LabelSelectorRequirement(key="team", operator="DoesNotExist"),))))  # fmt: skip
    match ids.number(4):
        case 0:
            return peer(drawn_selector(ids))
        case 1:
            return peer(None, spaces)
        case 2:
            return peer(drawn_selector(ids), spaces)
    return block(*ids.choice((("10.244.0.0/16", "10.244.1.0/24"), ("10.244.2.0/24",), ("0.0.0.0/0", "10.244.0.2/31"))))


def drawn_policy(ids: Ids, number: int) -> NetworkPolicy:
    def ports() -> tuple[NetworkPolicyPort, ...]:
        return tuple(
            ids.choice((port(80), port("http"), port(53, "UDP"), port(79, end=81), port(None)))
            for _ in range(ids.number(3))
        )

    types = ids.choice((("Ingress",), ("Egress",), ("Ingress", "Egress")))
    into = tuple(ingress(*(drawn_peer(ids) for _ in range(ids.number(3))), ports=ports()) for _ in range(ids.number(3)))
    out = tuple(egress(*(drawn_peer(ids) for _ in range(ids.number(3))), ports=ports()) for _ in range(ids.number(3)))
    return policy(
        f"{ids.choice(tuple(SPACES))}/p{number}", drawn_selector(ids), policyTypes=types,
        ingress=into if "Ingress" in types else (), egress=out if "Egress" in types else (),
    )  # fmt: skip


def holds(selector: Any, found: dict[str, str]) -> bool:
    """A selector read word by word."""
    for key, value in selector.matchLabels.items():
        if found.get(key) != value:
            return False
    for item in selector.matchExpressions:
        has = found.get(item.key)
        ok = {
            "In": has in item.values, "NotIn": has not in item.values, "Exists": has is not None, "DoesNotExist": has is None,
        }[item.operator]  # fmt: skip
        if not ok:
            return False
    return True


def chosen(candidate: Any, namespace: str) -> set[str]:
    """All pods that a peer of a policy in a namespace means."""
    if candidate.ipBlock is not None:
        inside = {p.name for p in EVERYBODY if covers(candidate.ipBlock.cidr, p.address)}
        return inside - {p.name for p in EVERYBODY for hole in candidate.ipBlock.except_ if covers(hole, p.address)}
    spaces = {s for s in SPACES if (holds(candidate.namespaceSelector, SPACES[s]) if candidate.namespaceSelector is not None else s == namespace)}  # fmt: skip
    return {
        p.name
        for p in EVERYBODY
        if p.namespace in spaces and (candidate.podSelector is None or holds(candidate.podSelector, dict(p.labels)))
    }


def covers(cidr: str, address: str) -> bool:
    base, _, size = cidr.partition("/")
    bits = [f"{int(part):08b}" for part in base.split(".")], [f"{int(part):08b}" for part in address.split(".")]
    return "".join(bits[0])[: int(size)] == "".join(bits[1])[: int(size)]


def granted(policies: list[NetworkPolicy], own: Peer, direction: str, number: int, protocol: str) -> set[str]:
    """Everybody whom a pod may reach (or be reached by), as the union of what its policies grant."""
    mine = [
        p
        for p in policies
        if p.metadata.namespace == own.namespace
        and direction in p.spec.policyTypes
        and holds(p.spec.podSelector, dict(own.labels))
    ]
    everybody = {p.name for p in EVERYBODY}
    if not mine:
        return everybody
    found = {own.name}
    for p in mine:
        rules: tuple[Any, ...] = p.spec.ingress if direction == "Ingress" else p.spec.egress
        for rule in rules:
            peers = rule.from_ if direction == "Ingress" else rule.to
            numbers = (
                {(80, "TCP")}
                if {q.port for q in rule.ports} & {80, "http", 79} or any(q.port is None for q in rule.ports)
                else set()
            )
            numbers |= {(53, "UDP")} if any(q.port == 53 for q in rule.ports) else set()
            if rule.ports and (number, protocol) not in numbers:
                continue
            found |= everybody if not peers else set().union(*(chosen(q, p.metadata.namespace or "") for q in peers))
    return found


@pytest.mark.parametrize("seed", range(300))
def test_generated_truth_tables(seed: int) -> None:
    ids = Ids(seed)
    policies = [drawn_policy(ids, i) for i in range(1 + ids.number(5))]
    number, protocol = ids.choice(((80, "TCP"), (53, "UDP")))
    matrix = Reachability(EVERYBODY, policies, number, protocol)
    out = {p.name: granted(policies, p, "Egress", number, protocol) for p in EVERYBODY}
    into = {p.name: granted(policies, p, "Ingress", number, protocol) for p in EVERYBODY}
    expected = {
        (a.name, b.name) for a in EVERYBODY for b in EVERYBODY if b.name in out[a.name] and a.name in into[b.name]
    }

    assert {(a, b) for a in matrix.names for b in matrix.names if matrix.allowed(a, b)} == expected


@given(st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_policy_never_affects_pairs_that_it_does_not_isolate(seed: int, more: int) -> None:
    ids = Ids(seed)
    policies = [drawn_policy(ids, i) for i in range(ids.number(4))]
    new = drawn_policy(Ids(more), 9)
    before, after = Reachability(EVERYBODY, policies, 80), Reachability(EVERYBODY, [*policies, new], 80)
    isolated = {
        p.name
        for p in EVERYBODY
        if p.namespace == new.metadata.namespace and holds(new.spec.podSelector, dict(p.labels))
    }
    incoming, outgoing = "Ingress" in new.spec.policyTypes, "Egress" in new.spec.policyTypes

    for source, target, _ in before.changes(after):
        assert (outgoing and source in isolated) or (incoming and target in isolated)


# -- and in traffic

SPACE = """
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
"""
SHOP = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: worker-1, containers: [{name: c, image: "traefik/whoami:v1.11", ports: [{name: http, containerPort: 80}],
  readinessProbe: {httpGet: {path: /, port: http}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 8080, targetPort: http, nodePort: 30080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: near, namespace: shop, labels: {app: client}}
spec: {nodeName: worker-1, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, labels: {app: client}}
spec: {nodeName: worker-2, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host, labels: {app: client}}
spec: {nodeName: worker-2, hostNetwork: true, containers: [{name: c, image: busybox, command: [sleep, infinity]}]}
"""


def shop(policy_text: str = "", **options: Any) -> Cluster:
    """Two nodes, a web pod behind a Service whose port differs from the pod's, clients near and far."""
    cluster = Cluster(nodes=2, **options)
    cluster.apply(SPACE)
    cluster.settle()
    cluster.apply(SHOP)
    cluster.settle()
    if policy_text:
        cluster.apply(policy_text)
        cluster.settle()
    return cluster


def only(rule: str) -> str:
    """A policy of namespace shop that isolates web with one ingress rule."""
    return f"""
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, policyTypes: [Ingress], ingress: [{rule}]}}
"""


PATHS = ("pod/shop/near", "pod/far", "pod/host", "node/worker-1", "node/worker-2", "outside")
TRAFFIC = {
    "no policy": ("", "✓✓✓✓✓✓"),
    "nobody": (only(""), "···✓··"),
    "everybody": (only("{}"), "✓✓✓✓✓✓"),
    "own namespace": (only("{from: [{podSelector: {}}]}"), "✓··✓··"),
    "all pods": (only("{from: [{namespaceSelector: {}}]}"), "✓✓·✓··"),
    "the pod's port, not the Service's": (only("{ports: [{port: 80}]}"), "✓✓✓✓✓✓"),
    "the Service's port": (only("{ports: [{port: 8080}]}"), "···✓··"),
    "named port": (only("{ports: [{port: http}]}"), "✓✓✓✓✓✓"),
    "an address range of the outside": (only("{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}"), "···✓·✓"),
}


@pytest.mark.parametrize("case", TRAFFIC)
def test_policies_in_traffic(case: str) -> None:
    text, expected = TRAFFIC[case]
    cluster = shop(text)
    address = next(s.spec.clusterIP for s in cluster.services if s.metadata.name == "web")
    answers = []
    for source in PATHS:
        url = "http://172.18.0.2:30080/" if source == "outside" else f"http://{address}:8080/"
        answers.append(cluster.request(source, url).ok)

    assert "".join("✓" if ok else "·" for ok in answers) == expected


def test_masquerade_on_another_node_hides_the_client_from_the_policy() -> None:
    """In at worker-2, on to worker-1: there the packet comes from worker-2, and no rule for the client's range matches."""
    cluster = shop(only("{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}"))

    assert cluster.request("outside", "http://172.18.0.2:30080/").ok
    assert cluster.request("outside", "http://172.18.0.3:30080/").error == "timeout"


def test_probes_come_through_any_policy() -> None:
    cluster = shop(only(""))
    cluster.run(60)

    assert cluster.get("pod/shop/web").status.containerStatuses[0].ready


def test_plugin_that_enforces_nothing() -> None:
    cluster = shop(only(""), cni="flannel")

    assert cluster.request("pod/far", "http://web.shop:8080/").ok
    assert all(all(row) for row in cluster.reachability().matrix)


def test_refusal_tells_which_policy() -> None:
    cluster = shop(only("{from: [{podSelector: {}}]}"))
    trace = cluster.trace("pod/far", "http://web.shop:8080/")
    last = trace.steps[-1]

    assert (last.place, last.code, last.detail, last.ok) == ("node/worker-1", "ingress-denied", "shop/web", False)
    allowed = cluster.trace("pod/shop/near", "http://web:8080/")
    assert [(s.code, s.detail) for s in allowed.steps if s.code == "ingress-allowed"] == [
        ("ingress-allowed", "shop/web ingress[0].from[0]")
    ]


def test_matrix_before_and_after() -> None:
    cluster = shop(only("{from: [{podSelector: {}}]}"))
    after, before = cluster.reachability("http"), cluster.reachability("http", without=["shop/web"])

    assert before.changes(after) == [("default/far", "shop/web", False), ("default/host", "shop/web", False)]
    assert not after.allowed("far", "shop/web")
    assert [v.reason for v in after.verdicts("far", "shop/web")] == ["not-isolated", "no-rule"]


def test_matrix_agrees_with_traffic() -> None:
    cluster = shop(only("{from: [{namespaceSelector: {}}]}"))
    matrix = cluster.reachability(80)
    ip = cluster.get("pod/shop/web").status.podIP

    for name in matrix.names:
        if name != "shop/web":
            assert matrix.allowed(name, "shop/web") == cluster.request(f"pod/{name}", f"http://{ip}/").ok


def test_default_label_of_namespaces_is_selectable() -> None:
    cluster = shop(only("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}}]}"))

    assert isinstance(cluster.get("ns/default"), Namespace)
    assert cluster.request("pod/far", "http://web.shop:8080/").ok
    assert not cluster.request("pod/shop/near", "http://web:8080/").ok

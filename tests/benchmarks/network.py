"""How fast packets travel, how long the rules of ten thousand Services take, and the matrix of a thousand pods."""

from __future__ import annotations

from collections.abc import Iterator

from k8snb.cluster import Cluster
from k8snb.network.cni import plugin
from k8snb.network.policy import Peer
from k8snb.network.proxy import Site, mode
from k8snb.network.proxy.iptables import save, tables
from k8snb.network.reach import Reachability
from k8snb.network.services import Backend, ServiceRule
from tests.benchmarks.deployment import manifest
from tests.benchmarks.harness import Benchmark, Figure, stopwatch
from tests.network.test_policy import drawn_policy

SERVICE = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: web-0}\nspec: {selector: {app: web-0}, ports: [{port: 80}]}\n"
)
REQUESTS = 2000
SERVICES, ENDPOINTS, PODS = 10_000, 2, 1000


def many_services() -> tuple[ServiceRule, ...]:
    """Service ports with two endpoints each."""
    found = []
    for i in range(SERVICES):
        a, b = i >> 8 & 255, i & 255
        ends = tuple(
            Backend(f"10.{244 + e}.{a}.{b}", 80, "", f"n{e}", ready=True, serving=True, terminating=False)
            for e in range(ENDPOINTS)
        )
        ip = f"10.96.{a}.{b}"
        found.append(ServiceRule(f"ns/svc-{i}", "http", "TCP", 80, (ip,), 0, ends, 0, False, False, cluster_ip=ip))
    return tuple(found)


def peers() -> tuple[Peer, ...]:
    """A thousand pods of twenty workloads in four namespaces."""
    from k8snb.api.frozen import frozen_map

    found = []
    for i in range(PODS):
        space = "xyz"[i % 3]
        labels = frozen_map({"app": f"app-{i % 20}", "tier": str(i % 2 + 1)})
        found.append(
            Peer(
                f"10.244.{i >> 8}.{i & 255}",
                f"{space}/p{i}",
                space,
                labels,
                frozen_map({"team": "ab"[i % 2]}),
                (),
                f"n{i % 50}",
            )
        )
    return tuple(found)


def run() -> Iterator[Figure]:
    """Requests, traces, rules, matrix."""
    from k8snb.sim.ids import Ids

    cluster = Cluster(nodes=10)
    cluster.apply(manifest("web-0", 100))
    cluster.apply(SERVICE)
    cluster.settle()
    source = f"pod/{cluster.pods[0].metadata.name}"
    took = stopwatch(lambda: [cluster.request(source, "http://web-0/") for _ in range(REQUESTS)])
    yield Figure("requests through a Service", took / REQUESTS * 1e6, "µs each", 1500)
    took = stopwatch(lambda: [cluster.trace(source, "http://web-0/") for _ in range(REQUESTS // 4)])
    yield Figure("traces with every step", took / (REQUESTS // 4) * 1e6, "µs each", 4000)
    rules = many_services()
    site = Site("n0", "172.18.0.2", "", "10.244.0.0/16")
    took = stopwatch(lambda: save(tables(rules, site, plugin("vxlan"), "10.244.0.0/24"), "now"), 1)
    yield Figure(f"iptables-save of {SERVICES:,} Services", took, "s", 8)
    took = stopwatch(lambda: mode("nftables").text(rules, site), 1)
    yield Figure(f"nftables rules of {SERVICES:,} Services", took, "s", 8)
    took = stopwatch(lambda: mode("ipvs").text(rules, site), 1)
    yield Figure(f"IPVS servers, sets and rules of {SERVICES:,} Services", took, "s", 2)
    ids = Ids(1)
    policies = [drawn_policy(ids, i) for i in range(20)]
    everybody = peers()
    took = stopwatch(lambda: Reachability(everybody, policies, 80), 1)
    yield Figure(f"reachability of {PODS:,} pods, 20 policies", took, "s", 5)


BENCHMARK = Benchmark("network", run)

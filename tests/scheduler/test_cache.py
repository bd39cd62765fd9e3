"""The sums of every node are those of the pods on it, whatever came and went; nodes are searched zone by zone."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from k8snb.api.codec import from_dict
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.cache import Cache
from k8snb.scheduler.matching import EVERYTHING, NOTHING, Selector
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.topology_constraints import count_matching
from tests.scheduler.world import node, pod

KINDS: dict[str, dict[str, Any]] = {
    "plain": {"cpu": "100m", "memory": "1Gi"},
    "port": {"cpu": None, "ports": [{"containerPort": 1, "hostPort": 80}]},
    "claim": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
    "apart": {
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]
            }
        }
    },
    "high": {"priority": 7},
    "web": {"labels": {"app": "web", "tier": "front"}},
    "shop": {"labels": {"app": "shop"}},
}
DYING = "2026-01-01T00:00:00Z"
WEB = Selector([("app", "In", ("web",))])
LABELLED = Selector([("app", "Exists", ())])


def placed(number: int, kind: str, where: str) -> Pod:
    entry = pod(f"p{number}", nodeName=where, **KINDS[kind])
    entry["metadata"]["uid"] = f"u{number}"
    return from_dict(Pod, entry)


def facts(info: NodeInfo) -> dict[str, Any]:
    names = ("cpu_used", "memory_used", "nonzero_cpu", "nonzero_memory", "ports", "claims", "priorities", "pods")
    return {
        **{name: getattr(info, name) for name in names},
        "affinity": sorted(info.affinity_pods),
        "anti": sorted(info.anti_affinity_pods),
    }


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pod", "gone", "dying", "assume", "forget", "node", "unnode", "fork"]),
        st.integers(0, 7),
        st.sampled_from(sorted(KINDS)),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(STEPS)
def test_sums_are_right(steps: list[tuple[str, int, str, int]]) -> None:
    cache = Cache()
    pods: dict[int, tuple[Pod, str]] = {}
    nodes: set[str] = set()
    for action, number, kind, place in steps:
        where = f"n{place}"
        match action:
            case "pod":
                new = placed(number, kind, where)
                cache.add_pod(new)
                pods[number] = (new, where)
            case "assume" if number not in pods:
                new = placed(number, kind, "")
                cache.assume(new, where)
                pods[number] = (new, where)
            case "forget" if number in pods and cache.is_assumed(pods[number][0]):
                cache.forget(pods.pop(number)[0])
            case "gone" if number in pods:
                cache.remove_pod(pods.pop(number)[0])
            case "node":
                cache.add_node(from_dict(Node, node(where, labels={"topology.kubernetes.io/zone": kind})))
                nodes.add(where)
            case "unnode" if where in nodes:
                cache.remove_node(from_dict(Node, node(where)))
                nodes.discard(where)
            case "dying" if number in pods and not cache.is_assumed(pods[number][0]):
                old, where = pods[number]
                new = replace(old, metadata=replace(old.metadata, deletionTimestamp=DYING))
                cache.add_pod(new)
                pods[number] = (new, where)
            case "fork":
                cache = copy.deepcopy(cache)
    expected = {}
    for name in {*nodes, *(where for _, where in pods.values())}:
        info = NodeInfo(name)
        for one, where in pods.values():
            if where == name:
                info.add(one)
        expected[name] = facts(info)

    assert expected == {name: facts(info) for name, info in cache.infos.items()}
    assert sorted(nodes) == sorted(info.name for info in cache.refresh())
    for selector in (WEB, LABELLED, EVERYTHING, NOTHING):
        counted = {name: count_matching(info.pods, selector, "default") for name, info in cache.infos.items()}
        assert {name: count for name, count in counted.items() if count} == cache.matching(selector, "default")
    assert cache.matching(LABELLED, "elsewhere") == {}
    assert [info.index for info in cache.nodes] == list(range(len(nodes)))


def test_neighbours_in_the_search_are_in_different_zones() -> None:
    cache = Cache()
    for zone, count in (("a", 3), ("b", 1), ("c", 2)):
        for number in range(count):
            cache.add_node(from_dict(Node, node(f"{zone}{number}", labels={"topology.kubernetes.io/zone": zone})))

    assert [info.name for info in cache.refresh()] == ["a0", "b0", "c0", "a1", "c1", "a2"]


def test_what_changed_is_remembered() -> None:
    cache = Cache()
    first = from_dict(Node, node("n1"))
    cache.add_node(first)
    cache.add_node(from_dict(Node, node("n2")))
    start = cache.position()
    cache.add_pod(placed(1, "plain", "n2"))
    cache.add_node(from_dict(Node, node("n1")))  # says nothing new
    changed = cache.changed_since(start)
    assert changed is not None

    assert [(info.name, old, new and new.metadata.name) for info, old, new in changed] == [("n2", None, "p1")]


def test_images_are_counted_over_nodes() -> None:
    cache = Cache()
    image = {"names": ["web:1"], "sizeBytes": 10}
    cache.add_node(from_dict(Node, node("n1", images=[image])))
    cache.add_node(from_dict(Node, node("n2", images=[image])))
    cache.remove_node(from_dict(Node, node("n1")))

    assert {name: list(state.nodes) for name, state in cache.images.items()} == {"web:1": ["n2"]}
    cache.add_node(from_dict(Node, node("n2")))
    assert cache.images == {}

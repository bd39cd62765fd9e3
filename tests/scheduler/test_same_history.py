"""Whether pods are decided in classes or each by the plain plugin loop, the cluster's history is the same to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from k8snb.api.errors import APIError
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler import Scheduler, schedule_one
from k8snb.sim.ids import Ids
from tests.scheduler.test_classes import SERVICE, TEMPLATES
from tests.scheduler.world import World, node, pod

HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


def spread(app: str, *constraints: tuple[str, int, str], **more: Any) -> dict[str, Any]:
    """A pod spread over (topology key, maxSkew, whenUnsatisfiable)."""
    made = [
        {
            "topologyKey": key,
            "maxSkew": skew,
            "whenUnsatisfiable": action,
            "labelSelector": {"matchLabels": {"app": app}},
            **more,
        }
        for key, skew, action in constraints
    ]
    return {"cpu": "100m", "labels": {"app": app}, "topologySpreadConstraints": made}


def affine(app: str, kind: str, key: str, target: str, preferred: bool = False, **more: Any) -> dict[str, Any]:
    """A pod with one term of ``podAffinity`` or ``podAntiAffinity`` for pods labelled ``app=target``."""
    term: dict[str, Any] = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": target}}, **more}
    name = "requiredDuringSchedulingIgnoredDuringExecution"
    if preferred:
        name, term = "preferredDuringSchedulingIgnoredDuringExecution", {"weight": 9, "podAffinityTerm": term}
    return {"cpu": "100m", "labels": {"app": app}, "affinity": {kind: {name: [term]}}}


MORE: dict[str, dict[str, Any]] = {
    "hard hosts": spread("hosts", (HOST, 1, "DoNotSchedule")),
    "hard both": spread("both", (ZONE, 1, "DoNotSchedule"), (HOST, 2, "DoNotSchedule")),
    "hard and soft": spread("mixed", (ZONE, 1, "DoNotSchedule"), (HOST, 1, "ScheduleAnyway")),
    "three domains": spread("three", (ZONE, 1, "DoNotSchedule"), minDomains=3),
    "all nodes count": spread("all", (ZONE, 1, "DoNotSchedule"), nodeAffinityPolicy="Ignore", nodeTaintsPolicy="Honor"),
    "others are spread": {**spread("hosts", (HOST, 1, "DoNotSchedule")), "labels": {"app": "other"}},
    "apart in zones": affine("apart", "podAntiAffinity", ZONE, "apart"),
    "away from plain": affine("away", "podAntiAffinity", HOST, "plain"),
    "away everywhere": affine("away", "podAntiAffinity", HOST, "plain", namespaceSelector={}),
    "away from labelled": affine(
        "away", "podAntiAffinity", ZONE, "plain", namespaceSelector={"matchLabels": {"a": "b"}}
    ),
    "near plain": affine("near", "podAffinity", ZONE, "plain"),
    "near itself": affine("pack", "podAffinity", HOST, "pack"),
    "likes plain": affine("fond", "podAffinity", ZONE, "plain", preferred=True),
    "dislikes itself": affine("shy", "podAntiAffinity", HOST, "shy", preferred=True),
    "labelled plain": {"cpu": "100m", "labels": {"app": "plain"}},
    "disk": {"cpu": "100m", "volumes": [{"name": "v", "gcePersistentDisk": {"pdName": "one"}}]},
    "image volume": {"cpu": "100m", "volumes": [{"name": "v", "image": {"reference": "pause:latest"}}]},
    "important": {"cpu": "1500m", "priority": 1000},
    "important and spread": {**spread("urgent", (ZONE, 1, "DoNotSchedule")), "cpu": "1500m", "priority": 500},
    "important and alone": {**affine("vip", "podAntiAffinity", HOST, "vip"), "cpu": "1200m", "priority": 500},
}
ALL = {**TEMPLATES, **MORE}
CLASSES = {value: f"p{value}" for value in (500, 1000)}

NODES = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(["za", "zb", "zc", ""]),
        "cpu": st.sampled_from(["1", "2", "4"]),
        "disk": st.sampled_from(["ssd", ""]),
        "taint": st.sampled_from(["", "", "NoSchedule", "PreferNoSchedule"]),
        "image": st.booleans(),
    }
)
STEPS = st.one_of(
    st.tuples(st.just("pods"), st.sampled_from(sorted(ALL)), st.integers(1, 5)),
    st.tuples(st.just("pods"), st.sampled_from(sorted(MORE)), st.integers(1, 5)),
    st.tuples(st.just("gone"), st.integers(0, 40), st.booleans()),
    st.tuples(st.just("relabel"), st.integers(0, 40), st.sampled_from(["plain", "hosts", "both", "apart"])),
    st.tuples(st.just("node"), st.integers(0, 7), NODES),
    st.tuples(st.just("unnode"), st.integers(0, 7), st.just(0)),
    st.tuples(st.just("patch"), st.integers(0, 7), st.sampled_from(["cordon", "uncordon", "zone", "taint", "untaint"])),
    st.tuples(st.just("wait"), st.integers(1, 12), st.just(0)),
)
PATCHES: dict[str, dict[str, Any]] = {
    "cordon": {"spec": {"unschedulable": True}},
    "uncordon": {"spec": {"unschedulable": None}},
    "zone": {"metadata": {"labels": {ZONE: "zd"}}},
    "taint": {"spec": {"taints": [{"key": "t", "effect": "NoSchedule"}]}},
    "untaint": {"spec": {"taints": None}},
}


class Story:
    """One cluster that the steps are done to."""

    def __init__(self, nodes: list[dict[str, Any]], reuse: bool, kubelet: bool) -> None:
        scheduler = Scheduler(Ids(7), reuse=reuse, percentage_of_nodes_to_score=60)
        self.world = World(scheduler, started=False, kubelet=kubelet)
        self.pods: list[str] = []
        self.serial = 0
        self.world.create(SERVICE)
        for value, name in CLASSES.items():
            kind = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}}
            self.world.create({**kind, "value": value})
        for number, facts in enumerate(nodes):
            self.node(number, facts)
        self.world.start()

    def node(self, number: int, facts: dict[str, Any]) -> None:
        labels = {key: value for key, value in ((ZONE, facts["zone"]), ("disk", facts["disk"])) if value}
        more: dict[str, Any] = {"labels": labels}
        if facts["taint"]:
            more["taints"] = [{"key": "t", "effect": facts["taint"]}]
        if facts["image"]:
            more["images"] = [{"names": ["pause:latest"], "sizeBytes": 700_000_000}]
        self.world.create(node(f"n{number}", facts["cpu"], **more))

    def do(self, kind: str, what: Any, more: Any) -> None:
        try:
            self._do(kind, what, more)
        except APIError as refused:
            if refused.code not in (404, 409):  # the object is not there, or there already
                raise
        self.world.settle()

    def _do(self, kind: str, what: Any, more: Any) -> None:
        world = self.world
        match kind:
            case "pods":
                template = dict(ALL[what])
                if "priority" in template:
                    template["priorityClassName"] = CLASSES[template.pop("priority")]
                for _ in range(more):
                    self.serial += 1
                    self.pods.append(f"p{self.serial}")
                    world.create(pod(f"p{self.serial}", **template))
            case "gone" if self.pods:
                world.delete(Pod, self.pods.pop(what % len(self.pods)), 0 if more else 30)
            case "relabel" if self.pods:
                world.patch(Pod, self.pods[what % len(self.pods)], {"metadata": {"labels": {"app": more}}})
            case "node":
                self.node(what, more)
            case "unnode":
                world.delete(Node, f"n{what}")
            case "patch":
                world.patch(Node, f"n{what}", PATCHES[more])
            case "wait":
                world.run(float(what))

    def history(self) -> list[tuple[int, str, str]]:
        return [(change.revision, change.key, repr(change.value)) for change in self.world.store.changes(1)]

    def decisions(self) -> dict[str, dict[str, Any]]:
        return {key: decision.as_dict() for key, decision in self.world.scheduler.decisions.items()}


@pytest.fixture(autouse=True)
def small_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search only a part of even small clusters, so that the windows of the search matter."""
    monkeypatch.setattr(schedule_one, "MIN_FEASIBLE_NODES", 3)


PLAIN = {"zone": "za", "cpu": "4", "disk": "", "taint": "", "image": False}
THREE = [{**PLAIN, "zone": zone} for zone in ("za", "zb", "zc", "za")]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NODES, min_size=1, max_size=7), st.lists(STEPS, min_size=1, max_size=12), st.booleans())
@example(THREE, [("pods", name, 4) for name in MORE], True)
@example(
    THREE,
    [("pods", name, 3) for name in ("hard both", "away from plain", "labelled plain", "hard both", "important")],
    True,
)
@example(
    THREE,
    [("pods", "hard", 5), ("patch", 0, "zone"), ("pods", "hard", 4), ("unnode", 1, 0), ("pods", "hard", 3)],
    True,
)
@example(
    THREE, [("pods", "apart in zones", 4), ("gone", 0, False), ("pods", "apart in zones", 2), ("wait", 9, 0)], True
)
@example(THREE[:2], [("pods", "three domains", 2), ("pods", "three domains", 2), ("pods", "hard", 4)], True)
@example(THREE, [("pods", "hard hosts", 6), ("gone", 0, False), ("gone", 1, False), ("pods", "hard hosts", 6)], False)
@example(THREE, [("pods", "hard hosts", 6), *[("relabel", n, "both") for n in (2, 4)], ("pods", "hard hosts", 6)], True)
@example(
    THREE, [("pods", name, 4) for name in ("labelled plain", "likes plain", "labelled plain", "labelled plain")], True
)
@example(THREE, [("pods", "all nodes count", 3), ("patch", 1, "taint"), ("pods", "all nodes count", 5)], True)
def test_same_history(nodes: list[dict[str, Any]], steps: list[tuple[str, Any, Any]], kubelet: bool) -> None:
    classes, plain = Story(nodes, True, kubelet), Story(nodes, False, kubelet)
    for step in steps:
        classes.do(*step)
        plain.do(*step)

    assert classes.history() == plain.history()
    assert classes.decisions() == plain.decisions()

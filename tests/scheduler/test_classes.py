"""Deciding once for equal pods gives what the plain search gives, on any cluster and after any change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from k8snb.api.codec import from_dict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.client.calls import Bind, Call, Outcome
from k8snb.client.testing import drive, static_view
from k8snb.scheduler import Scheduler, schedule_one
from k8snb.sim.ids import Ids
from tests.scheduler.world import node, pod

ZONES = ("za", "zb", "")
TEMPLATES: dict[str, dict[str, Any]] = {
    "plain": {"cpu": "300m", "memory": "300Mi"},
    "tiny": {"cpu": None},
    "large": {"cpu": "1500m", "memory": "2Gi"},
    "port": {"cpu": "100m", "ports": [{"containerPort": 80, "hostPort": 8080}]},
    "ssd": {"cpu": "200m", "nodeSelector": {"disk": "ssd"}},
    "tolerant": {"cpu": "200m", "tolerations": [{"operator": "Exists"}]},
    "prefers": {
        "cpu": "200m",
        "affinity": {
            "nodeAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 7, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}},
                    {
                        "weight": 3,
                        "preference": {"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["1"]}]},
                    },
                ]
            }
        },
    },
    "spread": {
        "cpu": "100m",
        "labels": {"app": "spread"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app": "spread"}},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
    },
    "served": {"cpu": "100m", "labels": {"app": "served"}},
    "hard": {
        "cpu": "100m",
        "labels": {"app": "hard"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "hard"}},
            }
        ],
    },
    "lonely": {
        "cpu": "100m",
        "labels": {"app": "served"},
        "affinity": {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "served"}}}
                ]
            }
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "served", "namespace": "default"},
    "spec": {"selector": {"app": "served"}, "ports": [{"port": 80}]},
}


class Twin:
    """One scheduler fed by hand."""

    def __init__(self, reuse: bool) -> None:
        self.view = static_view([_made(SERVICE, 0)])
        self.scheduler = Scheduler(Ids(3), reuse=reuse, percentage_of_nodes_to_score=40)
        self.scheduler.started(self.view)
        self.keys = {watch.kind: watch.keys for watch in self.scheduler.watches}
        self.nodes: dict[str, Node] = {}
        self.pods: dict[str, Pod] = {}

    def node(self, new: Node | None, name: str) -> None:
        old = self.nodes.pop(name, None)
        if new is not None:
            self.nodes[name] = new
        self._do(self.keys[Node](old, new, self.view))

    def pod(self, new: Pod | None, name: str) -> None:
        old = self.pods.pop(name, None)
        if new is not None:
            self.pods[name] = new
        view = self.view
        # The pod must be in the informer cache for the failure handler.
        view.apply(Pod, f"default/{name}", new, view.revision)
        self._do(self.keys[Pod](old, new, view))

    def _do(self, keys: Any) -> None:
        todo = list(keys)
        while todo:
            key = todo.pop(0)
            _, after = drive(self.scheduler, key, self.view, self._answer)
            if after is not None and after.seconds == 0 and not after.background:
                todo.append(key)

    def _answer(self, call: Call) -> Outcome:
        if isinstance(call, Bind):
            name = call.pod.metadata.name or ""
            self.pod(replace(call.pod, spec=replace(call.pod.spec, nodeName=call.node)), name)
        return None


def _made(entry: dict[str, Any], number: int) -> Object:
    obj: Object = from_dict(None, {**entry, "metadata": {**entry["metadata"], "uid": f"u{number}"}})
    return obj


NODES = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(ZONES),
        "cpu": st.sampled_from(["1", "2", "4"]),
        "disk": st.sampled_from(["ssd", ""]),
        "gen": st.sampled_from(["", "1", "5"]),
        "taint": st.sampled_from(["", "", "NoSchedule", "PreferNoSchedule"]),
        "cordoned": st.booleans(),
        "image": st.booleans(),
    }
)
STEPS = st.one_of(
    st.tuples(st.just("pods"), st.sampled_from(sorted(TEMPLATES)), st.integers(1, 6)),
    st.tuples(st.just("gone"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("node"), st.integers(0, 9), NODES),
    st.tuples(st.just("unnode"), st.integers(0, 9), st.just(0)),
)


def _node(number: int, facts: dict[str, Any]) -> Node:
    labels = {
        key: value
        for key, value in (
            ("topology.kubernetes.io/zone", facts["zone"]),
            ("disk", facts["disk"]),
            ("gen", facts["gen"]),
        )
        if value
    }
    more: dict[str, Any] = {"labels": labels}
    if facts["taint"]:
        more["taints"] = [{"key": "t", "effect": facts["taint"]}]
    if facts["cordoned"]:
        more["unschedulable"] = True
    if facts["image"]:
        more["images"] = [{"names": ["pause:latest"], "sizeBytes": 700_000_000}]
    made = _made(node(f"n{number}", facts["cpu"], **more), number)
    assert isinstance(made, Node)
    return made


@pytest.fixture(autouse=True)
def small_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search only a part of even small clusters, so that the windows of the search matter."""
    monkeypatch.setattr(schedule_one, "MIN_FEASIBLE_NODES", 3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NODES, min_size=1, max_size=9), st.lists(STEPS, min_size=1, max_size=14))
def test_same_decisions_as_the_plain_search(nodes: list[dict[str, Any]], steps: list[tuple[str, Any, Any]]) -> None:
    twins = (Twin(reuse=True), Twin(reuse=False))
    serial = 0
    for number, facts in enumerate(nodes):
        for twin in twins:
            twin.node(_node(number, facts), f"n{number}")
    names: list[str] = []
    for kind, what, more in steps:
        if kind == "pods":
            template = TEMPLATES[what]
            stamped = _made(pod("template", **template), 0)
            assert isinstance(stamped, Pod)
            for _ in range(more):
                serial += 1
                name = f"p{serial}"
                names.append(name)
                one = replace(stamped, metadata=replace(stamped.metadata, name=name, uid=f"p{serial}"))
                for twin in twins:
                    twin.pod(one, name)
        elif kind == "gone" and names:
            name = names.pop(what % len(names))
            for twin in twins:
                twin.pod(None, name)
        elif kind == "node":
            for twin in twins:
                twin.node(_node(what, more), f"n{what}")
        elif kind == "unnode" and f"n{what}" in twins[0].nodes:
            for twin in twins:
                twin.node(None, f"n{what}")
        reused, plain = twins

        assert {k: p.spec.nodeName for k, p in plain.pods.items()} == {
            k: p.spec.nodeName for k, p in reused.pods.items()
        }
        assert plain.scheduler.ids.state == reused.scheduler.ids.state
        assert plain.scheduler.algorithm.next_start == reused.scheduler.algorithm.next_start
    expected = {key: _facts(d.as_dict()) for key, d in twins[1].scheduler.decisions.items()}
    actual = {key: _facts(d.as_dict()) for key, d in twins[0].scheduler.decisions.items()}

    assert expected == actual


def _facts(decision: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in decision.items() if key != "revision"}


def test_equal_pods_do_use_what_is_known() -> None:
    twin = Twin(reuse=True)
    for number in range(6):
        twin.node(
            _node(
                number,
                {"zone": "za", "cpu": "4", "disk": "", "gen": "", "taint": "", "cordoned": False, "image": False},
            ),
            f"n{number}",
        )
    stamped = _made(pod("template", **TEMPLATES["plain"]), 0)
    assert isinstance(stamped, Pod)
    for number in range(5):
        twin.pod(
            replace(stamped, metadata=replace(stamped.metadata, name=f"p{number}", uid=f"p{number}")), f"p{number}"
        )
    classes = twin.scheduler.algorithm.classes
    assert classes is not None

    assert len(classes._classes) == 1
    assert {"p0", "p1", "p2", "p3", "p4"} == set(twin.pods)
    assert all(p.spec.nodeName for p in twin.pods.values())

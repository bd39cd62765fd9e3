"""Laws of remedies on random clusters: each works when it is made for real, none is offered where none is needed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api.codec import from_dict
from k8snb.api.object import Object
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.client.testing import static_view
from k8snb.scheduler import Scheduler
from k8snb.scheduler.nodeinfo import pod_key
from k8snb.scheduler.remedies import Remedy, remedies
from k8snb.scheduler.remedies.change import Eviction, NodeChange
from k8snb.scheduler.state import SchedulerState
from k8snb.scheduler.whatif import Trial, assess, rebuilt
from k8snb.sim.ids import Ids
from tests.scheduler.world import node, pod

TAINTS = [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]
ANTI = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "kubernetes.io/hostname"}
        ]
    }
}
SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "a"}},
    }
]
NODES = st.lists(
    st.fixed_dictionaries(
        {
            "cpu": st.sampled_from(["1", "2"]),
            "labels": st.sampled_from([{}, {"disk": "ssd", "zone": "x"}, {"zone": "y"}]),
            "taints": st.sampled_from([[], TAINTS]),
            "unschedulable": st.booleans(),
        }
    ),
    max_size=4,
)
PODS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["300m", "900m"]), st.sampled_from("ab")), max_size=6)
WANTED = st.fixed_dictionaries(
    {
        "cpu": st.sampled_from(["200m", "900m", "1500m", "5"]),
        "labels": st.just({"app": "a"}),
        "priority": st.sampled_from([0, 10]),
    },
    optional={
        "nodeSelector": st.just({"disk": "ssd"}),
        "affinity": st.just(ANTI),
        "topologySpreadConstraints": st.just(SPREAD),
        "schedulingGates": st.just([{"name": "example.com/wait"}]),
        "ports": st.just([{"containerPort": 80, "hostPort": 80}]),
    },
)


def made(nodes: list[dict[str, Any]], pods: list[tuple[int, str, str]]) -> list[Object]:
    """Node and pod objects; pods only where their node exists."""
    objects: list[Object] = [from_dict(Node, node(f"n{i}", **more)) for i, more in enumerate(nodes)]
    for number, (place, cpu, app) in enumerate(pods):
        if place < len(nodes):
            data = pod(f"p{number}", cpu, labels={"app": app}, nodeName=f"n{place}")
            objects.append(from_dict(Pod, data))
    return objects


def state_of(objects: list[Object]) -> SchedulerState:
    """A scheduler that knows these objects."""
    return rebuilt(Scheduler(Ids(0)), static_view(objects))


def changed(objects: list[Object], remedy: Remedy) -> list[Object]:
    """The objects as the remedy leaves them."""
    for change in remedy.changes:
        if isinstance(change, NodeChange):
            objects = [o for o in objects if not (isinstance(o, Node) and o.metadata.name == change.node)]
            objects.append(change.after)
        elif isinstance(change, Eviction):
            gone = {pod_key(victim) for victim in change.pods}
            objects = [o for o in objects if not (isinstance(o, Pod) and pod_key(o) in gone)]
    return objects


@settings(max_examples=60, deadline=None)
@given(NODES, PODS, WANTED)
def test_each_remedy_works_when_it_is_made(
    nodes: list[dict[str, Any]], pods: list[tuple[int, str, str]], wanted: dict[str, Any]
) -> None:
    objects = made(nodes, pods)
    state = state_of(objects)
    new = from_dict(Pod, pod("new", **dict(wanted)))
    before = assess(state, new)
    found = remedies(Trial(state), new)

    if before.decision.node and before.held is None:
        assert found == []
    for remedy in found:
        after = new
        for change in remedy.changes:
            after = change.on(after)
        told = assess(state_of(changed(objects, remedy)), after)
        assert told.held is None
        assert told.decision.outcome == "scheduled"
        assert set(remedy.nodes) <= set(told.decision.feasible)


@settings(max_examples=60, deadline=None)
@given(NODES, PODS, WANTED)
def test_trying_leaves_no_trace(
    nodes: list[dict[str, Any]], pods: list[tuple[int, str, str]], wanted: dict[str, Any]
) -> None:
    state = state_of(made(nodes, pods))
    new = from_dict(Pod, pod("new", **dict(wanted)))
    trial = Trial(state)
    before = [(info.name, info.sums(), tuple(info.pods)) for info in trial.nodes]
    first = [(r.kinds, r.nodes) for r in remedies(trial, new)]

    assert sorted((n, s, sorted(p)) for n, s, p in before) == sorted(
        (info.name, info.sums(), sorted(info.pods)) for info in trial.nodes
    )
    assert [(r.kinds, r.nodes) for r in remedies(Trial(state), new)] == first

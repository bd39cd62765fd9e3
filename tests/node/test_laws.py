"""Laws that hold for any pod and any course of events on a node."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import (
    Container,
    ExecAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Pod,
    PodSpec,
    Probe,
    ResourceRequirements,
)
from tests.node.builders import NodeRig, container, ready, script, spec

IMAGES = ("nginx:1.27", "busybox:1.36")
SCRIPTS = (
    "true", "exit 3", "sleep 2", "sleep 2; exit 1", "sleep 1000", "trap 'exit 0' TERM; while true; do sleep 1; done",
    "echo a; cat /none; sleep 3", "while true; do echo x; sleep 4; done", "touch /tmp/ok; sleep 20; rm /tmp/ok; sleep 100",
)  # fmt: skip

probes = st.one_of(
    st.none(),
    st.builds(
        lambda path, period, failures: Probe(
            httpGet=HTTPGetAction(path=path, port=80, scheme="HTTP"),
            periodSeconds=period,
            failureThreshold=failures,
            successThreshold=1,
            timeoutSeconds=1,
        ),
        st.sampled_from(["/", "/none"]),
        st.integers(1, 5),
        st.integers(1, 3),
    ),
    st.builds(
        lambda period: Probe(exec=ExecAction(command=("cat", "/tmp/ok")), periodSeconds=period, failureThreshold=2),
        st.integers(1, 5),
    ),
)
hooks = st.one_of(
    st.none(),
    st.sampled_from([("sleep", "2"), ("true",), ("false",)]).map(
        lambda command: Lifecycle(preStop=LifecycleHandler(exec=ExecAction(command=command)))
    ),
)


@st.composite
def containers(draw: st.DrawFn, name: str = "c", policy: str | None = None) -> Container:
    fields: dict[str, Any] = {}
    if policy != "init":
        fields = {
            "readinessProbe": draw(probes), "livenessProbe": draw(probes), "startupProbe": draw(probes), "lifecycle": draw(hooks),
        }  # fmt: skip
    if policy == "sidecar":
        fields["restartPolicy"] = "Always"
    if draw(st.booleans()):
        fields["resources"] = ResourceRequirements(
            limits=FrozenDict({"memory": draw(st.sampled_from(["4Mi", "64Mi"]))})
        )
    kind = draw(st.integers(0, 5))
    if kind == 0 and policy != "init":
        return container(name=name, **fields)
    if kind == 1:
        return container(draw(st.sampled_from(["nginx:broken", "busybox:1.36"])), name, **fields)
    return script(draw(st.sampled_from(SCRIPTS)), name=name, **fields)


@st.composite
def pods(draw: st.DrawFn) -> PodSpec:
    main = [draw(containers(f"c{i}")) for i in range(draw(st.integers(1, 2)))]
    init = [
        draw(containers(f"i{i}", draw(st.sampled_from(["init", "sidecar"])))) for i in range(draw(st.integers(0, 2)))
    ]
    deadline = draw(st.one_of(st.none(), st.none(), st.integers(1, 30)))
    return spec(
        *main,
        initContainers=tuple(init),
        restartPolicy=draw(st.sampled_from(["Always", "OnFailure", "Never"])),
        terminationGracePeriodSeconds=draw(st.sampled_from([0, 1, 5, 30])),
        activeDeadlineSeconds=deadline,
    )


actions = st.lists(
    st.tuples(
        st.sampled_from(
            ["wait", "wait", "wait", "crash", "disturb", "reboot", "partition", "restart", "delete", "kubelet"]
        ),
        st.floats(0.1, 25).map(lambda x: round(x, 1)),
    ),
    max_size=8,
)


def act(rig: NodeRig, action: str, seconds: float) -> None:
    """One event in the life of the pod ``p``, then some time."""
    if rig.gone("p"):
        return
    pod = rig.get("p")
    name = pod.spec.containers[0].name
    try:
        match action:
            case "crash":
                rig.pool.crash(pod, name, 7)
            case "disturb":
                rig.pool.disturb(pod, name, "unhealthy")
            case "reboot":
                rig.pool.stop("n1")
                rig.run(seconds)
                rig.pool.start("n1")
            case "partition":
                rig.pool.partition("n1")
                rig.run(seconds)
                rig.pool.heal("n1")
            case "kubelet":
                rig.pool.stop_kubelet("n1")
                rig.run(seconds)
                rig.pool.start("n1")
            case "restart":
                rig.runtime.restart("kubelet")
            case "delete":
                if pod.metadata.deletionTimestamp is None:
                    rig.delete("p", pod.spec.terminationGracePeriodSeconds or 0)
    except ValueError:
        pass
    rig.run(seconds)


def check(states: list[Pod]) -> None:
    """What must hold for every status and from each to the next."""
    before: Pod | None = None
    for pod in states:
        status = pod.status
        if status.phase is None:
            continue
        assert status.phase in {"Pending", "Running", "Succeeded", "Failed"}
        for box in (*status.containerStatuses, *status.initContainerStatuses):
            shown = [box.state.waiting, box.state.running, box.state.terminated]
            assert sum(x is not None for x in shown) == 1
            assert not (box.started and box.state.running is None)
        if status.phase in {"Succeeded", "Failed"} and status.reason != "DeadlineExceeded":
            assert all(c.state.running is None for c in status.containerStatuses)
        if ready(pod) == "True":
            assert status.phase == "Running"
            assert all(c.ready for c in status.containerStatuses)
            assert status.podIP
        assert len({c.type for c in status.conditions}) == len(status.conditions) == 5
        if before is not None and before.status.phase is not None:
            if before.status.phase in {"Succeeded", "Failed"}:
                assert status.phase == before.status.phase
            old = {
                c.name: c.restartCount for c in (*before.status.containerStatuses, *before.status.initContainerStatuses)
            }
            for box in (*status.containerStatuses, *status.initContainerStatuses):
                assert box.restartCount >= old.get(box.name, 0)
        before = pod


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pods(), actions)
@example(
    spec(
        script("sleep 2"),
        initContainers=(script("true", name="i0"),),
        restartPolicy="OnFailure",
        terminationGracePeriodSeconds=0,
        activeDeadlineSeconds=5,
    ),
    [("wait", 3.5), ("reboot", 1.0)],
)
def test_statuses_are_consistent_whatever_happens(pod: PodSpec, events: list[tuple[str, float]]) -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", pod)
    for action, seconds in events:
        act(rig, action, seconds)
    rig.run(40)
    deleted = any(a == "delete" for a, _ in events)

    check([o for _, o in rig.statuses("p")])
    if deleted:
        assert rig.gone("p")
        assert rig.network.ipam.owner == {}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pods(), actions, st.integers(0, 8))
def test_a_copy_goes_on_as_the_original_does(pod: PodSpec, events: list[tuple[str, float]], cut: int) -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", pod)
    for action, seconds in events[:cut]:
        act(rig, action, seconds)
    twin = copy.deepcopy(rig)
    for world in (rig, twin):
        for action, seconds in events[cut:]:
            act(world, action, seconds)
        world.run(30)

    assert rig.api.writes == twin.api.writes
    assert [e for _, e in rig.api.events] == [e for _, e in twin.api.events]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pods(), st.lists(st.floats(0.05, 9), min_size=1, max_size=12))
def test_looking_more_often_changes_nothing(pod: PodSpec, pauses: list[float]) -> None:
    rig, watched = NodeRig(images=IMAGES), NodeRig(images=IMAGES)
    for world in (rig, watched):
        world.pod("p", pod)
    for pause in pauses:
        watched.run(pause)
        watched.runtime.poke("kubelet", "n1/default/p")
    rig.run(sum(pauses))
    for world in (rig, watched):
        world.run(5)
    shown = [[(round(t, 6), o.status) for t, o in w.statuses("p")] for w in (rig, watched)]

    assert shown[0] == shown[1]

"""The simulated kubelets follow the rules under which the workload recordings were made."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import Container, Node, PodCondition, PodReadinessGate, PodSpec
from tests.node.rig import Rig
from tests.parity.fake_kubelet import READY, STOP, FakeKubelet, node_conditions, script

NGINX = PodSpec(containers=(Container(name="c", image="nginx:1.25"),), restartPolicy="Always")


def rig() -> tuple[Rig, FakeKubelet]:
    kubelet = FakeKubelet()
    rig = Rig(kubelet)
    node = Node()
    rig.api.put(
        replace(
            node, metadata=replace(node.metadata, name="n1"), status=replace(node.status, conditions=node_conditions())
        )
    )
    return rig, kubelet


def job(text: str, policy: str = "Never") -> PodSpec:
    return PodSpec(containers=(Container(name="c", image="busybox", command=("sh", "-c", text)),), restartPolicy=policy)


def summary(rig: Rig, name: str = "p") -> tuple[str | None, str, int]:
    status = rig.get(name).status
    ready = next(c.status for c in status.conditions if c.type == "Ready")
    return status.phase, ready, sum(c.restartCount for c in status.containerStatuses)


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ("sleep 3", "", (3.0, 0)),
        ("sleep 1; exit 7", "", (1.0, 7)),
        ("true", "", (0.0, 0)),
        ("false", "", (0.0, 1)),
        ("sleep 1; [ $JOB_COMPLETION_INDEX = 2 ] && sleep 12", "2", (13.0, 0)),
        ("sleep 1; [ $JOB_COMPLETION_INDEX = 2 ] && sleep 12", "1", (1.0, 0)),
        ("sleep 1; [ $JOB_COMPLETION_INDEX -ge 1 ] && exit 3; sleep 5", "1", (1.0, 3)),
    ],
)
def test_script(text: str, index: str, expected: tuple[float, int]) -> None:
    assert expected == script(text, index)


def test_bound_pod_runs_within_milliseconds() -> None:
    r, _ = rig()
    r.pod("p", NGINX)
    r.run(0.1)

    assert summary(r) == ("Running", "True", 0)
    assert len(r.statuses("p")) == 2


@pytest.mark.parametrize(
    ("spec", "seconds", "expected"),
    [
        (job("sleep 2"), 1.0, ("Running", "True", 0)),
        (job("sleep 2"), 3.0, ("Succeeded", "False", 0)),
        (job("exit 3"), 1.0, ("Failed", "False", 0)),
        (job("sleep 1; exit 1", "OnFailure"), 1.5, ("Running", "False", 0)),
        (job("sleep 1; exit 1", "OnFailure"), 2.5, ("Running", "True", 1)),
        (replace(NGINX, restartPolicy="Never"), 2.0, ("Succeeded", "False", 0)),
        (replace(NGINX, activeDeadlineSeconds=5), 6.0, ("Failed", "False", 0)),
        (
            PodSpec(containers=(Container(name="c", image="x:broken"),), restartPolicy="Always"),
            9.0,
            ("Pending", "False", 0),
        ),
    ],
)
def test_phases(spec: PodSpec, seconds: float, expected: tuple[str, str, int]) -> None:
    r, _ = rig()
    r.pod("p", spec)
    r.run(seconds)

    assert summary(r) == expected


def test_ready_annotation() -> None:
    r, _ = rig()
    pod = r.pod("p", NGINX, annotations=FrozenDict({READY: "false"}))
    r.run(1)
    before = summary(r)
    pod = r.get("p")
    r.api.put(replace(pod, metadata=replace(pod.metadata, annotations=FrozenDict({READY: "true"}))))
    r.run(1)

    assert before == ("Running", "False", 0)
    assert summary(r) == ("Running", "True", 0)


def test_readiness_gate() -> None:
    r, _ = rig()
    r.pod("p", replace(NGINX, readinessGates=(PodReadinessGate(conditionType="example.com/lb"),)))
    r.run(1)
    closed = next(c for c in r.get("p").status.conditions if c.type == "Ready")
    pod = r.get("p")
    gate = PodCondition(type="example.com/lb", status="True")
    r.api.put(replace(pod, status=replace(pod.status, conditions=(*pod.status.conditions, gate))))
    r.run(1)

    assert closed.message == 'corresponding condition of pod readiness gate "example.com/lb" does not exist.'
    assert summary(r) == ("Running", "True", 0)


def test_deleted_pod_is_final_before_it_is_gone() -> None:
    r, _ = rig()
    r.pod("p", NGINX, annotations=FrozenDict({STOP: "5"}))
    r.run(1)
    r.delete("p")
    r.run(4.5)
    alive = not r.gone("p")
    r.run(1)

    assert alive
    assert r.gone("p")
    assert [o.status.phase for _, o in r.statuses("p")] == [None, "Running", "Running", "Succeeded"]


def test_dead_kubelet_does_nothing_until_it_is_back() -> None:
    r, kubelet = rig()
    r.run(1)
    kubelet.heartbeat("n1", on=False)
    node = r.node("n1")
    unknown = tuple(replace(c, status="Unknown") for c in node.status.conditions)
    r.api.put(replace(node, status=replace(node.status, conditions=unknown)))
    r.pod("p", NGINX)
    r.run(30)
    dead = r.get("p").status.phase
    kubelet.heartbeat("n1", on=True)
    r.run(2)

    assert dead is None
    assert summary(r) == ("Running", "True", 0)
    assert [c.status for c in r.node("n1").status.conditions] == ["False", "False", "False", "True"]

"""The runtime: one call per step, first in first out, the caught-up gate, retries, restarts, forks, causes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8snb.api.errors import APIError, conflict
from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.api.types.core_v1 import ConfigMap, Pod
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client import After, Controller, Create, Delete, Emit, Reconcile, View, Watch, own_key
from k8snb.cluster import Cluster
from k8snb.controllers import IN_TREE
from k8snb.store import transcript
from tests.manifests import deployment

REPLICASET = (
    "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web}\nspec:\n  replicas: 5\n"
    "  selector: {matchLabels: {app: web}}\n"
    "  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: 'nginx:1.27'}]}\n"
)
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"


class Recorder(Controller):
    """Notes which keys it is given, and does nothing."""

    name = "recorder"
    process = "recorder"

    def __init__(self) -> None:
        self.watches = (Watch(ConfigMap, own_key),)
        self.seen: list[tuple[float, str]] = []

    def reconcile(self, key: str, view: View) -> Reconcile:
        if key.startswith("default/"):
            self.seen.append((view.now, key))
        yield from ()
        return None


class Failing(Recorder):
    """Fails a few times, then succeeds."""

    name = "failing"
    failures = 4

    def reconcile(self, key: str, view: View) -> Reconcile:
        if key.startswith("default/"):
            self.seen.append((view.now, key))
            if len(self.seen) <= self.failures:
                raise conflict("configmaps", "one", "try again")
        yield from ()
        return None


def config_map(name: str) -> str:
    return CONFIG_MAP.replace("one", name)


def alone(controller: Controller) -> Cluster:
    """A cluster without nodes and with one controller only; it sees the namespace default."""
    return Cluster(nodes=0, controllers=[*IN_TREE, controller])


def test_keys_are_looked_at_in_the_order_of_their_changes_and_once() -> None:
    recorder = Recorder()
    cluster = alone(recorder)
    recorder.seen.clear()
    for name in ("c", "a", "b"):
        cluster.apply(config_map(name))
    cluster.patch("cm", "c", {"data": {"k": "v"}})
    cluster.settle()

    assert [key for _, key in recorder.seen] == ["default/c", "default/a", "default/b"]


def test_a_step_makes_one_request_and_says_why() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=2))
    created = cluster.revision
    told = []
    for _ in range(4):
        before = cluster.runtime.steps
        (step,) = cluster.step()
        told.append((step.cause.actor, type(step.call).__name__, step.cause.key))

        assert cluster.runtime.steps == before + 1
    assert told[0] == ("deployment-controller", "Create", "default/web")
    first = next(c for c in cluster.history.since(created) if c.cause.actor == "deployment-controller")
    assert first.cause.triggers == (created,)


def test_an_event_is_not_a_step() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=3))
    steps = cluster.step(500)

    assert [step for step in steps if isinstance(step.call, Emit)] == []
    assert len(cluster.events) > 0


def most_pods(lag: float, gate: bool) -> int:
    """How many pods a ReplicaSet of five has made when it came to rest."""
    cluster = Cluster(nodes=0, watch_lag=lag, caught_up_gate=gate)
    cluster.apply(REPLICASET)
    for moment in range(6):
        cluster.run(lag / 3)
        cluster.patch("rs", "web", {"metadata": {"annotations": {"touched": str(moment)}}})
    cluster.settle()
    return sum(1 for c in cluster.history if c.previous is None and isinstance(c.value, Pod))


@pytest.mark.parametrize(
    ("lag", "gate", "exact"),
    [(0.0, True, True), (0.0, False, True), (3.0, True, True), (3.0, False, False)],
    ids=["no lag", "no lag, no gate", "lag and gate", "lag without gate"],
)
def test_the_caught_up_gate_keeps_a_replicaset_from_making_too_many(lag: float, gate: bool, exact: bool) -> None:
    assert (most_pods(lag, gate) == 5) is exact


def test_a_failing_key_is_retried_with_growing_delays() -> None:
    failing = Failing()
    cluster = alone(failing)
    failing.seen.clear()
    start = cluster.now
    cluster.apply(CONFIG_MAP)
    cluster.settle()

    assert [round(at - start, 6) for at, _ in failing.seen] == [0.0, 0.005, 0.015, 0.035, 0.075]


def test_back_off_is_forgotten_after_a_success() -> None:
    failing = Failing()
    cluster = alone(failing)
    failing.seen.clear()
    cluster.apply(CONFIG_MAP)
    cluster.settle()
    failing.seen.clear()
    start = cluster.now
    cluster.patch("cm", "one", {"data": {"k": "v"}})
    cluster.settle()

    assert [round(at - start, 6) for at, _ in failing.seen][:2] == [0.0, 0.005]


class Broken(Recorder):
    """A reader's own controller with a slip in it."""

    name = "broken"
    slip = "raises"

    def reconcile(self, key: str, view: View) -> Any:
        if not key.startswith("default/one"):
            return None
        self.seen.append((view.now, key))
        if self.slip == "plain":
            return After(100.0)
        return self.go()

    def go(self) -> Iterator[Any]:
        if self.slip == "call":
            yield 5
        yield Create(obj=ConfigMap(metadata=ObjectMeta(name="made", namespace="default")))
        raise ZeroDivisionError("a slip of the reader's")


def test_a_slip_in_a_controller_is_shown_and_the_cluster_goes_on() -> None:
    cluster = alone(Broken())
    cluster.apply(CONFIG_MAP)
    with pytest.raises(ZeroDivisionError, match="reader's"):
        cluster.settle()
    cluster.apply(config_map("two"))
    made = [c for c in cluster.history if c.value is not None and c.value.metadata.name == "made"]

    assert len(made) == 1
    assert cluster.configmaps.names[-2:] == ["one", "two"] or "two" in cluster.configmaps.names


def test_what_is_not_a_call_is_refused_with_a_hint() -> None:
    broken = Broken()
    broken.slip = "call"
    cluster = alone(broken)
    cluster.apply(CONFIG_MAP)
    with pytest.raises(TypeError, match=r"broken yielded 5 for key 'default/one'.*Create"):
        cluster.settle()


def test_a_reconcile_without_a_yield_may_return_when_to_look_again() -> None:
    broken = Broken()
    broken.slip = "plain"
    cluster = alone(broken)
    cluster.apply(CONFIG_MAP)
    start = cluster.now
    cluster.run(250)

    assert [at - start for at, _ in broken.seen] == [0.0, 100.0, 200.0]


@pytest.mark.parametrize("process", ["kube-controller-manager", "kube-scheduler"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 13])
def test_a_restart_in_the_middle_changes_nothing_in_the_end(process: str, steps: int) -> None:
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=3))
    cluster.step(steps)
    cluster.stop_component(process)
    cluster.run(3)
    assert list(cluster.stopped()) == [process]
    cluster.start_component(process)
    cluster.settle()

    assert [p.status.phase for p in cluster.pods] == ["Running"] * 3
    assert len(cluster.replicasets) == 1


def test_starting_what_runs_changes_nothing() -> None:
    cluster = Cluster(nodes=1)
    cluster.start_component("kube-scheduler")

    assert cluster.runtime.idle()


@pytest.mark.parametrize("steps", range(0, 24, 2))
def test_a_fork_in_the_middle_of_a_reconcile_goes_on_as_its_origin(steps: int) -> None:
    cluster = Cluster(nodes=0, watch_lag=0.5)
    cluster.apply(REPLICASET)
    cluster.step(steps)
    other = cluster.fork()
    one, two = cluster.step(200), other.step(200)

    assert [(s.number, s.time, s.cause, s.revision) for s in one] == [
        (s.number, s.time, s.cause, s.revision) for s in two
    ]
    assert transcript(cluster.store) == transcript(other.store)


class Once(Recorder):
    """Makes two objects for a key it has not seen; that it has seen it is not in its cache."""

    def reconcile(self, key: str, view: View) -> Reconcile:
        if key != "default/one" or self.seen:
            return None
        self.seen.append((view.now, key))
        for name in ("first", "second"):
            yield Create(obj=ConfigMap(metadata=ObjectMeta(name=name, namespace="default")))
        return None


@pytest.mark.parametrize("steps", range(5))
def test_a_fork_goes_on_even_if_a_component_remembers_what_it_has_begun(steps: int) -> None:
    cluster = alone(Once())
    cluster.apply(CONFIG_MAP)
    cluster.step(steps)
    other = cluster.fork()
    cluster.settle()
    other.settle()

    assert other.runtime.idle()
    assert "one" in other.configmaps.names


def summary(cluster: Cluster) -> list[object]:
    """What does not depend on names and order: how many pods run where they should, and what leads to them."""
    slices = [s for s in cluster.endpointslices if s.metadata.labels.get("kubernetes.io/service-name") == "web"]
    return [
        sorted(p.status.phase for p in cluster.pods),
        [
            (r.spec.replicas, r.status.readyReplicas)
            for r in cluster.list("rs").namespace("default")
            if isinstance(r, ReplicaSet)
        ],
        sum(1 for s in slices for e in s.endpoints if e.conditions.ready),
        cluster.get("deploy/web").status.availableReplicas,
    ]


SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n"
PROCESSES = ["kube-controller-manager", "kube-scheduler", "kubelet"]


@settings(max_examples=20, deadline=None)
@given(
    picks=st.lists(st.integers(0, 1000), min_size=1, max_size=30),
    restarts=st.lists(st.tuples(st.integers(0, 25), st.sampled_from(PROCESSES)), max_size=4),
)
def test_any_order_and_any_restarts_end_in_the_same_state(picks: list[int], restarts: list[tuple[int, str]]) -> None:
    cluster = Cluster(nodes=2)
    turn = iter(range(10**9))
    cluster.runtime.queue.pick = lambda n: picks[next(turn) % len(picks)] % n
    cluster.apply(deployment(replicas=3) + "---\n" + SERVICE)
    for steps, process in restarts:
        cluster.step(steps)
        cluster.runtime.restart(process)
    cluster.settle()

    assert summary(cluster) == [["Running"] * 3, [(3, 3)], 3, 3]


def test_deletes_carry_their_causes() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=2))
    cluster.settle()
    cluster.scale("deployment", "web", 1)
    scaled = cluster.revision
    steps = cluster.step(60)
    (deletion,) = [s for s in steps if isinstance(s.call, Delete) and s.cause.actor == "replicaset-controller"]

    assert not isinstance(deletion.outcome, APIError)
    (cause,) = deletion.cause.triggers[-1:]
    assert cause > scaled
    assert cluster.history.at(cause).cause.actor == "deployment-controller"


def test_what_waits_is_told_in_the_order_in_which_it_will_be_looked_at() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=2))
    cluster.step(2)
    waiting = cluster.runtime.pending()
    acted = [(step.cause.actor, step.cause.key) for step in cluster.step(3)]

    assert waiting[0].state == "running"
    assert (waiting[0].worker, waiting[0].key) == acted[0]
    assert [w.state for w in waiting[1:]] == ["ready"] * (len(waiting) - 1)
    assert all(w.triggers for w in waiting)


def test_a_rehearsal_on_a_fork_tells_all_calls_of_a_reconcile() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(deployment(replicas=2))
    fork = cluster.fork()
    calls = [type(step.call).__name__ for step in fork.runtime.rehearse("deployment-controller", "default/web")]
    again = [type(step.call).__name__ for step in fork.runtime.rehearse("replicaset-controller", "default/none")]

    assert calls == [type(step.call).__name__ for step in cluster.step(len(calls))]
    assert again == []
    with pytest.raises(KeyError):
        fork.runtime.rehearse("nobody", "default/web")

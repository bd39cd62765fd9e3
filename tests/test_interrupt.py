"""Ctrl-C at any moment: a cluster is as it was after some whole step, and goes on to where it would have gone anyway."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from k8snb.api.codec import to_json
from k8snb.cluster import Cluster
from k8snb.interrupt import Held, whole
from tests.manifests import SHOP, deployment

POINTS = 25
"""Moments, spread over an action, at which it is interrupted."""


class Alarm:
    """Sends SIGINT to this process at the n-th call of a Python function; counts the calls."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.calls = 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self.calls += 1
            if self.calls == self.at:
                signal.raise_signal(signal.SIGINT)


def interrupted(act: Callable[[], Any], at: int) -> tuple[bool, int]:
    """Do something and be interrupted at its n-th call: whether the interrupt was raised, and how many calls there were."""
    alarm = Alarm(at)
    sys.setprofile(alarm)
    try:
        act()
    except KeyboardInterrupt:
        return True, alarm.calls
    finally:
        sys.setprofile(None)
    return False, alarm.calls


def state(cluster: Cluster) -> list[tuple[str, int, bytes]]:
    """All that is stored, with revisions."""
    return [(kv.key, kv.mod_revision, to_json(kv.value)) for kv in cluster.store.list("/registry/").items]


def names(stored: list[tuple[str, int, bytes]]) -> list[str]:
    """The keys of all that is stored but events."""
    return [key for key, _, _ in stored if not key.startswith("/registry/events/")]


def started() -> Cluster:
    """A settled cluster in which a Deployment was just made."""
    cluster = Cluster(nodes=2)
    cluster.apply(deployment(replicas=2))
    return cluster


def settle(cluster: Cluster) -> None:
    cluster.settle()


def steps(cluster: Cluster) -> None:
    while cluster.step(5):
        pass


def run(cluster: Cluster) -> None:
    cluster.run(until=lambda c: c.get("deployment/web").status.readyReplicas == 2)
    cluster.settle()


def apply(cluster: Cluster) -> None:
    cluster.apply(SHOP)
    cluster.settle()


def verbs(cluster: Cluster) -> None:
    cluster.scale("deployment/web", 3)
    cluster.patch("deployment/web", {"metadata": {"labels": {"a": "b"}}})
    cluster.settle()


def faults(cluster: Cluster) -> None:
    cluster.settle()
    cluster.break_node("worker-1")
    cluster.run(60)
    cluster.mend_node("worker-1")
    cluster.settle()


@pytest.mark.parametrize("act", [settle, steps, run, apply, verbs, faults])
def test_an_interrupted_cluster_goes_on_as_if_nothing_had_happened(act: Callable[[Cluster], None]) -> None:
    origin = started()
    undisturbed = origin.fork()
    act(undisturbed)
    expected = state(undisturbed)
    counted = origin.fork()
    _, calls = interrupted(lambda: act(counted), 0)
    assert calls > 1000
    raised = 0

    for point in range(1, POINTS + 1):
        cluster = origin.fork()
        caught, _ = interrupted(lambda cluster=cluster: act(cluster), calls * point // (POINTS + 1))  # type: ignore[misc]
        raised += caught
        act(cluster)
        got = state(cluster)
        if act in (settle, steps, run, apply):
            assert got == expected
        else:  # done twice, so times and the names of events differ
            assert names(got) == names(expected)
    assert raised == POINTS
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_ends_code_that_never_ends() -> None:
    cluster = started()

    def forever(_: Cluster) -> bool:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return False

    with pytest.raises(KeyboardInterrupt):
        cluster.run(until=forever)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_whole_thing_is_done_before_the_interrupt_is_raised() -> None:
    done = []

    @whole
    def act() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append(1)

    with pytest.raises(KeyboardInterrupt):
        act()
    assert done == [1]


def test_a_handler_of_ones_own_is_left_alone() -> None:
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        with Held() as held:
            signal.raise_signal(signal.SIGINT)
            held.check()
    finally:
        signal.signal(signal.SIGINT, before)

    assert heard == [signal.SIGINT]

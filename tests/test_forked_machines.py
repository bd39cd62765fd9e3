"""Forks share their machines until one is touched; nobody can tell."""

from __future__ import annotations

import copy

import pytest

from k8snb.cluster import Cluster
from k8snb.node.agent import NodeAgent, NodeSpec
from k8snb.node.agents import Agents
from k8snb.node.files import Store
from k8snb.store import transcript
from tests.manifests import SHOP

WRITER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: writer}
spec:
  replicas: 3
  selector: {matchLabels: {app: writer}}
  template:
    metadata: {labels: {app: writer}}
    spec:
      containers:
      - name: c
        image: busybox
        command: [sh, -c, 'n=0; while true; do n=$((n+1)); echo $n; echo $n > /data/n; sleep 3; done']
        volumeMounts: [{name: d, mountPath: /data}]
      volumes: [{name: d, hostPath: {path: /var/n}}]
"""


def world() -> Cluster:
    cluster = Cluster(nodes=3, seed=3)
    cluster.apply(SHOP)
    cluster.apply(WRITER)
    cluster.settle()
    return cluster


def told(cluster: Cluster) -> tuple[bytes, list[str]]:
    """The history and what the containers have said and written, which is in no API object."""
    workers = [worker for machine in cluster.kubelets.agents.glance() for worker in machine.workers.values()]
    assert not any(worker.sending for worker in workers)  # no status is under way when all is quiet
    pods = [p for p in cluster.pods if p.metadata.name.startswith("writer")]
    said = [cluster.logs(pod) + cluster.exec(pod, "cat", "/data/n").stdout for pod in pods]
    return transcript(cluster.store), said


def test_one_after_the_other_in_any_order_and_forks_of_forks() -> None:
    alone = world()
    alone.run(30)
    expected = told(alone)
    origin = world()
    first = origin.fork()
    second = first.fork()
    third = origin.fork()
    third.run(7)
    fourth = third.fork()
    for cluster in (second, origin, first):
        cluster.run(30)
    third.run(23)
    fourth.run(23)

    assert [told(cluster) for cluster in (origin, first, second, third, fourth)] == [expected] * 5


def test_step_by_step_beside_each_other() -> None:
    alone = world()
    alone.break_container(alone.pods.namespace("shop")[0].metadata.name, namespace="shop")
    both = [alone, alone.fork()]
    third = both[1].fork()
    for _ in range(40):
        for cluster in both:
            cluster.step(1)
    third.step(40)

    assert told(both[0]) == told(both[1]) == told(third)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
def test_a_fork_in_the_middle_of_what_a_kubelet_does(steps: int) -> None:
    origin = world()
    origin.delete("pod", origin.pods.namespace("shop")[0].metadata.name, "shop")
    origin.step(steps)
    other = origin.fork()
    origin.run(40)
    other.run(40)

    assert told(origin) == told(other)


def test_what_one_does_to_a_machine_the_other_does_not_see() -> None:
    origin = world()
    pod = next(p for p in origin.pods if p.metadata.name.startswith("writer"))
    other = origin.fork()
    other.exec(pod, "sh", "-c", "echo mine > /data/n")
    other.break_node(pod.spec.nodeName)

    assert origin.exec(pod, "cat", "/data/n").stdout.strip().isdigit()
    assert origin.kubelets.powered(pod.spec.nodeName)
    assert not other.kubelets.powered(pod.spec.nodeName)


def machines(claims: dict[str, Store]) -> Agents:
    agents = Agents(claims)
    for number in range(3):
        name = f"n{number}"
        agents[name] = NodeAgent(NodeSpec(name), f"10.0.0.{number}", f"10.244.{number}.0/24", claims)
    return agents


def agent(agents: Agents, name: str) -> NodeAgent:
    found = agents.get(name)
    if found is None:
        raise LookupError(name)
    return found


def test_volumes_are_shared_between_machines_of_one_cluster_only() -> None:
    origin = machines({})
    agent(origin, "n0").shared("v")["file"] = "old"
    agent(origin, "n1").disks["/mnt"] = agent(origin, "n1").shared("v")
    first = copy.deepcopy(origin)
    second = copy.deepcopy(first)
    for name, agents in (("origin", origin), ("first", first), ("second", second)):
        agent(agents, "n2").shared("v")["file"] = name

    assert [agent(a, "n1").disk("/mnt")["file"] for a in (origin, first, second)] == ["origin", "first", "second"]
    assert [agent(a, "n0").shared("v")["file"] for a in (origin, first, second)] == ["origin", "first", "second"]


def test_a_machine_that_is_looked_at_is_not_copied() -> None:
    origin = machines({})
    other = copy.deepcopy(origin)

    assert origin.peek("n1") is other.peek("n1")
    assert agent(origin, "n1") is not other.peek("n1")
    assert [a.name for a in other.glance()] == list(origin) == ["n0", "n1", "n2"]


def test_a_machine_that_a_reconcile_holds_stays_with_its_cluster() -> None:
    origin = machines({})
    held = agent(origin, "n1")
    origin.engaged = "n1"
    other = copy.deepcopy(origin)

    assert agent(origin, "n1") is held
    assert agent(other, "n1") is not held

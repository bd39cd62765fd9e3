"""Pods whose claims are bound only when they have a node."""

from __future__ import annotations

import copy
from typing import Any

from k8snb.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, Pod
from k8snb.client.calls import Bind
from tests.scheduler.world import World, node, pod

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"


def storage(provisioner: str = "example.com/disk") -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "late"},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def claim(name: str = "data", size: str = "1Gi") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": "late",
        },
    }


def local(name: str, host: str, size: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "late",
            "local": {"path": "/mnt"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }


def user(name: str = "web") -> dict[str, Any]:
    return pod(name, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])


def bind(world: World, volume: str = "made") -> None:
    """What the PV controller does in the end."""
    world.patch(
        PersistentVolumeClaim,
        "data",
        {"metadata": {"annotations": {BIND_COMPLETED: "yes"}}, "spec": {"volumeName": volume}},
    )


def test_the_claim_gets_the_node_and_the_pod_waits() -> None:
    world = World()
    world.create(storage(), claim(), node("n1"), user())
    world.run(5)
    written = world.get(PersistentVolumeClaim, "data").metadata.annotations

    assert written == {"volume.kubernetes.io/selected-node": "n1"}
    assert world.nodes_of() == {"web": None}
    bind(world)
    world.run(1)
    assert world.nodes_of() == {"web": "n1"}
    assert [e.reason for e in world.events("web")] == ["Scheduled"]


def test_a_fitting_volume_is_reserved_for_the_claim() -> None:
    world = World()
    world.create(storage("kubernetes.io/no-provisioner"), claim(size="2Gi"), node("n1"), node("n2"))
    world.create(local("small", "n1", "1Gi"), local("right", "n2", "3Gi"), local("large", "n2", "9Gi"))
    for name in ("small", "right", "large"):
        world.patch(PersistentVolume, name, {"status": {"phase": "Available"}}, "status")
    world.create(user())
    world.run(1)
    reserved = world.get(PersistentVolume, "right").spec.claimRef

    assert (reserved.namespace, reserved.name) == ("default", "data")
    bind(world, "right")
    world.run(1)
    assert world.nodes_of() == {"web": "n2"}


def test_after_ten_minutes_the_pod_is_tried_anew() -> None:
    world = World()
    world.create(storage(), claim(), node("n1"), user())
    world.run(601)
    failed = world.events("web", "FailedScheduling")

    assert [e.message for e in failed] == [
        'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded'
    ]
    world.create(local("made", "n1", "1Gi"))
    bind(world)
    world.run(30)
    assert world.nodes_of() == {"web": "n1"}


def test_a_pod_deleted_while_it_waits_frees_its_node() -> None:
    world = World()
    world.create(storage(), claim(), node("n1", cpu="100m"), user())
    world.run(1)
    world.delete(Pod, "web", grace=0)
    world.create(pod("next"))
    world.settle()

    assert world.nodes_of() == {"next": "n1"}
    assert world.scheduler.cache.infos["n1"].cpu_used == 100


def test_a_claim_deleted_while_it_waits_is_an_error() -> None:
    world = World()
    world.create(storage(), claim(), node("n1"), user())
    world.run(1)
    world.delete(PersistentVolumeClaim, "data")
    world.run(1)

    first = world.events("web", "FailedScheduling")[0]

    assert first.message == 'running PreBind plugin "VolumeBinding": pvc "default/data" was deleted'


def test_two_pods_are_not_promised_the_same_volume() -> None:
    world = World()
    world.create(
        storage("kubernetes.io/no-provisioner"), claim(), claim("other"), node("n1"), local("one", "n1", "1Gi")
    )
    world.patch(PersistentVolume, "one", {"status": {"phase": "Available"}}, "status")
    world.create(user(), pod("late", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "other"}}]))
    world.run(1)
    text = next(e.message for e in world.events("late", "FailedScheduling"))

    assert (text or "").startswith(
        "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind."
    )


def test_a_fork_of_a_waiting_pod_goes_on_by_itself() -> None:
    world = World()
    world.create(storage(), claim(), node("n1"), user())
    world.run(1)
    fork = copy.deepcopy(world)
    bind(fork)
    fork.run(1)
    world.run(1)

    assert (world.nodes_of(), fork.nodes_of()) == ({"web": None}, {"web": "n1"})
    assert [type(s.call) for s in fork.steps][-1] is Bind

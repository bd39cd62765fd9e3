"""Nodes that run out of memory, and containers that are added for debugging."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.core_v1 import EphemeralContainer, ResourceRequirements
from tests.node.builders import NodeRig, container, spec, state

IMAGES = ("nginx:1.27", "busybox:1.36", "polinux/stress")


def hungry(size: str, request: str | None = None):  # type: ignore[no-untyped-def]
    requests = ResourceRequirements(requests=FrozenDict({"memory": request})) if request else ResourceRequirements()
    return container("polinux/stress", command=("stress",), args=("--vm", "1", "--vm-bytes", size), resources=requests)


def condition(rig: NodeRig, name: str) -> tuple[str, str | None]:
    found = next(c for c in rig.node("n1").status.conditions if c.type == name)
    return found.status, found.reason


def test_node_under_memory_pressure_evicts_the_one_that_uses_most_above_its_request() -> None:
    rig = NodeRig(images=IMAGES, memory="4Gi")
    rig.pod("modest", spec())
    rig.pod("entitled", spec(hungry("1500M", request="2Gi")))
    rig.pod("greedy", spec(hungry("2300M")))
    rig.run(25)
    pod = rig.get("greedy")

    assert (pod.status.phase, pod.status.reason) == ("Failed", "Evicted")
    assert (pod.status.message or "").startswith(
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: "
    )
    assert [state(rig.get(n)) for n in ("modest", "entitled")] == ["running", "running"]
    assert condition(rig, "MemoryPressure") == ("True", "KubeletHasInsufficientMemory")
    assert rig.reasons("greedy")[-2:] == ["Evicted", "Killing"]
    disrupted = next(c for c in pod.status.conditions if c.type == "DisruptionTarget")
    assert (disrupted.status, disrupted.reason) == ("True", "TerminationByKubelet")


def test_pressure_is_taken_back_after_five_minutes_and_best_effort_pods_are_refused_meanwhile() -> None:
    rig = NodeRig(images=IMAGES, memory="4Gi")
    rig.pool.hog("n1", "3700Mi")
    rig.run(20)
    rig.pod("late", spec())
    rig.run(2)
    refused = rig.get("late")
    rig.pool.hog("n1", "0")
    rig.run(200)
    still = condition(rig, "MemoryPressure")[0]
    rig.run(150)

    assert (refused.status.phase, refused.status.reason) == ("Failed", "Evicted")
    assert refused.status.message == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert still == "True"
    assert condition(rig, "MemoryPressure")[0] == "False"


def test_ephemeral_container_joins_a_running_pod() -> None:
    rig = NodeRig(images=IMAGES)
    rig.pod("p", spec())
    rig.run(3)
    pod = rig.get("p")
    debugger = EphemeralContainer(
        name="debugger",
        image="busybox:1.36",
        imagePullPolicy="IfNotPresent",
        command=("sh", "-c", "echo here; sleep 5"),
    )
    rig.api.put(replace(pod, spec=replace(pod.spec, ephemeralContainers=(debugger,))))
    rig.run(3)
    first = rig.get("p").status
    rig.run(10)
    last = rig.get("p").status

    assert [s.state.running is not None for s in first.ephemeralContainerStatuses] == [True]
    assert rig.logs(container="debugger") == ["here"]
    assert last.phase == "Running"
    assert last.ephemeralContainerStatuses[0].state.terminated is not None
    assert last.ephemeralContainerStatuses[0].restartCount == 0
    assert last.containerStatuses[0].restartCount == 0

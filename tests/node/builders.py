"""Small builders for tests of nodes: a pool of kubelets on a plain network, pods, containers."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types.core_v1 import Container, Pod, PodSpec
from k8snb.network import Network
from k8snb.node import KubeletPool, NodeSpec
from k8snb.node.container import Container as Box
from k8snb.sim.ids import Ids
from tests.node.rig import Rig


class NodeRig(Rig):
    """A rig whose component is the real kubelet pool."""

    def __init__(self, nodes: int = 1, **spec: Any) -> None:
        self.network = Network()
        self.pool = KubeletPool(
            [NodeSpec(f"n{i}", **spec) for i in range(1, nodes + 1)], network=self.network, ids=Ids(0)
        )
        super().__init__(self.pool)
        self.network.connect(self.pool)
        self.pool.connect(self.runtime)
        self.run(1.0)

    def box(self, pod: str = "p", container: str = "c") -> Box:
        """The container as the node knows it."""
        worker = self.pool.worker_of(self.get(pod))
        assert worker is not None
        return worker.box(container)

    def logs(self, pod: str = "p", container: str = "c", previous: bool = False) -> list[str]:
        """The lines of a container's log."""
        return [line for _, _, line in self.pool.logs(self.get(pod), container, previous)]


def container(image: str = "nginx:1.27", name: str = "c", **fields: Any) -> Container:
    """A container with the defaults that the API server fills in."""
    fields.setdefault("imagePullPolicy", "IfNotPresent")
    return Container(name=name, image=image, **fields)


def spec(*containers: Container, **fields: Any) -> PodSpec:
    """A pod spec with the defaults that the API server fills in."""
    fields.setdefault("restartPolicy", "Always")
    fields.setdefault("terminationGracePeriodSeconds", 30)
    return PodSpec(containers=containers or (container(),), **fields)


def script(text: str, image: str = "busybox:1.36", name: str = "c", **fields: Any) -> Container:
    """A container that runs a shell script."""
    return container(image, name, command=("sh", "-c", text), **fields)


def ready(pod: Pod) -> str:
    """The status of the Ready condition."""
    return next((c.status for c in pod.status.conditions if c.type == "Ready"), "")


def state(pod: Pod, index: int = 0) -> str:
    """The state of a container as kubectl shows it: running, a waiting reason, or how it ended."""
    status = pod.status.containerStatuses[index]
    if status.state.running is not None:
        return "running"
    if status.state.waiting is not None:
        return status.state.waiting.reason or ""
    assert status.state.terminated is not None
    return f"{status.state.terminated.reason} {status.state.terminated.exitCode}"


def with_status(pod: Pod, **fields: Any) -> Pod:
    """The pod with some fields of its status replaced."""
    return replace(pod, status=replace(pod.status, **fields))

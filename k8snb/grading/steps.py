"""What happens between an answer and a check: time passes, things break, somebody scales, further manifests come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec

from k8snb.cluster import Cluster
from k8snb.grading.entry import entry
from k8snb.kubectl import run as run_kubectl
from k8snb.locale import text


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is done to a cluster."""

    value: ClassVar[str] = ""
    """The field that a bare value (``run: 60``) stands for."""
    wraps: ClassVar[bool] = False
    """Whether the value is that field even when it is a mapping."""

    def act(self, cluster: Cluster) -> None:
        """Do it."""
        raise TypeError(f"{type(self).__name__} does nothing")


class Run(Step, frozen=True):
    """Let simulated seconds pass."""

    value = "seconds"
    seconds: float

    def act(self, cluster: Cluster) -> None:
        cluster.run(self.seconds)


class Settle(Step, frozen=True):
    """Go on until nothing but far timers is left, at most ``seconds``."""

    value = "seconds"
    seconds: float = 300.0

    def act(self, cluster: Cluster) -> None:
        cluster.settle(limit=self.seconds)


class Kubectl(Step, frozen=True):
    """A command of the administrator; a refused one is a mistake of the exercise."""

    value = "line"
    line: str

    def act(self, cluster: Cluster) -> None:
        result = run_kubectl(cluster, self.line)
        if result.exit:
            raise ValueError(f"kubectl {self.line}: {result.stderr.strip()}")


class Apply(Step, frozen=True):
    """Further manifests."""

    value = "manifest"
    manifest: str

    def act(self, cluster: Cluster) -> None:
        cluster.apply(self.manifest)


class BreakNode(Step, frozen=True):
    """A machine loses power."""

    value = "node"
    node: str

    def act(self, cluster: Cluster) -> None:
        cluster.break_node(self.node)


class BreakContainers(Step, frozen=True):
    """The main process of every pod that a selector finds exits."""

    value = "selector"
    selector: str
    namespace: str = "default"
    code: int = 1

    def act(self, cluster: Cluster) -> None:
        for pod in cluster.list("pods", selector=self.selector, namespace=self.namespace):
            if any(s.state.running is not None for s in pod.status.containerStatuses):
                cluster.break_container(pod, exit_code=self.code)


class Disturb(Step, frozen=True):
    """The programs of the pods that a selector finds hang, close their ports, answer 500 or become slow."""

    value = "selector"
    selector: str
    fault: str = "hang"
    namespace: str = "default"

    def act(self, cluster: Cluster) -> None:
        for pod in cluster.list("pods", selector=self.selector, namespace=self.namespace):
            for container in pod.spec.containers:
                cluster.kubelets.disturb(pod, container.name, self.fault)


class Watch(Step, frozen=True):
    """Let time pass and see that so many pods that a selector finds are ready at every moment of it."""

    selector: str
    ready: int
    seconds: float = 120.0
    namespace: str = "default"

    def act(self, cluster: Cluster) -> None:
        least = self.ready

        def too_few(_: Cluster) -> bool:
            nonlocal least
            pods = cluster.list("pods", selector=self.selector, namespace=self.namespace)
            least = sum(1 for p in pods for c in p.status.conditions if c.type == "Ready" and c.status == "True")
            return least < self.ready

        if cluster.run(until=too_few, limit=self.seconds):
            raise ValueError(text("grading.too-few", what=self.selector, count=least, want=self.ready))


class InstallIngress(Step, frozen=True):
    """An ingress controller (nginx, traefik, contour or haproxy) is installed, with its class as the default one."""

    value = "controller"
    controller: str = "nginx"

    def act(self, cluster: Cluster) -> None:
        cluster.install_ingress(self.controller)
        cluster.settle(limit=300)


class AddNode(Step, frozen=True):
    """A machine joins."""

    value = "name"
    name: str
    cpu: str = "4"
    memory: str = "8Gi"
    labels: dict[str, str] = {}

    def act(self, cluster: Cluster) -> None:
        cluster.add_node(self.name, cpu=self.cpu, memory=self.memory, labels=self.labels)


STEPS: Mapping[str, type[Step]] = {
    "run": Run,
    "settle": Settle,
    "kubectl": Kubectl,
    "apply": Apply,
    "break-node": BreakNode,
    "break-containers": BreakContainers,
    "disturb": Disturb,
    "watch": Watch,
    "install-ingress": InstallIngress,
    "add-node": AddNode,
}
"""The steps by the names that exercises call them."""


def parse_steps(data: Iterable[Any], where: str) -> tuple[Step, ...]:
    """Steps from plain data, each a mapping with one entry: name -> parameters; ``ValueError`` says what is wrong."""
    return tuple(entry(one, STEPS, where, "step") for one in data)

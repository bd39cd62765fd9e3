"""What the API server takes for the requests that a cluster is busy with: pods, their statuses, events, leases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec.structs import replace

from k8snb.api.request import ADMIN, Request, RequestOptions, UserInfo
from k8snb.api.scheme import SCHEME
from k8snb.api.types.core_v1 import (
    Binding,
    ContainerState,
    ContainerStateRunning,
    ContainerStatus,
    Event,
    HostIP,
    ObjectReference,
    Pod,
    PodCondition,
    PodIP,
)
from k8snb.api.types.meta_v1 import ObjectMeta, OwnerReference
from k8snb.apiserver import APIServer
from k8snb.sim.clock import Clock
from k8snb.sim.ids import Ids
from k8snb.store import Store
from tests.benchmarks.harness import Benchmark, Figure, stopwatch

COUNT = 5000
AIM = 60.0
"""At most so many microseconds for a request: ten of them per pod, and 10,000 pods in ten seconds."""
NOW = "2026-01-01T00:00:00Z"
CONTROLLER = UserInfo("system:serviceaccount:kube-system:replicaset-controller", groups=("system:serviceaccounts",))
OPTIONS = RequestOptions(field_manager="kube-controller-manager")
AT_ONCE = RequestOptions(grace_period_seconds=0)
RESOURCES = {
    name: SCHEME.resolve(name)
    for name in ("namespaces", "serviceaccounts", "nodes", "deployments", "pods", "events", "leases")
}


class Bench:
    """A server with ten nodes and a Deployment whose pods are made, bound, reported and deleted."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Store(clock=self.clock)
        self.server = APIServer(self.store, self.clock, Ids(0))
        self.pods: list[Any] = []
        for name in ("default", "kube-node-lease"):
            self.send("create", "namespaces", "", body={"metadata": {"name": name}})
        self.send("create", "serviceaccounts", body={"metadata": {"name": "default"}})
        for index in range(10):
            self.send("create", "nodes", "", body={"metadata": {"name": f"n{index}"}})
        container = {
            "name": "c",
            "image": "nginx:1.27",
            "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
        }
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
        body = {"metadata": {"name": "web"}, "spec": spec}
        self.deployment = self.send("create", "deployments", body=body)
        lease = {"metadata": {"name": "n1"}, "spec": {"holderIdentity": "n1", "leaseDurationSeconds": 40}}
        self.send("create", "leases", "kube-node-lease", body=lease)

    def send(
        self,
        verb: str,
        kind: str,
        namespace: str = "default",
        name: str = "",
        subresource: str = "",
        body: Any = None,
        user: UserInfo = ADMIN,
        options: RequestOptions = OPTIONS,
    ) -> Any:
        """The object in the answer."""
        request = Request(
            verb, RESOURCES[kind], namespace, name, subresource, body, options=options, user=user, actor="bench"
        )
        return self.server.handle(request).object

    def create(self, index: int) -> None:
        """A pod stamped from the template."""
        template = self.deployment.spec.template
        owner = OwnerReference(apiVersion="apps/v1", kind="ReplicaSet", name="web", uid="u", controller=True)
        meta = ObjectMeta(
            generateName="web-", namespace="default", labels=template.metadata.labels, ownerReferences=(owner,)
        )
        self.pods.append(self.send("create", "pods", body=Pod(metadata=meta, spec=template.spec), user=CONTROLLER))

    def bind(self, index: int) -> None:
        """The scheduler's decision."""
        meta = self.pods[index].metadata
        target = ObjectReference(kind="Node", name=f"n{index % 10}")
        body = Binding(metadata=ObjectMeta(name=meta.name, namespace="default", uid=meta.uid), target=target)
        self.send("create", "pods", "default", meta.name, "binding", body)

    def report(self, index: int) -> None:
        """The kubelet's report that the pod runs."""
        name = self.pods[index].metadata.name
        found = self.store.get(f"/registry/pods/default/{name}")
        assert found is not None
        address = f"10.244.{index // 250}.{index % 250}"
        running = ContainerState(running=ContainerStateRunning(startedAt=NOW))
        container = ContainerStatus(
            name="c",
            image="nginx:1.27",
            imageID="x",
            containerID="containerd://a",
            ready=True,
            started=True,
            state=running,
        )
        conditions = tuple(
            PodCondition(type=name, status="True", lastTransitionTime=NOW)
            for name in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
        )
        status = replace(
            found.value.status,
            phase="Running",
            podIP=address,
            podIPs=(PodIP(ip=address),),
            hostIP="10.0.0.1",
            hostIPs=(HostIP(ip="10.0.0.1"),),
            startTime=NOW,
            conditions=conditions,
            containerStatuses=(container,),
        )
        node = f"n{index % 10}"
        user = UserInfo(f"system:node:{node}", groups=("system:nodes", "system:authenticated"))
        self.send("update", "pods", "default", name, "status", replace(found.value, status=status), user)

    def count(self, index: int) -> None:
        """The Deployment's status with other numbers."""
        found = self.store.get("/registry/deployments/default/web")
        assert found is not None
        status = replace(found.value.status, replicas=index + 1, updatedReplicas=index + 1, observedGeneration=1)
        self.send("update", "deployments", "default", "web", "status", replace(found.value, status=status))

    def event(self, index: int) -> None:
        """An event about a pod."""
        about = ObjectReference(kind="Pod", name="web-1", namespace="default", uid="u")
        body = Event(
            metadata=ObjectMeta(name=f"web.{self.store.revision}", namespace="default"),
            involvedObject=about,
            reason="Pulled",
            message="Container image already present on machine",
            firstTimestamp=NOW,
            lastTimestamp=NOW,
            count=1,
            type="Normal",
        )
        self.send("create", "events", body=body)

    def renew(self, index: int) -> None:
        """A kubelet's heartbeat."""
        found = self.store.get("/registry/leases/kube-node-lease/n1")
        assert found is not None
        spec = replace(
            found.value.spec, renewTime=f"2026-01-01T00:00:{index % 60:02d}.{self.store.revision % 10**6:06d}Z"
        )
        self.send("update", "leases", "kube-node-lease", "n1", body=replace(found.value, spec=spec))

    def delete(self, index: int) -> None:
        """The end of a pod: marked and removed, two revisions."""
        meta = self.pods[index].metadata
        self.send("delete", "pods", "default", meta.name, options=AT_ONCE)

    def select(self, index: int) -> None:
        """A list of the Deployment's pods by label, one page of 100."""
        resource = RESOURCES["pods"]
        options = RequestOptions(label_selector="app=web", limit=100)
        self.server.handle(Request("list", resource, "default", options=options))


def run() -> Iterator[Figure]:
    """Each sort of request 5,000 times, in process, with typed objects, as the components send them."""
    bench = Bench()

    def each(work: Callable[[int], None], count: int = COUNT) -> float:
        def loop() -> None:
            for index in range(count):
                work(index)

        return stopwatch(loop, 1) / count * 1e6

    yield Figure("create a pod of a template", each(bench.create), "µs", AIM)
    yield Figure("bind a pod", each(bench.bind), "µs", AIM)
    yield Figure("report a pod's status", each(bench.report), "µs", AIM)
    yield Figure("report a Deployment's status", each(bench.count), "µs", AIM)
    yield Figure("create an event", each(bench.event), "µs", AIM)
    yield Figure("renew a lease", each(bench.renew), "µs", AIM)
    yield Figure("list 100 pods by label", each(bench.select, 100), "µs")
    yield Figure("delete a pod for good", each(bench.delete), "µs", AIM)


BENCHMARK = Benchmark("api-requests", run)

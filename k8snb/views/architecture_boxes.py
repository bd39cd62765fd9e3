"""The boxes of the architecture map: in which layer each stands, and the part of a cluster that it corresponds to.

The layers are those of Kubernetes' own architecture: a core of API and execution, on it applications, on these automation and
policy, above them the tools, and around all an ecosystem with a half outside of the cluster and a half inside.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from k8snb.api.types.apps_v1 import ReplicaSet
from k8snb.api.types.core_v1 import Node, Pod, Service
from k8snb.api.types.storage_v1 import StorageClass
from k8snb.client.runtime import Process
from k8snb.cluster import Cluster
from k8snb.controllers.serviceloadbalancer import ServiceLoadBalancerController
from k8snb.locale import text
from k8snb.world import World

LAYERS = ("outside", "interface", "management", "application", "core", "inside")
"""Top to bottom."""
CLOUD = ServiceLoadBalancerController.process


class Figure(msgspec.Struct, frozen=True):
    """One thing that a box holds in this cluster: what it is called, its value, and what a reader types to get there.

    ``label`` is a kind (``Deployment``), or the id of a text when it is in lower case; ``counted`` says that the value is a
    number of things, so that none of them means that there is nothing.
    """

    label: str
    value: str
    code: str
    counted: bool = True

    def name(self, language: str | None = None) -> str:
        """What it is called in a language."""
        return text(f"arch.figure.{self.label}", language) if self.label[0].islower() else self.label


class Box(msgspec.Struct, frozen=True):
    """A box: ``kinds`` are the kinds of objects that belong to it, ``measure`` tells more; ``process`` may be stopped."""

    id: str
    layer: str
    kinds: tuple[str, ...] = ()
    measure: Callable[[World, Cluster | None], tuple[Figure, ...]] | None = None
    process: str = ""


def figures_of(box: Box, world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    """What a box holds in a world, which is a cluster or its past; without the cluster some figures are not known."""
    found = list(box.measure(world, cluster)) if box.measure is not None else []
    for plural in box.kinds:
        resource = world.resource(plural)
        found.append(Figure(resource.kind, str(len(world.objects(resource))), f"cluster.{plural}"))
    return tuple(found)


def _pods(world: World) -> list[Pod]:
    return world.of(Pod)


def _some_pod(world: World) -> str:
    """The name of a pod to try an expression with."""
    running = [p for p in _pods(world) if p.status.phase == "Running"]
    pod = next((p for p in running if p.metadata.namespace == "default"), running[0] if running else None)
    if pod is None:
        return "web-1"
    meta = pod.metadata
    return f"{meta.name}" if meta.namespace == "default" else f"{meta.namespace}/{meta.name}"


def _some_node(world: World) -> str:
    nodes = world.of(Node)
    return str(nodes[0].metadata.name) if nodes else "worker-1"


def _logging(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    running = sum(1 for p in _pods(world) if p.status.phase == "Running")
    return (Figure("logs", str(running), f'cluster.logs("{_some_pod(world)}")'),)


def _door(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    return (Figure("served", "HTTPS", "cluster.serve()", counted=False),)


def _kubectl(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    made = sum(1 for change in world.history if change.cause.actor == "user")
    return (Figure("yours", str(made), "%kubectl get all"),)


def _metrics(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    source = cluster.server.metrics if cluster is not None and cluster is world else None
    if source is None:
        return ()
    return (
        Figure("measured-pods", str(len(source.pods())), "%kubectl top pods"),
        Figure("measured-nodes", str(len(source.nodes())), "%kubectl top nodes"),
    )


def _dns(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    servers = [p for p in world.of(Pod, "kube-system") if p.metadata.labels.get("k8s-app") == "kube-dns"]
    running = Figure("dns", str(len(servers)), "%kubectl get pods -n kube-system -l k8s-app=kube-dns")
    names = len(world.of(Service))
    found = Figure("names", str(names), f"%kubectl exec {_some_pod(world)} -- nslookup kubernetes.default")
    return (found, running) if servers else (found,)


def _apiserver(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    kinds = Figure("kinds", str(len(world.scheme.resources)), "%kubectl api-resources")
    if cluster is None:
        return (kinds,)
    served = [record for record in cluster.server.audit if record.revision <= world.revision]
    refused = sum(1 for record in served if record.code >= 400)
    return (
        Figure("requests", str(len(served)), "cluster.server.audit[-1]"),
        Figure("refused", str(refused), "[r for r in cluster.server.audit if r.code >= 400]"),
        kinds,
    )


def _etcd(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    return (
        Figure("revision", str(world.revision), "cluster.revision", counted=False),
        Figure("keys", str(len(world.reader.list("/registry/").items)), 'cluster.store.list("/registry/")'),
    )


def _scheduler(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    pods = _pods(world)
    placed = sum(1 for p in pods if p.spec.nodeName)
    waiting = sum(1 for p in pods if not p.spec.nodeName and p.status.phase == "Pending")
    return (
        Figure("placed", str(placed), f'cluster.scheduler.explain("pod/{_some_pod(world)}")'),
        Figure("waiting", str(waiting), "cluster.scheduler.queue"),
    )


def _controllers(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    if cluster is None:
        return ()
    process: Process | None = cluster.runtime.processes.get("kube-controller-manager")
    alive = process.workers if process is not None and process.alive else []
    loops = sum(1 for worker in alive if worker not in cluster.runtime.silent)
    found = [Figure("loops", str(loops), "[c.name for c in cluster.runtime.workers]")]
    sets = world.of(ReplicaSet, "default")
    if sets:
        name = sets[-1].metadata.name
        found.append(Figure("stepper", str(name), f'cluster.stepper("rs/{name}")', counted=False))
    return tuple(found)


def _kubelet(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    ready = sum(1 for n in world.of(Node) for c in n.status.conditions if c.type == "Ready" and c.status == "True")
    return (Figure("ready-nodes", str(ready), "cluster.nodes"),)


def _proxy(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    if cluster is None:
        return ()
    return (
        Figure(
            "proxy-mode", cluster.network.mode.name, f'print(cluster.proxy_rules("{_some_node(world)}"))', counted=False
        ),
    )


def _cri(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    running = sum(1 for p in _pods(world) for s in p.status.containerStatuses if s.state.running is not None)
    version = next((n.status.nodeInfo.containerRuntimeVersion for n in world.of(Node) if n.status.nodeInfo), "")
    node = _some_node(world)
    return (
        Figure("running", str(running), "%kubectl get pods -A -o wide"),
        Figure("runtime", version, f'cluster.nodes["{node}"].status.nodeInfo.containerRuntimeVersion', counted=False),
    )


def _cni(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    addresses = sum(1 for p in _pods(world) if p.status.podIP)
    found = [Figure("addresses", str(addresses), f'cluster.routes("node/{_some_node(world)}")')]
    if cluster is not None:
        found.append(Figure("cni", cluster.network.cni.name, "cluster.network.cni", counted=False))
    return tuple(found)


def _csi(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    names = " ".join(c.provisioner for c in world.of(StorageClass))
    return (Figure("provisioner", names, "cluster.storageclasses", counted=False),) if names else ()


def _registry(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    if cluster is world and cluster is not None:
        pulled = {name for agent in cluster.kubelets.agents.glance() for name in agent.images}
    else:
        pulled = {name for node in world.of(Node) for image in node.status.images for name in image.names[-1:]}
    return (Figure("images", str(len(pulled)), f'cluster.nodes["{_some_node(world)}"].status.images'),)


def _cloud(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    wanted = [s for s in world.of(Service) if s.spec.type == "LoadBalancer"]
    given = sum(1 for s in wanted if s.status.loadBalancer.ingress)
    return (Figure("balancers", f"{given}/{len(wanted)}" if wanted else "0", "%kubectl get services -A"),)


def _setup(world: World, cluster: Cluster | None) -> tuple[Figure, ...]:
    if cluster is None:
        return ()
    return (
        Figure("authorization", cluster.authorization, "cluster.authorization", counted=False),
        Figure("addons", ", ".join(addon.name for addon in cluster.addons) or "-", "cluster.addons", counted=False),
    )


BOXES: tuple[Box, ...] = (
    Box("logging", "outside", measure=_logging),
    Box("monitoring", "outside"),
    Box("configuration", "outside"),
    Box("ci-cd", "outside", measure=_door),
    Box("workflow", "outside"),
    Box("faas", "outside"),
    Box("ots", "outside", ("customresourcedefinitions",)),
    Box("chatops", "outside"),
    Box("kubectl", "interface", measure=_kubectl),
    Box("clients", "interface", measure=_door),
    Box("dashboard", "interface"),
    Box("federation", "interface"),
    Box("metrics", "management", measure=_metrics),
    Box("automation", "management", ("horizontalpodautoscalers", "storageclasses")),
    Box("policy", "management", ("resourcequotas", "limitranges", "networkpolicies", "poddisruptionbudgets")),
    Box("access", "management", ("serviceaccounts", "roles", "rolebindings", "clusterroles", "clusterrolebindings")),
    Box("stateless", "application", ("deployments", "replicasets")),
    Box("stateful", "application", ("statefulsets", "persistentvolumeclaims")),
    Box("batch", "application", ("jobs", "cronjobs")),
    Box("daemons", "application", ("daemonsets",)),
    Box("discovery", "application", ("services", "endpointslices")),
    Box("dns", "application", measure=_dns),
    Box("ingress", "application", ("ingresses", "ingressclasses")),
    Box("settings", "application", ("configmaps", "secrets")),
    Box("apiserver", "core", measure=_apiserver, process="kube-apiserver"),
    Box("etcd", "core", measure=_etcd, process="etcd"),
    Box("scheduler", "core", measure=_scheduler, process="kube-scheduler"),
    Box("controllers", "core", measure=_controllers, process="kube-controller-manager"),
    Box("kubelet", "core", ("nodes",), measure=_kubelet, process="kubelet"),
    Box("proxy", "core", measure=_proxy),
    Box("pods", "core", ("pods",)),
    Box("namespaces", "core", ("namespaces", "events")),
    Box("cri", "inside", measure=_cri),
    Box("cni", "inside", measure=_cni),
    Box("csi", "inside", ("persistentvolumes", "csidrivers"), measure=_csi),
    Box("registry", "inside", measure=_registry),
    Box("cloud", "inside", measure=_cloud, process=CLOUD),
    Box("setup", "inside", measure=_setup),
)
"""All boxes, layer by layer; a further one is a line here and its texts ``arch.box.ID`` and ``arch.about.ID``."""

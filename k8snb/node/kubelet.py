"""All kubelets of a cluster as one component: every node is an actor of its own (``kubelet/NODE``), its pods are its keys.

A key is ``NODE`` (the node's own status and lease) or ``NODE/NAMESPACE/NAME`` (a pod). Each reconcile lets the pod catch up
with simulated time, sends the events that came up, and makes at most one API call: the pod's status, or its removal when it
has ended. The teacher's faults (stop, partition, crash, broken images …) act on the machines here, never on API objects.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from k8snb.api.errors import APIError, is_conflict, is_not_found
from k8snb.api.mistakes import BadValue
from k8snb.api.types.coordination_v1 import Lease
from k8snb.api.types.core_v1 import ConfigMap, Node, Pod, Secret
from k8snb.client.calls import Create, Delete, Emit, Update, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch
from k8snb.client.view import View
from k8snb.node import observing, pressure, restore, stopping
from k8snb.node.admission import rejection
from k8snb.node.agent import LEASE_NAMESPACE, NodeAgent, NodeSpec
from k8snb.node.agents import Agents
from k8snb.node.catalogue import IN_TREE
from k8snb.node.constants import LEASE_RENEW, NODE_READY, NODE_STATUS_REPORT, NODE_STATUS_UPDATE
from k8snb.node.files import Store
from k8snb.node.images import Catalogue
from k8snb.node.machines import Machines, Waker
from k8snb.node.pod import EPSILON, PodWorker
from k8snb.node.status import pod_status
from k8snb.node.volumes import refers_to
from k8snb.node.world import Plumbing, World
from k8snb.sim.ids import Ids


class KubeletPool(Controller, Machines):
    """The kubelets of all nodes; see the module. ``images`` is the cluster's image catalogue."""

    name = "kubelet"
    process = "kubelet"
    frozen = True

    def __init__(
        self, specs: Iterable[NodeSpec] = (), *, network: Plumbing, ids: Ids, images: Catalogue | None = None
    ) -> None:
        self.images = images if images is not None else Catalogue(IN_TREE)
        self.network = network
        self.claims: dict[str, Store] = {}
        self.agents = Agents(self.claims)
        self.keys: dict[str, str] = {}
        self.lost: dict[str, Pod] = {}
        self.world = World(network, self.images, ids)
        self.waker: Waker | None = None
        self.watches = (
            Watch(Pod, self.pod_keys),
            Watch(Node, self.node_keys),
            Watch(ConfigMap, self.config_keys),
            Watch(Secret, self.secret_keys),
        )
        for spec in specs:
            self.add_node(spec)

    # -- nodes of the model

    def add_node(self, spec: NodeSpec) -> NodeAgent:
        """A new machine joins; its kubelet registers it with the API."""
        if spec.name in self.agents:
            raise BadValue(f"there is a node {spec.name} already")
        network = self.network
        address, cidr = network.node_address(spec.name), network.node_cidr(spec.name)
        agent = NodeAgent(spec, address, cidr, self.claims, network.node_cidr_6(spec.name),
                          network.node_address_6(spec.name))  # fmt: skip
        for image in spec.images:
            agent.pulled(image, self.images.resolve(image))
        self.agents[spec.name] = agent
        self.wake(spec.name)
        return agent

    def remove_node(self, name: str) -> None:
        """A machine is taken away for good, with all that runs on it."""
        self.stop(name)
        agent = self.agents.pop(name)
        if agent is not None:
            self.lost.update((worker.uid, worker.pod) for worker in agent.workers.values())

    # -- Controller

    def actor(self, key: str) -> str:
        """``kubelet/NODE``."""
        return f"kubelet/{key.partition('/')[0]}"

    def started(self, view: View) -> Iterable[str]:
        """The kubelets have (re)started: what runs goes on, what they remembered of back-offs and probes is lost."""
        self.world.view = view
        for node in view.list(Node):
            name = node.metadata.name or ""
            if name not in self.agents:
                self._adopt(node)
        for agent in self.agents.values():
            agent.registered = agent.sending = False
            for worker in agent.workers.values():
                restore.restarted(worker, view.now)
        for pod in view.list(Pod):
            found = self.agents.get(pod.spec.nodeName or "")
            if found is not None and pod.status.containerStatuses and self.worker_of(pod) is None:
                self._take_in(f"{found.name}/{pod.metadata.namespace}/{pod.metadata.name}", found, pod, view)
        return tuple(self.agents)

    def _adopt(self, node: Node) -> None:
        """A node that the API knows and this process does not: the cluster was opened from disk, or branched from its past."""
        status = node.status
        spec = NodeSpec(
            node.metadata.name or "",
            cpu=status.capacity.get("cpu", "4"),
            memory=status.capacity.get("memory", "16Gi"),
            pods=int(status.capacity.get("pods", "110")),
            storage=status.capacity.get("ephemeral-storage", "100Gi"),
        )
        address = next((a.address for a in status.addresses if a.type == "InternalIP"), None)
        agent = NodeAgent(
            spec,
            self.network.node_address(spec.name, address),
            self.network.node_cidr(spec.name, node.spec.podCIDR),
            self.claims,
            self.network.node_cidr_6(spec.name),
            self.network.node_address_6(spec.name),
        )
        agent.registered = True
        agent.uid = node.metadata.uid or ""
        for image in status.images:
            restore.image(agent, self.images, image.names[-1])
        self.agents[spec.name] = agent

    def pod_keys(self, old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
        """A pod is looked at by its node when something changed that the kubelet did not write itself."""
        pod = new if new is not None else old
        if pod is None:
            return ()
        node = pod.spec.nodeName
        if not node:
            return ()
        agent = self.agents.get(node)
        if agent is None:
            return ()
        meta = pod.metadata
        key = f"{node}/{meta.namespace}/{meta.name}"
        if new is not None and old is not None and new.spec is old.spec:
            worker = agent.workers.get(key)
            if worker is not None and worker.sending and old.metadata.deletionTimestamp is meta.deletionTimestamp:
                return ()
        return (key,)

    def node_keys(self, old: Node | None, new: Node | None, view: View) -> Iterable[str]:
        """A node is looked at when somebody else disputes its conditions, or has removed it."""
        node = new if new is not None else old
        if node is None or (old is not None and new is not None and old.status is new.status):
            return ()
        name = node.metadata.name or ""
        agent = self.agents.get(name)
        if agent is None or agent.sending:
            return ()
        return (name,)

    def config_keys(self, old: ConfigMap | None, new: ConfigMap | None, view: View) -> Iterable[str]:
        """The pods that mount a ConfigMap that has changed."""
        if old is None or new is None:
            return ()
        return self._mounting("configMap", new.metadata.namespace or "", new.metadata.name or "", view)

    def secret_keys(self, old: Secret | None, new: Secret | None, view: View) -> Iterable[str]:
        """The pods that mount a Secret that has changed."""
        if old is None or new is None:
            return ()
        return self._mounting("secret", new.metadata.namespace or "", new.metadata.name or "", view)

    def _mounting(self, kind: str, namespace: str, name: str, view: View) -> list[str]:
        keys = []
        for glimpsed in self.agents.glance():
            for key, known in glimpsed.workers.items():
                if known.stores is None or known.pod.metadata.namespace != namespace:
                    continue
                agent = self.agents.get(glimpsed.name)
                if agent is not None and refers_to(known.pod, kind, name):
                    observing.plan_refresh(agent.workers[key], view.now)
                    keys.append(key)
        return keys

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Let a node or a pod catch up with the present."""
        self.world.view = view
        self.agents.engaged = key.partition("/")[0]
        if "/" in key:
            return self._pod(key, view)
        return self._node(key, view)

    # -- pods

    def _pod(self, key: str, view: View) -> Reconcile:
        node, _, rest = key.partition("/")
        agent = self.agents.get(node)
        if agent is None or not agent.powered:
            return None
        now = view.now
        worker = agent.workers.get(key)
        if agent.connected and agent.kubelet:
            pod = view.lookup(Pod, rest)
            if worker is not None and (pod is None or pod.metadata.uid != worker.uid):
                self._forget(agent, worker)
                worker = None
            if pod is None or pod.spec.nodeName != node:
                return None
            if worker is None:
                worker = self._take_in(key, agent, pod, view)
                if worker is None:
                    return None
            elif pod is not worker.pod:
                worker.advance(now - EPSILON, self.world)
                observing.observe(worker, pod, now, self.world)
        if worker is None:
            return None
        if not agent.kubelet:
            worker.coast(now, self.world)
        else:
            worker.advance(now, self.world)
        if not (agent.connected and agent.kubelet):
            due = worker.due() if agent.kubelet else worker.coasting()
            return None if due is None else After(due - now, background=True)
        if worker.events:
            events, worker.events = worker.events, []
            yield from events
        pod = worker.pod
        if worker.dirty:
            worker.dirty = False
            status = worker.pending if worker.pending is not None else pod_status(worker, now)
            worker.pending = None
            if status != pod.status:
                worker.sending = True
                out = yield UpdateStatus(replace(pod, status=status))
                worker.sending = False
                if isinstance(out, Pod):
                    worker.pod = out
                elif isinstance(out, APIError) and not is_not_found(out):
                    worker.dirty = True
                    if not is_conflict(out):
                        raise out
                    return After(0.1)
                if worker.final and pod.metadata.deletionTimestamp is not None:
                    return After(0.0)
                return self._next(worker, now)
        if worker.final and pod.metadata.deletionTimestamp is not None and not worker.given_up:
            meta = pod.metadata
            worker.given_up = True
            out = yield Delete(Pod, meta.namespace or "", meta.name or "", uid=meta.uid, grace=0)
            if isinstance(out, APIError) and not is_not_found(out):
                worker.given_up = False
                raise out
            return None
        return self._next(worker, now)

    def _next(self, worker: PodWorker, now: float) -> After | None:
        due = worker.due()
        if due is None:
            return None
        return After(due - now, background=worker.routine(due, now))

    def _take_in(self, key: str, agent: NodeAgent, pod: Pod, view: View) -> PodWorker | None:
        """A pod has come to a node: start it, reject it, or recognise one that ran here before."""
        if pod.status.phase in {"Succeeded", "Failed"} or pod.status.containerStatuses:
            worker = restore.restored(key, agent, pod, view.now, self.world)
        else:
            worker = PodWorker(key, agent, pod, view.now)
            refused = rejection(agent, pod, view)
            if refused is not None:
                worker.reject(*refused)
            elif pod.metadata.deletionTimestamp is None:
                worker.prepare(view.now, self.world)
        agent.workers[key] = worker
        self.keys[worker.uid] = key
        if not worker.final:
            worker.reserve()
        if pod.metadata.deletionTimestamp is not None:
            observing.observe(worker, pod, view.now, self.world)
        return worker

    def _forget(self, agent: NodeAgent, worker: PodWorker) -> None:
        stopping.vanish(worker, self.world)
        if agent.workers.get(worker.key) is worker:
            del agent.workers[worker.key]
        self.keys.pop(worker.uid, None)

    # -- nodes

    def _node(self, name: str, view: View) -> Reconcile:
        agent = self.agents.get(name)
        if agent is None or not agent.alive:
            return None
        now = view.now
        node = view.get(Node, None, name)
        if not agent.connected:
            return After(LEASE_RENEW, background=True)
        if not agent.registered and node is None:
            agent.registered = True
            agent.network_at = now + NODE_READY
            agent.status_at = agent.reported_at = now
            agent.sending = True
            out = yield Create(agent.object(now))
            agent.sending = False
            if isinstance(out, APIError):
                agent.registered = False
                raise out
            return After(NODE_READY)
        agent.registered = True
        if node is None:
            return After(LEASE_RENEW, background=True)
        agent.uid = node.metadata.uid or ""
        ready = now >= agent.network_at - EPSILON
        evicted = pressure.relieve(agent, now, self.world)
        if evicted is not None:
            self.wake(evicted.key)
        pressed = "False" if agent.pressed_at is None else "True"
        disputed = (
            _condition(node, "Ready") != ("True" if ready else "False") or _condition(node, "MemoryPressure") != pressed
        )
        due = now >= agent.status_at + NODE_STATUS_UPDATE - EPSILON
        if disputed or now >= agent.reported_at + NODE_STATUS_REPORT - EPSILON or (due and agent.images_changed):
            agent.status_at = agent.reported_at = now
            agent.images_changed = False
            status = agent.status(node.status, now)
            if ready and _condition(node, "Ready") != "True":
                yield Emit(node, "Normal", "NodeReady", f"Node {name} status is now: NodeReady", host=name)
            agent.sending = True
            out = yield UpdateStatus(replace(node, status=status), background=not disputed)
            agent.sending = False
            if isinstance(out, APIError):
                agent.reported_at = -1e9
                return After(1.0, background=True)
            return After(0.0 if ready else agent.network_at - now)
        if now >= agent.lease_at + LEASE_RENEW - EPSILON:
            agent.lease_at = now
            lease = agent.lease(view.get(Lease, LEASE_NAMESPACE, name), now)
            if lease.metadata.uid:
                yield Update(lease, background=True)
            else:
                yield Create(lease, background=True)
        upcoming = min(agent.lease_at + LEASE_RENEW, agent.reported_at + NODE_STATUS_REPORT)
        if not ready:
            return After(max(0.0, agent.network_at - now))
        return After(max(0.0, upcoming - now), background=True)


def _condition(node: Node, name: str) -> str:
    return next((c.status for c in node.status.conditions if c.type == name), "")

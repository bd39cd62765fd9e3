"""The machines behind the kubelets: what the network, ``kubectl exec`` and a teacher's faults reach without the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from k8snb.api import quantity
from k8snb.api.types.core_v1 import Pod
from k8snb.client.wire import Reply, Request
from k8snb.node import crictl, restore
from k8snb.node import exec as execution
from k8snb.node.agent import NodeAgent
from k8snb.node.agents import Agents
from k8snb.node.app import AppProcess
from k8snb.node.constants import BOOT
from k8snb.node.container import RUNNING, Container, LogLine
from k8snb.node.exec import Result
from k8snb.node.images import Catalogue
from k8snb.node.interactive import Interactive
from k8snb.node.pod import PodWorker
from k8snb.node.process import Exit
from k8snb.node.world import World


class Waker(Protocol):
    """Who can make a key of a component ready from outside: the runtime."""

    def poke(self, worker_name: str, key: str) -> None:
        """Look at a key now."""


class Machines(Interactive):
    """The nodes of a cluster as machines; the kubelet pool is one.

    ``keys`` are those of the pods by uid, ``lost`` the pods of machines that were taken away.
    """

    name: str
    agents: Agents
    keys: dict[str, str]
    lost: dict[str, Pod]
    images: Catalogue
    waker: Waker | None
    world: World

    def connect(self, waker: Waker) -> None:
        """Tell who looks at keys, so that faults and requests take effect at once."""
        self.waker = waker

    def wake(self, key: str) -> None:
        """Have a key looked at."""
        if self.waker is not None:
            self.waker.poke(self.name, key)

    def agent(self, name: str) -> NodeAgent:
        """A node by name; ``ValueError`` names those that exist."""
        agent = self.agents.get(name)
        if agent is None:
            raise ValueError(f"there is no machine {name!r}: known are {', '.join(self.agents) or 'none'}")
        return agent

    def worker(self, namespace: str, name: str) -> PodWorker | None:
        """What is known of a pod, whichever node it is on."""
        for glimpsed in self.agents.glance():
            key = f"{glimpsed.name}/{namespace}/{name}"
            known = glimpsed.workers.get(key)
            if known is not None and not known.removed:
                return self.agent(glimpsed.name).workers[key]
        return None

    def worker_of(self, pod: Pod) -> PodWorker | None:
        """What its node knows of a pod."""
        agent = self.agents.get(pod.spec.nodeName or "")
        if agent is None:
            return None
        worker = agent.workers.get(f"{agent.name}/{pod.metadata.namespace}/{pod.metadata.name}")
        return worker if worker is not None and worker.uid == pod.metadata.uid else None

    def glance(self, pod: Pod) -> PodWorker | None:
        """What its node knows of a pod, to look at only: nothing of it may be changed."""
        agent = self.agents.peek(pod.spec.nodeName or "")
        worker = agent.workers.get(f"{agent.name}/{pod.metadata.namespace}/{pod.metadata.name}") if agent else None
        return worker if worker is not None and worker.uid == pod.metadata.uid else None

    # -- what runs (``k8snb.network`` asks)

    def pod_of(self, uid: str) -> Pod | None:
        """The pod with that uid, if a machine knows it."""
        key = self.keys.get(uid, "")
        agent = self.agents.peek(key.partition("/")[0])
        worker = agent.workers.get(key) if agent is not None else None
        return worker.pod if worker is not None and worker.uid == uid else self.lost.get(uid)

    def on_host(self, node: str) -> list[Pod]:
        """The pods of a node that use the host's network or a port of the host."""
        agent = self.agents.peek(node)
        if agent is None:
            return []
        found = []
        for worker in agent.workers.values():
            spec = worker.pod.spec
            if not worker.final and (spec.hostNetwork or any(p.hostPort for c in spec.containers for p in c.ports)):
                found.append(worker.pod)
        return found

    def reachable(self, node: str) -> bool:
        """Whether a node's machine is on and its link is up."""
        agent = self.agents.peek(node)
        return agent is not None and agent.powered and agent.connected

    def powered(self, node: str) -> bool:
        """Whether a node's machine is on."""
        agent = self.agents.peek(node)
        return agent is not None and agent.powered

    def ports_of(self, pod: Pod, now: float) -> list[str]:
        """Where a pod listens, as ``80`` or ``127.0.0.1:80``."""
        worker = self.worker_of(pod)
        found: list[str] = []
        for box in worker.containers if worker is not None else ():
            if box.state == RUNNING and box.process is not None:
                found += [
                    str(s.port) if s.bind == "0.0.0.0" else f"{s.bind}:{s.port}" for s in box.process.sockets(now)
                ]
        return found

    def listening(self, pod: Pod) -> PodWorker | None:
        """The pod's worker if its machine is on and the pod has an address; the network asks."""
        worker = self.worker_of(pod)
        return worker if worker is not None and worker.agent.powered and not worker.final else None

    def ask(self, pod: Pod, request: Request, now: float, local: bool = False) -> Reply:
        """Let a pod answer a request that has reached it; nobody there is a timeout, a closed port is refused."""
        worker = self.listening(pod)
        if worker is None or not worker.ip:
            return Reply(0, error="timeout")
        if worker.advancing:  # the kubelet's own probe, or a program that calls itself
            return worker.answer(request, now, self.world, local)
        worker.advance(now, self.world)
        before = worker.due()
        reply = worker.answer(request, now, self.world, local)
        if worker.due() != before or worker.events:
            self.wake(worker.key)
        return reply

    def exec(
        self, pod: Pod, container: str | None, argv: Iterable[str], now: float, stdin: str | None = None
    ) -> Result:
        """Run a command in a container, as ``kubectl exec`` does."""
        box = self._box(pod, container)
        if not box.worker.agent.alive or not box.worker.agent.connected:
            return Result("", f"error dialing backend: dial tcp {box.worker.agent.address}:10250: i/o timeout\n", 1)
        box.worker.advance(now, self.world)
        result = execution.run(box, tuple(argv), now, self.world, stdin=stdin)
        self.wake(box.worker.key)
        return result

    def logs(self, pod: Pod, container: str | None = None, previous: bool = False) -> list[LogLine]:
        """The log of a container's present or previous instance; ``ValueError`` when there is no such instance."""
        box = self._box(pod, container)
        if not previous:
            return list(box.log_lines or ())
        if box.previous_logs is None:
            name = pod.metadata.name
            raise ValueError(f'previous terminated container "{box.name}" in pod "{name}" not found')
        return list(box.previous_logs)

    def crictl(self, node: str, command: str, now: float) -> str:
        """What the node's container runtime answers to ``crictl``."""
        return crictl.crictl(self.agents.peek(node) or self.agent(node), command, now)

    def _box(self, pod: Pod, container: str | None) -> Container:
        worker = self.worker_of(pod)
        if worker is None:
            raise ValueError(f"pod {pod.metadata.name} does not run on any node")
        return worker.box(container or pod.spec.containers[0].name)

    # -- faults

    def stop(self, node: str) -> None:
        """Switch a machine off: kubelet and containers stop, its addresses are dead."""
        agent = self.agent(node)
        if agent.powered:
            agent.stopped_at = self._now()
        agent.powered = False

    def start(self, node: str) -> None:
        """Switch it on again: the kubelet comes up, finds its containers dead and starts pods anew."""
        agent = self.agent(node)
        if agent.powered and agent.kubelet:
            return
        rebooted = not agent.powered
        agent.powered = agent.kubelet = True
        now = self._now()
        agent.lease_at = agent.reported_at = -1e9
        for worker in agent.workers.values():
            if rebooted:
                restore.rebooted(worker, now + BOOT, self.world)
            else:
                restore.resume(worker, now)
        self._wake_all(agent)

    def stop_kubelet(self, node: str) -> None:
        """Kill only the kubelet: its containers go on and can be reached, nobody looks after them."""
        self.agent(node).kubelet = False

    def report(self, node: str) -> None:
        """Have a node's kubelet report at once, as when the API server can be reached again."""
        agent = self.agent(node)
        agent.lease_at = -1e9
        self._wake_all(agent)

    def partition(self, node: str) -> None:
        """Cut a node's network link: its containers run on, nothing goes in or out."""
        self.agent(node).connected = False

    def heal(self, node: str) -> None:
        """Restore the link."""
        self.agent(node).connected = True
        self.report(node)

    def crash(self, pod: Pod, container: str, code: int = 1, reason: str = "") -> None:
        """Let a container's main process exit with a code; ``ValueError`` when it does not run."""
        box = self._box(pod, container)
        if box.state != RUNNING or box.process is None:
            raise ValueError(f"container {container} of pod {pod.metadata.name} is not running, so it cannot crash")
        box.process.exited = Exit(self._now(), code, reason)
        self.wake(box.worker.key)

    def oom(self, pod: Pod, container: str) -> None:
        """Let a container run out of memory: killed with 137, reason OOMKilled."""
        self.crash(pod, container, 137, "OOMKilled")

    def disturb(self, pod: Pod, container: str, fault: str = "", seconds: float = 5.0) -> None:
        """Let a container's program misbehave; an empty fault mends it.

        ``hang``: it takes connections and never answers; ``deaf``: its ports are closed; ``unhealthy``: it answers 500;
        ``slow``: it answers after so many seconds.
        """
        process = self._box(pod, container).process
        if not isinstance(process, AppProcess):
            raise ValueError(
                f"container {container} of pod {pod.metadata.name} runs no program that could be disturbed"
            )
        if fault not in {"", "hang", "deaf", "unhealthy", "slow"}:
            raise ValueError(f"{fault!r} is no fault of a program: expected hang, deaf, unhealthy, slow or nothing")
        process.fault = fault
        process.delay = seconds if fault == "slow" else 0.0

    def hog(self, node: str, memory: str = "0") -> None:
        """Let something outside of all pods take memory of a node (``0`` gives it back): it may come under pressure."""
        agent = self.agent(node)
        agent.hog = quantity.parse(memory).nanos // quantity.NANO
        agent.risky = True
        self.wake(node)

    def break_image(self, image: str) -> None:
        """Let pulls of an image fail as if the registry did not have it."""
        self.images.broken(image)

    def mend_image(self, image: str) -> None:
        """Let pulls of the image succeed again."""
        self.images.mended(image)

    def _wake_all(self, agent: NodeAgent) -> None:
        self.wake(agent.name)
        for key in agent.workers:
            self.wake(key)
        view = self.world.view
        if view is not None:
            for pod in view.by(Pod, "node", agent.name):
                self.wake(f"{agent.name}/{pod.metadata.namespace}/{pod.metadata.name}")

    def _now(self) -> float:
        return self.world.objects().now

"""What a teacher breaks: nodes, containers, images, the network; each fault is mended by its counterpart.

A fault changes the modelled machines, never API objects: what Kubernetes notices, and when, is for its components to show.
"""

from __future__ import annotations

from typing import Any, cast

from k8snb.api.mistakes import BadType, BadValue
from k8snb.api.types.core_v1 import Node, Pod
from k8snb.interrupt import whole
from k8snb.verbs import Verbs


class Faults(Verbs):
    """The faults of a cluster; ``kubelets`` is the pool of modelled nodes."""

    kubelets: Any
    network: Any
    runtime: Any

    @whole
    def break_node(self, node: str) -> None:
        """Switch a node off: its kubelet and all its containers are gone until ``mend_node``."""
        self.kubelets.stop(self._node(node))
        self._poke(node)

    @whole
    def mend_node(self, node: str) -> None:
        """Switch the node on again, with its kubelet and its kube-proxy."""
        self.kubelets.start(self._node(node))
        self.network.start_proxy(self._node(node))
        self._poke(node)

    @whole
    def stop_kubelet(self, node: str) -> None:
        """Kill a node's kubelet until ``start_kubelet``: its containers go on, nobody looks after them or reports them."""
        self.kubelets.stop_kubelet(self._node(node))
        self._poke(node)

    @whole
    def start_kubelet(self, node: str) -> None:
        """Start it again: it finds its containers and reports."""
        name = self._node(node)
        if not self.kubelets.powered(name):
            raise BadValue(f"node {name} is switched off, so no kubelet can start there: mend_node({name!r}) first")
        self.kubelets.start(name)
        self._poke(name)

    @whole
    def stop_proxy(self, node: str) -> None:
        """Kill a node's kube-proxy until ``start_proxy``: its rules stay as they are, and follow no change."""
        self.network.stop_proxy(self._node(node), self.runtime.processes["kubelet"].view)

    @whole
    def start_proxy(self, node: str) -> None:
        """Start it again: it brings the rules up to date."""
        self.network.start_proxy(self._node(node))

    @whole
    def break_container(
        self, pod: str | Pod, container: str | None = None, exit_code: int = 1, namespace: str = "default"
    ) -> None:
        """Let a container's main process exit with a code, as a crash would."""
        target = self._pod(pod, namespace)
        names = [c.name for c in (*target.spec.containers, *target.spec.initContainers)]
        if container is not None and container not in names:
            raise BadValue(f"pod {target.metadata.name} has no container {container!r}: it has {', '.join(names)}")
        self.kubelets.crash(target, container or names[0], exit_code)

    @whole
    def break_image(self, image: str) -> None:
        """Let pulls of an image fail as if the registry did not have it."""
        self.kubelets.break_image(image)

    @whole
    def mend_image(self, image: str) -> None:
        """Let pulls of the image succeed again."""
        self.kubelets.mend_image(image)

    @whole
    def break_network(self, node: str) -> None:
        """Cut a node off: its containers go on, but nothing reaches it and it reaches nobody."""
        self.kubelets.partition(self._node(node))
        self._poke(node)

    @whole
    def mend_network(self, node: str) -> None:
        """Reconnect the node."""
        self.kubelets.heal(self._node(node))
        self._poke(node)

    def _pod(self, pod: str | Pod, namespace: str | None = None) -> Pod:
        """The pod as it is now: ``"web-1"``, ``"pod/web-1"``, ``"pod/shop/web-1"``, ``"shop/web-1"``, or an earlier state of it."""
        if isinstance(pod, Pod):
            meta = pod.metadata
            return cast(Pod, self.get("pod", meta.name, meta.namespace))
        if not isinstance(pod, str):
            raise BadType(f"{pod!r} is no pod: name it, as in 'web-1' or 'pod/shop/web-1'")
        name = pod.removeprefix("pod/")
        if namespace in (None, "default") and "/" in name:
            return cast(Pod, self.get(f"pod/{name}"))
        return cast(Pod, self.get("pod", name, namespace))

    def _node(self, node: str | Node) -> str:
        name = node.metadata.name if isinstance(node, Node) else node
        if not isinstance(name, str):
            raise BadType(f"{node!r} is no node: name it, as in 'worker-1'")
        name = name.removeprefix("node/")
        if name in getattr(self.kubelets, "agents", ()):  # the machine is there even when its Node object was deleted
            return name
        return str(self.get("node", name).metadata.name)

    def _poke(self, node: str) -> None:
        self.runtime.poke(self.kubelets.name, self._node(node))

"""What a teacher breaks: nodes, containers, images, the network; each fault is mended by its counterpart.

A fault changes the modelled machines, never API objects: what Kubernetes notices, and when, is for its components to show.
"""

from __future__ import annotations

from typing import Any

from k8snb.verbs import Verbs


class Faults(Verbs):
    """The faults of a cluster; ``kubelets`` is the pool of modelled nodes."""

    kubelets: Any
    runtime: Any

    def break_node(self, node: str) -> None:
        """Switch a node off: its kubelet and all its containers are gone until ``mend_node``."""
        self.kubelets.stop(self._node(node))
        self._poke(node)

    def mend_node(self, node: str) -> None:
        """Switch the node on again."""
        self.kubelets.start(self._node(node))
        self._poke(node)

    def break_container(
        self, pod: str, container: str | None = None, exit_code: int = 1, namespace: str = "default"
    ) -> None:
        """Let a container's main process exit with a code, as a crash would."""
        target = self.get("pod", pod.removeprefix("pod/"), namespace)
        names = [c.name for c in target.spec.containers]
        if container is not None and container not in names:
            raise ValueError(f"pod {target.metadata.name} has no container {container!r}: it has {', '.join(names)}")
        self.kubelets.crash(target, container or names[0], exit_code)

    def break_image(self, image: str) -> None:
        """Let pulls of an image fail as if the registry did not have it."""
        self.kubelets.break_image(image)

    def mend_image(self, image: str) -> None:
        """Let pulls of the image succeed again."""
        self.kubelets.mend_image(image)

    def break_network(self, node: str) -> None:
        """Cut a node off: its containers go on, but nothing reaches it and it reaches nobody."""
        self.kubelets.partition(self._node(node))
        self._poke(node)

    def mend_network(self, node: str) -> None:
        """Reconnect the node."""
        self.kubelets.heal(self._node(node))
        self._poke(node)

    def _node(self, node: str) -> str:
        return str(self.get("node", node.removeprefix("node/")).metadata.name)

    def _poke(self, node: str) -> None:
        self.runtime.poke(self.kubelets.name, node.removeprefix("node/"))

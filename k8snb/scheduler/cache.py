"""The scheduler's picture of the cluster: nodes in search order, the pods on them, bound or assumed.

kube-scheduler keeps a cache and takes a snapshot of it for every cycle; here a cycle is never interrupted, so the cache
is its own snapshot. What changed is kept in a log, so that results for equal pods can be updated instead of computed anew
(``k8snb.scheduler.classes``).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeAlias

from k8snb.api.types.core_v1 import Node, Pod
from k8snb.scheduler.matching import Selector
from k8snb.scheduler.nodeinfo import NodeInfo, pod_key, zone_key
from k8snb.scheduler.plugins.inter_pod_affinity import Terms, terms_of
from k8snb.scheduler.resources import pod_requests

LOG_LIMIT = 16384
"""Entries of the change log before the older half is dropped; a reader that is behind starts anew."""

News: TypeAlias = tuple[NodeInfo, "Pod | None", "Pod | None"]
"""A node that changed; the pod that is no longer there, and the one that is now (both None: the node itself changed)."""


class ImageState:
    """An image somewhere in the cluster: its size in bytes as first reported, and the nodes that have it."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.nodes: dict[str, None] = {}


class Cache:
    """Nodes and pods; every method keeps the sums of ``NodeInfo``, the node order and the indexes current.

    ``layout`` is another number whenever the node order is another one, ``topology`` also when a node's labels, taints or
    other parts of its spec change, ``images_version`` when a node gets or loses an image, ``affinity_version`` when pods with
    new affinity terms come or the last ones with some terms go (``terms`` counts them). ``labelled`` counts the pods that are
    not being deleted: namespace -> labels -> node.
    """

    def __init__(self) -> None:
        self.infos: dict[str, NodeInfo] = {}
        self.nodes: list[NodeInfo] = []
        self.names: tuple[str, ...] = ()
        self.layout = 0
        self.topology = 0
        self.images: dict[str, ImageState] = {}
        self.images_version = 0
        self.with_affinity: dict[str, NodeInfo] = {}
        self.with_anti_affinity: dict[str, NodeInfo] = {}
        self.affinity_version = 0
        self.terms: dict[Terms, int] = {}
        self.labelled: dict[str | None, dict[Mapping[str, str], dict[str, int]]] = {}
        self.assumed: dict[str, None] = {}
        self.log: list[News] = []
        self.log_start = 0
        self._where: dict[str, NodeInfo] = {}
        self._zones: dict[str, list[str]] = {}
        self._stale = False
        self._versions = 0

    # -- nodes

    def add_node(self, node: Node) -> None:
        """Take in a new node, or a new version of one."""
        name = node.metadata.name or ""
        info = self.infos.get(name)
        if info is None:
            info = self.infos[name] = NodeInfo(name)
        old = info.node
        if old is None:
            self._zones.setdefault(zone_key(node), []).append(name)
            self._stale = True
        elif old.metadata.labels is not node.metadata.labels and zone_key(old) != zone_key(node):
            self._leave_zone(old)
            self._zones.setdefault(zone_key(node), []).append(name)
            self._stale = True
        if old is not None and _alike(old, node):
            info.node = node  # a heartbeat
            return
        before = info.images
        info.set_node(node)
        self._versions += 1
        info.version = self._versions
        if old is None or old.metadata.labels != node.metadata.labels or old.spec != node.spec:
            self.topology += 1
        if before or info.images:
            self._images(name, before, info.images)
        self._changed(info, None, None)

    def remove_node(self, node: Node) -> None:
        """Forget a node; pods that are still on it are kept until they are deleted, too."""
        name = node.metadata.name or ""
        info = self.infos.get(name)
        if info is None or info.node is None:
            return
        self._leave_zone(info.node)
        self._images(name, info.images, {})
        info.node = None
        info.index = -1
        info.images = {}
        if not info.pods:
            del self.infos[name]
        self._stale = True

    def refresh(self) -> list[NodeInfo]:
        """The nodes in search order: zone after zone in turn, so that neighbours in the list are in different zones."""
        if self._stale:
            self._stale = False
            self.layout += 1
            self.topology += 1
            self.nodes = []
            rows = list(self._zones.values())
            for place in range(max((len(row) for row in rows), default=0)):
                self.nodes += [self.infos[row[place]] for row in rows if place < len(row)]
            self.names = tuple([info.name for info in self.nodes])
            for index, info in enumerate(self.nodes):
                info.index = index
        return self.nodes

    def get(self, name: str) -> NodeInfo | None:
        """The node of that name, if it exists."""
        info = self.infos.get(name)
        return info if info is not None and info.node is not None else None

    def _leave_zone(self, node: Node) -> None:
        zone = zone_key(node)
        names = self._zones[zone]
        names.remove(node.metadata.name or "")
        if not names:
            del self._zones[zone]

    def _images(self, name: str, before: dict[str, int], after: dict[str, int]) -> None:
        for image in before:
            if image not in after:
                self.images_version += 1
                state = self.images[image]
                state.nodes.pop(name, None)
                if not state.nodes:
                    del self.images[image]
        for image, size in after.items():
            found = self.images.get(image)
            if found is None:
                found = self.images[image] = ImageState(size)
            if name not in found.nodes:
                self.images_version += 1
                found.nodes[name] = None

    # -- pods

    def assume(self, pod: Pod, node: str) -> None:
        """Count a pod in on the node that was chosen for it, before it is bound."""
        self.assumed[pod_key(pod)] = None
        self._add(pod, node)

    def forget(self, pod: Pod) -> None:
        """Take an assumption back."""
        key = pod_key(pod)
        if key in self.assumed:
            del self.assumed[key]
            self._remove(key)

    def is_assumed(self, pod: Pod) -> bool:
        """Whether the pod has been given a node which is not confirmed yet."""
        return pod_key(pod) in self.assumed

    def add_pod(self, pod: Pod) -> None:
        """Take in a pod that has a node, or a new version of it; confirms an assumption."""
        key = pod_key(pod)
        node = pod.spec.nodeName or ""
        info = self._where.get(key)
        if self.assumed:
            self.assumed.pop(key, None)
        if info is None:
            self._add(pod, node)
            return
        known = info.pods[key]
        if known is pod:
            return
        if info.name != node or not _asks_the_same(known, pod):
            self._remove(key)
            self._add(pod, node)
            return
        info.replace(pod)
        before, after = known.metadata, pod.metadata
        if before.deletionTimestamp != after.deletionTimestamp or (
            before.labels is not after.labels and before.labels != after.labels
        ):
            self._label(known, info, -1)
            self._label(pod, info, 1)
            self._changed(info, known, pod)

    def remove_pod(self, pod: Pod) -> None:
        """Forget a pod that is gone or has ended."""
        key = pod_key(pod)
        self.assumed.pop(key, None)
        if key in self._where:
            self._remove(key)

    def get_pod(self, pod: Pod) -> Pod | None:
        """The version of a pod that is counted, if it is."""
        key = pod_key(pod)
        info = self._where.get(key)
        return info.pods[key] if info is not None else None

    def _add(self, pod: Pod, node: str) -> None:
        info = self.infos.get(node)
        if info is None:
            info = self.infos[node] = NodeInfo(node)
        info.add(pod)
        self._where[pod_key(pod)] = info
        if pod.spec.affinity is not None:
            self._index(info, pod, 1)
        self._label(pod, info, 1)
        self._changed(info, None, pod)

    def _remove(self, key: str) -> None:
        info = self._where.pop(key)
        pod = info.pods[key]
        info.remove(pod)
        if pod.spec.affinity is not None:
            self._index(info, pod, -1)
        self._label(pod, info, -1)
        if not info.pods and info.node is None:
            self.infos.pop(info.name, None)
        self._changed(info, pod, None)

    def _label(self, pod: Pod, info: NodeInfo, change: int) -> None:
        """Count a pod in (1) or out (-1) by its labels."""
        meta = pod.metadata
        if meta.deletionTimestamp is not None:
            return
        groups = self.labelled.setdefault(meta.namespace, {})
        nodes = groups.setdefault(meta.labels, {})
        left = nodes.get(info.name, 0) + change
        if left:
            nodes[info.name] = left
            return
        del nodes[info.name]
        if not nodes:
            del groups[meta.labels]

    def matching(self, selector: Selector, namespace: str | None) -> dict[str, int]:
        """Node -> how many of its pods a selector counts: those that are not being deleted; an empty one counts none."""
        found: dict[str, int] = {}
        if selector.nothing or not selector.requirements:
            return found
        for labels, nodes in self.labelled.get(namespace, {}).items():
            if selector.matches(labels):
                for name, count in nodes.items():
                    found[name] = found.get(name, 0) + count
        return found

    def _index(self, info: NodeInfo, pod: Pod, change: int) -> None:
        """A pod with affinity has come to (1) or gone from (-1) a node."""
        terms = terms_of(pod)
        before = self.terms.get(terms, 0)
        if before + change:
            self.terms[terms] = before + change
        else:
            del self.terms[terms]
        if not before or not before + change:
            self.affinity_version += 1
        for index, pods in (
            (self.with_affinity, info.affinity_pods),
            (self.with_anti_affinity, info.anti_affinity_pods),
        ):
            if pods:
                index[info.name] = info
            else:
                index.pop(info.name, None)

    # -- reading what changed

    def _changed(self, info: NodeInfo, old: Pod | None, new: Pod | None) -> None:
        self.log.append((info, old, new))
        if len(self.log) > LOG_LIMIT:
            half = LOG_LIMIT // 2
            self.log_start += half
            del self.log[:half]

    def position(self) -> int:
        """Where the change log ends now."""
        return self.log_start + len(self.log)

    def changed_since(self, position: int) -> list[News] | None:
        """What changed since a position of the log, oldest first; None when the log does not reach back so far."""
        start = position - self.log_start
        return self.log[start:] if start >= 0 else None

    def __deepcopy__(self, memo: dict[int, Any]) -> Cache:
        other = Cache.__new__(Cache)
        memo[id(self)] = other
        infos = {name: info.clone() for name, info in self.infos.items()}
        other.infos = infos
        other.nodes = [infos[info.name] for info in self.nodes if info.name in infos and info.index >= 0]
        other.names = self.names
        other.layout = self.layout
        other.topology = self.topology
        other.images = copy.deepcopy(self.images, memo)
        other.images_version = self.images_version
        other.with_affinity = {name: infos[name] for name in self.with_affinity}
        other.with_anti_affinity = {name: infos[name] for name in self.with_anti_affinity}
        other.affinity_version = self.affinity_version
        other.terms = dict(self.terms)
        other.labelled = {
            namespace: {labels: dict(nodes) for labels, nodes in groups.items()}
            for namespace, groups in self.labelled.items()
        }
        other.assumed = dict(self.assumed)
        other.log_start = self.log_start + len(self.log)
        other.log = []
        other._where = {key: infos[info.name] for key, info in self._where.items()}
        other._zones = {zone: list(names) for zone, names in self._zones.items()}
        other._stale = self._stale
        other._versions = self._versions
        return other


def _alike(one: Node, other: Node) -> bool:
    """Whether two versions of a node differ in nothing but times."""
    a, b = one.status, other.status
    if a is not b and (
        a.allocatable != b.allocatable
        or a.images != b.images
        or a.declaredFeatures != b.declaredFeatures
        or [(c.type, c.status) for c in a.conditions] != [(c.type, c.status) for c in b.conditions]
    ):
        return False
    before, after = one.metadata, other.metadata
    return one.spec == other.spec and before.labels == after.labels and before.annotations == after.annotations


def _asks_the_same(one: Pod, other: Pod) -> bool:
    a, b = one.spec, other.spec
    if a is not b and not (
        a.containers is b.containers
        and a.initContainers is b.initContainers
        and a.affinity is b.affinity
        and a.volumes is b.volumes
        and a.resources is b.resources
    ):
        return False
    if one.status.containerStatuses is other.status.containerStatuses and (
        one.status.initContainerStatuses is other.status.initContainerStatuses
    ):
        return True
    before, after = pod_requests(one), pod_requests(other)
    return before is after or before.items() == after.items()

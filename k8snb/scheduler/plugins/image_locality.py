"""ImageLocality: prefers nodes that already have the pod's images, the larger the better."""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.types.core_v1 import Pod
from k8snb.scheduler.framework import MAX_NODE_SCORE, CycleState, Handle, Reads, ScorePlugin
from k8snb.scheduler.nodeinfo import NodeInfo, image_name

MEBIBYTE = 1024 * 1024
MIN_THRESHOLD = 23 * MEBIBYTE
"""Images that add up to less count nothing, in bytes."""
MAX_CONTAINER_THRESHOLD = 1000 * MEBIBYTE
"""Bytes per container that give the full score."""


class ImageLocality(ScorePlugin):
    """Scales the size of each image by the share of nodes that have it, so that few nodes are not overrun."""

    name = "ImageLocality"
    score_reads = Reads.CLUSTER

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def score(self, state: CycleState, pod: Pod, node: NodeInfo) -> int:
        """0 to 100 by the scaled size of the pod's images on the node."""
        return self.score_of(pod, (name for name in pod_images(pod) if name in node.images))

    def score_of(self, pod: Pod, present: Iterable[str]) -> int:
        """The score of a node that has these of the pod's images (repeated as often as the pod uses them)."""
        cache = self.handle.cache
        total = len(cache.nodes)
        size = 0
        for name in present:
            state = cache.images[name]
            size += int(state.size * (len(state.nodes) / total))
        containers = len(pod.spec.containers) + len(pod.spec.initContainers)
        most = MAX_CONTAINER_THRESHOLD * containers
        size = min(max(size, MIN_THRESHOLD), most)
        return MAX_NODE_SCORE * (size - MIN_THRESHOLD) // (most - MIN_THRESHOLD)


def pod_images(pod: Pod) -> tuple[str, ...]:
    """The images of a pod's containers and image volumes, with tags, in order."""
    spec = pod.spec
    names = [container.image or "" for container in (*spec.initContainers, *spec.containers)]
    names += [volume.image.reference or "" for volume in spec.volumes if volume.image is not None]
    return tuple(image_name(name) for name in names)

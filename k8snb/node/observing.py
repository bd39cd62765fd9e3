"""What a kubelet does when the API has a new version of a pod, or of something that the pod mounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from k8snb.api.types.core_v1 import Container as Spec
from k8snb.api.types.core_v1 import Pod
from k8snb.node import starting, stopping
from k8snb.node.constants import SYNC_FREQUENCY
from k8snb.node.container import EPHEMERAL, RUNNING, Container

if TYPE_CHECKING:
    from k8snb.node.pod import PodWorker
    from k8snb.node.world import World


def observe(worker: PodWorker, pod: Pod, now: float, world: World) -> None:
    """The API has a new version of the pod: it may have to stop, its conditions may be disputed."""
    old = worker.pod
    worker.pod = pod
    meta = pod.metadata
    if meta.deletionTimestamp is not None and not worker.final:
        stopping.deleted(worker, float(meta.deletionGracePeriodSeconds or 0), now, world)
    if pod.status is not old.status:
        worker.note()
    if pod.spec is not old.spec:
        _respecify(worker, pod, old, now, world)
    if worker.stores is not None and (
        meta.labels != old.metadata.labels or meta.annotations != old.metadata.annotations
    ):
        plan_refresh(worker, now)


def debug(worker: PodWorker, pod: Pod) -> None:
    """Take in ephemeral containers that were added for debugging."""
    names = [b.name for b in worker.containers]
    for extra in pod.spec.ephemeralContainers:
        if extra.name in names:
            continue
        fields = {k: v for k, v in asdict(extra).items() if k != "targetContainerName"}
        worker.containers.append(Container(worker, Spec(**fields), EPHEMERAL))


def _respecify(worker: PodWorker, pod: Pod, old: Pod, now: float, world: World) -> None:
    """The few parts of a pod's spec that may change: images, resources, the deadline, containers for debugging."""
    known = {c.name: c for c in (*pod.spec.initContainers, *pod.spec.containers)}
    for box in worker.containers:
        spec = known.get(box.name)
        if spec is None or spec is box.spec:
            continue
        image = box.spec.image
        box.spec = spec
        box.touch()
        if spec.image != image and box.state == RUNNING and not worker.stopping:
            message = f"Container {box.name} definition changed, will be restarted"
            seconds = pod.spec.terminationGracePeriodSeconds
            stopping.kill(worker, box, now, 30.0 if seconds is None else float(seconds), message, world, restart=True)
        elif spec.image != image:
            box.retry_at = None
            worker.look(now)
        elif box.state == RUNNING:
            starting.watch_memory(box, now)
    if pod.spec.ephemeralContainers and not worker.stopping:
        debug(worker, pod)
    seconds = pod.spec.activeDeadlineSeconds
    if seconds != old.spec.activeDeadlineSeconds and seconds is not None and not worker.stopping:
        worker.deadline = max(now, worker.admitted + seconds)
    worker.look(now)


def plan_refresh(worker: PodWorker, now: float) -> None:
    """Mounted contents have changed at their source: the next regular sync of the pod brings them in."""
    ticks = math.floor((now - worker.admitted) / SYNC_FREQUENCY) + 1
    at = worker.admitted + ticks * SYNC_FREQUENCY
    if worker.refresh_at is None or at < worker.refresh_at:
        worker.refresh_at = at

"""Why is a pod in its state? Pending, starting, waiting, crashing, not ready, terminating: the first thing that stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8snb.api.types.core_v1 import ContainerStatus, Event, Pod
from k8snb.controllers.owners import controller_of
from k8snb.explain.budget import evictable
from k8snb.explain.fact import Fact
from k8snb.explain.scheduling_text import first_remedy
from k8snb.explain.storage import unbound
from k8snb.world import World

IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
CONFIG_REASONS = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


def explain_pod(world: World, pod: Pod) -> list[Fact]:
    """The facts of a pod's state, the decisive one marked as a problem, followed by what would help."""
    facts = [*_placed(world, pod), *_owned(world, pod)]
    if pod.metadata.deletionTimestamp:
        facts.append(
            Fact(
                "pod.terminating",
                {"since": pod.metadata.deletionTimestamp, "grace": pod.metadata.deletionGracePeriodSeconds},
            )
        )
        if pod.metadata.finalizers:
            facts.append(Fact("pod.finalizers", {"finalizers": ", ".join(pod.metadata.finalizers)}, "problem"))
    if not pod.spec.nodeName:
        return [*facts, *_unscheduled(world, pod), *unbound(world, pod)]
    facts.extend(_node_trouble(world, pod))
    if pod.status.phase in ("Succeeded", "Failed"):
        return [*facts, *_finished(pod)]
    statuses = [*pod.status.initContainerStatuses, *pod.status.containerStatuses]
    if not statuses:
        return [*facts, Fact("pod.accepted", {"node": pod.spec.nodeName})]
    for status in statuses:
        facts.extend(_container(world, pod, status))
    facts.extend(_ready(pod))
    facts.extend(evictable(world, pod))
    return facts


def _placed(world: World, pod: Pod) -> Iterator[Fact]:
    key = world.scheme.of(Pod).key(pod.metadata.namespace or "", pod.metadata.name or "")
    for change in world.history.of(key):
        old: Any = change.previous.value if change.previous else None
        new: Any = change.value
        if new is not None and old is not None and new.spec.nodeName and not old.spec.nodeName:
            decision = world.decision(pod)
            values: dict[str, Any] = {"node": new.spec.nodeName, "actor": change.cause.actor}
            if decision is None:
                yield Fact("pod.bound", values, "cause", change.revision, change.time, change.cause.actor)
            else:
                values |= decision
                yield Fact("pod.chosen", values, "cause", change.revision, change.time, change.cause.actor)


def _owned(world: World, pod: Pod) -> Iterator[Fact]:
    """Each time that a controller let go of the Pod or adopted it, with the labels by which it decided."""
    key = world.scheme.of(Pod).key(pod.metadata.namespace or "", pod.metadata.name or "")
    for change in world.history.of(key):
        old: Any = change.previous.value if change.previous else None
        new: Any = change.value
        if new is None or old is None or new.metadata.uid != pod.metadata.uid:
            continue
        before, after = controller_of(old.metadata), controller_of(new.metadata)
        if (before is None) == (after is None):
            continue
        owner = before or after
        values = {
            "owner": f"{owner.kind} {owner.name}" if owner is not None else "",
            "actor": change.cause.actor,
            "labels": ",".join(f"{k}={v}" for k, v in new.metadata.labels.items()),
        }
        fact = "pod.released" if after is None else "pod.adopted"
        yield Fact(fact, values, "cause", change.revision, change.time, change.cause.actor)


def _unscheduled(world: World, pod: Pod) -> Iterator[Fact]:
    yield from _refused(pod)
    if pod.metadata.deletionTimestamp is None:
        yield from first_remedy(world.remedies(pod))


def _refused(pod: Pod) -> Iterator[Fact]:
    condition = next((c for c in pod.status.conditions if c.type == "PodScheduled"), None)
    if condition is None:
        yield Fact("pod.queued", {"scheduler": pod.spec.schedulerName or "default-scheduler"})
    elif condition.reason == "SchedulingGated":
        gates = ", ".join(g.name for g in pod.spec.schedulingGates)
        yield Fact("pod.gated", {"gates": gates}, "problem")
    else:
        message = condition.message or ""
        yield Fact("pod.unschedulable", {"message": message}, "problem")
        yield from _advice(message)


def _advice(message: str) -> Iterator[Fact]:
    """What a FailedScheduling message suggests; one hint for each reason that it names."""
    signs = {
        "Insufficient cpu": "hint.cpu",
        "Insufficient memory": "hint.memory",
        "Too many pods": "hint.pods",
        "untolerated taint": "hint.taint",
        "node affinity/selector": "hint.affinity",
        "free ports": "hint.ports",
        "were unschedulable": "hint.cordon",
        "no nodes available": "hint.no-nodes",
    }
    for sign, hint in signs.items():
        if sign in message:
            yield Fact(hint, {}, "hint")


def _node_trouble(world: World, pod: Pod) -> Iterator[Fact]:
    node = world.find(world.resource("nodes"), "", pod.spec.nodeName or "")
    if node is None:
        yield Fact("pod.node-gone", {"node": pod.spec.nodeName}, "problem")
        return
    ready = next((c for c in node.status.conditions if c.type == "Ready"), None)
    if ready is not None and ready.status != "True":
        yield Fact(
            "pod.node-not-ready",
            {"node": node.metadata.name, "status": ready.status, "message": ready.message},
            "problem",
        )


def _finished(pod: Pod) -> Iterator[Fact]:
    if pod.status.reason:
        yield Fact("pod.failed", {"reason": pod.status.reason, "message": pod.status.message or ""}, "problem")
        return
    for status in pod.status.containerStatuses:
        ended = status.state.terminated if status.state else None
        if ended is not None:
            tone: Any = "problem" if ended.exitCode else "state"
            yield Fact(
                "container.ended",
                {"container": status.name, "code": ended.exitCode, "reason": ended.reason or ""},
                tone,
            )


def _container(world: World, pod: Pod, status: ContainerStatus) -> Iterator[Fact]:
    waiting = status.state.waiting if status.state else None
    ended = status.state.terminated if status.state else None
    last = status.lastState.terminated if status.lastState else None
    name = status.name
    if waiting is not None:
        reason = waiting.reason or ""
        if reason in IMAGE_REASONS:
            yield Fact(
                "container.image",
                {"container": name, "image": status.image, "reason": reason, "message": waiting.message or ""},
                "problem",
            )
            yield Fact("hint.image", {"image": status.image}, "hint")
        elif reason == "CrashLoopBackOff":
            code = last.exitCode if last else 0
            why = last.reason if last else ""
            yield Fact(
                "container.crashloop",
                {"container": name, "restarts": status.restartCount, "code": code, "reason": why or "Error"},
                "problem",
            )
            yield from _killed(world, pod, name)
            yield Fact(
                "hint.oom" if why == "OOMKilled" else "hint.logs", {"pod": pod.metadata.name, "container": name}, "hint"
            )
        elif reason in CONFIG_REASONS:
            yield Fact("container.config", {"container": name, "message": waiting.message or reason}, "problem")
        elif reason == "PodInitializing":
            yield Fact("container.after-init", {"container": name})
        else:
            yield Fact("container.creating", {"container": name})
            yield from _mounts(world, pod)
    elif ended is not None:
        tone: Any = "problem" if ended.exitCode else "state"
        yield Fact("container.ended", {"container": name, "code": ended.exitCode, "reason": ended.reason or ""}, tone)
    elif status.state is not None and status.state.running is not None:
        yield Fact("container.running", {"container": name, "since": status.state.running.startedAt or ""})
        if status.restartCount and last is not None:
            yield Fact(
                "container.restarted",
                {
                    "container": name,
                    "restarts": status.restartCount,
                    "code": last.exitCode,
                    "reason": last.reason or "Error",
                },
            )
            yield from _killed(world, pod, name)
        if not status.ready:
            yield from _unready(world, pod, status)


def _events(world: World, pod: Pod, reason: str) -> list[Event]:
    uid = pod.metadata.uid
    return [e for e in world.of(Event, pod.metadata.namespace) if e.involvedObject.uid == uid and e.reason == reason]


def _about(event: Event, container: str) -> bool:
    path = event.involvedObject.fieldPath or ""
    return not path or f"{{{container}}}" in path


def _unready(world: World, pod: Pod, status: ContainerStatus) -> Iterator[Fact]:
    failed = [e for e in _events(world, pod, "Unhealthy") if _about(e, status.name)]
    if failed:
        last = failed[-1]
        yield Fact(
            "container.unhealthy",
            {"container": status.name, "message": last.message, "count": last.count or 1},
            "problem",
        )
        yield Fact("hint.probe", {"container": status.name}, "hint")
    else:
        yield Fact("container.unready", {"container": status.name})


def _killed(world: World, pod: Pod, container: str) -> Iterator[Fact]:
    for event in _events(world, pod, "Killing"):
        if _about(event, container) and "liveness" in (event.message or ""):
            yield Fact("container.killed", {"container": container, "message": event.message}, "problem")


def _mounts(world: World, pod: Pod) -> Iterator[Fact]:
    for event in _events(world, pod, "FailedMount")[-1:]:
        yield Fact("pod.mount", {"message": event.message}, "problem")


def _ready(pod: Pod) -> Iterator[Fact]:
    ready = next((c for c in pod.status.conditions if c.type == "Ready"), None)
    if ready is not None and ready.status == "True":
        yield Fact("pod.ready", {"ip": pod.status.podIP or "", "since": ready.lastTransitionTime or ""})
        return
    for gate in pod.spec.readinessGates:
        state = next((c.status for c in pod.status.conditions if c.type == gate.conditionType), "False")
        if state != "True":
            yield Fact("pod.gate", {"gate": gate.conditionType}, "problem")

"""One word for the state of a pod or a node, and the shape that stands for it: never colour alone."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from k8snb.api.types.batch_v1 import CronJob, Job
from k8snb.api.types.core_v1 import ContainerStatus, Node, Pod
from k8snb.apiserver.tables.workloads import job_status


class Look(msgspec.Struct, frozen=True):
    """How a state is shown: a sign that reads without colour, a fill and an ink (Okabe-Ito palette, safe for colour-blind readers)."""

    sign: str
    fill: str
    ink: str


LOOKS: Mapping[str, Look] = {
    "ready": Look("●", "#d5f0e3", "#00694f"),
    "running": Look("◐", "#dcebf7", "#00527f"),
    "pending": Look("○", "#fff3cf", "#7a5b00"),
    "starting": Look("◔", "#fff3cf", "#7a5b00"),
    "problem": Look("✗", "#fbe0d3", "#a33b00"),
    "terminating": Look("▽", "#eceff1", "#46545c"),
    "done": Look("✓", "#eceff1", "#37474f"),
    "unknown": Look("?", "#f3e3ee", "#8a3a6b"),
}
"""States: ready and running (not ready), pending (no node), starting, problem, terminating, done, unknown (its node is silent)."""

PROBLEMS = ("ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError",
            "RunContainerError", "InvalidImageName", "ErrImageNeverPull")  # fmt: skip


def container_state(status: ContainerStatus | None) -> tuple[str, str]:
    """(state, reason) of a container; waiting without a status counts as starting."""
    if status is None or status.state is None:
        return "starting", ""
    state = status.state
    if state.running is not None:
        return ("ready" if status.ready else "running"), ""
    if state.terminated is not None:
        reason = state.terminated.reason or ""
        return ("problem" if state.terminated.exitCode else "done"), reason
    reason = (state.waiting.reason if state.waiting is not None else None) or ""
    return ("problem" if reason in PROBLEMS else "starting"), reason


def pod_state(pod: Pod) -> tuple[str, str]:
    """(state, word): the state that decides the shape, and the word that ``kubectl get pods`` shows as STATUS."""
    status = pod.status
    if pod.metadata.deletionTimestamp:
        return ("unknown", "Unknown") if status.reason == "NodeLost" else ("terminating", "Terminating")
    word = status.reason or status.phase or "Pending"
    if status.phase == "Succeeded":
        return "done", "Completed"
    if status.phase == "Failed":
        return "problem", status.reason or "Error"
    if not pod.spec.nodeName:
        unschedulable = any(c.type == "PodScheduled" and c.reason == "Unschedulable" for c in status.conditions)
        return ("problem" if unschedulable else "pending"), "Pending"
    states = []
    for container in (*status.initContainerStatuses, *status.containerStatuses):
        state, reason = container_state(container)
        if state == "problem" or (state == "starting" and reason):
            return state, reason
        states.append(state)
    if status.phase != "Running" or not states:
        return "starting", "ContainerCreating" if word == "Pending" else word
    ready = any(c.type == "Ready" and c.status == "True" for c in status.conditions)
    return ("ready" if ready else "running"), "Running"


JOB_STATES: Mapping[str, str] = {
    "Complete": "done",
    "Failed": "problem",
    "FailureTarget": "problem",
    "SuccessCriteriaMet": "done",
    "Suspended": "pending",
    "Terminating": "terminating",
    "Running": "running",
}
"""STATUS of a Job, as ``kubectl get jobs`` shows it -> state."""


def job_state(job: Job) -> tuple[str, str]:
    """(state, word) of a Job: the word is its STATUS and how many of its completions it has (a work queue needs one)."""
    status = job_status(job)
    wanted = 1 if job.spec.completions is None else job.spec.completions
    return JOB_STATES[status], f"{status} {job.status.succeeded or 0}/{wanted}"


def cronjob_state(cronjob: CronJob) -> tuple[str, str]:
    """(state, word) of a CronJob: pending while suspended, running while a Job of it is; the word is its schedule."""
    state = "pending" if cronjob.spec.suspend else "running" if cronjob.status.active else "ready"
    return state, cronjob.spec.schedule


def node_state(node: Node) -> tuple[str, str]:
    """(state, word) of a node, the word as ``kubectl get nodes`` shows it."""
    ready = next((c for c in node.status.conditions if c.type == "Ready"), None)
    word = "Unknown" if ready is None else {"True": "Ready", "False": "NotReady"}.get(ready.status, "NotReady")
    state = "ready" if word == "Ready" else ("unknown" if ready is None or ready.status == "Unknown" else "problem")
    return state, f"{word},SchedulingDisabled" if node.spec.unschedulable else word

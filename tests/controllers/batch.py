"""Builders of Jobs, their pods and CronJobs, and a hand that drives one reconcile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from k8snb.api.codec import from_dict
from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.batch_v1 import CronJob, CronJobStatus, Job, JobStatus
from k8snb.api.types.core_v1 import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    Pod,
    PodCondition,
    PodStatus,
)
from k8snb.client.calls import Call, Create, Delete, Emit, Get, Outcome, Patch, UpdateStatus
from k8snb.client.protocol import After, Controller
from k8snb.client.testing import drive, static_view
from k8snb.controllers.job import names
from k8snb.sim.clock import rfc3339
from tests.controllers.build import meta, ref

UID = FrozenDict({"batch.kubernetes.io/controller-uid": "uid-job"})
OURS = ref("Job", "job", "batch/v1")
SHELL = {"name": "c", "image": "busybox", "command": ["sh", "-c", "exit 0"]}


def job(status: JobStatus | None = None, restart: str = "Never", template: Any = None, **spec: Any) -> Job:
    """A Job ``job`` as it is stored: with its selector and all defaults; one completion unless told otherwise."""
    given = {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "podReplacementPolicy": "TerminatingOrFailed",
        **spec,
        "selector": {"matchLabels": dict(UID)},
        "template": {
            "metadata": {"labels": dict(UID)},
            "spec": {"restartPolicy": restart, "containers": [SHELL], **(template or {})},
        },
    }
    read = from_dict(Job, {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": given})
    return Job(metadata=meta("job", generation=1), spec=read.spec, status=status or JobStatus())


def started(**fields: Any) -> JobStatus:
    """The status of a Job that was started at second 0."""
    return JobStatus(startTime=rfc3339(0.0), ready=0, terminating=0, **fields)


def member(
    name: str,
    phase: str = "Running",
    *,
    index: int | None = None,
    code: int | None = None,
    ended: float = 0.0,
    tracked: bool = True,
    deleted: bool = False,
    ready: bool = False,
    restarts: int = 0,
    annotations: dict[str, str] | None = None,
    conditions: Iterable[str] = (),
    created: float = 0.0,
    container: str = "c",
) -> Pod:
    """A pod of the Job; ``code`` is its container's exit code, ``ended`` the second at which it finished."""
    notes = dict(annotations or {})
    if index is not None:
        notes[names.INDEX] = str(index)
    finished = phase in ("Succeeded", "Failed")
    state = ContainerState()
    if finished:
        code = code if code is not None else (0 if phase == "Succeeded" else 1)
        state = ContainerState(terminated=ContainerStateTerminated(exitCode=code, finishedAt=rfc3339(ended)))
    found = [PodCondition(type=kind, status="True") for kind in conditions]
    if ready:
        found.append(PodCondition(type="Ready", status="True", lastTransitionTime=rfc3339(0.0)))
    status = ContainerStatus(
        name=container, image="busybox", imageID="", state=state, ready=ready, restartCount=restarts
    )
    info = meta(
        name,
        owner=OURS,
        created=created,
        labels=UID,
        annotations=FrozenDict(notes),
        finalizers=(names.FINALIZER,) if tracked else (),
        **({"deletionTimestamp": rfc3339(0.0), "deletionGracePeriodSeconds": 0} if deleted else {}),
    )
    return Pod(metadata=info, status=PodStatus(phase=phase, conditions=tuple(found), containerStatuses=(status,)))


class Run:
    """One reconcile driven by hand: its calls, the answer it ended with, and the reason of its error ("" without one)."""

    def __init__(
        self,
        controller: Controller,
        key: str,
        objects: Iterable[Object],
        now: float,
        answer: Callable[[Call], Outcome] | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.after: After | None = None
        self.error = ""
        known = {(type(obj), obj.metadata.name): obj for obj in objects}

        def note(call: Call) -> Outcome:
            self.calls.append(call)
            given = answer(call) if answer is not None else None
            if given is not None:
                return given
            if isinstance(call, Get) and isinstance(call.kind, type):
                return known.get((call.kind, call.name)) or APIError(404, "NotFound", f"{call.name} not found")
            return getattr(call, "obj", None)

        try:
            _, self.after = drive(controller, key, static_view(known.values(), now), note)
        except APIError as error:
            self.error = error.reason

    def made(self) -> list[Any]:
        """The objects that it created."""
        return [call.obj for call in self.calls if isinstance(call, Create)]

    def named(self, kind: type[Call]) -> list[str]:
        """The names of the objects of its calls of one sort."""
        return [call.name for call in self.calls if isinstance(call, Patch | Delete) and type(call) is kind]

    def deleted(self) -> list[str]:
        """What it deleted."""
        return self.named(Delete)

    def statuses(self) -> list[Any]:
        """The statuses that it wrote, in order."""
        return [call.obj.status for call in self.calls if isinstance(call, UpdateStatus)]  # type: ignore[attr-defined]

    def events(self) -> list[tuple[str, str]]:
        """Reason and message of the events that it told."""
        return [(call.reason, call.message) for call in self.calls if isinstance(call, Emit)]


def cronjob(status: CronJobStatus | None = None, created: float = 0.0, **spec: Any) -> CronJob:
    """A CronJob ``tick`` that starts a Job every minute unless told otherwise."""
    given = {
        "schedule": "* * * * *",
        "concurrencyPolicy": "Allow",
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [SHELL]}}}},
        **spec,
    }
    read = from_dict(
        CronJob, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": given}
    )
    return CronJob(
        metadata=meta("tick", generation=1, created=created), spec=read.spec, status=status or CronJobStatus()
    )


def manifest(script: str, restart: str = "Never", name: str = "job", **spec: Any) -> dict[str, Any]:
    """The manifest of a Job whose pods run a script."""
    container = {"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    template = {"spec": {"restartPolicy": restart, "terminationGracePeriodSeconds": 3, "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {**spec, "template": template},
    }


def cron(schedule: str, script: str, **spec: Any) -> dict[str, Any]:
    """The manifest of a CronJob ``tick``."""
    job = manifest(script)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": job["spec"]}, **spec},
    }

"""One reconcile of a CronJob, driven by hand: which start is due, what the policies make of it, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.cron import CronError
from k8snb.api.errors import APIError, Cause, Details
from k8snb.api.frozen import FrozenDict
from k8snb.api.types.batch_v1 import CronJob, CronJobStatus, Job, JobCondition, JobStatus
from k8snb.api.types.core_v1 import ObjectReference
from k8snb.client.calls import Call, Create, Delete, Get, Outcome
from k8snb.client.protocol import Later
from k8snb.client.testing import static_view
from k8snb.cluster import Cluster
from k8snb.controllers.cronjob import CronJobController
from k8snb.controllers.cronjob.controller import SCHEDULED, _cronjob_keys, _job_keys
from k8snb.controllers.cronjob.schedule import Timetable, job_name
from k8snb.sim.clock import rfc3339
from tests.controllers.batch import Run, cron, cronjob
from tests.controllers.build import meta, ref

OURS = ref("CronJob", "tick", "batch/v1")
REFUSED = APIError(403, "Forbidden", "no")
GONE = APIError(404, "NotFound", "gone")


def run(given: CronJob, *jobs: Job, now: float = 61.0, answer: Callable[[Call], Outcome] | None = None) -> Run:
    return Run(CronJobController(), "default/tick", [given, *jobs], now, answer)


def child(name: str, end: str = "", started: float = 0.0, owned: bool = True) -> Job:
    """A Job of the CronJob that has ended so, or still runs."""
    conditions = (JobCondition(type=end, status="True"),) if end else ()
    finished = rfc3339(started + 5) if end == "Complete" else None
    status = JobStatus(conditions=conditions, startTime=rfc3339(started), completionTime=finished)
    return Job(metadata=meta(name, owner=OURS if owned else None), status=status)


def active(*names: str, last: float | None = None) -> CronJobStatus:
    refs = tuple(ObjectReference(kind="Job", name=n, namespace="default", uid=f"uid-{n}") for n in names)
    return CronJobStatus(active=refs, lastScheduleTime=rfc3339(last) if last is not None else None)


MINUTES = 29453760  # since 1970, at second 0 of simulated time


# fields of the spec, created, last schedule time, now -> latest due, missed, something is wrong
DUE: dict[str, tuple[dict[str, Any], float, float | None, float, float | None, int, bool]] = {
    "not yet": ({}, 0.0, None, 59.0, None, 0, False),
    "just": ({}, 0.0, None, 60.0, 60.0, 0, False),
    "late": ({}, 0.0, None, 119.0, 60.0, 0, False),
    "since the last start": ({}, 0.0, 60.0, 119.0, None, 0, False),
    "several missed": ({}, 0.0, None, 310.0, 300.0, 5, False),
    "many missed": ({}, 0.0, None, 60.0 * 150, 9000.0, 150, False),
    "only the deadline's worth": ({"startingDeadlineSeconds": 70}, 0.0, None, 310.0, 300.0, 0, False),
    "nothing within the deadline": ({"startingDeadlineSeconds": 5}, 0.0, None, 310.0, None, 0, False),
    "never": ({"schedule": "59 23 31 2 *"}, 0.0, None, 310.0, None, 0, True),
    "every so often from the creation on": ({"schedule": "@every 90s"}, 10.0, None, 400.0, 370.0, 4, False),
    "in a time zone": ({"schedule": "0 9 * * *", "timeZone": "Asia/Shanghai"}, 0.0, None, 3700.0, 3600.0, 0, False),
}


@pytest.mark.parametrize("name", DUE)
def test_what_is_due(name: str) -> None:
    spec, created, last, now, latest, missed, wrong = DUE[name]
    due = Timetable(cronjob(active(last=last), created, **spec)).due(now)

    assert (due.latest, due.missed, due.complaint is not None) == (latest, missed, wrong)


@pytest.mark.parametrize(
    ("spec", "last", "now", "wait"),
    [
        ({}, None, 10.0, 50.1),
        ({}, 60.0, 61.0, 59.1),
        ({}, None, 310.0, 50.1),
        ({"schedule": "59 23 31 2 *"}, None, 10.0, 0.0),
    ],
)
def test_when_to_look_again(spec: dict[str, Any], last: float | None, now: float, wait: float) -> None:
    assert Timetable(cronjob(active(last=last), **spec)).wait(now) == pytest.approx(wait)


def test_what_is_no_schedule() -> None:
    with pytest.raises(CronError, match="expected exactly 5 fields"):
        Timetable(cronjob(schedule="* * *"))
    with pytest.raises(CronError, match="unknown time zone Mars/Olympus"):
        Timetable(cronjob(timeZone="Mars/Olympus"))


# the CronJob, its Jobs, now -> Jobs created, deleted, the reasons of the events
STARTS: dict[str, tuple[CronJob, list[Job], float, list[str], list[str], list[str]]] = {
    "not yet": (cronjob(), [], 30.0, [], [], []),
    "due": (cronjob(), [], 60.1, [f"tick-{MINUTES + 1}"], [], ["SuccessfulCreate"]),
    "only the latest": (cronjob(), [], 310.0, [f"tick-{MINUTES + 5}"], [], ["SuccessfulCreate"]),
    "too many missed": (
        cronjob(), [], 60.0 * 150, [f"tick-{MINUTES + 150}"], [], ["TooManyMissedTimes", "SuccessfulCreate"],
    ),
    "suspended": (cronjob(suspend=True), [], 61.0, [], [], []),
    "too late": (cronjob(startingDeadlineSeconds=30), [], 100.0, [], [], []),
    "never": (cronjob(schedule="59 23 31 2 *"), [], 61.0, [], [], ["InvalidSchedule"]),
    "unreadable": (cronjob(schedule="* * *"), [], 61.0, [], [], ["UnparseableSchedule"]),
    "in no time zone": (cronjob(timeZone="Mars/Olympus"), [], 61.0, [], [], ["UnknownTimeZone"]),
    "a time zone in the schedule": (
        cronjob(schedule="TZ=UTC * * * * *"), [], 61.0, [f"tick-{MINUTES + 1}"], [], ["UnsupportedSchedule", "SuccessfulCreate"],
    ),
    "started already": (cronjob(active(last=60.0)), [], 61.0, [], [], []),
    "listed already": (cronjob(active(f"tick-{MINUTES + 1}")), [child(f"tick-{MINUTES + 1}")], 61.0, [], [], []),
    "allow": (
        cronjob(active("old")), [child("old")], 61.0, [f"tick-{MINUTES + 1}"], [], ["SuccessfulCreate"],
    ),
    "forbid": (cronjob(active("old"), concurrencyPolicy="Forbid"), [child("old")], 61.0, [], [], ["JobAlreadyActive"]),
    "replace": (
        cronjob(active("old"), concurrencyPolicy="Replace"), [child("old")], 61.0, [f"tick-{MINUTES + 1}"], ["old"],
        ["SuccessfulDelete", "SuccessfulCreate"],
    ),
    "forbid after the end": (
        cronjob(active("old"), concurrencyPolicy="Forbid"), [child("old", "Failed")], 61.0, [f"tick-{MINUTES + 1}"], [],
        ["SawCompletedJob", "SuccessfulCreate"],
    ),
    "history": (
        cronjob(successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0, suspend=True),
        [child("c", "Complete", 30.0), child("a", "Complete", 10.0), child("b", "Complete", 10.0), child("f", "Failed")],
        61.0, [], ["a", "b", "f"], ["SuccessfulDelete"] * 3,
    ),
    "no limits": (
        cronjob(successfulJobsHistoryLimit=None, failedJobsHistoryLimit=None, suspend=True),
        [child("a", "Complete"), child("b", "Failed")], 61.0, [], [], [],
    ),
    "a forgotten job": (cronjob(suspend=True), [child("x")], 61.0, [], [], ["UnexpectedJob"]),
    "a missing job": (cronjob(active("x"), suspend=True), [], 61.0, [], [], ["MissingJob"]),
    "being deleted": (
        replace(cronjob(), metadata=replace(cronjob().metadata, deletionTimestamp=rfc3339(0.0))), [], 61.0, [], [], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_starts(name: str) -> None:
    given, jobs, now, created, deleted, reasons = STARTS[name]
    seen = run(given, *jobs, now=now)

    assert [job.metadata.name for job in seen.made()] == created
    assert seen.deleted() == deleted
    assert [reason for reason, _ in seen.events()] == reasons


def test_a_start_that_is_too_late_waits_for_the_next_one() -> None:
    in_time = run(cronjob(startingDeadlineSeconds=10), now=69.5)
    late = run(cronjob(startingDeadlineSeconds=10), now=70.5)

    assert len(in_time.made()) == 1
    assert late.made() == []
    assert late.after is not None
    assert late.after.seconds == pytest.approx(49.6)


def test_the_job_that_is_made() -> None:
    given = cronjob(
        timeZone="Asia/Shanghai",
        jobTemplate={
            "metadata": {"labels": {"a": "b"}, "annotations": {"n": "1"}},
            "spec": {"backoffLimit": 2, "template": {"spec": {"restartPolicy": "Never", "containers": []}}},
        },
    )
    seen = run(given)
    (made,) = seen.made()
    (status,) = seen.statuses()

    assert dict(made.metadata.labels) == {"a": "b"}
    assert dict(made.metadata.annotations) == {"n": "1", SCHEDULED: "2026-01-01T08:01:00+08:00"}
    assert made.metadata.ownerReferences == (OURS,)
    assert made.spec.backoffLimit == 2
    assert status.lastScheduleTime == rfc3339(60.0)
    assert [(found.kind, found.name) for found in status.active] == [("Job", made.metadata.name)]
    assert seen.after is not None
    assert seen.after.seconds == pytest.approx(59.1)
    assert seen.after.background


def test_utc_is_written_with_z() -> None:
    (made,) = run(cronjob()).made()

    assert made.metadata.annotations[SCHEDULED] == "2026-01-01T00:01:00Z"
    assert made.metadata.name == job_name(cronjob(), 60.0) == f"tick-{MINUTES + 1}"


def test_finished_jobs_leave_the_list_and_the_last_success_is_kept() -> None:
    seen = run(cronjob(active("a", "b"), suspend=True), child("a", "Complete", 20.0), child("b", "Failed", 30.0))
    (status,) = seen.statuses()

    assert status == CronJobStatus(lastSuccessfulTime=rfc3339(25.0))
    assert seen.events() == [
        ("SawCompletedJob", "Saw completed job: a, condition: Complete"),
        ("SawCompletedJob", "Saw completed job: b, condition: Failed"),
    ]


def test_an_older_success_changes_nothing() -> None:
    status = CronJobStatus(lastSuccessfulTime=rfc3339(100.0))

    assert run(cronjob(status, suspend=True), child("a", "Complete", 20.0)).statuses() == []


def test_a_job_that_only_our_copy_does_not_list_is_no_surprise() -> None:
    fresh = cronjob(active("x"), suspend=True)

    def answer(call: Call) -> Outcome:
        return fresh if isinstance(call, Get) and call.kind is CronJob else None

    assert run(cronjob(suspend=True), child("x"), answer=answer).events() == []


NAME = f"tick-{MINUTES + 1}"

# the CronJob, its Jobs, the call and its answer -> the reason of the error, the reasons of the events
ANSWERS: dict[str, tuple[CronJob, list[Job], type[Call], Outcome, str, list[str]]] = {
    "creation refused": (cronjob(), [], Create, REFUSED, "Forbidden", ["FailedCreate"]),
    "namespace terminating": (
        cronjob(), [], Create, APIError(403, "Forbidden", "x", Details(causes=(Cause(reason="NamespaceTerminating"),))),
        "Forbidden", [],
    ),
    "deletion refused": (
        cronjob(active("old"), concurrencyPolicy="Replace"), [child("old")], Delete, REFUSED, "Forbidden",
        ["FailedDelete"],
    ),
    "the job to replace is unreadable": (
        cronjob(active("old"), concurrencyPolicy="Replace"), [child("old")], Get, REFUSED, "Forbidden", ["FailedGet"],
    ),
    "history refused": (
        cronjob(suspend=True, failedJobsHistoryLimit=0), [child("f", "Failed")], Delete, REFUSED, "", ["FailedDelete"],
    ),
    "a list entry cannot be checked": (cronjob(active("x"), suspend=True), [], Get, REFUSED, "Forbidden", []),
    "an owner that cannot be read": (cronjob(suspend=True), [child("x")], Get, REFUSED, "Forbidden", []),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_refusals(name: str) -> None:
    given, jobs, kind, outcome, error, reasons = ANSWERS[name]
    seen = run(given, *jobs, answer=lambda call: outcome if type(call) is kind else None)

    assert seen.error == error
    assert [reason for reason, _ in seen.events()] == reasons
    assert seen.statuses() == []


# the Job of that name that is there -> whether it is listed as active
EXISTING: dict[str, tuple[Job | None, bool]] = {
    "made before a crash": (child(NAME), True),
    "somebody else's": (child(NAME, owned=False), False),
}


@pytest.mark.parametrize("name", EXISTING)
def test_a_job_of_that_name_is_there(name: str) -> None:
    there, listed = EXISTING[name]

    def answer(call: Call) -> Outcome:
        if isinstance(call, Create):
            return APIError(409, "AlreadyExists", "there")
        return there if isinstance(call, Get) and call.kind is Job else None

    seen = run(cronjob(), answer=answer)

    assert [ref.name for status in seen.statuses() for ref in status.active] == ([NAME] if listed else [])
    assert seen.events() == []


def test_a_changed_schedule_waits_for_its_next_time() -> None:
    view = static_view([], now=90.0)
    (key,) = _cronjob_keys(cronjob(), cronjob(schedule="*/5 * * * *"), view)

    assert isinstance(key, Later)
    assert (str(key), key.background) == ("default/tick", True)
    assert key.seconds == pytest.approx(210.1)
    assert list(_cronjob_keys(cronjob(), cronjob(schedule="x"), view)) == []
    assert list(_cronjob_keys(cronjob(), cronjob(suspend=True), view)) == ["default/tick"]
    assert list(_cronjob_keys(None, cronjob(), view)) == ["default/tick"]


def test_jobs_wake_their_cronjob_only() -> None:
    view = static_view([cronjob()])
    loose = replace(
        child("x", owned=False), metadata=replace(child("x", owned=False).metadata, labels=FrozenDict({"a": "b"}))
    )

    assert list(_job_keys(None, child("x"), view)) == ["default/tick"]
    assert list(_job_keys(child("x"), None, view)) == ["default/tick"]
    assert list(_job_keys(None, loose, view)) == []


def test_an_unknown_cronjob_is_nothing_to_do() -> None:
    assert Run(CronJobController(), "default/nobody", [], 0.0).calls == []


def test_a_settled_cluster_does_not_wait_for_the_next_start() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(cron("* * * * *", "exit 0"))

    assert cluster.settle() == 0.0
    cluster.run(180)
    assert [job.metadata.name for job in cluster.of(Job)] == [f"tick-{MINUTES + n}" for n in (1, 2, 3)]
    assert cluster.settle() <= 5.0
    assert len(cluster.of(Job)) == 3

"""The time that a finished Job is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.types.batch_v1 import Job, JobCondition, JobStatus
from k8snb.client.calls import Call, Delete, Get, Outcome
from k8snb.client.protocol import After
from k8snb.client.testing import static_view
from k8snb.controllers.ttlafterfinished import TTLAfterFinishedController, _keys
from k8snb.sim.clock import rfc3339
from tests.controllers.batch import Run, job


def done(ttl: int | None = 30, end: str = "Complete", at: float = 10.0, deleted: bool = False) -> Job:
    """A Job that ended at a second, to be kept for ``ttl`` seconds."""
    condition = JobCondition(type=end, status="True", lastTransitionTime=rfc3339(at))
    made = job(JobStatus(conditions=(condition,)), ttlSecondsAfterFinished=ttl)
    if deleted:
        made = replace(made, metadata=replace(made.metadata, deletionTimestamp=rfc3339(at)))
    return made


def run(given: Job, now: float, answer: Callable[[Call], Outcome] | None = None) -> Run:
    return Run(TTLAfterFinishedController(), "default/job", [given], now, answer)


# the Job, now -> in how many seconds to look again (None: not at all), whether it is deleted
CASES: dict[str, tuple[Job, float, float | None, bool]] = {
    "kept for a while": (done(), 25.0, 15.0, False),
    "a failed one, too": (done(end="Failed"), 25.0, 15.0, False),
    "its time is up": (done(), 40.0, None, True),
    "at once": (done(ttl=0), 10.0, None, True),
    "no limit": (done(ttl=None), 9999.0, None, False),
    "not finished": (job(ttlSecondsAfterFinished=1), 9999.0, None, False),
    "only announced": (done(end="SuccessCriteriaMet"), 9999.0, None, False),
    "being deleted": (done(deleted=True), 9999.0, None, False),
}


@pytest.mark.parametrize("name", CASES)
def test_time_to_live(name: str) -> None:
    given, now, wait, deleted = CASES[name]
    seen = run(given, now)

    assert seen.after == (After(wait) if wait is not None else None)
    assert seen.deleted() == (["job"] if deleted else [])
    assert (list(_keys(None, given, static_view([]))) == []) == (wait is None and not deleted)


def test_its_pods_go_first_and_no_other_job_of_that_name() -> None:
    (call,) = [call for call in run(done(), 40.0).calls if isinstance(call, Delete)]

    assert (call.propagation, call.uid) == ("Foreground", "uid-job")


# what the live read and the deletion answer -> the error, deletions, the next look
ANSWERS: dict[str, tuple[Outcome, Outcome, str, int, float | None]] = {
    "gone meanwhile": (APIError(404, "NotFound", ""), None, "", 0, None),
    "unreadable": (APIError(500, "InternalError", ""), None, "InternalError", 0, None),
    "kept longer meanwhile": (done(ttl=100), None, "", 0, 70.0),
    "kept for ever meanwhile": (done(ttl=None), None, "", 0, None),
    "gone before the deletion": (done(), APIError(404, "NotFound", ""), "", 1, None),
    "another one of that name": (done(), APIError(409, "Conflict", ""), "Conflict", 1, None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_latest_word_counts(name: str) -> None:
    read, deletion, error, deletions, wait = ANSWERS[name]
    seen = run(done(), 40.0, lambda call: read if isinstance(call, Get) else deletion)

    assert (seen.error, len(seen.deleted())) == (error, deletions)
    assert seen.after == (After(wait) if wait is not None else None)


def test_a_deleted_job_is_nothing_to_do() -> None:
    assert list(_keys(done(), None, static_view([]))) == []
    assert Run(TTLAfterFinishedController(), "default/nobody", [], 0.0).calls == []

"""One reconcile of a Job, driven by hand: how many pods, what becomes of them, and when it is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from k8snb.api.errors import APIError, Cause, Details
from k8snb.api.frozen import FrozenDict
from k8snb.api.request import ADMIN, Request
from k8snb.api.types.batch_v1 import Job, JobCondition, JobStatus, UncountedTerminatedPods
from k8snb.api.types.core_v1 import Event, Pod
from k8snb.client.calls import Call, Create, Delete, Outcome, Patch, UpdateStatus
from k8snb.client.protocol import Later
from k8snb.client.testing import static_view
from k8snb.cluster import Cluster
from k8snb.controllers.job import JobController, names
from k8snb.controllers.job.backoff import Record
from k8snb.controllers.job.controller import _job_keys, _pod_keys
from k8snb.sim.clock import rfc3339
from tests.controllers.batch import OURS, Run, job, manifest, member, started

NOW = 1000.0
REFUSED = APIError(403, "Forbidden", "no")
FAILURE = JobCondition(type="FailureTarget", status="True", reason="DeadlineExceeded", message="m")
SUCCESS = JobCondition(type="SuccessCriteriaMet", status="True", reason="CompletionsReached", message="m")


def run(given: Job, *pods: Pod, now: float = NOW, answer: Callable[[Call], Outcome] | None = None) -> Run:
    return Run(JobController(), "default/job", [given, *pods], now, answer)


def indexed(**spec: Any) -> Job:
    return job(**{"completions": 5, "parallelism": 3, "completionMode": "Indexed", **spec})


ON_DISRUPTION = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}
ON_42 = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}

# job, pods, how many it creates (indexes for Indexed Jobs), which it deletes
NUMBERS: dict[str, tuple[Job, list[Pod], list[int | None], list[str]]] = {
    "a new job": (job(completions=5, parallelism=2), [], [None] * 2, []),
    "never more than is left": (job(completions=5, parallelism=3, status=started(succeeded=4)), [], [None], []),
    "those that run are enough": (job(completions=2, parallelism=2), [member("a"), member("b")], [], []),
    "a work queue": (job(completions=None, parallelism=3), [member("a")], [None] * 2, []),
    "a work queue after a success": (
        job(completions=None, parallelism=3), [member("a"), member("b", "Succeeded")], [], [],
    ),
    "too many": (
        job(completions=9, parallelism=1), [member("ready", ready=True), member("pending", "Pending"), member("b")],
        [], ["pending", "b"],
    ),
    "no parallelism": (job(completions=9, parallelism=0), [member("a")], [], ["a"]),
    "suspended": (job(completions=2, parallelism=2, suspend=True), [member("a"), member("b", "Pending")], [], ["b", "a"]),
    "suspended from the beginning": (job(suspend=True), [], [], []),
    "a terminating pod is replaced": (job(), [member("a", deleted=True, tracked=False)], [None], []),
    "or only when it has failed": (
        job(podReplacementPolicy="Failed"), [member("a", deleted=True)], [], [],
    ),
    "the first indexes": (indexed(), [], [0, 1, 2], []),
    "indexes without a pod": (
        indexed(status=started(completedIndexes="0,2", succeeded=2)), [member("p", index=1)], [3, 4], [],
    ),
    "the same index twice": (
        indexed(), [member("old", index=0, ready=True), member("new", "Pending", index=0)], [], ["new"],
    ),
    "indexes that the job does not have": (
        indexed(completions=2), [member("p", index=7), member("none")], [], ["none", "p"],
    ),
    "indexes that are terminating wait": (
        indexed(podReplacementPolicy="Failed", parallelism=3), [member("p", index=0, deleted=True)], [1, 2], [],
    ),
    "indexes that have failed stay": (
        indexed(backoffLimitPerIndex=0, backoffLimit=99, status=started(failedIndexes="0-1")), [], [2, 3, 4], [],
    ),
    "indexes that have succeeded count": (
        indexed(completions=2, parallelism=2), [member("p", "Succeeded", index=0)], [1], [],
    ),
    "somebody else's job": (job(managedBy="example.com/other"), [], [], []),
    "managed by this controller": (job(managedBy=names.MANAGER), [], [None], []),
    "finished": (
        job(status=started(conditions=(JobCondition(type="Complete", status="True"),))), [member("a")], [], [],
    ),
    "being deleted": (
        replace(job(), metadata=replace(job().metadata, deletionTimestamp=rfc3339(0.0))), [], [], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_how_many_pods(name: str) -> None:
    given, pods, created, deleted = NUMBERS[name]
    seen = run(given, *pods)
    indexes = [pod.metadata.annotations.get(names.INDEX) for pod in seen.made()]

    assert [None if index is None else int(index) for index in indexes] == created
    assert seen.deleted() == deleted
    assert seen.error == ""


# job, pods, the condition that ends it (type, reason) or None, pods deleted because of it
ENDS: dict[str, tuple[Job, list[Pod], tuple[str, str] | None, list[str]]] = {
    "enough have succeeded": (
        job(), [member("a", "Succeeded")], ("Complete", "CompletionsReached"), [],
    ),
    "one of two": (job(completions=2, parallelism=2), [member("a", "Succeeded"), member("b")], None, []),
    "a work queue waits for the others": (
        job(completions=None, parallelism=2), [member("a", "Succeeded"), member("b")], None, [],
    ),
    "a work queue": (
        job(completions=None, parallelism=2), [member("a", "Succeeded"), member("b", "Failed")],
        ("Complete", "CompletionsReached"), [],
    ),
    "no completions at all": (job(completions=0), [], ("Complete", "CompletionsReached"), []),
    "back-off limit": (
        job(backoffLimit=1, status=started(failed=1)), [member("a", "Failed")], ("Failed", "BackoffLimitExceeded"), [],
    ),
    "not yet": (job(backoffLimit=2, status=started(failed=1)), [member("a", "Failed", ended=NOW)], None, []),
    "containers restarted too often": (
        job(restart="OnFailure", backoffLimit=3), [member("a", restarts=3)], ("Failed", "BackoffLimitExceeded"), ["a"],
    ),
    "one restart without any back-off": (
        job(restart="OnFailure", backoffLimit=0), [member("a", restarts=1)], ("Failed", "BackoffLimitExceeded"), ["a"],
    ),
    "restarts of pods that are never restarted": (job(backoffLimit=1), [member("a", restarts=9)], None, []),
    "deadline": (
        job(activeDeadlineSeconds=1000, status=started()), [member("a")], ("Failed", "DeadlineExceeded"), ["a"],
    ),
    "suspended jobs have no deadline": (
        job(activeDeadlineSeconds=10, suspend=True, status=started()), [], None, [],
    ),
    "pod failure policy": (
        job(podFailurePolicy=ON_42, parallelism=2, completions=2), [member("a", "Failed", code=42), member("b")],
        ("Failed", "PodFailurePolicy"), ["b"],
    ),
    "success policy": (
        indexed(successPolicy={"rules": [{"succeededIndexes": "0"}]}),
        [member("a", "Succeeded", index=0), member("b", index=1)], ("Complete", "SuccessPolicy"), ["b"],
    ),
    "failure goes before success": (
        indexed(successPolicy={"rules": [{"succeededIndexes": "0"}]}, podFailurePolicy=ON_42),
        [member("a", "Succeeded", index=0), member("b", "Failed", index=1, code=42)], ("Failed", "PodFailurePolicy"), [],
    ),
    "every index has come to an end": (
        indexed(completions=2, parallelism=2, backoffLimitPerIndex=0, backoffLimit=99),
        [member("a", "Succeeded", index=0), member("b", "Failed", index=1)], ("Failed", "FailedIndexes"), [],
    ),
    "one index may try again": (
        indexed(completions=2, parallelism=2, backoffLimitPerIndex=1, backoffLimit=99),
        [member("a", "Succeeded", index=0), member("b", "Failed", index=1, ended=NOW)], None, [],
    ),
    "too many failed indexes": (
        indexed(backoffLimitPerIndex=0, maxFailedIndexes=1, backoffLimit=99),
        [member("a", "Failed", index=0), member("b", "Failed", index=1), member("c", index=2)],
        ("Failed", "MaxFailedIndexesExceeded"), ["c"],
    ),
    "a rule that fails an index": (
        indexed(
            completions=1, parallelism=1, backoffLimitPerIndex=5, backoffLimit=99,
            podFailurePolicy={"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [7]}}]},
        ),
        [member("a", "Failed", index=0, code=7)], ("Failed", "FailedIndexes"), [],
    ),
    "what was decided before": (
        job(status=started(conditions=(FAILURE,))), [member("a", "Succeeded")], ("Failed", "DeadlineExceeded"), [],
    ),
    "a success that was decided before": (
        job(status=started(conditions=(SUCCESS,)), backoffLimit=0), [member("a", "Failed")],
        ("Complete", "CompletionsReached"), [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_how_it_ends(name: str) -> None:
    given, pods, expected, deleted = ENDS[name]
    # deleted pods are still terminating in the same reconcile, so the end is declared in a later one
    seen = run(given, *pods)
    last = seen.statuses()[-1] if seen.statuses() else given.status
    told = {(c.type, c.reason) for c in last.conditions if c.status == "True"}
    if expected is None:
        assert told & {("Complete", ""), ("Failed", "")} == set()
        assert not any(kind in ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet") for kind, _ in told)
        return
    interim = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}[expected[0]]

    assert (interim, expected[1]) in told
    assert (expected in told) == (not deleted)
    assert seen.deleted() == deleted


def test_a_finished_pod_is_noted_then_released_then_counted() -> None:
    seen = run(job(), member("a", "Succeeded"))
    first, last = seen.statuses()

    assert [type(call) for call in seen.calls if not call.background][:3] == [UpdateStatus, Patch, UpdateStatus]
    assert first.uncountedTerminatedPods == UncountedTerminatedPods(succeeded=("uid-a",))
    assert first.succeeded is None
    assert seen.named(Patch) == ["a"]
    assert (last.succeeded, last.uncountedTerminatedPods) == (1, UncountedTerminatedPods())
    assert last.completionTime == rfc3339(NOW)
    assert seen.events()[-1] == ("Completed", "Job completed")


def test_a_crash_after_the_note_counts_the_pod_once() -> None:
    noted = started(uncountedTerminatedPods=UncountedTerminatedPods(succeeded=("uid-a",)))
    with_finalizer = run(job(completions=2, status=noted), member("a", "Succeeded"))
    without = run(job(completions=2, status=noted), member("a", "Succeeded", tracked=False))

    assert with_finalizer.statuses()[-1].succeeded == 1
    assert with_finalizer.named(Patch) == ["a"]
    assert without.statuses()[-1].succeeded == 1
    assert without.named(Patch) == []


def test_a_counted_pod_is_not_counted_again() -> None:
    seen = run(job(completions=2, status=started(succeeded=1)), member("a", "Succeeded", tracked=False))

    assert [status.succeeded for status in seen.statuses()] == [1]


def test_when_a_finalizer_cannot_be_removed_the_others_are_counted() -> None:
    def answer(call: Call) -> Outcome:
        return REFUSED if isinstance(call, Patch) and call.name == "b" else None

    seen = run(job(completions=2), member("a", "Succeeded"), member("b", "Succeeded"), answer=answer)

    assert seen.error == "Forbidden"
    last = seen.statuses()[-1]
    assert (last.succeeded, last.uncountedTerminatedPods.succeeded) == (1, ("uid-b",))


def test_a_pod_that_is_gone_has_no_finalizer() -> None:
    def answer(call: Call) -> Outcome:
        return APIError(404, "NotFound", "gone") if isinstance(call, Patch) else None

    assert run(job(), member("a", "Succeeded"), answer=answer).statuses()[-1].succeeded == 1


def test_ignored_failures_do_not_count() -> None:
    pod = member("a", "Failed", code=143, conditions=["DisruptionTarget"], ended=NOW)
    seen = run(job(podFailurePolicy=ON_DISRUPTION, backoffLimit=0), pod)

    assert seen.statuses()[-1].failed is None
    assert seen.named(Patch) == ["a"]
    assert seen.after is not None
    assert seen.after.seconds == 10.0


def test_at_most_so_many_pods_are_noted_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MAX_UNCOUNTED", 2)
    seen = run(job(completions=3, parallelism=3), *(member(name, "Succeeded") for name in "abc"))

    assert seen.named(Patch) == ["a", "b"]
    assert seen.statuses()[-1].succeeded == 2
    assert not any(c.type == "Complete" for c in seen.statuses()[-1].conditions)


def test_pods_of_an_indexed_job() -> None:
    given = indexed(backoffLimitPerIndex=2, template={"initContainers": [{"name": "i", "image": "busybox"}]})
    first = run(given).made()[0]
    (variable,) = first.spec.containers[0].env

    assert first.metadata.generateName == "job-0-"
    assert first.metadata.labels[names.INDEX] == "0"
    assert dict(first.metadata.annotations) == {names.INDEX: "0", names.INDEX_FAILURES: "0"}
    assert first.metadata.finalizers == (names.FINALIZER,)
    assert first.metadata.ownerReferences == (OURS,)
    assert first.spec.hostname == "job-0"
    assert (variable.name, variable.valueFrom.fieldRef.fieldPath) == (
        "JOB_COMPLETION_INDEX",
        "metadata.labels['batch.kubernetes.io/job-completion-index']",
    )
    assert first.spec.initContainers[0].env == (variable,)


def test_a_variable_of_the_template_stays() -> None:
    own = {"containers": [{"name": "c", "image": "busybox", "env": [{"name": "JOB_COMPLETION_INDEX", "value": "x"}]}]}
    (variable,) = run(indexed(template=own)).made()[0].spec.containers[0].env

    assert variable.value == "x"


def test_a_long_name_leaves_room_for_the_index() -> None:
    given = indexed(completions=1)
    long = replace(given, metadata=replace(given.metadata, name="j" * 60))
    seen = Run(JobController(), f"default/{'j' * 60}", [long], NOW)

    assert seen.made()[0].metadata.generateName == "j" * 55 + "-0-"


def test_the_successor_of_a_failed_index_takes_over_its_count() -> None:
    lost = member("a", "Failed", index=0, annotations={names.INDEX_FAILURES: "1"}, ended=NOW - 100)
    given = indexed(completions=1, parallelism=1, backoffLimitPerIndex=5, backoffLimit=99)
    seen = run(given, lost)
    after = run(given, lost, member("b", index=0, annotations={names.INDEX_FAILURES: "2"}))

    assert seen.made()[0].metadata.annotations[names.INDEX_FAILURES] == "2"
    assert seen.named(Patch) == []  # it stays until its successor is there
    assert after.named(Patch) == ["a"]
    assert after.statuses()[-1].failed == 1


def test_an_ignored_failure_of_an_index_is_noted_apart() -> None:
    lost = member("a", "Failed", index=0, code=143, conditions=["DisruptionTarget"], ended=NOW - 100)
    given = indexed(
        completions=1, parallelism=1, backoffLimitPerIndex=0, backoffLimit=99, podFailurePolicy=ON_DISRUPTION
    )
    annotations = run(given, lost).made()[0].metadata.annotations

    assert (annotations[names.INDEX_FAILURES], annotations[names.INDEX_IGNORED_FAILURES]) == ("0", "1")


# failures, seconds since the last, seconds to wait
BACK_OFF: dict[str, tuple[int, float, float]] = {
    "the first": (1, 0.0, 10.0),
    "part of it is over": (1, 4.0, 6.0),
    "over": (1, 11.0, 0.0),
    "the third": (3, 0.0, 40.0),
    "at most ten minutes": (9, 0.0, 600.0),
    "none": (0, 0.0, 0.0),
}


@pytest.mark.parametrize("name", BACK_OFF)
def test_back_off(name: str) -> None:
    failures, since, wait = BACK_OFF[name]

    assert Record(failures, NOW - since).wait(NOW) == wait


def test_a_success_ends_the_back_off() -> None:
    failed = [member("a", "Failed", ended=10.0), member("b", "Failed", ended=30.0)]
    record = Record(4, 5.0)

    assert record.after([], failed) == Record(6, 30.0)
    assert record.after([member("c", "Succeeded", ended=20.0)], failed) == Record(1, 30.0)
    assert record.after([member("c", "Succeeded", ended=40.0)], failed) == Record()
    assert record.after([], []) == record


def test_replacements_wait_and_the_record_is_kept_until_the_end() -> None:
    controller = JobController()
    first = Run(controller, "default/job", [job(), member("a", "Failed", ended=NOW)], NOW)
    second = Run(
        controller,
        "default/job",
        [job(status=started(failed=1)), member("a", "Failed", tracked=False, ended=NOW)],
        NOW + 4,
    )
    restarted = run(job(status=started(failed=1)), member("a", "Failed", tracked=False, ended=NOW), now=NOW + 4)

    assert first.made() == second.made() == []
    assert first.after is not None
    assert second.after is not None
    assert (first.after.seconds, second.after.seconds) == (10.0, 6.0)
    assert len(restarted.made()) == 1  # a new process knows nothing of the failures before it


def test_while_waiting_no_active_pods_are_reported() -> None:
    """As v1.36.2 does; a status with more ready than active pods is then refused by the API server."""
    seen = run(job(completions=2, parallelism=2), member("a", "Failed", ended=NOW), member("b", ready=True))

    assert (seen.statuses()[0].active, seen.statuses()[0].ready) == (None, 1)


def test_a_deadline_is_looked_at_when_it_comes() -> None:
    seen = run(job(activeDeadlineSeconds=30, status=started()), member("a"), now=12.5)

    assert seen.after is not None
    assert seen.after.seconds == 17.5


def test_creation_starts_slowly_and_stops_at_the_first_bad_batch() -> None:
    def answer(call: Call) -> Outcome:
        return REFUSED if isinstance(call, Create) else None

    seen = run(job(completions=9, parallelism=9), answer=answer)

    assert len(seen.made()) == 1
    assert seen.error == "Forbidden"
    assert seen.events() == [("FailedCreate", "Error creating: no")]
    assert seen.statuses()[-1].active is None


def test_a_terminating_namespace_is_no_failure() -> None:
    gone = APIError(403, "Forbidden", "gone", Details(causes=(Cause(reason="NamespaceTerminating"),)))
    seen = run(job(), answer=lambda call: gone if isinstance(call, Create) else None)

    assert (seen.error, seen.events()) == ("", [])


def test_a_refused_deletion_delays_the_end() -> None:
    def answer(call: Call) -> Outcome:
        return REFUSED if isinstance(call, Delete) else None

    seen = run(job(activeDeadlineSeconds=1, status=started()), member("a"), answer=answer)

    assert seen.error == "Forbidden"
    assert seen.events() == [("FailedDelete", "Error deleting: no")]
    assert seen.statuses()[-1].conditions == ()


def test_suspension_and_resumption() -> None:
    suspended = run(job(suspend=True, status=started(active=1)), member("a")).statuses()[-1]
    resumed = run(job(status=replace(suspended, startTime=None))).statuses()[-1]

    assert [(c.type, c.status, c.reason) for c in suspended.conditions] == [("Suspended", "True", "JobSuspended")]
    assert (suspended.active, suspended.terminating, suspended.failed, suspended.startTime) == (None, 1, None, None)
    assert [(c.type, c.status, c.reason) for c in resumed.conditions] == [("Suspended", "False", "JobResumed")]
    assert (resumed.active, resumed.startTime) == (1, rfc3339(NOW))


def test_orphans_that_match_are_adopted_with_the_finalizer() -> None:
    orphan = member("a", tracked=False)
    orphan = replace(orphan, metadata=replace(orphan.metadata, ownerReferences=()))
    seen = run(job(), orphan)
    patch = next(call for call in seen.calls if isinstance(call, Patch))

    assert patch.body["metadata"]["finalizers"] == [names.FINALIZER]
    assert patch.body["metadata"]["ownerReferences"][0]["uid"] == "uid-job"
    assert seen.made() == []


def test_own_pods_that_do_not_match_are_released_with_the_finalizer() -> None:
    stray = member("a")
    stray = replace(stray, metadata=replace(stray.metadata, labels=FrozenDict({"x": "y"})))
    seen = run(job(), stray)
    patch = next(call for call in seen.calls if isinstance(call, Patch))

    assert patch.body["metadata"]["$deleteFromPrimitiveList/finalizers"] == [names.FINALIZER]
    assert len(seen.made()) == 1


# -- which keys a change concerns

DONE = job(status=started(conditions=(JobCondition(type="Complete", status="True"),)))
POD = member("a")
DELETED = member("a", deleted=True)
ORPHANED = replace(POD, metadata=replace(POD.metadata, ownerReferences=()))


def told(keys: Any) -> list[tuple[str, float]]:
    return [(str(key), key.seconds if isinstance(key, Later) else 0.0) for key in keys]


def test_a_new_job_and_a_new_spec_are_looked_at_immediately() -> None:
    view = static_view([job()])
    changed = replace(job(), metadata=replace(job().metadata, generation=2))

    assert told(_job_keys(None, job(), view)) == [("default/job", 0.0)]
    assert told(_job_keys(job(), changed, view)) == [("default/job", 0.0)]
    assert told(_job_keys(job(), job(status=started()), view)) == [("default/job", 1.0)]


def test_a_job_that_ends_frees_its_pods() -> None:
    view = static_view([job(), POD, member("b", tracked=False)])

    assert told(_job_keys(job(), None, view)) == [("default/job", 0.0), ("pod/default/a", 0.0)]
    assert told(_job_keys(job(), DONE, view)) == [("default/job", 1.0), ("pod/default/a", 0.0)]


# the Job that is there, the pod before and after, the keys
POD_KEYS: dict[str, tuple[Job | None, Pod | None, Pod | None, list[tuple[str, float]]]] = {
    "new": (job(), None, POD, [("default/job", 1.0)]),
    "changed": (job(), POD, member("a", "Succeeded"), [("default/job", 1.0)]),
    "gone": (job(), POD, None, [("default/job", 1.0)]),
    "orphaned": (job(), POD, ORPHANED, [("default/job", 1.0), ("pod/default/a", 0.0)]),
    "deleted while its job runs": (job(), POD, DELETED, [("default/job", 1.0)]),
    "deleted after its job": (None, POD, DELETED, [("pod/default/a", 0.0)]),
    "deleted after its job is finished": (DONE, POD, DELETED, [("default/job", 1.0), ("pod/default/a", 0.0)]),
}


@pytest.mark.parametrize("name", POD_KEYS)
def test_keys_of_a_pod(name: str) -> None:
    owner, old, new, expected = POD_KEYS[name]

    assert told(_pod_keys(old, new, static_view([owner] if owner is not None else []))) == expected


# objects, whether the pod loses its finalizer
FREED: dict[str, tuple[list[Any], bool]] = {
    "no job": ([DELETED], True),
    "a job that runs counts it": ([job(), DELETED], False),
    "a finished job": ([DONE, DELETED], True),
    "no owner": ([ORPHANED], True),
    "no finalizer": ([member("a", tracked=False)], False),
    "no pod": ([], False),
    "somebody else's job": ([job(managedBy="example.com/x"), DELETED], False),
}


@pytest.mark.parametrize("name", FREED)
def test_freeing_pods(name: str) -> None:
    objects, freed = FREED[name]
    seen = Run(JobController(), "pod/default/a", objects, NOW)

    assert seen.named(Patch) == (["a"] if freed else [])


def test_an_unknown_job_is_forgotten() -> None:
    assert Run(JobController(), "default/nobody", [], NOW).calls == []


def test_status_of_a_job_that_has_just_started() -> None:
    (status,) = run(job()).statuses()

    assert status == JobStatus(
        startTime=rfc3339(NOW), active=1, ready=0, terminating=0, uncountedTerminatedPods=UncountedTerminatedPods()
    )


def test_pods_of_a_deleted_job_stay_unless_it_is_said_otherwise() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("sleep 500"))
    cluster.settle()
    answer = cluster.handle(Request("delete", cluster.resource("jobs"), "default", "job", user=ADMIN))
    cluster.settle()
    (pod,) = cluster.of(Pod, "default")

    assert answer.warnings[0].startswith("child pods are preserved by default when jobs are deleted")
    assert (pod.status.phase, pod.metadata.ownerReferences, pod.metadata.finalizers) == ("Running", (), ())


def test_pods_go_with_their_job_when_it_is_said_so() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(manifest("sleep 500"))
    cluster.settle()
    cluster.delete("job", "job", propagation="Background")
    cluster.settle()

    assert cluster.of(Pod, "default") == []


def test_refused_pods_are_tried_again_after_one_two_four_seconds() -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    cluster = Cluster(nodes=1)
    cluster.apply(quota)
    cluster.run(1)
    before = cluster.revision
    start = cluster.now
    cluster.apply(manifest("exit 0"))
    cluster.run(40)
    changes = [(change.time - start, change.value) for change in cluster.history.since(before)]

    assert [time for time, obj in changes if isinstance(obj, Event) and obj.reason == "FailedCreate"] == [
        0.0, 1.0, 3.0, 7.0, 15.0, 31.0,
    ]  # fmt: skip

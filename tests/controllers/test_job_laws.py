"""Laws of Jobs in a whole cluster: whatever happens in whatever order, pods are counted once and the end is the same."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from k8snb.api.types.batch_v1 import CronJob, Job, UncountedTerminatedPods
from k8snb.api.types.core_v1 import Pod
from k8snb.cluster import Cluster
from k8snb.controllers.job.indexes import Indexes
from k8snb.controllers.job.pods import finished, index_of, is_tracked
from k8snb.controllers.job.policy import judge
from k8snb.controllers.pods import is_active
from k8snb.store import Change
from tests.controllers.batch import cron, manifest

MANAGER = "kube-controller-manager"
COMPONENTS = (MANAGER, "kube-scheduler", "kubelet")
LONG = 5000.0
"""Seconds in which every Job here comes to its end, back-offs included."""


class Ledger:
    """Looks at every revision and notes what breaks a law, so that no state in between escapes."""

    def __init__(self, cluster: Cluster) -> None:
        self.pods: dict[str, Pod] = {}
        self.job: Job | None = None
        self.allowed = 0
        self.counted: set[str] = set()
        self.broken: list[str] = []
        cluster.store.subscribe(self)

    def __call__(self, change: Change) -> None:
        obj = change.value if change.value is not None else change.previous.value if change.previous else None
        if isinstance(obj, Pod):
            self.see_pod(obj, change)
        elif isinstance(obj, Job) and change.value is not None:
            before, self.job = self.job, obj
            self.allowed = max(self.allowed, obj.spec.parallelism or 0)
            if before is not None:
                self.see_job(before, obj)

    def check(self, law: bool, what: str) -> None:
        if not law:
            self.broken.append(what)

    def see_pod(self, pod: Pod, change: Change) -> None:
        uid = pod.metadata.uid or ""
        if change.value is None:
            self.see_last_of(self.pods.pop(uid), change.cause.note)
            return
        is_new = uid not in self.pods
        others = [p for p in self.pods.values() if is_active(p)]
        self.pods[uid] = pod
        job = self.job
        if not is_new or job is None:
            return
        self.check(len(others) < self.allowed, f"{len(others) + 1} active pods, {self.allowed} allowed")
        self.check(finished(job) is None, "a pod was made for a finished Job")
        if job.spec.completionMode == "Indexed":
            index = index_of(pod)
            self.check(index not in _completed(job), f"index {index} was started after it had succeeded")
            self.check(index not in _lost(job), f"index {index} was started after it had failed")
            self.check(all(index_of(p) != index for p in others), f"index {index} runs twice")

    def see_last_of(self, pod: Pod, why: str) -> None:
        """A terminating pod goes in the revision that takes its finalizer; by then it stands in the status.

        Not so a pod that somebody deletes while the Job is about to remove it as one too many.
        """
        job = self.job
        if job is None or not is_tracked(pod) or why in ("suspended", "scale-down"):
            return
        known = pod.metadata.uid in _uncounted(job) | self.counted
        succeeded = pod.status.phase == "Succeeded" and index_of(pod) in _completed(job)
        self.check(known or succeeded or not judge(job, pod).counts, f"{pod.metadata.name} went without being counted")

    def see_job(self, old: Job, new: Job) -> None:
        was, now = _uncounted(old), _uncounted(new)
        entered, left = now - was, was - now
        self.check(not entered & self.counted, "a pod was noted again after it had been counted")
        self.counted |= left
        grown = (new.status.failed or 0) - (old.status.failed or 0)
        if new.spec.completionMode == "Indexed":
            self.check(set(_completed(old)) <= set(_completed(new)), "a completed index was lost")
            self.check(len(_completed(new)) == (new.status.succeeded or 0), "succeeded is not the number of indexes")
            self.check(not _completed(new).overlap(_lost(new)), "an index has succeeded and failed")
        else:
            grown += (new.status.succeeded or 0) - (old.status.succeeded or 0)
            self.check((new.status.succeeded or 0) >= (old.status.succeeded or 0), "succeeded went down")
        self.check((new.status.failed or 0) >= (old.status.failed or 0), "failed went down")
        self.check(grown == len(left), f"{len(left)} pods were struck out, the numbers grew by {grown}")
        self.check(finished(old) in (None, finished(new)), "a finished Job began anew")
        self.check(not finished(new) or not now, "a Job was finished with uncounted pods")


def _uncounted(job: Job) -> set[str]:
    noted = job.status.uncountedTerminatedPods or UncountedTerminatedPods()
    return {*noted.succeeded, *noted.failed}


def _completed(job: Job) -> Indexes:
    return Indexes.parse(job.status.completedIndexes, job.spec.completions or 0)


def _lost(job: Job) -> Indexes:
    return Indexes.parse(job.status.failedIndexes, job.spec.completions or 0)


SCRIPTS = (
    "exit 0", "sleep 2", "exit 3", "sleep 3; exit 1", '[ "$JOB_COMPLETION_INDEX" = 1 ] && exit 5; sleep 1',
    "[ $(( $(date +%s) % 3 )) = 0 ] && exit 1; sleep 1",
)  # fmt: skip


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    """Any kind of Job whose pods come to an end."""
    spec: dict[str, Any] = {"parallelism": draw(st.integers(1, 3)), "backoffLimit": draw(st.integers(0, 3))}
    indexed = draw(st.booleans())
    completions = draw(st.integers(1, 4)) if indexed else draw(st.one_of(st.none(), st.integers(1, 4)))
    if completions is not None:
        spec["completions"] = completions
    if indexed:
        spec["completionMode"] = "Indexed"
        if draw(st.booleans()):
            spec["backoffLimitPerIndex"] = draw(st.integers(0, 2))
            del spec["backoffLimit"]
    # the back-off limit of an index knows only of pods, so containers that are restarted for ever never reach it
    restart = "Never" if "backoffLimitPerIndex" in spec else draw(st.sampled_from(["Never", "OnFailure"]))
    if draw(st.booleans()):
        spec["podReplacementPolicy"] = "Failed"
    if restart == "Never" and draw(st.booleans()):
        rule_ = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
        spec["podFailurePolicy"] = {"rules": [rule_]}
        spec["podReplacementPolicy"] = "Failed"
    return manifest(draw(st.sampled_from(SCRIPTS)), restart, **spec)


class JobMachine(RuleBasedStateMachine):
    """A Job to which everything happens: steps in any order, crashes, users that scale, suspend and delete."""

    cluster: Cluster
    ledger: Ledger

    @initialize(job=jobs(), seed=st.integers(0, 1 << 32), lag=st.sampled_from([0.0, 0.0, 0.05, 0.6]))
    def begin(self, job: dict[str, Any], seed: int, lag: float) -> None:
        self.cluster = Cluster(nodes=2, watch_lag=lag)
        self.cluster.runtime.queue.pick = Random(seed).randrange
        self.ledger = Ledger(self.cluster)
        self.cluster.apply(job)

    @rule(n=st.integers(1, 8))
    def step(self, n: int) -> None:
        self.cluster.step(n)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 12.0]))
    def run(self, seconds: float) -> None:
        self.cluster.run(seconds)

    @rule(name=st.sampled_from(COMPONENTS), n=st.integers(0, 4))
    def crash(self, name: str, n: int) -> None:
        self.cluster.step(n)
        self.cluster.runtime.restart(name)

    @precondition(lambda self: not self.over)
    @rule(parallelism=st.integers(1, 3))
    def scale(self, parallelism: int) -> None:
        self.cluster.patch("job", "job", {"spec": {"parallelism": parallelism}})

    @precondition(lambda self: not self.over)
    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:
        self.cluster.patch("job", "job", {"spec": {"suspend": suspend}})

    @rule(number=st.integers(0, 5), grace=st.sampled_from([None, 0]), evict=st.booleans())
    def remove(self, number: int, grace: int | None, evict: bool) -> None:
        pods = self.cluster.of(Pod, "default")
        if not pods:
            return
        name = pods[number % len(pods)].metadata.name
        if evict:
            self.cluster.evict(f"pod/{name}")
        else:
            self.cluster.delete("pod", name, grace=grace)

    @property
    def over(self) -> bool:
        return self.ledger.job is not None and finished(self.ledger.job) is not None

    @invariant()
    def no_law_is_broken(self) -> None:
        if hasattr(self, "ledger"):
            assert self.ledger.broken == []

    def teardown(self) -> None:
        """In the end every Job comes to an end, has counted all its pods and holds none."""
        if not hasattr(self, "ledger") or self.ledger.broken:
            return
        if not self.over:
            self.cluster.patch("job", "job", {"spec": {"suspend": False, "parallelism": 2}})
        ledger = self.ledger
        assert self.cluster.run(until=lambda _: self.over, limit=LONG)
        self.cluster.run(30)

        assert ledger.broken == []
        assert [pod.metadata.name for pod in ledger.pods.values() if is_tracked(pod) or is_active(pod)] == []


JobMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestJobMachine = JobMachine.TestCase


def story(chance: Random | None) -> dict[str, Any]:
    """Some Jobs of each sort; with chance everybody acts in any order and restarts at any moment."""
    cluster = Cluster(nodes=2)
    if chance is not None:
        cluster.runtime.queue.pick = chance.randrange

    def go(seconds: float) -> None:
        end = cluster.now + seconds
        for _ in range(chance.randrange(6) if chance is not None else 0):
            assert chance is not None
            cluster.step(chance.randrange(25))
            cluster.runtime.restart(chance.choice([MANAGER, *COMPONENTS]))
        cluster.run(max(0.0, end - cluster.now))

    cluster.apply(manifest("sleep 2", name="plain", completions=5, parallelism=2))
    cluster.apply(manifest("exit 3", name="bad", backoffLimit=1))
    # with a higher limit a crash between the pod's deletion and the status would leave room for one more pod, as upstream
    cluster.apply(manifest("exit 1", "OnFailure", name="restarts", backoffLimit=0))
    cluster.apply(
        manifest(
            "[ $JOB_COMPLETION_INDEX = 1 ] && exit 1; exit 0",
            name="indexed",
            completions=3,
            parallelism=3,
            completionMode="Indexed",
            backoffLimitPerIndex=1,
        )
    )
    cluster.apply(manifest("sleep 1", name="gone", ttlSecondsAfterFinished=5))
    go(70)
    cluster.apply(manifest("sleep 600", name="deadline", activeDeadlineSeconds=20))
    cluster.apply(manifest("sleep 5", name="suspended", suspend=True, completions=2, parallelism=2))
    cluster.apply(cron("* * * * *", "sleep 3", successfulJobsHistoryLimit=1))
    go(60)
    cluster.patch("job", "suspended", {"spec": {"suspend": False}})
    go(120)
    cluster.delete("job", "plain", propagation="Background")
    cluster.patch("cronjob", "tick", {"spec": {"suspend": True}})
    go(200)
    return summary(cluster)


def summary(cluster: Cluster) -> dict[str, Any]:
    """What the Jobs have come to, without generated names and times."""
    (tick,) = cluster.of(CronJob)
    owner = {
        pod.metadata.name: pod.metadata.labels["batch.kubernetes.io/job-name"] for pod in cluster.of(Pod, "default")
    }
    return {
        "jobs": {
            job.metadata.name: (
                sorted((c.type, c.status, c.reason) for c in job.status.conditions),
                (job.status.active, job.status.ready, job.status.terminating),
                (job.status.succeeded, job.status.failed, job.status.completedIndexes, job.status.failedIndexes),
            )
            for job in cluster.of(Job)
        },
        "pods": Counter(
            (owner[p.metadata.name], p.status.phase, index_of(p), is_tracked(p)) for p in cluster.of(Pod, "default")
        ),
        "cron": (tick.status.active, tick.status.lastScheduleTime),
    }


END = story(None)
"""What the story comes to when everybody acts in the usual order."""


def test_the_story_goes_as_it_should() -> None:
    ends = {name: [kind for kind, status, _ in told if status == "True"] for name, (told, _, _) in END["jobs"].items()}
    last = max(name for name in ends if name.startswith("tick-"))

    assert ends == {
        "bad": ["Failed", "FailureTarget"],
        "restarts": ["Failed", "FailureTarget"],
        "indexed": ["Failed", "FailureTarget"],
        "deadline": ["Failed", "FailureTarget"],
        "suspended": ["Complete", "SuccessCriteriaMet"],
        last: ["Complete", "SuccessCriteriaMet"],
    }
    assert END["jobs"]["indexed"][2] == (2, 2, "0,2", "1")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
def test_every_order_and_every_restart_ends_in_the_same_state(seed: int) -> None:
    assert story(Random(seed)) == END

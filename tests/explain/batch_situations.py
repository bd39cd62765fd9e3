"""Situations of Jobs and CronJobs, and the facts that an explanation tells there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from k8snb.cluster import Cluster
from tests.controllers.batch import cron, manifest

MANAGER = "kube-controller-manager"
IGNORE_3 = {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}}]}
FAIL_ON_42 = {
    "rules": [
        {"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
    ]
}
NO_IMAGE = {
    **manifest("exit 0"),
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "no-such:1"}]}}},
}
FAILING = cron("* * * * *", "exit 1")
FAILING["spec"]["jobTemplate"]["spec"]["backoffLimit"] = 0
TOO_BIG = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
Act = Callable[[Cluster], object]


def wait(seconds: float) -> Act:
    return lambda cluster: cluster.run(seconds)


def suspend(kind: str, name: str) -> Act:
    return lambda cluster: cluster.patch(kind, name, {"spec": {"suspend": True}})


def apply(what: dict[str, Any]) -> Act:
    return lambda cluster: cluster.apply(what)


def stop_manager(cluster: Cluster) -> None:
    cluster.stop_component(MANAGER)


# what is done -> the facts after "created"
JOBS: dict[str, tuple[list[Act], list[str]]] = {
    "not looked at yet": ([apply(manifest("exit 0"))], ["job.numbers"]),
    "complete": ([apply(manifest("sleep 2")), wait(20)], ["job.numbers", "job.complete"]),
    "a work queue": ([apply(manifest("exit 0", parallelism=2)), wait(20)], ["job.queue", "job.complete"]),
    "complete, but kept for a while": (
        [apply(manifest("exit 0", ttlSecondsAfterFinished=100)), wait(20)], ["job.numbers", "job.complete", "job.ttl"],
    ),
    "success policy": (
        [
            apply(manifest(
                '[ "$JOB_COMPLETION_INDEX" = 0 ] || sleep 500', completions=2, parallelism=2, completionMode="Indexed",
                successPolicy={"rules": [{"succeededIndexes": "0"}]},
            )),
            wait(30),
        ],
        ["job.numbers", "job.indexes", "job.success-policy"],
    ),
    "pods are waited for": (
        [apply(manifest("trap '' TERM; sleep 500", activeDeadlineSeconds=10)), wait(12)],
        ["job.numbers", "job.deadline", "job.terminating"],
    ),
    "deadline": ([apply(manifest("sleep 500", activeDeadlineSeconds=10)), wait(30)], ["job.numbers", "job.deadline"]),
    "before the deadline": (
        [apply(manifest("sleep 500", activeDeadlineSeconds=100)), wait(30)], ["job.numbers", "job.deadline-ahead"],
    ),
    "back-off limit": (
        [apply(manifest("exit 3", backoffLimit=1)), wait(60)],
        ["job.numbers", "job.backoff-limit", "job.pod-failed", "job.pod-failed", "hint.job-logs"],
    ),
    "back-off limit of a pod that is gone": (
        [apply(manifest("exit 3", "OnFailure", backoffLimit=1)), wait(60)],
        ["job.numbers", "job.restart-limit", "job.pod-restarted"],
    ),
    "many pods": (
        [apply(manifest("exit 3", backoffLimit=8, parallelism=9, completions=9)), wait(60)],
        ["job.numbers", "job.backoff-limit", *["job.pod-failed"] * 6, "job.more-failed", "hint.job-logs"],
    ),
    "pod failure policy": (
        [apply(manifest("exit 42", podFailurePolicy=FAIL_ON_42)), wait(30)], ["job.numbers", "job.policy"],
    ),
    "failed indexes": (
        [
            apply(manifest(
                '[ "$JOB_COMPLETION_INDEX" = 0 ] || exit 7', completions=2, parallelism=2, completionMode="Indexed",
                backoffLimitPerIndex=0,
            )),
            wait(30),
        ],
        ["job.numbers", "job.indexes", "job.failed-indexes", "job.index-limit", "job.pod-failed", "hint.job-logs"],
    ),
    "too many failed indexes": (
        [
            apply(manifest(
                "exit 7", completions=3, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=1,
            )),
            wait(30),
        ],
        [
            "job.numbers", "job.failed-indexes", "job.max-failed-indexes", "job.pod-failed", "job.pod-failed", "hint.job-logs",
        ],
    ),
    "between two attempts": (
        [apply(manifest("exit 3")), wait(5)], ["job.numbers", "job.back-off", "job.pod-failed"],
    ),
    "an index between two attempts": (
        [
            apply(manifest("exit 3", completions=1, parallelism=1, completionMode="Indexed", backoffLimitPerIndex=3)),
            wait(5),
        ],
        ["job.numbers", "job.back-off", "job.pod-failed"],
    ),
    "suspended": (
        [apply(manifest("sleep 500")), wait(5), suspend("job", "job"), wait(60)],
        ["job.numbers", "job.suspended", "hint.resume"],
    ),
    "managed by somebody else": (
        [apply(manifest("exit 0", managedBy="example.com/queue")), wait(5)], ["job.numbers", "job.foreign"],
    ),
    "pods are refused": (
        [apply(TOO_BIG), wait(1), apply(manifest("exit 0")), wait(5)], ["job.numbers", "workload.refused"],
    ),
    "pods that cannot start": ([apply(NO_IMAGE), wait(30)], ["job.numbers", "workload.pods"]),
    "an ignored failure": (
        [apply(manifest("exit 3", podFailurePolicy=IGNORE_3)), wait(5)],
        ["job.numbers", "job.ignored", "job.back-off", "job.pod-failed"],
    ),
    "a replacement waits for the end": (
        [
            apply(manifest("trap '' TERM; sleep 500", podReplacementPolicy="Failed")), wait(5),
            lambda cluster: cluster.delete("pod", cluster.pods[0].metadata.name, grace=30), wait(3),
        ],
        ["job.numbers", "job.terminating"],
    ),
}  # fmt: skip

CRONJOBS: dict[str, tuple[list[Act], list[str]]] = {
    "before the first start": ([apply(cron("* * * * *", "exit 0")), wait(5)], ["cron.schedule"]),
    "after it": ([apply(cron("* * * * *", "exit 0")), wait(70)], ["cron.schedule", "cron.last"]),
    "its job runs": (
        [apply(cron("* * * * *", "sleep 500")), wait(70)], ["cron.schedule", "cron.last", "cron.active"],
    ),
    "forbidden": (
        [apply(cron("* * * * *", "sleep 500", concurrencyPolicy="Forbid")), wait(130)],
        ["cron.schedule", "cron.last", "cron.active", "cron.forbidden"],
    ),
    "suspended": (
        [apply(cron("* * * * *", "exit 0", suspend=True)), wait(70)],
        ["cron.schedule", "cron.suspended", "hint.cron-resume"],
    ),
    "never": ([apply(cron("0 0 31 2 *", "exit 0")), wait(5)], ["cron.never"]),
    "its job has failed": (
        [apply(FAILING), wait(70)],
        ["cron.schedule", "cron.last", "cron.failed"],
    ),
    "nobody there to start it": (
        [apply(cron("* * * * *", "exit 0")), stop_manager, wait(130)], ["cron.schedule", "cron.no-manager", "cron.missed"],
    ),
    "too late": (
        [
            apply(cron("*/5 * * * *", "exit 0", startingDeadlineSeconds=20)), stop_manager, wait(330),
            lambda cluster: cluster.start_component(MANAGER), wait(1),
        ],
        ["cron.schedule", "cron.too-late"],
    ),
    "not looked at yet": (
        [
            apply(cron("* * * * *", "exit 0")), wait(5), stop_manager, wait(70),
            lambda cluster: cluster.start_component(MANAGER),
        ],
        ["cron.schedule", "cron.due"],
    ),
}  # fmt: skip


def after(acts: list[Act]) -> Cluster:
    """A cluster in which all that was done."""
    cluster = Cluster(nodes=2)
    for act in acts:
        act(cluster)
    return cluster


def _situation(acts: list[Act]) -> Callable[[], Iterator[Cluster]]:
    return lambda: iter([after(acts)])


BATCH = tuple(_situation(acts) for acts, _ in (*JOBS.values(), *CRONJOBS.values()))
"""The same as situations of the catalogue of facts."""

"""Pod failure policies and success policies: which rule applies."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.types.core_v1 import Pod
from k8snb.controllers.job.indexes import Indexes
from k8snb.controllers.job.policy import judge, success_rule
from tests.controllers.batch import job, member


def codes(action: str, operator: str, *values: int, container: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"operator": operator, "values": list(values)}
    if container is not None:
        found["containerName"] = container
    return {"action": action, "onExitCodes": found}


def conditions(action: str, *kinds: str) -> dict[str, Any]:
    return {"action": action, "onPodConditions": [{"type": kind, "status": "True"} for kind in kinds]}


FAILED = member("p", "Failed", code=42)
DISRUPTED = member("p", "Failed", code=143, conditions=["DisruptionTarget"])

# rules, pod, action, number of the rule, counts
RULES: dict[str, tuple[list[dict[str, Any]], Pod, str | None, int | None, bool]] = {
    "no rules": ([], FAILED, None, None, True),
    "in": ([codes("FailJob", "In", 42)], FAILED, "FailJob", 0, True),
    "not in, but it is": ([codes("FailJob", "NotIn", 42)], FAILED, None, None, True),
    "not in": ([codes("FailIndex", "NotIn", 1, 2)], FAILED, "FailIndex", 0, True),
    "not in never means zero": ([codes("FailJob", "NotIn", 1)], member("p", "Failed", code=0), None, None, True),
    "another container": ([codes("FailJob", "In", 42, container="other")], FAILED, None, None, True),
    "this container": ([codes("FailJob", "In", 42, container="c")], FAILED, "FailJob", 0, True),
    "the first rule that matches": (
        [codes("FailJob", "In", 1), codes("Count", "In", 42), codes("FailJob", "In", 42)], FAILED, "Count", 1, True,
    ),
    "a condition": ([conditions("Ignore", "DisruptionTarget")], DISRUPTED, "Ignore", 0, False),
    "one of the conditions": ([conditions("Ignore", "A", "DisruptionTarget")], DISRUPTED, "Ignore", 0, False),
    "another condition": ([conditions("Ignore", "A")], DISRUPTED, None, None, True),
    "a container that still runs": (
        [codes("FailJob", "In", 42)], member("p", "Running", deleted=True), None, None, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_pod_failure_policy(name: str) -> None:
    rules, pod, action, number, counts = RULES[name]
    verdict = judge(job(podFailurePolicy={"rules": rules}), pod)

    assert (verdict.action, verdict.rule, verdict.counts) == (action, number, counts)


def test_without_a_policy_every_failure_counts() -> None:
    assert judge(job(), FAILED).counts


@pytest.mark.parametrize(
    ("rule", "pod", "message"),
    [
        (
            codes("FailJob", "In", 42), FAILED,
            "Container c for pod default/p failed with exit code 42 matching FailJob rule at index 1",
        ),
        (
            conditions("FailJob", "DisruptionTarget"), DISRUPTED,
            "Pod default/p has condition DisruptionTarget matching FailJob rule at index 1",
        ),
        (codes("FailIndex", "In", 42), FAILED, None),
    ],
)  # fmt: skip
def test_what_a_job_says_that_fails_because_of_a_rule(rule: dict[str, Any], pod: Pod, message: str | None) -> None:
    assert judge(job(podFailurePolicy={"rules": [codes("Count", "In", 7), rule]}), pod).message == message


# rules, succeeded indexes, number of the rule that is met
SUCCESS: dict[str, tuple[list[dict[str, Any]], list[int], int | None]] = {
    "nothing has succeeded": ([{"succeededCount": 1}], [], None),
    "enough": ([{"succeededCount": 2}], [0, 7], 0),
    "not enough": ([{"succeededCount": 3}], [0, 7], None),
    "all of some": ([{"succeededIndexes": "0-2"}], [0, 1, 2, 5], 0),
    "not all of some": ([{"succeededIndexes": "0-2"}], [0, 2, 5], None),
    "enough of some": ([{"succeededIndexes": "0-2", "succeededCount": 2}], [0, 2, 5], 0),
    "too few of some": ([{"succeededIndexes": "0-2", "succeededCount": 2}], [0, 5, 6], None),
    "the first that is met": (
        [{"succeededIndexes": "9"}, {"succeededCount": 5}, {"succeededIndexes": "5,6"}],
        [5, 6],
        2,
    ),
    "indexes that the job does not have": ([{"succeededIndexes": "12"}], [0], None),
}


@pytest.mark.parametrize("name", SUCCESS)
def test_success_policy(name: str) -> None:
    rules, succeeded, expected = SUCCESS[name]
    indexed = job(completions=10, completionMode="Indexed", successPolicy={"rules": rules})

    assert success_rule(indexed, Indexes.of(succeeded)) == expected

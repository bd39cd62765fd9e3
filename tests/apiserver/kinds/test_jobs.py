"""Jobs and CronJobs: selectors that are made, schedules, policies, and statuses that never go back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.kinds.manifests import SELECTOR, change_complaint, complaint, manifest, warnings
from tests.apiserver.rig import Rig

INDEXED = {"spec.completionMode": "Indexed", "spec.completions": 5, "spec.parallelism": 5}
PER_INDEX = {**INDEXED, "spec.backoffLimitPerIndex": 1}


def rules(*items: dict[str, Any]) -> dict[str, Any]:
    """A pod failure policy."""
    return {"spec.podFailurePolicy": {"rules": list(items)}}


def success(**rule: Any) -> dict[str, Any]:
    """An indexed job with one success rule."""
    return {**INDEXED, "spec.successPolicy": {"rules": [rule]}}


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "indexed, of unknown size": (
        {"spec.completionMode": "Indexed", "spec.parallelism": 2},
        "spec.completions: Required value: when completion mode is Indexed",
    ),
    "too much to keep track of": (
        {**PER_INDEX, "spec.completions": 200000, "spec.parallelism": 20000},
        (
            "[spec.maxFailedIndexes: Required value: must be specified when completions is above 100000, spec.parallelism:"
            " Invalid value: 20000: must be less than or equal to 10000 when completions are above 100000 and used with"
            " backoff limit per index]"
        ),
    ),
    "a limit per index, of pods that restart": (
        {**PER_INDEX, "spec.template.spec.restartPolicy": "OnFailure"},
        "",
    ),
    "too many at once": (
        {**INDEXED, "spec.parallelism": 100001},
        "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed",
    ),
    "a pod name that is too long": (
        {**INDEXED, "metadata.name": "a" * 62},
        f'metadata.name: Invalid value: "{"a" * 62}": will not able to create pod with invalid DNS label: {"a" * 62}-4',
    ),
    "indexes in disorder": (
        success(succeededIndexes="0,3-2"),
        (
            'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0,3-2": error parsing succeededIndexes:'
            " non-increasing order, previous: 3, current: 2"
        ),
    ),
    "an index beyond the last": (
        success(succeededIndexes="1,5"),
        (
            'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "1,5": error parsing succeededIndexes: too large'
            ' index: "5"'
        ),
    ),
    "no index": (
        success(succeededIndexes="x"),
        (
            'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "x": error parsing succeededIndexes: cannot convert'
            ' string to integer for index: "x"'
        ),
    ),
    "more than there are": (
        success(succeededIndexes="1-3", succeededCount=4),
        (
            "spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of"
            " indexes in the specified succeededIndexes field)"
        ),
    ),
    "success without a rule": (
        {**INDEXED, "spec.successPolicy": {"rules": []}},
        (
            "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is"
            " specified"
        ),
    ),
    "exit codes": (
        rules({"action": "FailIndex", "onExitCodes": {"operator": "NotIn", "values": [3, 1, 1]}}),
        (
            '[spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be'
            " set, spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 1,"
            " spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,1,1]: must be ordered]"
        ),
    ),
    "a rule without an action": (
        rules({"onExitCodes": {"values": []}}),
        (
            "[spec.podFailurePolicy.rules[0].action: Required value: valid values:"
            ' ["Count" "FailIndex" "FailJob" "Ignore"], spec.podFailurePolicy.rules[0].onExitCodes.operator: Required value:'
            ' valid values: ["In" "NotIn"], spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: null: at least'
            " one value is required]"
        ),
    ),
    "twenty-one rules": (
        rules(*[{"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}] * 21),
        "spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items",
    ),
    "replaced too early": (
        {**rules(), "spec.podReplacementPolicy": "TerminatingOrFailed"},
        'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
    ),
    "another manager": ({"spec.managedBy": "example.com/mine"}, ""),
    "a manager of no domain": (
        {"spec.managedBy": "mine"},
        'spec.managedBy: Invalid value: "mine": must be a domain-prefixed path (such as "acme.io/foo")',
    ),
    "a selector of its own": (
        {
            "spec.manualSelector": True,
            "spec.selector": SELECTOR,
            "spec.template.metadata": {"labels": {"app": "a"}},
        },
        "",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_new_jobs(name: str) -> None:
    changes, expected = SPOILED[name]

    assert complaint("jobs", changes) == expected


def test_a_template_that_claims_another_owner() -> None:
    text = complaint("jobs", {"spec.template.metadata": {"labels": {"controller-uid": "mine"}}})

    assert text.startswith("spec.template.metadata.labels[controller-uid]: Invalid value: {")
    assert '"controller-uid":"mine"' in text


def test_generated_selector() -> None:
    job = Rig().create("jobs", manifest("jobs"))
    uid = job.metadata.uid
    labels = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "x",
        "controller-uid": uid,
        "job-name": "x",
    }

    assert dict(job.spec.selector.matchLabels) == {"batch.kubernetes.io/controller-uid": uid}
    assert dict(job.spec.template.metadata.labels) == labels
    assert dict(job.metadata.labels) == labels


DEFAULTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one pod": (
        {},
        {"completions": 1, "parallelism": 1, "backoffLimit": 6, "podReplacementPolicy": "TerminatingOrFailed"},
    ),
    "a work queue": ({"spec.parallelism": 3}, {"completions": None, "parallelism": 3}),
    "limits per index": (PER_INDEX, {"backoffLimit": 2147483647}),
    "a failure policy": (rules(), {"podReplacementPolicy": "Failed"}),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(name: str) -> None:
    changes, expected = DEFAULTS[name]
    spec = Rig().create("jobs", manifest("jobs", changes)).spec

    assert {field: getattr(spec, field) for field in expected} == expected


def conditions(*kinds: str) -> list[dict[str, str]]:
    """True conditions."""
    return [{"type": kind, "status": "True"} for kind in kinds]


STARTED = "2026-01-01T00:00:00Z"
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "more completions": (
        {},
        {"spec": {"completions": 5}},
        "",
        "spec.completions: Invalid value: 5: field is immutable",
    ),
    "an indexed job grows alone": (
        INDEXED,
        {"spec": {"completions": 7}},
        "",
        "spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism",
    ),
    "an indexed job grows": (INDEXED, {"spec": {"completions": 7, "parallelism": 7}}, "", ""),
    "suspended": ({}, {"spec": {"suspend": True}}, "", ""),
    "a suspended job goes elsewhere": (
        {"spec.suspend": True},
        {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}},
        "",
        "",
    ),
    "complete and failed": (
        {},
        {"status": {"startTime": STARTED, "conditions": conditions("Complete", "Failed", "FailureTarget")}},
        "status",
        (
            "[status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions, status.conditions:"
            " Invalid value: cannot set Complete=True and FailureTarget=true conditions, status.completionTime: Required"
            " value: completionTime is required for Complete jobs, status.conditions: Invalid value: cannot set Complete=True"
            " condition without the SuccessCriteriaMet=true condition]"
        ),
    ),
    "complete": (
        {},
        {
            "status": {
                "startTime": STARTED,
                "completionTime": STARTED,
                "conditions": conditions("SuccessCriteriaMet", "Complete"),
            }
        },
        "status",
        "",
    ),
    "finished but never started": (
        {},
        {"status": {"conditions": conditions("FailureTarget", "Failed"), "active": 1}},
        "status",
        (
            "[status.active: Invalid value: 1: active>0 is invalid for finished job, status.startTime: Required value:"
            " startTime is required for finished job]"
        ),
    ),
    "failed and completed indexes": (
        PER_INDEX,
        {"status": {"completedIndexes": "0-2", "failedIndexes": "2,3"}},
        "status",
        'status.failedIndexes: Invalid value: "2,3": failedIndexes and completedIndexes overlap at index: 2',
    ),
    "indexes of a job without": (
        {},
        {"status": {"completedIndexes": "0"}},
        "status",
        (
            'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion'
            " mode"
        ),
    ),
    "counted twice": (
        {},
        {"status": {"uncountedTerminatedPods": {"succeeded": ["a", ""], "failed": ["a"]}}},
        "status",
        (
            '[status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty,'
            ' status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"]'
        ),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_jobs(name: str) -> None:
    made, patch, subresource, expected = CHANGES[name]

    assert change_complaint("jobs", patch, made, subresource) == expected


def test_a_running_job_stays_where_it_is() -> None:
    text = change_complaint("jobs", {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}})

    assert text.startswith('spec.template: Invalid value: {"labels":{')
    assert text.endswith(": field is immutable")


def test_counters_only_grow() -> None:
    rig = Rig()
    rig.create("jobs", manifest("jobs"))
    rig.patch("jobs", "x", {"status": {"failed": 2, "succeeded": 1, "startTime": STARTED}}, subresource="status")

    error = rig.refusal(
        "patch",
        "jobs",
        name="x",
        subresource="status",
        body={"status": {"failed": 1, "succeeded": None, "startTime": None}},
        content_type="application/merge-patch+json",
    )

    assert error.message == (
        'Job.batch "x" is invalid: [status.failed: Invalid value: 1: cannot decrease the failed counter,'
        " status.succeeded: Invalid value: 0: cannot decrease the succeeded counter, status.startTime: Required value:"
        " startTime cannot be removed for unsuspended job]"
    )


CRON: dict[str, tuple[dict[str, Any], str]] = {
    "another policy": (
        {"spec.concurrencyPolicy": "Maybe"},
        'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
    ),
    "a selector in the template": (
        {"spec.jobTemplate.spec.selector": SELECTOR},
        'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"app":"a"}}: `selector` will be auto-generated',
    ),
    "a zone above": ({"spec.timeZone": "../etc"}, 'spec.timeZone: Invalid value: "../etc": unknown time zone ../etc'),
    "a known zone": ({"spec.timeZone": "Europe/Berlin"}, ""),
    "a zone of no schedule": (
        {"spec.schedule": "TZ=UTC"},
        (
            '[spec.schedule: Invalid value: "TZ=UTC": invalid schedule format: runtime error: slice bounds out of range'
            ' [:-1], spec.schedule: Invalid value: "TZ=UTC": cannot use TZ or CRON_TZ in schedule, use timeZone field'
            " instead]"
        ),
    ),
    "a long name": (
        {"metadata.name": "a" * 53},
        f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters',
    ),
}


@pytest.mark.parametrize("name", CRON)
def test_new_cron_jobs(name: str) -> None:
    changes, expected = CRON[name]

    assert complaint("cronjobs", changes) == expected


def test_warnings_of_jobs() -> None:
    many = {**INDEXED, "spec.completions": 100001, "spec.parallelism": 10001}

    assert warnings("jobs", many) == (
        (
            "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4,"
            " Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        ),
    )

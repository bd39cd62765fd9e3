"""Why a Job is not complete, why it failed, why a CronJob started none: what is told, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from k8snb.api.mistakes import BadValue
from k8snb.cluster import Cluster
from k8snb.explain import explain
from tests.controllers.batch import cron
from tests.explain.batch_situations import CRONJOBS, JOBS, Act, after


def told(acts: list[Act], what: str) -> Any:
    return explain(after(acts), what)


@pytest.mark.parametrize(
    ("what", "acts", "expected"),
    [
        pytest.param(what, acts, expected, id=f"{what}: {name}")
        for what, cases in (("job/job", JOBS), ("cronjob/tick", CRONJOBS))
        for name, (acts, expected) in cases.items()
    ],
)
def test_what_is_told(what: str, acts: list[Act], expected: list[str]) -> None:
    answer = told(acts, what)

    assert [fact.id for fact in answer] == ["created", *expected]
    assert list(answer.revisions) == sorted(answer.revisions)
    assert answer.text("en") != answer.text("zh")
    for language in ("en", "zh"):
        assert "{" not in answer.text(language).replace('{"spec":{"suspend":false}}', "")


def test_exit_codes_are_told() -> None:
    text = told(JOBS["back-off limit of a pod that is gone"][0], "job/job").text("en")

    assert "exit code 3 (Error)" in text
    assert "restarted 1 times" in text


def test_the_rule_of_a_policy_is_told() -> None:
    assert "Rule 1 of the Pod failure policy" in told(JOBS["pod failure policy"][0], "job/job").text("en")


def test_a_scheduled_pod_goes_back_to_its_cronjob_and_not_to_the_job_before() -> None:
    cluster = Cluster(nodes=1)
    cluster.apply(cron("* * * * *", "exit 0"))
    cluster.run(190)
    last = max(cluster.pods, key=lambda pod: pod.metadata.name)

    assert [fact.id for fact in explain(cluster, last)][:3] == ["created", "created.job", "created.pod"]
    with pytest.raises(BadValue):
        explain(cluster, "job")

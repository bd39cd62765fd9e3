"""Pod failure policies and success policies: which rule of the list applies first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from k8snb.api.types.batch_v1 import Job, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyRule
from k8snb.api.types.core_v1 import ContainerStatus, Pod
from k8snb.controllers.job.indexes import Indexes


class Verdict(NamedTuple):
    """What a pod failure policy makes of a failed pod.

    ``action`` is FailJob, FailIndex, Ignore or Count, None when no rule matches; ``rule`` the number of the rule that
    does; ``message`` what the Job says when it fails because of it; ``subject`` the container or condition that matched.
    """

    action: str | None = None
    rule: int | None = None
    message: str | None = None
    subject: str = ""

    @property
    def counts(self) -> bool:
        """Whether the failure counts towards the back-off limits."""
        return self.action != "Ignore"


NO_RULE = Verdict()


def judge(job: Job, pod: Pod) -> Verdict:
    """The first rule of the Job's pod failure policy that matches the failed pod."""
    policy = job.spec.podFailurePolicy
    for number, rule in enumerate(policy.rules if policy is not None else ()):
        verdict = _apply(number, rule, pod)
        if verdict is not None:
            return verdict
    return NO_RULE


def _apply(number: int, rule: PodFailurePolicyRule, pod: Pod) -> Verdict | None:
    name = f"{pod.metadata.namespace}/{pod.metadata.name}"
    matching = f"matching {rule.action} rule at index {number}"
    if rule.onExitCodes is not None:
        container = matching_container(pod, rule.onExitCodes)
        if container is None or container.state.terminated is None:
            return None
        code = container.state.terminated.exitCode
        subject = container.name
        message = f"Container {subject} for pod {name} failed with exit code {code} {matching}"
    else:
        patterns = {(pattern.type, pattern.status) for pattern in rule.onPodConditions}
        met = next((c for c in pod.status.conditions if (c.type, c.status) in patterns), None)
        if met is None:
            return None
        subject = met.type
        message = f"Pod {name} has condition {subject} {matching}"
    return Verdict(rule.action, number, message if rule.action == "FailJob" else None, subject)


def matching_container(pod: Pod, requirement: PodFailurePolicyOnExitCodesRequirement) -> ContainerStatus | None:
    """The first container that ended with an exit code other than 0 that meets the requirement; init containers last."""
    status = pod.status
    return _matching(status.containerStatuses, requirement) or _matching(status.initContainerStatuses, requirement)


def _matching(
    statuses: Iterable[ContainerStatus], requirement: PodFailurePolicyOnExitCodesRequirement
) -> ContainerStatus | None:
    for status in statuses:
        ended = status.state.terminated
        if ended is None or ended.exitCode == 0 or requirement.containerName not in (None, status.name):
            continue
        listed = ended.exitCode in requirement.values
        if (requirement.operator == "In" and listed) or (requirement.operator == "NotIn" and not listed):
            return status
    return None


def success_rule(job: Job, succeeded: Indexes) -> int | None:
    """The number of the first rule of the Job's success policy that the succeeded indexes meet."""
    policy = job.spec.successPolicy
    if policy is None or not succeeded:
        return None
    for number, rule in enumerate(policy.rules):
        if rule.succeededIndexes is None:
            if rule.succeededCount is not None and len(succeeded) >= rule.succeededCount:
                return number
            continue
        needed = Indexes.parse(rule.succeededIndexes, job.spec.completions or 0)
        if not needed:
            continue
        met = needed.overlap(succeeded)
        if met == len(needed) or (rule.succeededCount is not None and met >= rule.succeededCount):
            return number
    return None

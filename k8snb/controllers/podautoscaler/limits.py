"""What becomes of the replicas that the metrics ask for: stabilised over time, and held within limits.

Pure functions over what the controller remembers: recommendations and scalings as (second, number) pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from k8snb.api.types.autoscaling_v2 import HPAScalingRules

DOWN_WINDOW = 300.0
"""Seconds of recommendations that a scaling down looks back on (``…-downscale-stabilization``)."""
UP_FACTOR = 2
UP_LEAST = 4
"""Without a behavior a scaling up at most doubles the replicas, or brings them to four."""

Moment = tuple[float, int]
WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
STEADY = ("ReadyForNewScale", "recommended size matches current size")
UP_STABILIZED = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
DOWN_STABILIZED = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)


class Outcome(NamedTuple):
    """Replicas, and the reason and message that go into a condition."""

    replicas: int
    reason: str
    message: str


def stabilized(wanted: int, recommendations: Iterable[Moment], now: float) -> Outcome:
    """Without a behavior: the highest recommendation of the last five minutes."""
    recent = [number for time, number in recommendations if time > now - DOWN_WINDOW]
    highest = max([wanted, *recent])
    return Outcome(highest, *(DOWN_STABILIZED if highest != wanted else STEADY))


def limited(current: int, wanted: int, least: int, most: int) -> Outcome:
    """Without a behavior: between the bounds, and not more than twice as many at once."""
    fastest = max(UP_FACTOR * current, UP_LEAST)
    if wanted < least:
        return Outcome(least, *TOO_FEW)
    if wanted > min(most, fastest):
        return Outcome(min(most, fastest), *(UP_LIMIT if most > fastest else TOO_MANY))
    return Outcome(wanted, *WITHIN)


def stabilized_with(
    current: int, wanted: int, up: HPAScalingRules, down: HPAScalingRules, recommendations: Iterable[Moment], now: float
) -> Outcome:
    """With a behavior: no higher than the lowest recent recommendation, no lower than the highest one, each in its window."""
    up_window = up.stabilizationWindowSeconds or 0
    down_window = DOWN_WINDOW if down.stabilizationWindowSeconds is None else down.stabilizationWindowSeconds
    recent = list(recommendations)
    ceiling = min([wanted, *(number for time, number in recent if time > now - up_window)])
    floor = max([wanted, *(number for time, number in recent if time > now - down_window)])
    number = min(max(current, ceiling), floor)
    if number == wanted:
        return Outcome(number, *STEADY)
    return Outcome(number, *(UP_STABILIZED if wanted >= current else DOWN_STABILIZED))


def changed_within(period: float, events: Iterable[Moment], now: float) -> int:
    """Replicas that were added (or removed) in the last so many seconds."""
    return sum(number for time, number in events if time > now - period)


def up_limit(current: int, ups: Sequence[Moment], downs: Sequence[Moment], rules: HPAScalingRules, now: float) -> int:
    """The most replicas that the policies of scaling up allow now."""
    if rules.selectPolicy == "Disabled":
        return current
    proposals = []
    for policy in rules.policies:
        start = (
            current - changed_within(policy.periodSeconds, ups, now) + changed_within(policy.periodSeconds, downs, now)
        )
        proposals.append(start + policy.value if policy.type == "Pods" else ceil(start * (100 + policy.value) / 100))
    return min(proposals) if rules.selectPolicy == "Min" else max(proposals)


def down_limit(current: int, ups: Sequence[Moment], downs: Sequence[Moment], rules: HPAScalingRules, now: float) -> int:
    """The fewest replicas that the policies of scaling down allow now."""
    if rules.selectPolicy == "Disabled":
        return current
    proposals = []
    for policy in rules.policies:
        start = (
            current - changed_within(policy.periodSeconds, ups, now) + changed_within(policy.periodSeconds, downs, now)
        )
        proposals.append(start - policy.value if policy.type == "Pods" else int(start * (100 - policy.value) / 100))
    return max(proposals) if rules.selectPolicy == "Min" else min(proposals)


def limited_with(
    current: int, wanted: int, least: int, most: int, up: HPAScalingRules, down: HPAScalingRules,
    ups: Sequence[Moment], downs: Sequence[Moment], now: float,
) -> Outcome:  # fmt: skip
    """With a behavior: between the bounds, and not faster than its policies allow."""
    if wanted > current:
        fastest = max(current, up_limit(current, ups, downs, up, now))
        if wanted > min(most, fastest):
            return Outcome(min(most, fastest), *(UP_LIMIT if most > fastest else TOO_MANY))
    elif wanted < current:
        fastest = min(current, down_limit(current, ups, downs, down, now))
        if wanted < max(least, fastest):
            return Outcome(max(least, fastest), *(DOWN_LIMIT if least < fastest else TOO_FEW))
    return Outcome(wanted, *WITHIN)

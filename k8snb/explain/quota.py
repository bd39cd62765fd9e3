"""What bounds a namespace: how much of a ResourceQuota is used, by whom, and why a quota refused an object."""

from __future__ import annotations

import re
from collections.abc import Iterator

from k8snb.api import quantity
from k8snb.api.quota import evaluator_of
from k8snb.api.types.core_v1 import Pod, ResourceQuota
from k8snb.explain.fact import Fact
from k8snb.world import World

EXCEEDED = re.compile(r"exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: (\S+)")
UNSAID = re.compile(r"failed quota: (\S+): must specify (.+)")
SHOWN = 3
"""Users of a resource that are named."""


def explain_quota(world: World, quota: ResourceQuota) -> list[Fact]:
    """Each bounded resource: used, hard, and who uses most of what is used up."""
    hard, used = quota.status.hard, quota.status.used
    if not hard:
        return [Fact("quota.new", {}, "problem")]
    facts = []
    if quota.spec.scopes:
        facts.append(Fact("quota.scopes", {"scopes": ", ".join(quota.spec.scopes)}))
    for name in sorted(hard):
        have = used.get(name)
        if have is None:
            facts.append(Fact("quota.unknown", {"resource": name}, "problem"))
            continue
        values = {"resource": name, "used": have, "hard": hard[name]}
        if quantity.cmp(have, hard[name]) < 0:
            facts.append(Fact("quota.used", values))
            continue
        facts.append(Fact("quota.full", values, "problem"))
        facts += _users(world, quota, name)
    return facts


def _users(world: World, quota: ResourceQuota, name: str) -> Iterator[Fact]:
    """The pods that use most of a resource."""
    evaluator = evaluator_of(world.resource("pods"))
    if not evaluator.covers([name]):
        return
    shares: list[tuple[str, Pod]] = []
    for pod in world.of(Pod, quota.metadata.namespace):
        share = evaluator.usage(pod).get(name) if evaluator.matches(quota, pod) else None
        if share is not None and quantity.cmp(share, "0") > 0:
            shares.append((share, pod))
    shares.sort(key=lambda pair: -quantity.parse(pair[0]).nanos)
    told = [f"{pod.metadata.name} ({share})" for share, pod in shares[:SHOWN]]
    if told:
        yield Fact("quota.users", {"pods": ", ".join(told) + (" …" if len(shares) > SHOWN else "")})


def refused(message: str) -> Iterator[Fact]:
    """What a quota's refusal says: which quota, which resource, the numbers, what would help."""
    found = EXCEEDED.search(message)
    if found is not None:
        requested, used, hard = (dict(part.split("=") for part in text.split(",")) for text in found.groups()[1:])
        for name, amount in requested.items():
            values = {
                "quota": found.group(1),
                "resource": name,
                "requested": amount,
                "used": used.get(name, "0"),
                "hard": hard.get(name, "0"),
            }
            yield Fact("quota.exceeded", values, "problem")
        yield Fact("hint.quota", {"quota": found.group(1)}, "hint")
    unsaid = UNSAID.search(message)
    if unsaid is not None:
        yield Fact("quota.unsaid", {"quota": unsaid.group(1), "what": unsaid.group(2)}, "problem")
        yield Fact("hint.quota-defaults", {}, "hint")

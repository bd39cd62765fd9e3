"""Privilege escalation: nobody may grant permissions through a role or a binding that they do not hold themselves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING

from k8snb.api.gotext import quote, quoted_list
from k8snb.api.types.rbac_v1 import PolicyRule
from k8snb.apiserver.authz.rbac import resource_matches, url_matches

if TYPE_CHECKING:
    from k8snb.api.request import UserInfo


def escalation(user: UserInfo, held: Iterable[PolicyRule], wanted: Iterable[PolicyRule]) -> str:
    """What the user lacks of the wanted rules, in the server's words; "" when nothing."""
    owned = list(held)
    missing = [part for rule in wanted for part in parts_of(rule) if not any(covers(own, part) for own in owned)]
    if not missing:
        return ""
    described = sorted({_described(rule) for rule in _compact(missing)})
    return (
        f"user {quote(user.name)} (groups={quoted_list(user.groups)}) is attempting to grant RBAC permissions not currently "
        "held:\n" + "\n".join(described)
    )


def parts_of(rule: PolicyRule) -> list[PolicyRule]:
    """The rule taken apart: one verb, group and resource (and name), or one verb and path each."""
    found = []
    for group, resource, verb in product(rule.apiGroups, rule.resources, rule.verbs):
        names = rule.resourceNames or ("",)
        for name in names:
            found.append(
                PolicyRule(
                    apiGroups=(group,), resources=(resource,), verbs=(verb,), resourceNames=(name,) if name else ()
                )
            )
    for url, verb in product(rule.nonResourceURLs, rule.verbs):
        found.append(PolicyRule(nonResourceURLs=(url,), verbs=(verb,)))
    return found


def covers(own: PolicyRule, part: PolicyRule) -> bool:
    """Whether a held rule includes a part of another."""
    verb = part.verbs[0]
    if "*" not in own.verbs and verb not in own.verbs:
        return False
    if part.nonResourceURLs:
        return any(url_matches(url, part.nonResourceURLs[0]) for url in own.nonResourceURLs)
    group, resource = part.apiGroups[0], part.resources[0]
    subresource = resource.partition("/")[2]
    return (
        ("*" in own.apiGroups or group in own.apiGroups)
        and any(resource_matches(item, resource, subresource) for item in own.resources)
        and (not own.resourceNames or (bool(part.resourceNames) and part.resourceNames[0] in own.resourceNames))
    )


def _compact(rules: list[PolicyRule]) -> list[PolicyRule]:
    """Parts about resources that differ only in their verb as one rule."""
    verbs: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for rule in rules:
        if not rule.nonResourceURLs:
            verbs.setdefault((rule.apiGroups, rule.resources, rule.resourceNames), []).append(rule.verbs[0])
    merged = [
        PolicyRule(apiGroups=groups, resources=resources, resourceNames=names, verbs=tuple(found))
        for (groups, resources, names), found in verbs.items()
    ]
    return [*merged, *(rule for rule in rules if rule.nonResourceURLs)]


def _described(rule: PolicyRule) -> str:
    fields = (
        ("APIGroups", rule.apiGroups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.nonResourceURLs),
        ("ResourceNames", rule.resourceNames),
        ("Verbs", rule.verbs),
    )
    return "{" + ", ".join(f"{name}:{quoted_list(values)}" for name, values in fields if values) + "}"

"""The ClusterRole aggregation controller: roles whose rules are gathered from others by label.

`admin`, `edit` and `view` are made this way, so a ClusterRole with the label `rbac.authorization.k8s.io/aggregate-to-view`
extends `view` for everybody who is bound to it.
"""

from __future__ import annotations

from collections.abc import Iterable

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import APPLY_PATCH
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.rbac_v1 import ClusterRole, PolicyRule
from k8snb.client.calls import Patch
from k8snb.client.protocol import Controller, Reconcile, Watch
from k8snb.client.view import View


class ClusterRoleAggregationController(Controller):
    """Keeps ``rules`` of ClusterRoles with an ``aggregationRule`` up to date; keys are their names."""

    name = "clusterrole-aggregation-controller"

    def __init__(self) -> None:
        self.watches = (Watch(ClusterRole, _all_aggregating),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Gather the rules of one role and apply them when they differ."""
        role = view.lookup(ClusterRole, key)
        if role is None or role.aggregationRule is None:
            return None
        rules = gathered(role, view)
        if rules == role.rules:
            return None
        body = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": key},
            "rules": [to_dict(rule) for rule in rules],
        }
        out = yield Patch(
            kind=ClusterRole, namespace="", name=key, body=body, patch_type=APPLY_PATCH, force=True, manager=self.name,
            why="aggregate",
        )  # fmt: skip
        if isinstance(out, APIError) and out.reason != "NotFound":
            raise out
        return None


def gathered(role: ClusterRole, view: View) -> tuple[PolicyRule, ...]:
    """The rules of all other roles that the aggregation rule selects, each once, in the order of selectors and names."""
    assert role.aggregationRule is not None
    found: dict[PolicyRule, None] = {}
    others = sorted(view.list(ClusterRole), key=lambda other: other.metadata.name or "")
    for wanted in role.aggregationRule.clusterRoleSelectors:
        selector = from_label_selector(wanted)
        for other in others:
            if other.metadata.name != role.metadata.name and selector.matches(other.metadata.labels):
                found.update(dict.fromkeys(other.rules))
    return tuple(found)


def _all_aggregating(old: ClusterRole | None, new: ClusterRole | None, view: View) -> Iterable[str]:
    """Any role may be a part of any that aggregates."""
    return [role.metadata.name or "" for role in view.list(ClusterRole) if role.aggregationRule is not None]

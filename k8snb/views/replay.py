"""What if: a rollout played again from the same start with other numbers, on a branch of the cluster's past.

Only the change that began it is repeated (the new object as it was written then, with another strategy), then time passes
until nothing more happens; what a reader did in the middle of the real rollout is not. The branch starts its components
anew, so fractions of seconds differ from the real one; two replays of the same numbers are the same.
"""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.cluster import Cluster
from k8snb.views.rollout import RolloutView, rollout

KNOBS = {
    "Deployment": ("maxSurge", "maxUnavailable"),
    "DaemonSet": ("maxSurge", "maxUnavailable"),
    "StatefulSet": ("partition",),
}
"""The numbers of a kind's rolling update that can be tried out."""
NUMBERS = tuple(dict.fromkeys(name for names in KNOBS.values() for name in names))
"""All of them."""
FIELDS = {"Deployment": "strategy", "DaemonSet": "updateStrategy", "StatefulSet": "updateStrategy"}
PATIENCE = 120.0
"""Simulated seconds that a replay goes on at most, beyond twice the real rollout's time."""


def knobs(view: RolloutView) -> dict[str, int]:
    """The numbers that can be changed, with their present values: what percentages come to for the replicas wanted."""
    if view.strategy != "RollingUpdate" or not view.versions[:-1]:
        return {}
    found = {"maxSurge": view.surge, "maxUnavailable": view.unavailable, "partition": view.given.get("partition", 0)}
    return {name: int(found[name]) for name in KNOBS.get(view.kind, ())}


def allowed(kind: str, numbers: dict[str, int]) -> dict[str, int]:
    """The numbers as the API server would take them: maxSurge and maxUnavailable are not 0 together, a DaemonSet has one of them."""
    if "maxSurge" not in numbers:
        return numbers
    surge, unavailable = numbers["maxSurge"], numbers["maxUnavailable"]
    if surge == 0 and unavailable == 0:
        unavailable = 1
    if kind == "DaemonSet" and surge and unavailable:
        unavailable = 0
    return {"maxSurge": surge, "maxUnavailable": unavailable}


def replay(cluster: Cluster, view: RolloutView, **numbers: int) -> tuple[RolloutView, Cluster]:
    """The rollout with other numbers, and the branch on which it happened."""
    resource, namespace, name = cluster.target(f"{view.kind}/{view.key}")
    change = next(c for c in cluster.history.of(resource.key(namespace, name)) if c.revision == view.revision)
    spec: dict[str, Any] = to_dict(change.value)["spec"]
    given = {**view.given, **allowed(view.kind, numbers)}
    spec[FIELDS[view.kind]] = {"type": "RollingUpdate", "rollingUpdate": given}
    branch = cluster.branch(view.revision - 1)
    branch.patch(resource.plural, name, [{"op": "replace", "path": "/spec", "value": spec}], namespace)
    begun = branch.revision
    branch.settle(limit=PATIENCE + 2 * (view.end - view.start))
    return rollout(branch, f"{view.kind}/{view.key}", begun), branch

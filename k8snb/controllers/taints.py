"""Taints and tolerations, and the taints that the control plane puts on nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from k8snb.api.types.core_v1 import Node, Taint, Toleration
from k8snb.client.calls import Patch
from k8snb.controllers.owners import STRATEGIC

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
"""Keys of taints with a meaning of their own."""
NO_SCHEDULE = "NoSchedule"
NO_EXECUTE = "NoExecute"

FROM_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
"""(condition, status) of a node -> key of the NoSchedule taint that it brings (TaintNodesByCondition)."""


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration covers a taint."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in (None, "", "Equal") and (toleration.value or "") == (taint.value or "")


def toleration_seconds(taints: Iterable[Taint], tolerations: tuple[Toleration, ...]) -> float | None:
    """How long a pod stays on a node with these NoExecute taints: 0 when one is not tolerated, None for ever."""
    shortest: float | None = None
    for taint in taints:
        used = next((toleration for toleration in tolerations if tolerates(toleration, taint)), None)
        if used is None:
            return 0.0
        if used.tolerationSeconds is not None:
            given = float(max(0, used.tolerationSeconds))
            shortest = given if shortest is None else min(shortest, given)
    return shortest


def no_execute(node: Node | None) -> tuple[Taint, ...]:
    """The node's NoExecute taints."""
    return tuple(t for t in node.spec.taints if t.effect == NO_EXECUTE) if node is not None else ()


def has_taint(node: Node, key: str, effect: str) -> bool:
    """Whether the node has that taint, whatever its value."""
    return any(taint.key == key and taint.effect == effect for taint in node.spec.taints)


def taint_patch(node: Node, add: Iterable[Taint], remove: Iterable[tuple[str, str]], why: str) -> Patch:
    """The call that adds taints to a node and removes others (key, effect), if nobody has changed it meanwhile."""
    added = list(add)
    gone = {*remove, *((taint.key, taint.effect) for taint in added)}
    kept = [taint for taint in node.spec.taints if (taint.key, taint.effect) not in gone]
    body: dict[str, Any] = {
        "metadata": {"resourceVersion": node.metadata.resourceVersion},
        "spec": {"taints": [_plain(taint) for taint in (*kept, *added)]},
    }
    return Patch(kind=Node, namespace="", name=node.metadata.name or "", body=body, patch_type=STRATEGIC, why=why)


def _plain(taint: Taint) -> dict[str, str]:
    given = {"key": taint.key, "value": taint.value, "effect": taint.effect, "timeAdded": taint.timeAdded}
    return {name: text for name, text in given.items() if text}

"""Priority classes: a number for a name, at most a billion unless the system's own."""

from __future__ import annotations

from k8snb.api.types import scheduling_v1 as scheduling
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.field import METADATA, Path, forbidden, not_supported
from k8snb.apiserver.validation.metadata import Errors, immutable

# scheduling.HighestUserDefinablePriority
_HIGHEST = 1000000000
_SYSTEM = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}
_RESERVED = "priority class names with 'system-' prefix are reserved for system use only."
_VALUE = Path("value")
_POLICY = Path("preemptionPolicy")


class PriorityClassStrategy(Kind):
    """Decisions about priority classes."""

    serves = (("scheduling.k8s.io/v1", "PriorityClass"),)
    tracks_generation = True

    def default(self, obj: scheduling.PriorityClass) -> scheduling.PriorityClass:
        """Higher priorities preempt lower ones."""
        return changed(obj, preemptionPolicy=obj.preemptionPolicy or "PreemptLowerPriority")

    def check(self, obj: scheduling.PriorityClass, errors: Errors) -> None:
        """The prefix ``system-`` and high numbers belong to the system."""
        name = obj.metadata.name or ""
        if name.startswith("system-"):
            complaint = _not_of_the_system(obj, name)
            if complaint:
                detail = f"{_RESERVED} error: {complaint}"
                errors.append(forbidden(METADATA / "name", detail))
        elif obj.value > _HIGHEST:
            detail = f"maximum allowed value of a user defined priority is {_HIGHEST}"
            errors.append(forbidden(_VALUE, detail))
        _policy(obj, errors)

    def check_update(self, new: scheduling.PriorityClass, old: scheduling.PriorityClass, errors: Errors) -> None:
        """Pods have taken the number over, so it stays."""
        if new.value != old.value:
            errors.append(forbidden(_VALUE, "may not be changed in an update."))
        immutable(new.preemptionPolicy, old.preemptionPolicy, _POLICY, errors)

    def prepare_for_update(
        self, new: scheduling.PriorityClass, old: scheduling.PriorityClass, ctx: Context
    ) -> scheduling.PriorityClass:
        """The generation stays at 1: what it counts cannot change."""
        return changed(new, metadata=changed(new.metadata, generation=old.metadata.generation))


def _not_of_the_system(obj: scheduling.PriorityClass, name: str) -> str:
    known = _SYSTEM.get(name)
    if known is None:
        return f"{name} is not a known system priority class"
    if obj.value != known:
        return f"value of {name} PriorityClass must be {known}"
    return f"globalDefault of {name} PriorityClass must be false" if obj.globalDefault else ""


def _policy(obj: scheduling.PriorityClass, errors: Errors) -> None:
    if obj.preemptionPolicy not in ("PreemptLowerPriority", "Never"):
        errors.append(not_supported(_POLICY, obj.preemptionPolicy or "", ("PreemptLowerPriority", "Never")))

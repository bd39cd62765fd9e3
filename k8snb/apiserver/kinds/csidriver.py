"""CSI drivers: what a storage driver needs from Kubernetes."""

from __future__ import annotations

from k8snb.api.types import storage_v1 as storage
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.field import SPEC, duplicate, invalid, not_supported
from k8snb.apiserver.validation.metadata import Errors, immutable

_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_MODES = ("Persistent", "Ephemeral")
_SHORTEST_TOKEN = 600
_LONGEST_TOKEN = 1 << 32
_SHORTEST_PERIOD = 10
_DEFAULTS = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}


class CSIDriverStrategy(Kind):
    """Decisions about CSI drivers."""

    serves = (("storage.k8s.io/v1", "CSIDriver"),)
    allow_unconditional_update = False

    def default(self, obj: storage.CSIDriver) -> storage.CSIDriver:
        """A driver that attaches, and mounts persistent volumes only."""
        spec = obj.spec
        fields = {name: value for name, value in _DEFAULTS.items() if getattr(spec, name) is None}
        modes = spec.volumeLifecycleModes or _MODES[:1]
        return changed(obj, spec=changed(spec, **fields, volumeLifecycleModes=modes))

    def prepare_for_update(self, new: storage.CSIDriver, old: storage.CSIDriver, ctx: Context) -> storage.CSIDriver:
        """Count changes of what kubelets ask a driver anew for."""
        before, after = old.spec, new.spec
        if after.tokenRequests != before.tokenRequests or after.requiresRepublish != before.requiresRepublish:
            generation = (old.metadata.generation or 0) + 1
            return changed(new, metadata=changed(new.metadata, generation=generation))
        return new

    def check(self, obj: storage.CSIDriver, errors: Errors) -> None:
        """Policies, tokens, lifecycle modes and the period of counting volumes."""
        spec = obj.spec
        if spec.fsGroupPolicy is not None and spec.fsGroupPolicy not in _GROUP_POLICIES:
            errors.append(not_supported(SPEC / "fsGroupPolicy", spec.fsGroupPolicy, _GROUP_POLICIES))
        _tokens(spec, errors)
        for mode in spec.volumeLifecycleModes:
            if mode not in _MODES:
                errors.append(not_supported(SPEC / "volumeLifecycleModes", mode, _MODES))
        period = spec.nodeAllocatableUpdatePeriodSeconds
        if period is not None and period < _SHORTEST_PERIOD:
            where = SPEC / "nodeAllocatableUpdatePeriodSeconds"
            errors.append(invalid(where, period, "must be greater than or equal to 10 seconds"))

    def check_update(self, new: storage.CSIDriver, old: storage.CSIDriver, errors: Errors) -> None:
        """Whether it attaches, and for which volumes it is, stays (the first path is misspelt upstream too)."""
        self.check(new, errors)
        immutable(new.spec.attachRequired, old.spec.attachRequired, SPEC / "attachedRequired", errors)
        immutable(new.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes, SPEC / "volumeLifecycleModes", errors)


def _tokens(spec: storage.CSIDriverSpec, errors: Errors) -> None:
    seen: dict[str, None] = {}
    for index, request in enumerate(spec.tokenRequests):
        path = (SPEC / "tokenRequests")[index]
        if request.audience in seen:
            errors.append(duplicate(path / "audience", request.audience))
            continue
        seen[request.audience] = None
        seconds, where = request.expirationSeconds, path / "expirationSeconds"
        if seconds is None:
            continue
        if seconds < _SHORTEST_TOKEN:
            errors.append(invalid(where, seconds, "may not specify a duration less than 10 minutes"))
        if seconds > _LONGEST_TOKEN:
            errors.append(invalid(where, seconds, "may not specify a duration larger than 2^32 seconds"))

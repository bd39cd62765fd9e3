"""Leases: who holds something, since when, and for how long without a sign of life."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import coordination_v1 as coordination
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation.field import SPEC, invalid
from k8snb.apiserver.validation.metadata import Errors, nonnegative


class LeaseStrategy(Kind):
    """Decisions about leases."""

    serves = (("coordination.k8s.io/v1", "Lease"),)
    allow_create_on_update = True
    allow_unconditional_update = False

    def prepare_for_create(self, obj: coordination.Lease, ctx: Context) -> coordination.Lease:
        """Without the fields of coordinated leader election, whose feature gate is off in v1.36."""
        return _enabled(obj)

    def prepare_for_update(self, new: coordination.Lease, old: coordination.Lease, ctx: Context) -> coordination.Lease:
        """Without the fields of coordinated leader election, whose feature gate is off in v1.36."""
        return _enabled(new)

    def check(self, obj: coordination.Lease, errors: Errors) -> None:
        """A duration above zero, transitions that are not negative."""
        spec = obj.spec
        if spec.leaseDurationSeconds is not None and spec.leaseDurationSeconds <= 0:
            errors.append(invalid(SPEC / "leaseDurationSeconds", spec.leaseDurationSeconds, "must be greater than 0"))
        nonnegative(spec.leaseTransitions, SPEC / "leaseTransitions", errors)


def _enabled(obj: coordination.Lease) -> coordination.Lease:
    spec = obj.spec
    if spec.strategy is None and spec.preferredHolder is None:
        return obj
    return replace(obj, spec=replace(spec, strategy=None, preferredHolder=None))

"""Deployments: a quarter more, a quarter less, ten revisions, ten minutes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import apps_v1 as apps
from k8snb.apiserver.defaults.pods import changed, template
from k8snb.apiserver.defaults.workloads import HISTORY_LIMIT, QUARTER, or_default
from k8snb.apiserver.kinds.workload import Workload
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import workloads
from k8snb.apiserver.validation.field import SPEC, STATUS, Path, forbidden, invalid, not_supported, required
from k8snb.apiserver.validation.metadata import Errors, immutable, nonnegative
from k8snb.apiserver.validation.pod_warnings import name_is_hostname

_PROGRESS_SECONDS = 600
_COUNTERS = (
    "observedGeneration",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
    "terminatingReplicas",
    "collisionCount",
)
NAMES = "Pod names and hostnames"


class DeploymentStrategy(Workload):
    """Decisions about deployments."""

    serves = (("apps/v1", "Deployment"),)

    def default(self, obj: apps.Deployment) -> apps.Deployment:
        """One replica, rolling updates."""
        spec = obj.spec
        new = changed(
            spec,
            replicas=or_default(spec.replicas, 1),
            strategy=_strategy(spec.strategy),
            revisionHistoryLimit=or_default(spec.revisionHistoryLimit, HISTORY_LIMIT),
            progressDeadlineSeconds=or_default(spec.progressDeadlineSeconds, _PROGRESS_SECONDS),
            template=template(spec.template),
        )
        return obj if new is spec else replace(obj, spec=new)

    def spec_changed(self, new: apps.Deployment, old: apps.Deployment) -> bool:
        """Annotations count as well: they are copied to the ReplicaSets."""
        return new.spec != old.spec or new.metadata.annotations != old.metadata.annotations

    def prepare_for_status_update(self, new: apps.Deployment, old: apps.Deployment, ctx: Context) -> apps.Deployment:
        """Keep spec and labels."""
        meta = changed(new.metadata, labels=old.metadata.labels)
        return changed(new, spec=old.spec, metadata=meta)

    def check_spec(self, spec: apps.DeploymentSpec, errors: Errors) -> None:
        """Replicas, selector, template, strategy, limits."""
        nonnegative(spec.replicas, SPEC / "replicas", errors)
        workloads.replicated(spec.replicas, spec.selector, spec.template, SPEC, errors)
        _check_strategy(spec.strategy, SPEC / "strategy", errors)
        nonnegative(spec.minReadySeconds, SPEC / "minReadySeconds", errors)
        nonnegative(spec.revisionHistoryLimit, SPEC / "revisionHistoryLimit", errors)
        deadline = spec.progressDeadlineSeconds
        if deadline is not None:
            where = SPEC / "progressDeadlineSeconds"
            nonnegative(deadline, where, errors)
            if deadline <= (spec.minReadySeconds or 0):
                errors.append(invalid(where, deadline, "must be greater than minReadySeconds"))

    def check_update(self, new: apps.Deployment, old: apps.Deployment, errors: Errors) -> None:
        """The selector stays."""
        self.check(new, errors)
        immutable(new.spec.selector, old.spec.selector, SPEC / "selector", errors)

    def check_status(self, new: apps.Deployment, old: apps.Deployment, errors: Errors) -> None:
        """Counters that make sense."""
        status = new.status
        workloads.counters(status, _COUNTERS, errors)
        workloads.not_above(status, ("updatedReplicas", "readyReplicas", "availableReplicas"), errors)
        workloads.not_above(status, ("availableReplicas",), errors, "readyReplicas", "readyReplicas")
        workloads.never_decremented(status.collisionCount, old.status.collisionCount, STATUS / "collisionCount", errors)

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Those of the template; on creation also about a name that is no host name."""
        texts = super().warnings(obj, old)
        return texts if old is not None else name_is_hostname(obj.metadata.name or "", NAMES) + texts


def _strategy(value: apps.DeploymentStrategy) -> apps.DeploymentStrategy:
    kind = value.type or "RollingUpdate"
    rolling = value.rollingUpdate
    if kind == "RollingUpdate":
        rolling = rolling or apps.RollingUpdateDeployment()
        rolling = changed(
            rolling,
            maxUnavailable=or_default(rolling.maxUnavailable, QUARTER),
            maxSurge=or_default(rolling.maxSurge, QUARTER),
        )
    return changed(value, type=kind, rollingUpdate=rolling)


def _check_strategy(value: apps.DeploymentStrategy, path: Path, errors: Errors) -> None:
    rolling, where = value.rollingUpdate, path / "rollingUpdate"
    if value.type == "Recreate":
        if rolling is not None:
            errors.append(forbidden(where, "may not be specified when strategy `type` is 'Recreate'"))
    elif value.type == "RollingUpdate":
        if rolling is None:
            errors.append(required(where, "this should be defaulted and never be nil"))
            return
        unavailable = where / "maxUnavailable"
        workloads.int_or_percent(rolling.maxUnavailable, unavailable, errors)
        workloads.int_or_percent(rolling.maxSurge, where / "maxSurge", errors)
        if workloads.amount(rolling.maxUnavailable) == 0 and workloads.amount(rolling.maxSurge) == 0:
            errors.append(invalid(unavailable, rolling.maxUnavailable, "may not be 0 when `maxSurge` is 0"))
        workloads.at_most_all(rolling.maxUnavailable, unavailable, errors)
    else:
        errors.append(not_supported(path, value, ("Recreate", "RollingUpdate")))

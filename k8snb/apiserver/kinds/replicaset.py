"""ReplicaSets."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import apps_v1 as apps
from k8snb.apiserver.defaults.pods import changed, template
from k8snb.apiserver.defaults.workloads import or_default
from k8snb.apiserver.kinds.deployment import NAMES
from k8snb.apiserver.kinds.workload import Workload
from k8snb.apiserver.validation import workloads
from k8snb.apiserver.validation.field import SPEC
from k8snb.apiserver.validation.metadata import Errors, immutable, nonnegative
from k8snb.apiserver.validation.pod_warnings import name_is_hostname

_COUNTERS = (
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "terminatingReplicas",
    "observedGeneration",
)


class ReplicaSetStrategy(Workload):
    """Decisions about replica sets."""

    serves = (("apps/v1", "ReplicaSet"),)
    checks_as_new = True

    def default(self, obj: apps.ReplicaSet) -> apps.ReplicaSet:
        """One replica."""
        spec = obj.spec
        new = changed(spec, replicas=or_default(spec.replicas, 1), template=template(spec.template))
        return obj if new is spec else replace(obj, spec=new)

    def check_spec(self, spec: apps.ReplicaSetSpec, errors: Errors) -> None:
        """Replicas, selector and template."""
        nonnegative(spec.replicas, SPEC / "replicas", errors)
        nonnegative(spec.minReadySeconds, SPEC / "minReadySeconds", errors)
        workloads.replicated(spec.replicas, spec.selector, spec.template, SPEC, errors)

    def check_update(self, new: apps.ReplicaSet, old: apps.ReplicaSet, errors: Errors) -> None:
        """The selector stays."""
        self.check(new, errors)
        immutable(new.spec.selector, old.spec.selector, SPEC / "selector", errors)

    def check_status(self, new: apps.ReplicaSet, old: apps.ReplicaSet, errors: Errors) -> None:
        """Counters that make sense."""
        replica_counters(new.status, errors)

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Those of the template; on creation also about a name that is no host name."""
        texts = super().warnings(obj, old)
        return texts if old is not None else name_is_hostname(obj.metadata.name or "", NAMES) + texts


def replica_counters(status: Any, errors: Errors) -> None:
    """The counters of a ReplicaSet or ReplicationController (which does not count terminating pods)."""
    workloads.counters(status, tuple(name for name in _COUNTERS if hasattr(status, name)), errors)
    workloads.not_above(status, ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"), errors)
    workloads.not_above(status, ("availableReplicas",), errors, "readyReplicas", "readyReplicas")

"""ReplicationControllers, the older form of ReplicaSets."""

from __future__ import annotations

from typing import Any

from k8snb.api.selectors import from_labels
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed, template
from k8snb.apiserver.defaults.workloads import or_default, template_warnings
from k8snb.apiserver.kinds.deployment import NAMES
from k8snb.apiserver.kinds.replicaset import replica_counters
from k8snb.apiserver.kinds.workload import Workload
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import workloads
from k8snb.apiserver.validation.field import SPEC, FieldError, invalid, required
from k8snb.apiserver.validation.metadata import Errors, nonnegative, object_meta, object_meta_update
from k8snb.apiserver.validation.pod_warnings import name_is_hostname


class ReplicationControllerStrategy(Workload):
    """Decisions about replication controllers."""

    serves = (("v1", "ReplicationController"),)
    orphan_by_default = True

    def default(self, obj: core.ReplicationController) -> core.ReplicationController:
        """One replica; selector and labels are those of the template."""
        spec, meta = obj.spec, obj.metadata
        pods = None if spec.template is None else template(spec.template)
        labels = {} if pods is None else pods.metadata.labels
        new = changed(
            spec,
            replicas=or_default(spec.replicas, 1),
            template=pods,
            selector=spec.selector or labels or spec.selector,
        )
        return changed(obj, spec=new, metadata=changed(meta, labels=meta.labels or labels or meta.labels))

    def check_spec(self, spec: core.ReplicationControllerSpec, errors: Errors) -> None:
        """Numbers, selector, template."""
        nonnegative(spec.minReadySeconds, SPEC / "minReadySeconds", errors)
        if not spec.selector:
            errors.append(required(SPEC / "selector"))
        nonnegative(spec.replicas, SPEC / "replicas", errors)
        where, pods = SPEC / "template", spec.template
        if pods is None:
            errors.append(required(where))
            return
        labels = pods.metadata.labels
        if spec.selector and not from_labels(spec.selector).matches(labels):
            errors.append(invalid(where / "metadata" / "labels", labels, workloads.NO_MATCH))
        workloads.template(pods, where, errors)
        workloads.restart_always(pods, "ReplicationController", where, errors)

    def validate_update(
        self, new: core.ReplicationController, old: core.ReplicationController, ctx: Context
    ) -> list[FieldError]:
        """Everything of a new one, twice, as the server does."""
        errors: Errors = []
        object_meta(new.metadata, True, self.name_rule, errors)
        problems: Errors = []
        self.check(new, problems)
        errors += problems
        object_meta_update(new.metadata, old.metadata, errors)
        return errors + problems

    def check_status(self, new: core.ReplicationController, old: core.ReplicationController, errors: Errors) -> None:
        """Counters that make sense."""
        replica_counters(new.status, errors)

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Those of the template; on creation also about a name that is no host name."""
        if old is not None and obj.metadata.generation == old.metadata.generation:
            return ()
        texts = template_warnings(obj.spec.template) if obj.spec.template is not None else ()
        return texts if old is not None else name_is_hostname(obj.metadata.name or "", NAMES) + texts

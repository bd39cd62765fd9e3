"""Nodes: the only kind that may bring its status along when it is created."""

from __future__ import annotations

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed
from k8snb.apiserver.defaults.resources import rounded
from k8snb.apiserver.kinds.base import Kind
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import nodes
from k8snb.apiserver.validation.field import FieldError
from k8snb.apiserver.validation.metadata import Errors, object_meta, object_meta_update


class NodeStrategy(Kind):
    """Decisions about nodes."""

    serves = (("v1", "Node"),)
    has_status = True

    def default(self, obj: core.Node) -> core.Node:
        """All of the capacity is allocatable; ``podCIDR`` is the first of ``podCIDRs``."""
        status, spec = obj.status, obj.spec
        capacity = rounded(status.capacity)
        allocatable = rounded(status.allocatable) if status.allocatable else capacity
        if capacity is not status.capacity or allocatable is not status.allocatable:
            obj = replace(obj, status=replace(status, capacity=capacity, allocatable=allocatable))
        first, cidrs = spec.podCIDR, spec.podCIDRs
        if first and (not cidrs or cidrs[0] != first):
            return replace(obj, spec=replace(spec, podCIDRs=(first,)))
        if cidrs and not first:
            return replace(obj, spec=replace(spec, podCIDR=cidrs[0]))
        return obj

    def prepare_for_create(self, obj: core.Node, ctx: Context) -> core.Node:
        """Without the configuration that kubelets no longer read."""
        return changed(obj, spec=changed(obj.spec, configSource=None), status=changed(obj.status, config=None))

    def prepare_for_update(self, new: core.Node, old: core.Node, ctx: Context) -> core.Node:
        """Keep the status."""
        spec = new.spec if old.spec.configSource is not None else changed(new.spec, configSource=None)
        return changed(new, status=old.status, spec=spec)

    def prepare_for_status_update(self, new: core.Node, old: core.Node, ctx: Context) -> core.Node:
        """Keep the spec."""
        new = changed(new, spec=old.spec)
        if new.status.config is not None and old.status.config is None:
            new = replace(new, status=replace(new.status, config=None))
        return new

    def check(self, obj: core.Node, errors: Errors) -> None:
        """A new node."""
        nodes.create(obj, errors)

    def validate_update(self, new: core.Node, old: core.Node, ctx: Context) -> list[FieldError]:
        """Everything of a new one, then what may not change."""
        errors: Errors = []
        object_meta(new.metadata, False, self.name_rule, errors)
        self.check(new, errors)
        object_meta_update(new.metadata, old.metadata, errors)
        nodes.update(new, old, errors)
        return errors

    def check_status(self, new: core.Node, old: core.Node, errors: Errors) -> None:
        """Amounts and addresses."""
        nodes.update(new, old, errors)

    def warnings(self, obj: core.Node, old: core.Node | None = None) -> tuple[str, ...]:
        """Fields that nothing reads."""
        texts = []
        if obj.spec.configSource is not None:
            texts.append("spec.configSource: the feature is removed")
        if obj.spec.externalID:
            texts.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
        return tuple(texts)

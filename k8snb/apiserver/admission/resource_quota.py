"""ResourceQuota: an object that would take a namespace over one of its quotas is refused; otherwise it is charged."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from k8snb.api import quantity
from k8snb.api.frozen import FrozenDict
from k8snb.api.quota import Evaluator, Usage, evaluator_of
from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin, is_pod
from k8snb.apiserver.registry.create import stamp
from k8snb.store import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import ResourceQuota as QuotaObject
    from k8snb.store import KeyValue


class ResourceQuota(Plugin):
    """Checks and charges every quota of the namespace that bounds the object; the charge is a revision of its own."""

    name = "ResourceQuota"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        if operation not in (CREATE, UPDATE) or not resource.namespaced:
            return False
        if subresource:
            return subresource == "resize" and is_pod(resource)
        return operation in evaluator_of(resource).operations

    def validate(self, a: Attributes) -> None:
        if not a.ctx.server.reader.all("resourcequotas"):
            return
        quotas = a.ctx.server.store.list(f"/registry/resourcequotas/{a.namespace}/").items
        if not quotas:
            return
        evaluator = evaluator_of(a.resource)
        charged = [item for item in quotas if self._bounds(a, evaluator, item.value)]
        if not charged:
            return
        delta = _delta(a, evaluator)
        if not delta:
            return
        for item in charged:
            used = self._charge(a, item.value, delta)
            if used is not None:
                _write(a, item, used)

    def _bounds(self, a: Attributes, evaluator: Evaluator, quota: QuotaObject) -> bool:
        """Whether the quota concerns the object; refuses an object that leaves out what the quota bounds."""
        if not evaluator.matches(quota, a.obj):
            return False
        names = evaluator.covers(quota.status.hard)
        if not names:
            return False
        name = quota.metadata.name
        unsaid = evaluator.unsaid(names, a.obj)
        if unsaid:
            raise a.forbidden(f"failed quota: {name}: {unsaid}")
        if any(item not in quota.status.used for item in names):
            raise a.forbidden(f"status unknown for quota: {name}, resources: {','.join(names)}")
        return True

    def _charge(self, a: Attributes, quota: QuotaObject, delta: Usage) -> dict[str, str] | None:
        """The quota's usage with the object; None when it is not concerned. APIError 403 when it is exceeded."""
        hard, used = quota.status.hard, quota.status.used
        asked = {name: value for name, value in delta.items() if name in hard}
        if not asked:
            return None
        after = {name: quantity.add(used.get(name, "0"), value) for name, value in asked.items()}
        exceeded = sorted(name for name, value in after.items() if quantity.cmp(value, hard[name]) > 0)
        if exceeded:
            raise a.forbidden(
                f"exceeded quota: {quota.metadata.name}, requested: {_said(asked, exceeded)}, "
                f"used: {_said(used, exceeded)}, limited: {_said(hard, exceeded)}"
            )
        return {**used, **after}


def _delta(a: Attributes, evaluator: Evaluator) -> Usage:
    """What the request adds to the usage; an update is charged only for what it adds."""
    usage = evaluator.usage(a.obj)
    if a.operation == UPDATE:
        before = evaluator.usage(a.old)
        usage = {name: quantity.sub(value, before[name]) if name in before else value for name, value in usage.items()}
    return {name: value for name, value in usage.items() if quantity.cmp(value, "0") > 0}


def _said(values: Mapping[str, str], names: list[str]) -> str:
    return ",".join(f"{name}={values.get(name, '0')}" for name in names)


def _write(a: Attributes, current: KeyValue, used: dict[str, str]) -> None:
    """Store the new usage just before the object is stored."""
    ctx = a.ctx
    quota: QuotaObject = current.value
    changed = replace(quota, status=replace(quota.status, used=FrozenDict(used)))
    why = ctx.request.cause
    cause = Cause("kube-apiserver", "update/status", why.revisions, why.key, "quota", why.step)

    def write() -> None:
        ctx.server.store.put(current.key, partial(stamp, changed), current.mod_revision, cause)

    ctx.before_commit(write)

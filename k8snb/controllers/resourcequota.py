"""The resourcequota controller: ``status.used`` of ResourceQuotas, counted from what is there.

Admission charges a quota when an object is made; nobody gives back when one goes, so this controller counts again: when a
quota's limits change, when a counted object is deleted, when a pod ends (or a Service or claim changes what it counts
for), and every five minutes. Keys are quotas. Objects of custom kinds count for ``count/<plural>.<group>``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from k8snb.api import quantity
from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.quota import Evaluator, Usage, evaluator_of
from k8snb.api.scheme import SCHEME, Resource
from k8snb.api.types.apiextensions_v1 import CustomResourceDefinition
from k8snb.api.types.core_v1 import Pod, ResourceQuota, ResourceQuotaStatus
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import UpdateStatus
from k8snb.client.protocol import After, Controller, KeysOf, Reconcile, Watch
from k8snb.client.view import View, group_of
from k8snb.controllers import customs
from k8snb.controllers.pods import is_terminal
from k8snb.sim.clock import seconds

RESYNC = 300.0
"""Seconds between two full counts of a quota (kube-controller-manager ``--resource-quota-sync-period``)."""
COUNT = "count/"
_VERBS = {"create", "list", "watch", "delete"}


def _counted() -> dict[str, tuple[Resource, Evaluator]]:
    """Qualified name -> what is counted and how: all resources of namespaces but events."""
    found: dict[str, tuple[Resource, Evaluator]] = {}
    for resource in SCHEME.resources:
        typed = resource.type is not Unstructured and resource.kind != "Event"
        if resource.namespaced and typed and set(resource.verbs) >= _VERBS:
            found.setdefault(resource.qualified, (resource, evaluator_of(resource)))
    return found


class ResourceQuotaController(Controller):
    """Counts what the objects of a namespace use of its quotas."""

    name = "resourcequota-controller"

    def __init__(self) -> None:
        self._counted = tuple(_counted().values())
        self.watches = (
            Watch(ResourceQuota, _quota_keys),
            *(Watch(resource.type, _keys_for(evaluator)) for resource, evaluator in self._counted),
            Watch(Unstructured, _custom_keys),
        )

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Count one quota again."""
        quota = view.lookup(ResourceQuota, key)
        if quota is None:
            return None
        hard, old = quota.spec.hard, quota.status
        usage = self.usage(quota, view)
        used = FrozenDict({name: value for name, value in {**old.used, **usage}.items() if name in hard})
        if not (old.hard and same(hard, old.hard) and same(used, old.used)) and (hard or old.hard or old.used):
            status = ResourceQuotaStatus(hard=hard, used=used)
            out = yield UpdateStatus(obj=replace(quota, status=status), why="quota-counted")
            if isinstance(out, APIError):
                raise out
        return After(RESYNC, background=True)

    def usage(self, quota: ResourceQuota, view: View) -> Usage:
        """What is used of everything that the quota bounds and that can be counted."""
        namespace = quota.metadata.namespace or ""
        found: Usage = {}
        for resource, evaluator in self._counted:
            names = evaluator.covers(quota.spec.hard)
            if not names:
                continue
            found.update(dict.fromkeys(names, "0"))
            for obj in view.list(resource.type, namespace):
                if evaluator.matches(quota, obj):
                    for name, value in _usage(evaluator, obj, view.now).items():
                        if name in names:
                            found[name] = quantity.add(found[name], value)
        found.update(_custom_usage(quota, view))
        return found


def same(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    """Whether two resource lists name the same amounts, however written."""
    return left.keys() == right.keys() and all(quantity.cmp(value, right[name]) == 0 for name, value in left.items())


def is_charged(pod: Pod, now: float) -> bool:
    """Whether a pod uses what it asks for: it has not ended, and is not stuck in its deletion beyond its grace period."""
    if is_terminal(pod):
        return False
    meta = pod.metadata
    if meta.deletionTimestamp is None or meta.deletionGracePeriodSeconds is None:
        return True
    return now <= seconds(meta.deletionTimestamp) + meta.deletionGracePeriodSeconds


def _usage(evaluator: Evaluator, obj: Any, now: float) -> Usage:
    if isinstance(obj, Pod) and not is_charged(obj, now):
        return {f"{COUNT}pods": "1"}
    return evaluator.usage(obj)


def _custom_usage(quota: ResourceQuota, view: View) -> Usage:
    """How many custom objects there are of the kinds that the quota counts; scopes select none of them."""
    found: Usage = {}
    for name in quota.spec.hard:
        definition = view.get(CustomResourceDefinition, None, name.removeprefix(COUNT)) if COUNT in name else None
        if definition is None:
            continue
        scoped = bool(quota.spec.scopes) or quota.spec.scopeSelector is not None
        group, kind = definition.spec.group, definition.spec.names.kind
        count = 0 if scoped else len(customs.objects(view, group, kind, quota.metadata.namespace or ""))
        found[name] = str(count)
    return found


# -- which quotas a change concerns


def _key(quota: ResourceQuota) -> str:
    return f"{quota.metadata.namespace}/{quota.metadata.name}"


def _quota_keys(old: ResourceQuota | None, new: ResourceQuota | None, view: View) -> Iterable[str]:
    """A quota whose limits are new; what is written into its status concerns nobody."""
    if new is None or (old is not None and same(old.spec.hard, new.spec.hard)):
        return ()
    return (_key(new),)


def _keys_for(evaluator: Evaluator) -> KeysOf:
    """The quotas that a deleted object, or one that now counts for less, was charged to."""

    def keys(old: Object | None, new: Object | None, view: View) -> Iterable[str]:
        if old is None or (new is not None and not evaluator.frees(old, new)):
            return ()
        quotas = view.list(ResourceQuota, old.metadata.namespace or "")
        return [_key(quota) for quota in quotas if evaluator.covers(quota.status.hard)]

    return keys


def _custom_keys(old: Unstructured | None, new: Unstructured | None, view: View) -> Iterable[str]:
    if old is None or new is not None:
        return ()
    quotas = view.list(ResourceQuota, old.metadata.namespace or "")
    suffix = f".{group_of(old.apiVersion)}"
    return [
        _key(quota)
        for quota in quotas
        if any(name.startswith(COUNT) and name.endswith(suffix) for name in quota.status.hard)
    ]

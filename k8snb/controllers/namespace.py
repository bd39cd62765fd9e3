"""The namespace controller: empties a namespace that is being deleted, pods first, then lets it go.

Upstream's ``namespaced_resources_deleter`` with OrderedNamespaceDeletion. It waits 5 s after a change of the namespace,
deletes the content, says in conditions what is left and why, looks again after half of the time it estimates, and in the
end removes the finalizer ``kubernetes``. Where upstream sends one deletecollection for each resource, this one deletes
object by object, so that every deletion is a step of its own. Custom resources are those of the definitions that are
established at the moment; built-in resources without a type of their own in the model (resource claims) are left.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.api.scheme import SCHEME, Resource
from k8snb.api.types.core_v1 import Namespace, NamespaceCondition, Pod
from k8snb.api.unstructured import Unstructured
from k8snb.client.calls import Call, Delete, Finalize, Outcome, UpdateStatus, kind_of
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers import customs
from k8snb.controllers.failures import failed
from k8snb.controllers.pods import is_terminal
from k8snb.sim.clock import rfc3339, seconds

GRACE = 5.0
"""Seconds between a change of a terminating namespace and work on it (upstream ``namespaceDeletionGracePeriod``)."""
FINALIZER_ESTIMATE = 15
"""Seconds that objects with finalizers are expected to take (upstream ``finalizerEstimateSeconds``)."""
KUBERNETES = "kubernetes"
"""The namespace finalizer that this controller removes."""

_CONTENT_FAILURE = "NamespaceDeletionContentFailure"
_CONTENT_REMAINING = "NamespaceContentRemaining"
_FINALIZERS_REMAINING = "NamespaceFinalizersRemaining"
_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    _CONTENT_FAILURE: ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    _CONTENT_REMAINING: ("ContentRemoved", "All content successfully removed"),
    _FINALIZERS_REMAINING: ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


def deletable(view: View) -> list[Resource]:
    """The namespaced resources that a namespace has to be emptied of, pods first, custom ones last, each kind once."""
    found: dict[str, Resource] = {}
    for resource in SCHEME.resources:
        if resource.namespaced and {"delete", "list"} <= set(resource.verbs) and resource.type is not Unstructured:
            found.setdefault(resource.storage_version_hash or resource.prefix, resource)
    built_in = sorted(found.values(), key=lambda resource: resource.type is not Pod)
    return [*built_in, *(resource for resource in customs.defined(view) if resource.namespaced)]


class _Findings:
    """What one pass has found: what is left, what holds it, what went wrong, how long it may take."""

    def __init__(self) -> None:
        self.remaining: dict[str, int] = {}
        self.finalizers: dict[str, int] = {}
        self.errors: list[str] = []
        self.failure: APIError | None = None
        self.estimate = 0

    def conditions(self) -> dict[str, tuple[str, str]]:
        """Reason and message of the conditions that are not fine."""
        bad: dict[str, tuple[str, str]] = {}
        if self.errors:
            text = (
                f"Failed to delete all resource types, {len(self.errors)} remaining: {', '.join(sorted(self.errors))}"
            )
            bad[_CONTENT_FAILURE] = ("ContentDeletionFailed", text)
        if self.remaining:
            parts = sorted(f"{name} has {number} resource instances" for name, number in self.remaining.items())
            bad[_CONTENT_REMAINING] = ("SomeResourcesRemain", f"Some resources are remaining: {', '.join(parts)}")
        if self.finalizers:
            parts = sorted(f"{name} in {number} resource instances" for name, number in self.finalizers.items())
            text = f"Some content in the namespace has finalizers remaining: {', '.join(parts)}"
            bad[_FINALIZERS_REMAINING] = ("SomeFinalizersRemain", text)
        return bad


class NamespaceController(Controller):
    """Deletes the content of terminating namespaces; keys are namespaces."""

    name = "namespace-controller"

    def __init__(self) -> None:
        self.watches = (Watch(Namespace, own_key),)

    def reconcile(self, key: str, view: View) -> Reconcile:
        """One pass over a terminating namespace."""
        namespace = view.lookup(Namespace, key)
        if namespace is None or namespace.metadata.deletionTimestamp is None:
            return None
        wait = _last_change(namespace) + GRACE - view.now
        if wait > 0:
            return After(wait)
        if KUBERNETES not in namespace.spec.finalizers:
            return None
        findings = _Findings()
        for resource in deletable(view):
            yield from _empty(namespace, resource, view, findings)
            if resource.type is Pod and findings.remaining:
                break
        updated = _with_conditions(namespace, findings.conditions(), view.now)
        if updated is not namespace:
            out = yield UpdateStatus(obj=updated, why="status")
            if isinstance(out, Namespace):
                namespace = out
        if findings.failure is not None:
            raise findings.failure
        if findings.estimate > 0:
            return After(findings.estimate // 2 + 1)
        left = tuple(name for name in namespace.spec.finalizers if name != KUBERNETES)
        out = yield Finalize(obj=replace(namespace, spec=replace(namespace.spec, finalizers=left)), why="emptied")
        if isinstance(out, APIError) and out.reason != "NotFound":
            raise out
        return None


def _last_change(namespace: Namespace) -> float:
    """When the namespace was deleted or this controller last changed its conditions."""
    times = [namespace.metadata.deletionTimestamp, *(c.lastTransitionTime for c in namespace.status.conditions)]
    return max(seconds(time) for time in times if time)


def _empty(namespace: Namespace, resource: Resource, view: View, findings: _Findings) -> Generator[Call, Outcome, None]:
    """Delete all objects of one resource and note what is left of them."""
    name = namespace.metadata.name or ""
    objects = _objects(resource, name, view)
    if not objects:
        return
    estimate = _pod_estimate(namespace, objects, view.now) if resource.type is Pod else 0
    for obj in objects:
        if obj.metadata.deletionTimestamp is not None:
            continue
        out = yield Delete(
            kind=kind_of(resource),
            namespace=name,
            name=obj.metadata.name or "",
            propagation="Background",
            why="empty-namespace",
        )
        if isinstance(out, APIError) and not failed(out, "NotFound"):
            findings.errors.append(out.message)
            findings.failure = findings.failure or out
    left = _objects(resource, name, view)
    if not left:
        return
    findings.remaining[f"{resource.plural}.{resource.group}"] = len(left)
    held = False
    for obj in left:
        for finalizer in obj.metadata.finalizers:
            held = True
            findings.finalizers[finalizer] = findings.finalizers.get(finalizer, 0) + 1
    if not estimate and held:
        estimate = FINALIZER_ESTIMATE
    elif not estimate:
        gvr = f"{resource.group}/{resource.version}, Resource={resource.plural}"
        text = f"unexpected items still remain in namespace: {name} for gvr: {gvr}"
        findings.errors.append(text)
        findings.failure = findings.failure or APIError(500, "InternalError", text)
    findings.estimate = max(findings.estimate, estimate)


def _objects(resource: Resource, namespace: str, view: View) -> Sequence[Object]:
    if resource.custom:
        return customs.objects(view, resource.group, resource.kind, namespace)
    found: list[Object] = view.by(resource.type, "namespace", namespace)
    return found


def _pod_estimate(namespace: Namespace, pods: Sequence[Object], now: float) -> int:
    """The longest grace period of the running pods, 0 when that time has passed since the deletion."""
    longest = 0
    for pod in pods:
        if isinstance(pod, Pod) and not is_terminal(pod):
            longest = max(longest, pod.spec.terminationGracePeriodSeconds or 0)
    deleted = namespace.metadata.deletionTimestamp
    return longest if deleted and now - seconds(deleted) < longest else 0


def _with_conditions(namespace: Namespace, bad: dict[str, tuple[str, str]], now: float) -> Namespace:
    """The namespace with its five deletion conditions, itself when none changes."""
    conditions = {c.type: c for c in namespace.status.conditions}
    changed = False
    for kind, fine in _FINE.items():
        status, (reason, message) = ("True", bad[kind]) if kind in bad else ("False", fine)
        old = conditions.get(kind)
        if (
            old is not None
            and old.status == status
            and (status == "False" or (old.reason, old.message) == (reason, message))
        ):
            continue
        changed = True
        conditions[kind] = NamespaceCondition(
            type=kind, status=status, reason=reason, message=message, lastTransitionTime=rfc3339(now)
        )
    if not changed:
        return namespace
    return replace(namespace, status=replace(namespace.status, conditions=tuple(conditions.values())))

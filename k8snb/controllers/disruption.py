"""The disruption controller: how many of a PodDisruptionBudget's pods may be evicted now.

It counts healthy pods (ready, not being deleted, not just evicted) against the number that has to stay, writes both into
the budget's status, and the API server's eviction subresource spends what is allowed. Where the number is a percentage (or
``maxUnavailable``) the pods' controllers say how many pods there should be: ReplicationControllers, Deployments,
ReplicaSets and StatefulSets, and any other kind through its scale subresource. When that cannot be found out nothing may
be disrupted.

Keys: ``namespace/name`` of a budget; ``stale/namespace/name`` of a pod whose condition DisruptionTarget may be left over;
``several/namespace/name@version`` of a pod that more than one budget selects, to say so once for each of its changes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from k8snb.api import conditions
from k8snb.api.errors import APIError, no_such_resource
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.apps_v1 import Deployment, ReplicaSet, StatefulSet
from k8snb.api.types.autoscaling_v1 import Scale
from k8snb.api.types.core_v1 import Pod, PodCondition, ReplicationController
from k8snb.api.types.meta_v1 import Condition, LabelSelector, OwnerReference
from k8snb.api.types.policy_v1 import PodDisruptionBudget, PodDisruptionBudgetStatus
from k8snb.client.calls import Call, Emit, GetScale, Outcome, UpdateStatus
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.intstr import scaled
from k8snb.controllers.owners import controller_of
from k8snb.controllers.pods import TERMINAL, condition, is_ready, with_condition
from k8snb.sim.clock import rfc3339, seconds

DELETION_TIMEOUT = 120.0
"""Seconds in which an evicted pod has to be deleted, else it counts again (upstream ``DeletionTimeout``)."""
STALE_TIMEOUT = 120.0
"""Seconds after which DisruptionTarget is taken back from a pod that was not deleted (``stalePodDisruptionTimeout``)."""
BY_KUBELET = "TerminationByKubelet"
"""Reason of a DisruptionTarget that is never stale."""
COMPONENT = "controllermanager"
"""The name under which this controller records events."""
STALE = "stale/"
SEVERAL = "several/"


class Unknown(Exception):
    """Why the number of expected pods cannot be calculated."""


class Numbers(NamedTuple):
    """How many pods a budget expects, and how many of them have to be healthy."""

    expected: int
    desired: int


class DisruptionController(Controller):
    """Keeps the status of PodDisruptionBudgets."""

    name = "disruption-controller"

    def __init__(self) -> None:
        self.watches = (Watch(PodDisruptionBudget, own_key), Watch(Pod, _pod_keys))

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Calculate one budget's status, or tidy up after one pod."""
        if key.startswith(STALE):
            return (yield from _take_back(view.lookup(Pod, key.removeprefix(STALE)), view.now))
        if key.startswith(SEVERAL):
            yield from _say_several(key.removeprefix(SEVERAL).partition("@")[0], view)
            return None
        budget = view.lookup(PodDisruptionBudget, key)
        if budget is None:
            return None
        try:
            return (yield from _sync(budget, view))
        except Unknown as why:
            yield from _fail_safe(budget, str(why), view.now)
        except APIError as error:
            if error.reason == "Conflict":
                raise
            yield from _fail_safe(budget, error.message, view.now)
        return None


def _sync(budget: PodDisruptionBudget, view: View) -> Reconcile:
    matches = from_label_selector(budget.spec.selector).matches
    pods = [pod for pod in view.list(Pod, budget.metadata.namespace or "") if matches(pod.metadata.labels)]
    if not pods:
        yield _event(budget, "Normal", "NoPods", "No matching pods found")
    try:
        numbers, unmanaged = yield from expected_pods(budget, pods, view)
    except Unknown as why:
        text = f"Failed to calculate the number of expected pods: {why}"
        yield _event(budget, "Warning", "CalculateExpectedPodCountFailed", text)
        raise
    if unmanaged:
        yield _event(budget, "Warning", "UnmanagedPods", UNMANAGED.format(_go_selector(budget.spec.selector)))
    disrupted, recheck, overdue = still_disrupted(budget, pods, view.now)
    for pod in overdue:
        namespace = budget.metadata.namespace
        text = f"Pod was expected by PDB {namespace}/{namespace} to be deleted but it wasn't"
        yield _event(pod, "Warning", "NotDeleted", text)
    status = calculated(budget, numbers, healthy(pods, disrupted, view.now), disrupted, rfc3339(view.now))
    if status is not None:
        out = yield UpdateStatus(obj=replace(budget, status=status), why="budget")
        if isinstance(out, APIError):
            raise out
    return After(recheck - view.now) if recheck is not None else None


UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the "
    "PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set "
    '".spec.minAvailable" field of the PDB to an integer value.'
)


def healthy(pods: Iterable[Pod], disrupted: FrozenDict[str, str], now: float) -> int:
    """How many pods are ready and will stay."""
    count = 0
    for pod in pods:
        evicted = disrupted.get(pod.metadata.name or "")
        leaving = evicted is not None and seconds(evicted) + DELETION_TIMEOUT > now
        count += pod.metadata.deletionTimestamp is None and not leaving and is_ready(pod)
    return count


def still_disrupted(
    budget: PodDisruptionBudget, pods: Iterable[Pod], now: float
) -> tuple[FrozenDict[str, str], float | None, list[Pod]]:
    """(evicted pods that are still expected to go, when the first of them is overdue, pods that are overdue)."""
    kept: dict[str, str] = {}
    recheck: float | None = None
    overdue = []
    for pod in pods:
        name = pod.metadata.name or ""
        evicted = budget.status.disruptedPods.get(name)
        if evicted is None or pod.metadata.deletionTimestamp is not None:
            continue
        deadline = seconds(evicted) + DELETION_TIMEOUT
        if deadline < now:
            overdue.append(pod)
            continue
        kept[name] = evicted
        recheck = deadline if recheck is None else min(recheck, deadline)
    return FrozenDict(kept), recheck, overdue


def calculated(
    budget: PodDisruptionBudget, numbers: Numbers, current: int, disrupted: FrozenDict[str, str], now: str
) -> PodDisruptionBudgetStatus | None:
    """The budget's new status, None when it has it already.

    Nothing is allowed while no pod is expected, so that a budget is safe when its first pods appear.
    """
    allowed = max(0, current - numbers.desired) if numbers.expected > 0 else 0
    old = budget.status
    generation = budget.metadata.generation
    said = conditions.find(old.conditions, conditions.DISRUPTION_ALLOWED)
    right = said is not None and (said.status == "True") == (allowed > 0)
    new = replace(
        old,
        currentHealthy=current,
        desiredHealthy=numbers.desired,
        expectedPods=numbers.expected,
        disruptionsAllowed=allowed,
        disruptedPods=disrupted,
        observedGeneration=generation,
    )
    return None if new == old and right else conditions.with_disruption_allowed(new, now)


# -- how many pods there should be


def expected_pods(
    budget: PodDisruptionBudget, pods: Sequence[Pod], view: View
) -> Generator[Call, Outcome, tuple[Numbers, list[str]]]:
    """The numbers, and the names of pods without a controller where one is needed; raises ``Unknown``."""
    spec = budget.spec
    if spec.maxUnavailable is None and isinstance(spec.minAvailable, int):
        return Numbers(len(pods), spec.minAvailable), []
    bound = spec.maxUnavailable if spec.maxUnavailable is not None else spec.minAvailable
    if bound is None:
        return Numbers(0, 0), []
    expected, unmanaged = yield from _scale_of_all(pods, view)
    try:
        number = scaled(bound, expected, up=True)
    except ValueError as error:
        raise Unknown(str(error)) from None
    desired = number if spec.maxUnavailable is None else max(0, expected - number)
    return Numbers(expected, desired), unmanaged


def _scale_of_all(pods: Sequence[Pod], view: View) -> Generator[Call, Outcome, tuple[int, list[str]]]:
    """What the pods' controllers want together, each counted once."""
    scales: dict[str, int] = {}
    unmanaged = []
    for pod in pods:
        ref = controller_of(pod.metadata)
        if ref is None:
            unmanaged.append(pod.metadata.name or "")
            continue
        if ref.uid in scales:
            continue
        found = in_cache(ref, pod.metadata.namespace or "", view)
        if found is None:
            found = yield from _live(ref, pod.metadata.namespace or "")
        if found is None:
            raise Unknown(f'found no controllers for pod "{pod.metadata.name}"')
        uid, scale = found
        scales[uid] = scale
    return sum(scales.values()), unmanaged


_GROUPS = {
    "ReplicationController": ("",),
    "ReplicaSet": ("apps", "extensions"),
    "Deployment": ("apps", "extensions"),
    "StatefulSet": ("apps",),
}
"""Kinds that are looked up in the cache, and the API groups in which they are meant."""
_TYPES: dict[str, type[Any]] = {
    "ReplicationController": ReplicationController,
    "ReplicaSet": ReplicaSet,
    "StatefulSet": StatefulSet,
}


def in_cache(ref: OwnerReference, namespace: str, view: View) -> tuple[str, int] | None:
    """(uid, wanted replicas) of a controller of a well-known kind; of a ReplicaSet's Deployment when it has one."""
    kind = _TYPES.get(ref.kind)
    if kind is None or not _means(ref):
        return None
    found = view.get(kind, namespace, ref.name)
    if found is None or found.metadata.uid != ref.uid:
        return None
    above = controller_of(found.metadata) if kind is ReplicaSet else None
    if above is None or above.kind != "Deployment":
        return ref.uid, found.spec.replicas or 0
    if not _means(above):
        return None
    deployment = view.get(Deployment, namespace, above.name)
    if deployment is None or deployment.metadata.uid != above.uid:
        return None
    return above.uid, deployment.spec.replicas or 0


def _means(ref: OwnerReference) -> bool:
    group, _, _version = ref.apiVersion.rpartition("/")
    return group in _GROUPS[ref.kind]


def _live(ref: OwnerReference, namespace: str) -> Generator[Call, Outcome, tuple[str, int] | None]:
    """The same from the scale subresource of any kind; raises ``Unknown`` when the kind has none."""
    out = yield GetScale(api_version=ref.apiVersion, kind=ref.kind, namespace=namespace, name=ref.name)
    if isinstance(out, Scale):
        return (ref.uid, out.spec.replicas or 0) if out.metadata.uid == ref.uid else None
    if not isinstance(out, APIError):
        return None
    if out.message == no_such_resource().message and out.details is not None:
        raise Unknown(f"{out.details.kind} does not implement the scale subresource")
    if out.reason == "NotFound" and out.details is not None:
        return None
    raise Unknown(out.message)


# -- what is said


def _fail_safe(budget: PodDisruptionBudget, why: str, now: float) -> Generator[Call, Outcome, None]:
    """Allow nothing, and say why in the condition."""
    old = budget.status
    new = Condition(
        type=conditions.DISRUPTION_ALLOWED,
        status="False",
        reason=conditions.SYNC_FAILED,
        message=why,
        observedGeneration=old.observedGeneration,
    )
    said = conditions.with_condition(old.conditions, new, rfc3339(now))
    out = yield UpdateStatus(
        obj=replace(budget, status=replace(old, disruptionsAllowed=0, conditions=said)), why="budget-failed"
    )
    if isinstance(out, APIError):
        raise out


def _event(regarding: Object, kind: str, reason: str, message: str) -> Emit:
    return Emit(regarding=regarding, type=kind, reason=reason, message=message, component=COMPONENT)


def _go_selector(selector: LabelSelector | None) -> str:
    """A selector as Go prints the pointer to one."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {selector.matchLabels[key]}," for key in sorted(selector.matchLabels))
    found = "".join(
        f"LabelSelectorRequirement{{Key:{e.key},Operator:{e.operator},Values:[{' '.join(e.values)}],}},"
        for e in selector.matchExpressions
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{found}}},}}"
    )


def _say_several(key: str, view: View) -> Generator[Call, Outcome, None]:
    pod = view.lookup(Pod, key)
    found = budgets_of(pod, view) if pod is not None else []
    if pod is not None and len(found) > 1:
        text = (
            f'Pod "{pod.metadata.namespace}"/"{pod.metadata.name}" matches multiple PodDisruptionBudgets.  '
            f'Chose "{found[0].metadata.name}" arbitrarily.'
        )
        yield _event(pod, "Warning", "MultiplePodDisruptionBudgets", text)


# -- pods


def _take_back(pod: Pod | None, now: float) -> Reconcile:
    """Set a pod's DisruptionTarget to False when the pod was to be deleted and was not."""
    left = _stale_in(pod, now) if pod is not None else None
    if pod is None or left is None:
        return None
    if left > 0:
        return After(left)
    status = with_condition(pod.status, PodCondition(type="DisruptionTarget", status="False"), now)
    out = yield UpdateStatus(obj=replace(pod, status=status), why="not-disrupted")
    if isinstance(out, APIError):
        raise out
    return None


def _stale_in(pod: Pod, now: float) -> float | None:
    """Seconds until the pod's DisruptionTarget is stale (0: it is); None when it has none that could be."""
    if pod.metadata.deletionTimestamp is not None or pod.status.phase in TERMINAL:
        return None
    found = condition(pod.status, "DisruptionTarget")
    if found is None or found.status != "True" or found.reason == BY_KUBELET:
        return None
    since = seconds(found.lastTransitionTime) if found.lastTransitionTime else 0.0
    return max(0.0, since + STALE_TIMEOUT - now)


def budgets_of(pod: Pod, view: View) -> list[PodDisruptionBudget]:
    """The budgets that select a pod, the oldest first."""
    labels = pod.metadata.labels
    return [
        budget for budget in view.list(PodDisruptionBudget, pod.metadata.namespace or "") if _test_of(budget)(labels)
    ]


def _test_of(budget: PodDisruptionBudget) -> Callable[[Any], bool]:
    return from_label_selector(budget.spec.selector).matches


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """The first budget that selects the pod as it is now, and what else the pod may need."""
    pod = new if new is not None else old
    if pod is None:
        return
    found = budgets_of(pod, view)
    name = f"{pod.metadata.namespace}/{pod.metadata.name}"
    if found:
        yield f"{found[0].metadata.namespace}/{found[0].metadata.name}"
    if new is None:
        return
    if len(found) > 1:
        yield f"{SEVERAL}{name}@{new.metadata.resourceVersion}"
    if _stale_in(new, view.now) is not None:
        yield f"{STALE}{name}"

"""pods/eviction: a deletion that disruption budgets may refuse."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from k8snb.api import conditions, errors
from k8snb.api.frozen import FrozenDict
from k8snb.api.request import Request, Response
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.core_v1 import PodCondition
from k8snb.apiserver import decoding, options, verbs
from k8snb.apiserver.admission.plugin import CREATE, Attributes
from k8snb.apiserver.registry.create import stamp
from k8snb.apiserver.registry.delete import check_preconditions
from k8snb.apiserver.subresources.protocol import Subresource

if TYPE_CHECKING:
    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod
    from k8snb.api.types.policy_v1 import Eviction as EvictionObject
    from k8snb.api.types.policy_v1 import PodDisruptionBudget
    from k8snb.apiserver.context import ServerContext
    from k8snb.apiserver.endpoint import Endpoint
    from k8snb.store import KeyValue

MAX_DISRUPTED_PODS = 2000
"""Most pods that a budget remembers as being disrupted (registry `MaxDisruptedPodSize`)."""
RETRY_SECONDS = 10
"""When to try again while a budget has not been looked at by its controller."""
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."


class Eviction(Subresource):
    """POST deletes the pod unless a PodDisruptionBudget forbids it (429) or several budgets match it (500)."""

    name = "eviction"

    def serves(self, resource: Resource) -> bool:
        return resource.plural == "pods" and not resource.group

    def create(self, ctx: ServerContext, ep: Endpoint) -> Response:
        r = ctx.request
        eviction: EvictionObject = decoding.subresource_object(ctx, "policy/v1", "Eviction")
        name = eviction.metadata.name or ""
        if name != r.name:
            raise errors.bad_request("name in URL does not match name in Eviction object")
        current = ctx.server.store.get(ep.stored.key(r.namespace, name))
        if current is None:
            raise errors.not_found("pods", name)
        a = Attributes(ctx, CREATE, ep.resource, self.name, r.namespace, name, eviction, None)
        mutators, validators = ep.chain(CREATE, self.name)
        for check in (*mutators, *validators):
            check(a)
        ctx.request = request = _deletion(ctx, eviction)
        options.check_delete(request.options)
        pod: Pod = current.value
        if not _ignores_budgets(pod):
            budget = _budget_of(ctx, pod)
            if budget is not None and (_ready(pod) or not _unhealthy_may_go(budget.value)):
                _spend(ctx, budget, pod)
        # only now, as upstream: an eviction of another pod than the one that is meant has spent the budget all the same
        check_preconditions(ep, pod, request.options.uid, request.options.resource_version_precondition)
        if not ctx.dry_run:
            current = _announce(ctx, current)
            if request.options.resource_version_precondition is not None:
                ctx.request = _at_version(request, current.value.metadata.resourceVersion)
        verbs.delete_object(ctx, ep, current)
        return Response(201)


def _announce(ctx: ServerContext, current: KeyValue) -> KeyValue:
    """Give the pod the condition DisruptionTarget, a revision of its own, before it is deleted."""
    pod: Pod = current.value
    old = next((item for item in pod.status.conditions if item.type == "DisruptionTarget"), None)
    target = PodCondition(
        type="DisruptionTarget",
        status="True",
        lastProbeTime=old.lastProbeTime if old is not None else None,
        lastTransitionTime=old.lastTransitionTime if old is not None and old.status == "True" else ctx.now,
        reason="EvictionByEvictionAPI",
        message="Eviction API: evicting",
    )
    if target == old:
        return current
    kept = tuple(target if item is old else item for item in pod.status.conditions)
    changed = replace(pod, status=replace(pod.status, conditions=kept if old is not None else (*kept, target)))
    return ctx.server.store.put(current.key, partial(stamp, changed), current.mod_revision, ctx.cause)


def _at_version(request: Request, version: str | None) -> Request:
    return replace(request, options=replace(request.options, resource_version_precondition=version))


def _deletion(ctx: ServerContext, eviction: EvictionObject) -> Request:
    """The request with the DeleteOptions that the Eviction carries."""
    given = eviction.deleteOptions
    wanted = ctx.request.options
    if given is not None:
        pre = given.preconditions
        wanted = replace(
            wanted,
            grace_period_seconds=given.gracePeriodSeconds,
            propagation_policy=given.propagationPolicy,
            orphan_dependents=given.orphanDependents,
            dry_run=wanted.dry_run or given.dryRun,
            uid=pre.uid if pre is not None else None,
            resource_version_precondition=pre.resourceVersion if pre is not None else None,
        )
    return replace(ctx.request, options=wanted)


def _ignores_budgets(pod: Pod) -> bool:
    """Pods that are done, not started, or already going are deleted without asking a budget."""
    return pod.status.phase in ("Succeeded", "Failed", "Pending") or pod.metadata.deletionTimestamp is not None


def _budget_of(ctx: ServerContext, pod: Pod) -> KeyValue | None:
    prefix = f"/registry/poddisruptionbudgets/{pod.metadata.namespace}/"
    found = [
        item
        for item in ctx.server.store.list(prefix).items
        if from_label_selector(item.value.spec.selector).matches(pod.metadata.labels)
    ]
    if len(found) > 1:
        raise errors.unknown(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    return found[0] if found else None


def _ready(pod: Pod) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)


def _unhealthy_may_go(budget: PodDisruptionBudget) -> bool:
    """Whether a pod that is not ready may go: always with AlwaysAllow, else while enough others are healthy."""
    if budget.spec.unhealthyPodEvictionPolicy == "AlwaysAllow":
        return True
    status = budget.status
    return (status.currentHealthy or 0) >= (status.desiredHealthy or 0) and (status.desiredHealthy or 0) > 0


def _spend(ctx: ServerContext, current: KeyValue, pod: Pod) -> None:
    """Take one of the budget's allowed disruptions, or refuse with 429."""
    budget: PodDisruptionBudget = current.value
    name = budget.metadata.name
    status = budget.status
    if (status.observedGeneration or 0) < (budget.metadata.generation or 0):
        cause = errors.Cause(
            "DisruptionBudget", f"The disruption budget {name} is still being processed by the server."
        )
        raise errors.too_many_requests(_VIOLATES, RETRY_SECONDS, (cause,))
    allowed = status.disruptionsAllowed or 0
    if allowed < 0:
        raise errors.forbidden("poddisruptionbudget", name or "", "pdb disruptions allowed is negative", "policy")
    if len(status.disruptedPods) > MAX_DISRUPTED_PODS:
        raise errors.forbidden(
            "poddisruptionbudget", name or "", "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
            "policy",
        )  # fmt: skip
    if allowed == 0:
        cause = errors.Cause("DisruptionBudget", _why(budget))
        raise errors.too_many_requests(_VIOLATES, 0, (cause,))
    if ctx.dry_run:
        return
    disrupted = FrozenDict({**status.disruptedPods, pod.metadata.name or "": ctx.now})
    status = replace(status, disruptionsAllowed=allowed - 1, disruptedPods=disrupted)
    if allowed == 1:
        status = conditions.with_disruption_allowed(status, ctx.now)
    ctx.server.store.put(current.key, partial(stamp, replace(budget, status=status)), current.mod_revision, ctx.cause)


def _why(budget: PodDisruptionBudget) -> str:
    """Why nothing is allowed; numbers count for nothing after a failed calculation."""
    status = budget.status
    name = budget.metadata.name
    said = conditions.find(status.conditions, conditions.DISRUPTION_ALLOWED)
    told = said if said is not None and said.status == "False" and said.message else None
    refusal = f"The disruption budget {name} does not allow evicting pods currently"
    if told is not None and told.reason == conditions.SYNC_FAILED:
        return f"{refusal} because it failed sync: {told.message}"
    if status.currentHealthy <= status.desiredHealthy:
        wanted, have = status.desiredHealthy, status.currentHealthy
        return f"The disruption budget {name} needs {wanted} healthy pods and has {have} currently"
    return f"{refusal} ({told.reason}): {told.message}" if told is not None else refusal

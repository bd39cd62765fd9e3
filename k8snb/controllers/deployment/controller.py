"""The Deployment controller: it owns ReplicaSets, one for each template, and shifts pods from old ones to the new one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import frozen_map
from k8snb.api.selectors import from_label_selector
from k8snb.api.types.apps_v1 import Deployment, ReplicaSet
from k8snb.api.types.core_v1 import Pod
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.client.calls import Update
from k8snb.client.protocol import After, Controller, Reconcile, Watch, own_key
from k8snb.client.view import View
from k8snb.controllers.claim import claim
from k8snb.controllers.deployment import revisions
from k8snb.controllers.deployment import status as statuses
from k8snb.controllers.deployment.rollout import Calls, Rollout, pods_of
from k8snb.controllers.failures import namespace_terminating
from k8snb.controllers.owned import owner_keys
from k8snb.controllers.owners import controller_of

_EVERYTHING = LabelSelector()


class DeploymentController(Controller):
    """Rolls Deployments out, back, up and down."""

    name = "deployment-controller"

    def __init__(self) -> None:
        self.watches = (
            Watch(Deployment, own_key),
            Watch(ReplicaSet, _replica_set_keys),
            Watch(Pod, _pod_keys),
        )

    def reconcile(self, key: str, view: View) -> Reconcile:
        """Take one Deployment one change further."""
        deployment = view.lookup(Deployment, key)
        if deployment is None:
            return None
        try:
            return (yield from _sync(deployment, view))
        except APIError as error:
            if namespace_terminating(error):
                return None
            raise


def _sync(deployment: Deployment, view: View) -> Calls[After | None]:
    rollout = Rollout(deployment, [], view)
    if (deployment.spec.selector or _EVERYTHING) == _EVERYTHING:
        text = "This deployment is selecting all pods. A non-empty selector is required."
        yield rollout.emit("Warning", "SelectingAll", text)
        generation = deployment.metadata.generation
        if (deployment.status.observedGeneration or 0) < (generation or 0):
            yield from rollout.put_status(replace(deployment.status, observedGeneration=generation), "status")
        return None
    meta = deployment.metadata
    own = view.by(ReplicaSet, "controller", meta.uid or "")
    orphans = view.by(ReplicaSet, "controller", f"orphan/{meta.namespace}")
    matches = from_label_selector(deployment.spec.selector).matches
    rollout.sets = yield from claim(deployment, [*own, *orphans], lambda rs: matches(rs.metadata.labels))
    if meta.deletionTimestamp is not None:
        yield from rollout.sync_revision(create=False)
        return (yield from rollout.status_only())
    yield from _check_paused(rollout)
    if rollout.deployment.spec.paused:
        return (yield from rollout.resize())
    if revisions.ROLLBACK_TO in meta.annotations:
        return (yield from _roll_back(rollout))
    if (yield from rollout.is_scaling()):
        return (yield from rollout.resize())
    if rollout.deployment.spec.strategy.type == "Recreate":
        return (yield from rollout.recreate())
    return (yield from rollout.rolling_update())


def _check_paused(rollout: Rollout) -> Calls[None]:
    """Say in the condition Progressing that the Deployment is paused or resumed, so that the deadline does not count."""
    deployment = rollout.deployment
    current = statuses.condition(deployment.status, statuses.PROGRESSING)
    if not statuses.has_deadline(deployment) or (current is not None and current.reason == "ProgressDeadlineExceeded"):
        return
    said = current is not None and current.reason == "DeploymentPaused"
    if bool(deployment.spec.paused) == said:
        return
    reason, text = (
        ("DeploymentResumed", "Deployment is resumed") if said else ("DeploymentPaused", "Deployment is paused")
    )
    status = statuses.with_condition(deployment.status, statuses.PROGRESSING, "Unknown", reason, text, rollout.view.now)
    yield from rollout.put_status(status, "status")


def _roll_back(rollout: Rollout) -> Calls[After | None]:
    """Copy the template of an old revision into the Deployment (annotation ``deprecated.deployment.rollback.to``)."""
    yield from rollout.sync_revision(create=True)
    deployment = rollout.deployment
    name = deployment.metadata.name
    sets = [rs for rs in rollout.all if rs is not None]
    try:
        wanted = int(deployment.metadata.annotations[revisions.ROLLBACK_TO])
    except ValueError:
        wanted = 0
    if wanted == 0:
        wanted = revisions.last_revision(sets)
        if wanted == 0:
            yield rollout.emit("Warning", "DeploymentRollbackRevisionNotFound", "Unable to find last revision.")
            yield from _update(rollout, deployment)
            return None
    for rs in sets:
        if revisions.revision(rs.metadata.annotations) != wanted:
            continue
        if revisions.same_template(deployment.spec.template, rs.spec.template):
            text = f'The rollback revision contains the same template as current deployment "{name}"'
            yield rollout.emit("Warning", "DeploymentRollbackTemplateUnchanged", text)
            yield from _update(rollout, deployment)
            return None
        meta = replace(deployment.metadata, annotations=revisions.rolled_back_annotations(deployment, rs))
        spec = replace(deployment.spec, template=revisions.without_hash(rs.spec.template))
        yield from _update(rollout, replace(deployment, metadata=meta, spec=spec))
        yield rollout.emit("Normal", "DeploymentRollback", f'Rolled back deployment "{name}" to revision {wanted}')
        return None
    yield rollout.emit("Warning", "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.")
    yield from _update(rollout, deployment)
    return None


def _update(rollout: Rollout, deployment: Deployment) -> Calls[None]:
    """Write the Deployment without the rollback annotation."""
    kept = {k: v for k, v in deployment.metadata.annotations.items() if k != revisions.ROLLBACK_TO}
    changed = replace(deployment, metadata=replace(deployment.metadata, annotations=frozen_map(kept)))
    out = yield Update(obj=changed, why="rollback")
    if isinstance(out, APIError):
        raise out


# -- which Deployments a change concerns


def _test_of(deployment: Deployment) -> Callable[[Mapping[str, str]], bool]:
    return from_label_selector(deployment.spec.selector).matches


def _replica_set_keys(old: ReplicaSet | None, new: ReplicaSet | None, view: View) -> Iterable[str]:
    return owner_keys(Deployment, _test_of, old, new, view)


def _pod_keys(old: Pod | None, new: Pod | None, view: View) -> Iterable[str]:
    """A Deployment with strategy Recreate waits for the moment in which its last old pod is gone."""
    if new is not None or old is None:
        return ()
    namespace = old.metadata.namespace
    ref = controller_of(old.metadata)
    rs = view.get(ReplicaSet, namespace, ref.name) if ref is not None and ref.kind == "ReplicaSet" else None
    above = controller_of(rs.metadata) if rs is not None else None
    if above is None or above.kind != "Deployment":
        return ()
    deployment = view.get(Deployment, namespace, above.name)
    if deployment is None or deployment.metadata.uid != above.uid or deployment.spec.strategy.type != "Recreate":
        return ()
    if pods_of(view.by(ReplicaSet, "controller", above.uid), view):
        return ()
    return (f"{namespace}/{above.name}",)

"""`kubectl rollout`: status, history, undo, restart, pause and resume."""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.api.errors import APIError
from k8snb.api.request import JSON_PATCH, STRATEGIC_MERGE_PATCH
from k8snb.apiserver.tables.texts import condition, controller_of
from k8snb.kubectl import tabs, targets
from k8snb.kubectl.call import DRY_RUN, FILES, PRINTING, SELECTOR, Call, Command, Group, dry_run, dry_run_suffix
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found, qualified
from k8snb.sim.clock import rfc3339

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
HASH = "pod-template-hash"
_KEPT = (
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)
WATCH_SECONDS = 1800.0
"""Simulated seconds that `rollout status` watches when no `--timeout` is given (the real one watches without end)."""


# -- status


def deployment_status(obj: Any) -> tuple[str, bool]:
    """What `rollout status` says of a Deployment and whether it is done; raises `KubectlError`."""
    spec, status, name = obj.spec, obj.status, obj.metadata.name
    if (obj.metadata.generation or 0) > (status.observedGeneration or 0):
        return "Waiting for deployment spec update to be observed...\n", False
    progressing = condition(status.conditions, "Progressing")
    if progressing is not None and progressing.reason == "ProgressDeadlineExceeded":
        raise KubectlError(f'deployment "{name}" exceeded its progress deadline')
    updated, total = status.updatedReplicas or 0, status.replicas or 0
    head = f'Waiting for deployment "{name}" rollout to finish: '
    if spec.replicas is not None and updated < spec.replicas:
        return f"{head}{updated} out of {spec.replicas} new replicas have been updated...\n", False
    if total > updated:
        return f"{head}{total - updated} old replicas are pending termination...\n", False
    available = status.availableReplicas or 0
    if available < updated:
        return f"{head}{available} of {updated} updated replicas are available...\n", False
    return f'deployment "{name}" successfully rolled out\n', True


def daemon_set_status(obj: Any) -> tuple[str, bool]:
    """The same of a DaemonSet."""
    status, name = obj.status, obj.metadata.name
    if obj.spec.updateStrategy.type != "RollingUpdate":
        raise KubectlError("rollout status is only available for RollingUpdate strategy type")
    if (obj.metadata.generation or 0) > (status.observedGeneration or 0):
        return "Waiting for daemon set spec update to be observed...\n", False
    wanted = status.desiredNumberScheduled or 0
    updated, available = status.updatedNumberScheduled or 0, status.numberAvailable or 0
    head = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return f"{head}{updated} out of {wanted} new pods have been updated...\n", False
    if available < wanted:
        return f"{head}{available} of {wanted} updated pods are available...\n", False
    return f'daemon set "{name}" successfully rolled out\n', True


def stateful_set_status(obj: Any) -> tuple[str, bool]:
    """The same of a StatefulSet."""
    spec, status = obj.spec, obj.status
    if spec.updateStrategy.type != "RollingUpdate":
        raise KubectlError("rollout status is only available for RollingUpdate strategy type")
    observed = status.observedGeneration or 0
    if not observed or (obj.metadata.generation or 0) > observed:
        return "Waiting for statefulset spec update to be observed...\n", False
    wanted, ready = spec.replicas or 0, status.readyReplicas or 0
    if ready < wanted:
        return f"Waiting for {wanted - ready} pods to be ready...\n", False
    updated = status.updatedReplicas or 0
    rolling = spec.updateStrategy.rollingUpdate
    if rolling is not None:
        if rolling.partition is not None and updated < wanted - rolling.partition:
            head = "Waiting for partitioned roll out to finish: "
            return f"{head}{updated} out of {wanted - rolling.partition} new pods have been updated...\n", False
        return f"partitioned roll out complete: {updated} new pods have been updated...\n", True
    if status.updateRevision != status.currentRevision:
        return (
            f"waiting for statefulset rolling update to complete {updated} pods at revision {status.updateRevision}...\n",
            False,
        )
    return (
        f"statefulset rolling update complete {status.currentReplicas or 0} pods at revision {status.currentRevision}...\n",
        True,
    )


_STATUS = {"Deployment": deployment_status, "DaemonSet": daemon_set_status, "StatefulSet": stateful_set_status}


def status(call: Call) -> int | None:
    """Wait, letting simulated time pass, until a rollout is done; say how it goes."""
    for item in _found(call):
        view = _STATUS.get(item.resource.kind)
        if view is None:
            raise KubectlError(f"no status viewer has been implemented for {item.resource.kind}.{item.resource.group}")
        _follow(call, item, view)
    return None


def _follow(call: Call, item: Found, view: Any) -> None:
    last = [""]
    asked = int(call.flag("revision"))

    def done() -> bool:
        obj = call.client.find(item.resource, item.namespace, item.name)
        if obj is None:
            raise KubectlError("object has been deleted")
        if asked > 0 and obj.metadata.annotations.get(REVISION) not in (None, str(asked)):
            raise KubectlError(
                f"desired revision ({asked}) is different from the running revision ({obj.metadata.annotations[REVISION]})"
            )
        text, finished = view(obj)
        if text != last[0]:
            call.write(text)
            last[0] = text
        return bool(finished) or not call.flag("watch")

    timeout = float(call.flag("timeout") or 0)
    if not call.client.wait(done, timeout or WATCH_SECONDS):
        raise KubectlError("timed out waiting for the condition")


def _found(call: Call) -> list[Found]:
    if not call.args and not call.flag("filename"):
        raise KubectlError(f"required resource not specified\nSee 'kubectl {call.command} -h' for help and examples")
    return list(targets.fetch(call))


# -- history


def replica_sets(call: Call, deployment: Any) -> list[Any]:
    """The ReplicaSets of a Deployment."""
    resource = call.client.core("replicasets")
    items = call.client.list(resource, deployment.metadata.namespace or "")
    return [
        item
        for item in items
        if (owner := controller_of(item.metadata)) is not None and owner.uid == deployment.metadata.uid
    ]


def controller_revisions(call: Call, owner: Any) -> list[Any]:
    """The ControllerRevisions of a StatefulSet or DaemonSet."""
    resource = call.client.core("controllerrevisions")
    return [
        item
        for item in call.client.list(resource, owner.metadata.namespace or "")
        if (found := controller_of(item.metadata)) is not None and found.uid == owner.metadata.uid
    ]


def _revisions(call: Call, item: Found) -> dict[int, Any]:
    """ReplicaSets or ControllerRevisions by revision number."""
    if item.resource.kind == "Deployment":
        return {int(found.metadata.annotations.get(REVISION, "0")): found for found in replica_sets(call, item.object)}
    if item.resource.kind in ("StatefulSet", "DaemonSet"):
        return {int(found.revision or 0): found for found in controller_revisions(call, item.object)}
    raise KubectlError(f"no history viewer has been implemented for {item.resource.kind}.{item.resource.group}")


def history(call: Call) -> int | None:
    """List revisions, or show one."""
    for item in _found(call):
        revisions = _revisions(call, item)
        wanted = int(call.flag("revision"))
        if wanted > 0:
            found = revisions.get(wanted)
            if found is None:
                raise KubectlError("unable to find the specified revision")
            if call.flag("output"):
                from k8snb.kubectl import printing

                resource = call.client.scheme.of(found)
                printing.show(call, [Found(resource, found)], single=True)
                continue
            call.print(f"{qualified(item.resource)}/{item.name} with revision #{wanted}")
            call.write(_template_text(item, found) + "\n")
            continue
        lines = "REVISION\tCHANGE-CAUSE\n"
        for number in sorted(revisions):
            cause = revisions[number].metadata.annotations.get(CHANGE_CAUSE) or "<none>"
            lines += f"{number}\t{cause}\n"
        call.print(f"{qualified(item.resource)}/{item.name} ")
        call.write(tabs.align(lines) + "\n")
    return None


def _template_text(item: Found, revision: Any) -> str:
    """The pod template of a revision; not aligned, as upstream writes it without a tab writer."""
    from k8snb.kubectl.describe.template import pod_template
    from k8snb.kubectl.describe.text import Writer

    writer = Writer()
    if item.resource.kind == "Deployment":
        template = revision.spec.template
        cause = revision.metadata.annotations.get(CHANGE_CAUSE)
        annotations = dict(template.metadata.annotations)
        if cause:
            annotations[CHANGE_CAUSE] = cause
        pod_template(writer, template, annotations=annotations)
    else:
        from k8snb.api.codec import from_dict
        from k8snb.api.types.core_v1 import PodTemplateSpec

        data = (revision.data or {}).get("spec", {}).get("template", {})
        tree = {key: value for key, value in data.items() if key != "$patch"}
        pod_template(writer, from_dict(PodTemplateSpec, tree))
    return writer.raw()


# -- changes


def undo(call: Call) -> int | None:
    """Go back to an earlier revision."""
    how = dry_run(call)
    for item in _found(call):
        try:
            done, obj = _undo(call, item, int(call.flag("to-revision")), how)
        except (APIError, KubectlError) as error:
            call.fail(error)
            continue
        result(call, item.resource, item.name, done + dry_run_suffix(how), obj)
    return None


def _undo(call: Call, item: Found, to: int, how: str) -> tuple[str, Any]:
    if to < 0:
        raise KubectlError(f"unable to find specified revision {to} in history")
    revisions = _revisions(call, item)
    if not revisions:
        raise KubectlError(f'no rollout history found for {item.resource.kind.lower()} "{item.name}"')
    if to:
        if to not in revisions:
            raise KubectlError(f"unable to find specified revision {to} in history")
        number = to
    else:
        numbers = sorted(revisions)
        if len(numbers) < 2:
            raise KubectlError(f'no rollout history found for {item.resource.kind.lower()} "{item.name}"')
        number = numbers[-2]
    if item.resource.kind != "Deployment":
        body = to_dict(revisions[number])["data"]
        obj = call.client.patch(
            item.resource, item.namespace, item.name, body, STRATEGIC_MERGE_PATCH, dry_run=how == "server"
        ).object
        return "rolled back", obj
    if item.object.spec.paused:
        raise KubectlError(
            f"cannot rollback a paused {item.resource.kind.lower()}; resume it first with 'kubectl rollout resume' and try again"
        )
    old = revisions[number]
    template = to_dict(old.spec.template)
    labels = template.get("metadata", {}).get("labels") or {}
    labels.pop(HASH, None)
    if template == to_dict(item.object.spec.template):
        return f"skipped rollback (current template already matches revision {number})", item.object
    have = item.object.metadata.annotations
    annotations = {key: have[key] for key in _KEPT if key in have}
    annotations |= {key: value for key, value in old.metadata.annotations.items() if key not in _KEPT}
    operations = [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]
    if how == "client":
        return "rolled back", item.object
    obj = call.client.patch(
        item.resource, item.namespace, item.name, operations, JSON_PATCH, dry_run=how == "server"
    ).object
    return "rolled back", obj


def _change(call: Call, item: Found, body: dict[str, Any]) -> Any:
    return call.client.patch(
        item.resource,
        item.namespace,
        item.name,
        body,
        STRATEGIC_MERGE_PATCH,
        manager=str(call.flag("field-manager") or "kubectl-rollout"),
    ).object


def _named(item: Found) -> str:
    return f'{item.resource.qualified} "{item.name}"'


def restart(call: Call) -> int | None:
    """Replace all pods, by a new annotation in the pod template."""
    stamp = {"kubectl.kubernetes.io/restartedAt": rfc3339(call.client.now)}

    def one(item: Found) -> None:
        if item.resource.kind not in _STATUS:
            raise KubectlError(f"{_named(item)} restarting is not supported")
        if getattr(item.object.spec, "paused", None):
            raise KubectlError(f"{_named(item)} can't restart paused deployment (run rollout resume first)")
        if item.object.spec.template.metadata.annotations.items() >= stamp.items():
            raise KubectlError(
                f"{_named(item)} if restart has already been triggered within the past second, please wait before "
                "attempting to trigger another"
            )
        obj = _change(call, item, {"spec": {"template": {"metadata": {"annotations": stamp}}}})
        result(call, item.resource, item.name, "restarted", obj)

    targets.each(call, iter(_found(call)), one)
    return None


def pause(call: Call) -> int | None:
    """Stop reacting to changes of the template."""

    def one(item: Found) -> None:
        if item.resource.kind != "Deployment":
            raise KubectlError(f"{_named(item)} pausing is not supported")
        if item.object.spec.paused:
            raise KubectlError(f"{_named(item)} is already paused")
        result(call, item.resource, item.name, "paused", _change(call, item, {"spec": {"paused": True}}))

    targets.each(call, iter(_found(call)), one)
    return None


def resume(call: Call) -> int | None:
    """React again."""

    def one(item: Found) -> None:
        if item.resource.kind != "Deployment":
            raise KubectlError(f"{_named(item)} resuming is not supported")
        if not item.object.spec.paused:
            raise KubectlError(f"{_named(item)} is not paused")
        result(call, item.resource, item.name, "resumed", _change(call, item, {"spec": {"paused": None}}))

    targets.each(call, iter(_found(call)), one)
    return None


_FLAGS = (*FILES, *PRINTING, SELECTOR, Flag("field-manager", default=""))

ROLLOUT_GROUP = Group(
    "rollout",
    "Follow and steer rollouts",
    (
        Command(
            "status",
            "Wait for a rollout",
            status,
            (
                *FILES,
                SELECTOR,
                Flag("watch", "switch", short="w", default=True),
                Flag("revision", "number", default=0),
                Flag("timeout", "duration", default=0.0),
            ),
        ),
        Command(
            "history", "List revisions", history, (*FILES, *PRINTING, SELECTOR, Flag("revision", "number", default=0))
        ),
        Command(
            "undo", "Go back to an earlier revision", undo, (*_FLAGS, DRY_RUN, Flag("to-revision", "number", default=0))
        ),
        Command("restart", "Replace all pods", restart, _FLAGS),
        Command("pause", "Pause a rollout", pause, _FLAGS),
        Command("resume", "Resume a rollout", resume, _FLAGS),
    ),
)

"""`kubectl create deployment`, `job`, `cronjob`, `poddisruptionbudget` and `priorityclass`."""

from __future__ import annotations

from typing import Any

from k8snb.api.codec import to_dict
from k8snb.kubectl.call import Call, Command
from k8snb.kubectl.commands.building import COMMON, MANAGER, Tree, new_object, only_name, pairs
from k8snb.kubectl.commands.make import create
from k8snb.kubectl.errors import KubectlError
from k8snb.kubectl.flags import Flag


def deployment(call: Call) -> int | None:
    """`create deployment NAME --image=…`."""
    name = only_name(call, "deployment")
    images = call.flag("image")
    if not images:
        raise KubectlError('required flag(s) "image" not set')
    command = list(call.behind or ())
    if len(images) > 1 and command:
        raise KubectlError("cannot specify multiple --image options and command")
    containers = []
    for image in images:
        base = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
        container: Tree = {"name": base, "image": image, "resources": {}}
        if command:
            container["command"] = command
        containers.append(container)
    if "port" in call.given and int(call.flag("port")) >= 0:
        containers[0]["ports"] = [{"containerPort": int(call.flag("port"))}]
    labels = {"app": name}
    body = new_object("apps/v1", "Deployment", name)
    body["metadata"]["labels"] = labels
    body["spec"] = {
        "replicas": int(call.flag("replicas")),
        "selector": {"matchLabels": labels},
        "strategy": {},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    create(call, body, MANAGER, failing="failed to create deployment")
    return None


def _pod_spec(call: Call, name: str, image: str) -> Tree:
    container: Tree = {"name": name, "image": image, "resources": {}}
    if call.behind:
        container["command"] = list(call.behind)
    return {"containers": [container]}


def job(call: Call) -> int | None:
    """`create job NAME --image=… [-- COMMAND]` or `--from=cronjob/NAME`."""
    name = only_name(call, "job")
    source, image = str(call.flag("from")), str(call.flag("image"))
    if bool(source) == bool(image):
        raise KubectlError(
            "either --image or --from must be specified" if not image else "both --image and --from were specified"
        )
    body = new_object("batch/v1", "Job", name)
    if image:
        body["spec"] = {"template": {"spec": {**_pod_spec(call, name, image), "restartPolicy": "Never"}}}
    else:
        kind, _, cron = source.partition("/")
        resource = call.client.kind(kind)
        if resource.kind != "CronJob" or not cron:
            raise KubectlError(f"from must be an existing cronjob: {source}")
        found = call.client.get(resource, call.namespace, cron)
        template = to_dict(found)["spec"]["jobTemplate"]
        metadata = template.get("metadata") or {}
        body["metadata"] |= {
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual", **(metadata.get("annotations") or {})},
            "labels": metadata.get("labels") or {},
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "name": cron,
                    "uid": found.metadata.uid,
                    "controller": True,
                }
            ],
        }
        body["spec"] = template.get("spec") or {}
    create(call, body, MANAGER, failing="failed to create job")
    return None


def cron_job(call: Call) -> int | None:
    """`create cronjob NAME --image=… --schedule=…`."""
    name = only_name(call, "cronjob")
    for flag in ("image", "schedule"):
        if not call.flag(flag):
            raise KubectlError(f'required flag(s) "{flag}" not set')
    spec = {**_pod_spec(call, name, str(call.flag("image"))), "restartPolicy": str(call.flag("restart") or "OnFailure")}
    body = new_object("batch/v1", "CronJob", name)
    body["spec"] = {
        "schedule": str(call.flag("schedule")),
        "jobTemplate": {"metadata": {"name": name}, "spec": {"template": {"metadata": {}, "spec": spec}}},
    }
    create(call, body, MANAGER, failing="failed to create cronjob")
    return None


def disruption_budget(call: Call) -> int | None:
    """`create poddisruptionbudget NAME --selector=… --min-available=…`."""
    name = only_name(call, "poddisruptionbudget")
    least, most = str(call.flag("min-available") or ""), str(call.flag("max-unavailable") or "")
    if not call.flag("selector"):
        raise KubectlError("a selector must be specified")
    if bool(least) == bool(most):
        raise KubectlError(
            "one of min-available or max-unavailable must be specified"
            if not least
            else "min-available and max-unavailable cannot be both specified"
        )
    labels = pairs(str(call.flag("selector")).split(","), "selector")
    given = least or most
    amount: Any = int(given) if given.isdecimal() else given
    spec = {"selector": {"matchLabels": labels}, ("minAvailable" if least else "maxUnavailable"): amount}
    create(
        call,
        new_object("policy/v1", "PodDisruptionBudget", name, spec=spec),
        MANAGER,
        failing="failed to create poddisruptionbudgets",
    )
    return None


def priority_class(call: Call) -> int | None:
    """`create priorityclass NAME --value=…`."""
    body = new_object("scheduling.k8s.io/v1", "PriorityClass", only_name(call, "priorityclass"))
    body |= {
        "value": int(call.flag("value")),
        "globalDefault": bool(call.flag("global-default")),
        "description": str(call.flag("description")),
        "preemptionPolicy": str(call.flag("preemption-policy")),
    }
    create(call, body, MANAGER, failing="failed to create priorityclass")
    return None


WORKLOADS = (
    Command(
        "deployment",
        "Create a Deployment",
        deployment,
        (
            *COMMON,
            Flag("image", "list"),
            Flag("replicas", "number", short="r", default=1),
            Flag("port", "number", default=-1),
        ),
        ("deploy",),
    ),
    Command("job", "Create a Job", job, (*COMMON, Flag("image", default=""), Flag("from", default=""))),
    Command(
        "cronjob",
        "Create a CronJob",
        cron_job,
        (*COMMON, Flag("image", default=""), Flag("schedule", default=""), Flag("restart", default="")),
        ("cj",),
    ),
    Command(
        "poddisruptionbudget",
        "Create a PodDisruptionBudget",
        disruption_budget,
        (
            *COMMON,
            Flag("selector", default=""),
            Flag("min-available", default=""),
            Flag("max-unavailable", default=""),
        ),
        ("pdb",),
    ),
    Command(
        "priorityclass",
        "Create a PriorityClass",
        priority_class,
        (
            *COMMON,
            Flag("value", "number", default=0),
            Flag("global-default", "switch", default=False),
            Flag("description", default=""),
            Flag("preemption-policy", default="PreemptLowerPriority"),
        ),
        ("pc",),
    ),
)

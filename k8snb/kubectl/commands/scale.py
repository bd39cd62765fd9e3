"""`kubectl scale` and `kubectl autoscale`."""

from __future__ import annotations

from typing import Any

from k8snb.api.errors import APIError
from k8snb.api.request import MERGE_PATCH
from k8snb.kubectl import targets
from k8snb.kubectl.call import (
    ALL_NAMESPACES,
    DRY_RUN,
    FILES,
    PRINTING,
    SELECTOR,
    Call,
    Command,
    dry_run,
    dry_run_suffix,
)
from k8snb.kubectl.commands.make import create
from k8snb.kubectl.errors import KubectlError, usage
from k8snb.kubectl.flags import Flag
from k8snb.kubectl.printing import result
from k8snb.kubectl.targets import Found


def run(call: Call) -> int | None:
    """Set the number of replicas."""
    if "replicas" not in call.given:
        raise KubectlError('required flag(s) "replicas" not set')
    replicas = int(call.flag("replicas"))
    if replicas < 0:
        raise KubectlError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    how = dry_run(call)
    found = _found(call)
    if not found:
        if call.failed:
            return 1
        raise KubectlError("no objects passed to scale")
    for item in found:
        try:
            _scale(call, item, replicas, how)
        except (APIError, KubectlError) as error:
            call.fail(error)
    return None


def _found(call: Call) -> list[Found]:
    out: list[Found] = []
    if call.flag("filename"):
        return list(targets.fetch(call))
    for target in targets.parse(call):
        if not target.name and not (call.flag("all") or call.flag("selector")):
            raise KubectlError("resource(s) were provided, but no name was specified")
        try:
            out.extend(targets.read(call, target))
        except APIError as error:
            if error.reason == "NotFound" and not out:
                raise KubectlError(f"no objects passed to scale {error.message}") from None
            call.fail(error)
    return out


def _scale(call: Call, item: Found, replicas: int, how: str) -> None:
    if "scale" not in item.resource.subresources:
        raise KubectlError(
            f"the server could not find the requested resource ({item.resource.plural} cannot be scaled)"
        )
    spec = getattr(item.object, "spec", None)
    now = _current(spec)
    expected = int(call.flag("current-replicas"))
    if expected >= 0 and now != expected:
        raise KubectlError(f"Expected replicas to be {expected}, was {now}")
    if how != "client":
        call.client.patch(
            item.resource,
            item.namespace,
            item.name,
            {"spec": {"replicas": replicas}},
            MERGE_PATCH,
            subresource="scale",
            dry_run=how == "server",
        )
    obj = call.client.get(item.resource, item.namespace, item.name)
    result(call, item.resource, item.name, "scaled" + dry_run_suffix(how), obj)


def _current(spec: Any) -> int:
    found = spec.get("replicas") if isinstance(spec, dict) else getattr(spec, "replicas", None)
    return int(found or 0)


SCALE = Command(
    "scale",
    "Set the number of replicas",
    run,
    (
        *FILES,
        *PRINTING,
        SELECTOR,
        ALL_NAMESPACES,
        DRY_RUN,
        Flag("replicas", "number", default=-1),
        Flag("current-replicas", "number", default=-1),
        Flag("resource-version", default=""),
        Flag("timeout", "duration", default=0.0),
        Flag("all", "switch", default=False),
    ),
)


def autoscale(call: Call) -> int | None:
    """Create a HorizontalPodAutoscaler for objects."""
    most = int(call.flag("max"))
    if most < 1:
        raise usage("autoscale", "--max=MAXPODS is required and must be at least 1, max: " + str(most))
    for item in targets.fetch(call, list_all=False):
        least = int(call.flag("min"))
        spec: dict[str, Any] = {
            "scaleTargetRef": {
                "kind": item.resource.kind,
                "name": item.name,
                "apiVersion": item.resource.api_version,
            },
            "maxReplicas": most,
        }
        if least > 0:
            spec["minReplicas"] = least
        if int(call.flag("cpu-percent")) >= 0:
            spec["targetCPUUtilizationPercentage"] = int(call.flag("cpu-percent"))
        body = {
            "apiVersion": "autoscaling/v1",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": str(call.flag("name") or item.name)},
            "spec": spec,
        }
        create(call, body, "kubectl-autoscale", done="autoscaled")
    return None


AUTOSCALE = Command(
    "autoscale",
    "Make a HorizontalPodAutoscaler for a workload",
    autoscale,
    (
        *FILES,
        *PRINTING,
        DRY_RUN,
        Flag("min", "number", default=-1),
        Flag("max", "number", default=-1),
        Flag("cpu-percent", "number", default=-1),
        Flag("name", default=""),
        Flag("save-config", "switch", default=False),
    ),
)

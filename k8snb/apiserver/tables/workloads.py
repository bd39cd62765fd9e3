"""Workloads in tables: what runs pods, scales them or limits their disruption."""

from __future__ import annotations

from typing import Any

from k8snb.apiserver.tables.duration import between, since
from k8snb.apiserver.tables.table import AGE, NAME, Cell, Printer, columns
from k8snb.apiserver.tables.texts import NONE, UNSET, containers, controller_of, is_true, labels, selector

Cells = tuple[Cell, ...]
_WIDE = ("Containers+", "Images+", "Selector+")


def _age(obj: Any, now: float) -> str:
    return since(obj.metadata.creationTimestamp, now)


def _replicas(obj: Any) -> int:
    found = obj.spec.replicas
    return 0 if found is None else int(found)


def _replica_set(obj: Any, now: float) -> Cells:
    status = obj.status
    names, images = containers(obj.spec.template.spec.containers if obj.spec.template is not None else ())
    chosen = obj.spec.selector
    return (
        obj.metadata.name,
        _replicas(obj),
        status.replicas or 0,
        status.readyReplicas or 0,
        _age(obj, now),
        names,
        images,
        labels(chosen) if obj.kind == "ReplicationController" else selector(chosen),
    )


def _deployment(obj: Any, now: float) -> Cells:
    status = obj.status
    return (
        obj.metadata.name,
        f"{status.readyReplicas or 0}/{_replicas(obj)}",
        status.updatedReplicas or 0,
        status.availableReplicas or 0,
        _age(obj, now),
        *containers(obj.spec.template.spec.containers),
        selector(obj.spec.selector),
    )


def _stateful_set(obj: Any, now: float) -> Cells:
    return (
        obj.metadata.name,
        f"{obj.status.readyReplicas or 0}/{_replicas(obj)}",
        _age(obj, now),
        *containers(obj.spec.template.spec.containers),
    )


def _daemon_set(obj: Any, now: float) -> Cells:
    status = obj.status
    return (
        obj.metadata.name,
        status.desiredNumberScheduled or 0,
        status.currentNumberScheduled or 0,
        status.numberReady or 0,
        status.updatedNumberScheduled or 0,
        status.numberAvailable or 0,
        labels(obj.spec.template.spec.nodeSelector),
        _age(obj, now),
        *containers(obj.spec.template.spec.containers),
        selector(obj.spec.selector),
    )


def job_status(obj: Any) -> str:
    """The STATUS of a job."""
    conditions = obj.status.conditions
    if is_true(conditions, "Complete"):
        return "Complete"
    if is_true(conditions, "Failed"):
        return "Failed"
    if obj.metadata.deletionTimestamp is not None:
        return "Terminating"
    for kind, said in (
        ("Suspended", "Suspended"),
        ("FailureTarget", "FailureTarget"),
        ("SuccessCriteriaMet", "SuccessCriteriaMet"),
    ):
        if is_true(conditions, kind):
            return said
    return "Running"


def _job(obj: Any, now: float) -> Cells:
    spec, status = obj.spec, obj.status
    done = status.succeeded or 0
    if spec.completions is not None:
        completions = f"{done}/{spec.completions}"
    elif (spec.parallelism or 0) > 1:
        completions = f"{done}/1 of {spec.parallelism}"
    else:
        completions = f"{done}/1"
    length = ""
    if status.startTime is not None:
        end = status.completionTime
        length = since(status.startTime, now) if end is None else between(status.startTime, end)
    return (
        obj.metadata.name,
        job_status(obj),
        completions,
        length,
        _age(obj, now),
        *containers(spec.template.spec.containers),
        selector(spec.selector),
    )


def _cron_job(obj: Any, now: float) -> Cells:
    spec = obj.spec
    last = obj.status.lastScheduleTime
    inner = spec.jobTemplate.spec
    return (
        obj.metadata.name,
        spec.schedule,
        spec.timeZone or NONE,
        UNSET if spec.suspend is None else str(bool(spec.suspend)),
        len(obj.status.active),
        since(last, now) if last else NONE,
        _age(obj, now),
        *containers(inner.template.spec.containers),
        selector(inner.selector),
    )


def _controller_revision(obj: Any, now: float) -> Cells:
    owner = controller_of(obj.metadata)
    shown = NONE
    if owner is not None:
        group = owner.apiVersion.partition("/")[0] if "/" in owner.apiVersion else ""
        shown = f"{owner.kind.lower()}{'.' + group if group else ''}/{owner.name}"
    return (obj.metadata.name, shown, obj.revision or 0, _age(obj, now))


def _pod_template(obj: Any, _now: float) -> Cells:
    template = obj.template
    return (obj.metadata.name, *containers(template.spec.containers), labels(template.metadata.labels))


def _disruption_budget(obj: Any, now: float) -> Cells:
    spec = obj.spec
    return (
        obj.metadata.name,
        "N/A" if spec.minAvailable is None else str(spec.minAvailable),
        "N/A" if spec.maxUnavailable is None else str(spec.maxUnavailable),
        obj.status.disruptionsAllowed or 0,
        _age(obj, now),
    )


def _autoscaler(obj: Any, now: float) -> Cells:
    if obj.apiVersion == "autoscaling/v1":
        from k8snb.apiserver.conversion import CONVERSIONS

        obj = CONVERSIONS[(obj.apiVersion, obj.kind)].to_stored(obj)
    spec, status = obj.spec, obj.status
    target = spec.scaleTargetRef
    return (
        obj.metadata.name,
        f"{target.kind}/{target.name}",
        metrics(spec.metrics, status.currentMetrics if status is not None else ()),
        UNSET if spec.minReplicas is None else str(spec.minReplicas),
        spec.maxReplicas,
        status.currentReplicas or 0 if status is not None else 0,
        _age(obj, now),
    )


_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def metrics(specs: Any, statuses: Any) -> str:
    """The TARGETS of an autoscaler: at most two metrics, current over target."""
    if not specs:
        return NONE
    out = []
    for at, spec in enumerate(specs):
        name = _SOURCES.get(spec.type)
        source = getattr(spec, name) if name else None
        if name is None or source is None:
            out.append("<unknown type>")
            continue
        seen = getattr(statuses[at], name) if at < len(statuses) else None
        current = seen.current if seen is not None else None
        out.append(_metric(spec.type, source, current))
    text = ", ".join(out[:2])
    return f"{text} + {len(out) - 2} more..." if len(out) > 2 else text


def _metric(kind: str, source: Any, current: Any) -> str:
    target = source.target
    if kind in ("Resource", "ContainerResource"):
        if target.averageValue is not None:
            now = _or_unknown(current.averageValue if current is not None else None)
            return f"{source.name}: {now}/{target.averageValue}"
        used = current.averageUtilization if current is not None else None
        now = "<unknown>" if used is None else f"{used}%"
        wanted = "<auto>" if target.averageUtilization is None else f"{target.averageUtilization}%"
        return f"{source.name}: {now}/{wanted}"
    if kind == "Pods":
        return f"{_or_unknown(current.averageValue if current is not None else None)}/{target.averageValue or 0}"
    if target.averageValue is not None:
        return f"{_or_unknown(current.averageValue if current is not None else None)}/{target.averageValue} (avg)"
    return f"{_or_unknown(current.value if current is not None else None)}/{target.value or 0}"


def _or_unknown(value: Any) -> str:
    return "<unknown>" if value is None else str(value)


_REPLICA_SETS = Printer(columns(NAME, "Desired:integer", "Current:integer", "Ready:integer", AGE, *_WIDE), _replica_set)
_AUTOSCALERS = Printer(columns(NAME, "Reference", "Targets", "MinPods", "MaxPods", "Replicas", AGE), _autoscaler)

WORKLOADS: dict[tuple[str, str], Printer] = {
    ("", "replicationcontrollers"): _REPLICA_SETS,
    ("", "podtemplates"): Printer(columns(NAME, "Containers", "Images", "Pod Labels"), _pod_template),
    ("apps", "replicasets"): _REPLICA_SETS,
    ("apps", "deployments"): Printer(columns(NAME, "Ready", "Up-to-date", "Available", AGE, *_WIDE), _deployment),
    ("apps", "statefulsets"): Printer(columns(NAME, "Ready", AGE, "Containers+", "Images+"), _stateful_set),
    ("apps", "daemonsets"): Printer(
        columns(
            NAME,
            "Desired:integer",
            "Current:integer",
            "Ready:integer",
            "Up-to-date:integer",
            "Available:integer",
            "Node Selector",
            AGE,
            *_WIDE,
        ),
        _daemon_set,
    ),
    ("apps", "controllerrevisions"): Printer(columns(NAME, "Controller", "Revision", AGE), _controller_revision),
    ("batch", "jobs"): Printer(columns(NAME, "Status", "Completions", "Duration", AGE, *_WIDE), _job),
    ("batch", "cronjobs"): Printer(
        columns(NAME, "Schedule", "Timezone", "Suspend:boolean", "Active:integer", "Last Schedule", AGE, *_WIDE),
        _cron_job,
    ),
    ("policy", "poddisruptionbudgets"): Printer(
        columns(NAME, "Min Available", "Max Unavailable", "Allowed Disruptions:integer", AGE), _disruption_budget
    ),
    ("autoscaling", "horizontalpodautoscalers"): _AUTOSCALERS,
}

"""HorizontalPodAutoscalers."""

from __future__ import annotations

from typing import Any

from k8snb.kubectl.describe.page import Page, moment

_UNKNOWN = "<unknown>"


def autoscaler(page: Page, obj: Any) -> None:
    """An autoscaler (autoscaling/v2)."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    page.head(obj)
    page.line(f"CreationTimestamp:\t{moment(meta.creationTimestamp)}")
    page.line(f"Reference:\t{spec.scaleTargetRef.kind}/{spec.scaleTargetRef.name}")
    page.line("Metrics:\t( current / target )")
    for at, metric in enumerate(spec.metrics):
        current = status.currentMetrics[at] if at < len(status.currentMetrics) else None
        _metric(page, metric, current)
    page.line(f"Min replicas:\t{spec.minReplicas if spec.minReplicas is not None else '<unset>'}")
    page.line(f"Max replicas:\t{spec.maxReplicas}")
    _behavior(page, spec.behavior)
    page.line(
        f"{spec.scaleTargetRef.kind} pods:\t{status.currentReplicas or 0} current / {status.desiredReplicas or 0} desired"
    )
    if status.conditions:
        page.line("Conditions:\n  Type\tStatus\tReason\tMessage")
        page.line("----\t------\t------\t-------", 1)
        for item in status.conditions:
            page.line(f"{item.type}\t{item.status}\t{item.reason or ''}\t{item.message or ''}", 1)
    page.events(obj)


def _metric(page: Page, metric: Any, status: Any) -> None:
    kind = metric.type
    name = {"ContainerResource": "containerResource"}.get(kind, kind.lower())
    source, seen = getattr(metric, name), getattr(status, name, None)
    current = seen.current if seen is not None else None
    target = source.target
    if kind in ("Resource", "ContainerResource"):
        where = (
            f"of container {source.container!r} on pods".replace("'", '"') if kind == "ContainerResource" else "on pods"
        )
        if target.averageValue is not None:
            shown = getattr(current, "averageValue", None) or _UNKNOWN
            page.line(f"resource {source.name} {where}:\t{shown} / {target.averageValue}", 1)
            return
        used = _UNKNOWN
        if current is not None and current.averageUtilization is not None:
            used = f"{current.averageUtilization}% ({current.averageValue})"
        wanted = f"{target.averageUtilization}%" if target.averageUtilization is not None else "<auto>"
        page.line(f"resource {source.name} {where}  (as a percentage of request):\t{used} / {wanted}", 1)
        return
    measured = source.metric.name
    if kind == "Pods":
        shown = getattr(current, "averageValue", None) or _UNKNOWN
        page.line(f'"{measured}" on pods:\t{shown} / {target.averageValue}', 1)
    elif kind == "Object":
        about = f'"{measured}" on {source.describedObject.kind}/{source.describedObject.name}'
        field = "averageValue" if target.type == "AverageValue" else "value"
        title = "target average value" if target.type == "AverageValue" else "target value"
        shown = getattr(current, field, None) or _UNKNOWN
        page.line(f"{about} ({title}):\t{shown} / {getattr(target, field)}", 1)
    else:
        text = f'"{measured}" (target {"average " if target.averageValue is not None else ""}value)'
        field = "averageValue" if target.averageValue is not None else "value"
        page.line(f"{text}:\t{getattr(current, field, None) or _UNKNOWN} / {getattr(target, field)}", 1)


def _behavior(page: Page, behavior: Any) -> None:
    if behavior is None:
        return
    page.line("Behavior:")
    for title, rules in (("Scale Up", behavior.scaleUp), ("Scale Down", behavior.scaleDown)):
        if rules is None:
            continue
        page.line(f"{title}:", 1)
        if rules.stabilizationWindowSeconds is not None:
            page.line(f"Stabilization Window: {rules.stabilizationWindowSeconds} seconds", 2)
        if rules.policies:
            page.line(f"Select Policy: {rules.selectPolicy or 'Max'}", 2)
            page.line("Policies:", 2)
            for policy in rules.policies:
                page.line(f"- Type: {policy.type}\tValue: {policy.value}\tPeriod: {policy.periodSeconds} seconds", 3)

"""Changes to the pod that the reasons of the refusals suggest: tolerate, select less, spread less strictly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.gotext import quote
from k8snb.api.types.core_v1 import Affinity, Node, NodeSelectorTerm, Pod, Taint, Toleration
from k8snb.scheduler.framework import Status
from k8snb.scheduler.matching import required_node_affinity, satisfies, tolerated
from k8snb.scheduler.nodeinfo import NodeInfo
from k8snb.scheduler.plugins.taint_toleration import HARD
from k8snb.scheduler.plugins.topology_constraints import DO_NOT_SCHEDULE, SCHEDULE_ANYWAY
from k8snb.scheduler.remedies.change import Change, PodChange

T = TypeVar("T")
OWN = "node.kubernetes.io/"
"""Taints that Kubernetes sets itself for the state of a node; nobody should tolerate them only to get a pod placed."""
MAX_SKEW = 16
"""The largest ``maxSkew`` that is tried before giving the constraint up."""
_PER_THING = 0.3
"""How much each further key, taint or resource adds to a change's size."""


def spec_with(pod: Pod, **fields: Any) -> Pod:
    """The pod with other fields in its spec."""
    return replace(pod, spec=replace(pod.spec, **fields))


def ungated(pod: Pod) -> Iterator[Change]:
    """Take the scheduling gates away."""
    gates = [gate.name for gate in pod.spec.schedulingGates]
    if gates:
        name, namespace = pod.metadata.name, pod.metadata.namespace
        how = f'kubectl patch pod {name} -n {namespace} --type=merge -p \'{{"spec":{{"schedulingGates":null}}}}\''
        yield PodChange("gates", {"gates": ", ".join(gates)}, _edit(schedulingGates=()), how)


def other_scheduler(pod: Pod, known: Iterable[str]) -> Iterator[Change]:
    """Name a scheduler that exists."""
    for name in known:
        values = {"scheduler": name, "unknown": pod.spec.schedulerName}
        yield PodChange("scheduler", values, _edit(schedulerName=name), f"spec.schedulerName: {name}")


def tolerations(pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """Tolerate what keeps the pod away from some node, one change for each set of taints."""
    seen = set()
    for info, status in refused.values():
        if status.plugin != "TaintToleration" or info.node is None:
            continue
        taints = [t for t in info.node.spec.taints if t.effect in HARD and not tolerated(pod.spec.tolerations, t)]
        told = tuple(taint_text(taint) for taint in taints)
        if told in seen or any(taint.key.startswith(OWN) for taint in taints):
            continue
        seen.add(told)
        added = tuple(_toleration(taint) for taint in taints)
        how = "spec.tolerations: [" + ", ".join(_toleration_yaml(t) for t in taints) + "]"
        yield PodChange(
            "tolerate",
            {"taints": ", ".join(told)},
            _edit_with(lambda pod, added=added: spec_with(pod, tolerations=(*pod.spec.tolerations, *added))),
            how,
            _PER_THING * (len(taints) - 1),
        )


def taint_text(taint: Taint) -> str:
    """A taint as kubectl writes it: ``key=value:Effect``."""
    return f"{taint.key}{'=' + taint.value if taint.value else ''}:{taint.effect}"


def selectors(pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    """Give up node selector keys, or expressions of the required node affinity, that keep the pod from some node."""
    wanted = pod.spec.nodeSelector
    keys: dict[tuple[str, ...], None] = {}
    for info, status in refused.values():
        if status.plugin == "NodeAffinity" and info.node is not None:
            labels = info.node.metadata.labels
            missed = tuple(key for key, value in wanted.items() if labels.get(key) != value)
            if missed:
                keys[missed] = None
    for missed in sorted(keys, key=len)[:3]:
        told = ", ".join(f"{key}={wanted[key]}" for key in missed)
        left = FrozenDict({key: value for key, value in wanted.items() if key not in missed})
        how = "; ".join(f"spec.nodeSelector.{key}" for key in missed)
        yield PodChange("selector", {"labels": told}, _edit(nodeSelector=left), how, _PER_THING * (len(missed) - 1))
    yield from _expressions(pod, refused)


def _expressions(pod: Pod, refused: Mapping[str, tuple[NodeInfo, Status]]) -> Iterator[Change]:
    required = required_node_affinity(pod)
    if required is None:
        return
    found: dict[tuple[int, tuple[int, ...]], None] = {}
    for info, status in refused.values():
        if status.plugin != "NodeAffinity" or info.node is None:
            continue
        for place, term in enumerate(required.nodeSelectorTerms):
            missed = _missed(term, info.node)
            if missed and len(missed) < len(term.matchExpressions) + len(term.matchFields):
                found[(place, missed)] = None
    for place, missed in sorted(found, key=lambda item: len(item[1]))[:3]:
        term = required.nodeSelectorTerms[place]
        told = ", ".join(_expression(term, n) for n in missed)
        where = f"spec.affinity.nodeAffinity…nodeSelectorTerms[{place}]"
        yield PodChange(
            "expression",
            {"expression": told},
            _edit_with(lambda pod, place=place, missed=missed: _without_expressions(pod, place, missed)),
            where,
            _PER_THING * (len(missed) - 1),
        )
    if required.nodeSelectorTerms:
        told = " || ".join(
            ", ".join(_expression(term, n) for n in range(len(term.matchExpressions) + len(term.matchFields)))
            for term in required.nodeSelectorTerms
        )
        yield PodChange(
            "affinity",
            {"terms": told},
            _without_node_affinity,
            "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution",
        )


def _missed(term: NodeSelectorTerm, node: Node) -> tuple[int, ...]:
    labels, fields = node.metadata.labels, {"metadata.name": node.metadata.name or ""}
    parts = [(e, labels) for e in term.matchExpressions] + [(f, fields) for f in term.matchFields]
    return tuple(n for n, (e, where) in enumerate(parts) if not satisfies((e.key, e.operator, e.values), where))


def _expression(term: NodeSelectorTerm, number: int) -> str:
    e = (*term.matchExpressions, *term.matchFields)[number]
    return f"{e.key} {e.operator}{' ' + '/'.join(e.values) if e.values else ''}"


def _without_expressions(pod: Pod, place: int, missed: tuple[int, ...]) -> Pod:
    required = required_node_affinity(pod)
    if required is None or pod.spec.affinity is None or pod.spec.affinity.nodeAffinity is None:
        return pod
    terms = list(required.nodeSelectorTerms)
    count = len(terms[place].matchExpressions)
    terms[place] = NodeSelectorTerm(
        matchExpressions=tuple(e for n, e in enumerate(terms[place].matchExpressions) if n not in missed),
        matchFields=tuple(f for n, f in enumerate(terms[place].matchFields) if n + count not in missed),
    )
    rules = replace(
        pod.spec.affinity.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution=replace(required, nodeSelectorTerms=tuple(terms)),
    )
    return spec_with(pod, affinity=replace(pod.spec.affinity, nodeAffinity=rules))


def _without_node_affinity(pod: Pod) -> Pod:
    affinity = pod.spec.affinity
    if affinity is None or affinity.nodeAffinity is None:
        return pod
    rules = replace(affinity.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution=None)
    return spec_with(pod, affinity=replace(affinity, nodeAffinity=rules))


def pod_affinities(pod: Pod) -> Iterator[Change]:
    """Only prefer what an inter-pod affinity or anti-affinity term demands."""
    affinity = pod.spec.affinity
    for kind, name in (("pod-affinity", "podAffinity"), ("pod-anti-affinity", "podAntiAffinity")):
        rules = getattr(affinity, name) if affinity is not None else None
        for place, term in enumerate(rules.requiredDuringSchedulingIgnoredDuringExecution if rules else ()):
            selector = term.labelSelector
            told = [f"{key}={value}" for key, value in (selector.matchLabels.items() if selector else ())]
            told += [
                f"{e.key} {e.operator} {'/'.join(e.values)}" for e in (selector.matchExpressions if selector else ())
            ]
            where = f"spec.affinity.{name}.requiredDuringSchedulingIgnoredDuringExecution[{place}]"
            yield PodChange(
                kind,
                {"selector": ", ".join(told), "key": term.topologyKey},
                _edit_with(lambda pod, name=name, place=place: _without_term(pod, name, place)),
                where,
            )


def _without_term(pod: Pod, name: str, place: int) -> Pod:
    affinity: Affinity | None = pod.spec.affinity
    rules = getattr(affinity, name) if affinity is not None else None
    if affinity is None or rules is None:
        return pod
    terms = rules.requiredDuringSchedulingIgnoredDuringExecution
    rules = replace(rules, requiredDuringSchedulingIgnoredDuringExecution=terms[:place] + terms[place + 1 :])
    return spec_with(pod, affinity=replace(affinity, **{name: rules}))


def spreads(pod: Pod, fits: Callable[[Pod], bool]) -> Iterator[Change]:
    """Allow a larger skew (the smallest that fits), or only prefer the spread."""
    for place, constraint in enumerate(pod.spec.topologySpreadConstraints):
        if constraint.whenUnsatisfiable != DO_NOT_SCHEDULE:
            continue
        where = f"spec.topologySpreadConstraints[{place}]"
        for skew in range(constraint.maxSkew + 1, MAX_SKEW + 1):
            edit = _edit_with(lambda pod, place=place, skew=skew: _spread(pod, place, maxSkew=skew))
            if fits(edit(pod)):
                values = {"key": constraint.topologyKey, "before": constraint.maxSkew, "skew": skew}
                yield PodChange("skew", values, edit, f"{where}.maxSkew: {skew}")
                break
        yield PodChange(
            "spread",
            {"key": constraint.topologyKey},
            _edit_with(lambda pod, place=place: _spread(pod, place, whenUnsatisfiable=SCHEDULE_ANYWAY)),
            f"{where}.whenUnsatisfiable: {SCHEDULE_ANYWAY}",
        )


def _spread(pod: Pod, place: int, **fields: Any) -> Pod:
    constraints = list(pod.spec.topologySpreadConstraints)
    constraints[place] = replace(constraints[place], **fields)
    return spec_with(pod, topologySpreadConstraints=tuple(constraints))


def ports(pod: Pod) -> Iterator[Change]:
    """Take no host ports; a Service reaches the pod all the same."""
    taken = [str(port.hostPort) for container in pod.spec.containers for port in container.ports if port.hostPort]
    if taken and not pod.spec.hostNetwork:
        where = "; ".join(
            f"spec.containers[{i}].ports[{j}].hostPort"
            for i, container in enumerate(pod.spec.containers)
            for j, port in enumerate(container.ports)
            if port.hostPort
        )
        yield PodChange("port", {"ports": ", ".join(taken)}, _without_host_ports, where)


def _without_host_ports(pod: Pod) -> Pod:
    containers = tuple(
        replace(c, ports=tuple(replace(port, hostPort=None) for port in c.ports)) for c in pod.spec.containers
    )
    return spec_with(pod, containers=containers)


def volumes(pod: Pod) -> Iterator[Change]:
    """Do without a volume that ties the pod to some nodes."""
    for place, volume in enumerate(pod.spec.volumes):
        claim = volume.persistentVolumeClaim
        tied = claim or volume.ephemeral or volume.csi or volume.gcePersistentDisk or volume.awsElasticBlockStore
        if tied or volume.iscsi or volume.rbd:
            values = {"volume": volume.name, "claim": claim.claimName if claim else "-"}
            yield PodChange(
                "volume",
                values,
                _edit_with(lambda pod, name=volume.name: _without_volume(pod, name)),
                f"spec.volumes[{place}]",
            )


def _without_volume(pod: Pod, name: str) -> Pod:
    containers = tuple(
        replace(c, volumeMounts=tuple(m for m in c.volumeMounts if m.name != name)) for c in pod.spec.containers
    )
    return spec_with(pod, volumes=tuple(v for v in pod.spec.volumes if v.name != name), containers=containers)


def _toleration(taint: Taint) -> Toleration:
    return Toleration(
        key=taint.key, operator="Equal" if taint.value else "Exists", value=taint.value or None, effect=taint.effect
    )


def _toleration_yaml(taint: Taint) -> str:
    middle = f"value: {quote(taint.value)}" if taint.value else "operator: Exists"
    return f"{{key: {taint.key}, {middle}, effect: {taint.effect}}}"


def _edit(**fields: Any) -> Callable[[Pod], Pod]:
    return lambda pod: spec_with(pod, **fields)


def _edit_with(edit: Callable[..., Pod]) -> Callable[[Pod], Pod]:
    return edit

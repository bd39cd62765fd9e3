"""PodSecurity: the Pod Security Standards that a namespace's labels ask for.

The version labels are checked and shown, but every version is judged by the newest rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from k8snb.api import errors
from k8snb.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Plugin, is_pod
from k8snb.apiserver.admission.pod_security_checks import LEVELS
from k8snb.apiserver.validation.field import Path, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from k8snb.api.scheme import Resource
    from k8snb.api.types.core_v1 import Pod, PodSpec

PREFIX = "pod-security.kubernetes.io/"
_WORKLOADS = {
    ("", "replicationcontrollers"),
    ("", "podtemplates"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
}
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)").fullmatch
_LABELS = Path("metadata") / "labels"


class Level(NamedTuple):
    """A level and the version label's text, e.g. `restricted:latest`."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


class PodSecurity(Plugin):
    """Refuses pods below the enforced level (403), warns about pods and workloads below the warn level."""

    name = "PodSecurity"

    def handles(self, operation: str, resource: Resource, subresource: str) -> bool:
        if operation not in (CREATE, UPDATE):
            return False
        if is_pod(resource):
            return subresource in ("", "ephemeralcontainers")
        if subresource:
            return False
        key = (resource.group, resource.plural)
        return key == ("", "namespaces") or key in _WORKLOADS

    def validate(self, a: Attributes) -> None:
        if a.resource.plural == "namespaces":
            _validate_namespace(a)
            return
        found = a.ctx.server.store.get(f"/registry/namespaces/{a.namespace}")
        labels = found.value.metadata.labels if found is not None else {}
        if not any(key.startswith(PREFIX) for key in labels):
            return
        if is_pod(a.resource):
            if a.operation == UPDATE and not _significant(a.obj, a.old):
                return
            self._judge_pod(a, labels)
        else:
            template = _template(a.obj)
            if template is not None:
                _warn(a, labels, template.metadata.annotations, template.spec)

    def _judge_pod(self, a: Attributes, labels: Mapping[str, str]) -> None:
        pod: Pod = a.obj
        level = level_of(labels, "enforce")
        found = violations(level.name, pod.metadata.annotations, pod.spec)
        if found:
            raise a.forbidden(f'violates PodSecurity "{level}": {_details(found)}')
        _warn(a, labels, pod.metadata.annotations, pod.spec)


def level_of(labels: Mapping[str, str], mode: str) -> Level:
    """The level that a namespace's labels set for `enforce`, `warn` or `audit`; an unreadable one is restricted."""
    name = labels.get(PREFIX + mode, "privileged")
    return Level(name if name in LEVELS else "restricted", labels.get(f"{PREFIX}{mode}-version", "latest"))


def violations(level: str, annotations: Mapping[str, str], spec: PodSpec) -> list[tuple[str, str]]:
    """(reason, detail) of every check of the level that the pod fails, in order."""
    return [found for check in LEVELS[level] if (found := check(annotations, spec)) is not None]


def _details(found: list[tuple[str, str]]) -> str:
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in found)


def _warn(a: Attributes, labels: Mapping[str, str], annotations: Mapping[str, str], spec: PodSpec) -> None:
    level = level_of(labels, "warn")
    found = violations(level.name, annotations, spec)
    if found:
        a.ctx.warn(f'would violate PodSecurity "{level}": {_details(found)}')


def _template(obj: Any) -> Any:
    if obj.kind == "CronJob":
        return obj.spec.jobTemplate.spec.template
    if obj.kind == "PodTemplate":
        return obj.template
    return obj.spec.template


def _significant(new: Pod, old: Pod) -> bool:
    """Whether an update could change the verdict: containers' images and the like cannot."""
    if new.spec is old.spec:
        return new.metadata.annotations != old.metadata.annotations
    for name in new.spec.__struct_fields__:
        after, before = getattr(new.spec, name), getattr(old.spec, name)
        if after is before or after == before:
            continue
        if name in ("activeDeadlineSeconds", "tolerations", "schedulingGates", "terminationGracePeriodSeconds"):
            continue
        return True
    return new.metadata.annotations != old.metadata.annotations


def _validate_namespace(a: Attributes) -> None:
    labels = a.obj.metadata.labels
    problems = []
    for mode in ("enforce", "audit", "warn"):
        level = labels.get(PREFIX + mode)
        if level is not None and level not in LEVELS:
            problems.append(invalid(_LABELS[PREFIX + mode], level, "must be one of privileged, baseline, restricted"))
        version = labels.get(f"{PREFIX}{mode}-version")
        if version is not None and version != "latest" and not _VERSION(version):
            problems.append(invalid(_LABELS[f"{PREFIX}{mode}-version"], version, 'must be "latest" or "v1.x"'))
    if problems and (a.operation == CREATE or labels != a.old.metadata.labels):
        raise errors.invalid("Namespace", a.name, problems)
    if a.operation == UPDATE:
        after, before = level_of(labels, "enforce"), level_of(a.old.metadata.labels, "enforce")
        order = tuple(LEVELS)
        if after != before and order.index(after.name) > order.index(before.name):
            _warn_about_pods(a, after)


def _warn_about_pods(a: Attributes, level: Level) -> None:
    """Tell which pods that run already the new level would have refused."""
    groups: dict[str, list[str]] = {}
    for pod in a.reader.list("pods", a.name):
        found = violations(level.name, pod.metadata.annotations, pod.spec)
        if found:
            groups.setdefault(", ".join(reason for reason, _ in found), []).append(pod.metadata.name)
    if not groups:
        return
    a.ctx.warn(f'existing pods in namespace "{a.name}" violate the new PodSecurity enforce level "{level}"')
    for reasons, names in sorted(groups.items(), key=lambda item: item[1][0]):
        others = len(names) - 1
        more = "" if not others else f" (and {others} other pod{'s' if others > 1 else ''})"
        a.ctx.warn(f"{names[0]}{more}: {reasons}")

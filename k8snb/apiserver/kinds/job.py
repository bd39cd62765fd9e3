"""Jobs: labelled with their own uid, which is also their selector; most of the spec is fixed once they exist."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.selectors import from_label_selector
from k8snb.api.types import batch_v1 as batch
from k8snb.api.types import core_v1 as core
from k8snb.api.types.meta_v1 import LabelSelector
from k8snb.apiserver.defaults.pods import changed, each, template
from k8snb.apiserver.defaults.workloads import or_default, template_warnings
from k8snb.apiserver.kinds.deployment import NAMES
from k8snb.apiserver.kinds.workload import Workload
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import names, workloads
from k8snb.apiserver.validation.field import METADATA, SPEC, FieldError, Path, invalid, required
from k8snb.apiserver.validation.job_status import job_status
from k8snb.apiserver.validation.jobs import INDEXED, job_spec
from k8snb.apiserver.validation.metadata import Errors, immutable, object_meta, object_meta_update
from k8snb.apiserver.validation.pod_warnings import name_is_hostname
from k8snb.apiserver.validation.pod_warnings import template as warnings_of_template
from k8snb.apiserver.validation.selectors import is_valid, label_selector

UID_LABEL = "batch.kubernetes.io/controller-uid"
NAME_LABEL = "batch.kubernetes.io/job-name"
_OLD_UID_LABEL = "controller-uid"
_OLD_NAME_LABEL = "job-name"
_BACKOFF_LIMIT = 6
_NO_LIMIT = 2147483647
_TRACKABLE_COMPLETIONS = 100_000
_TRACKABLE_PARALLELISM = 10_000
_IMMUTABLE = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")


class JobStrategy(Workload):
    """Decisions about jobs."""

    serves = (("batch/v1", "Job"),)
    orphan_by_default = True
    orphan_warning = (
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them"
        " or set propagationPolicy=Orphan to suppress this warning"
    )

    def default(self, obj: batch.Job) -> batch.Job:
        """One completion of one pod, labels of the template."""
        spec, meta = obj.spec, obj.metadata
        completions, parallelism = spec.completions, spec.parallelism
        if completions is None and parallelism is None:
            completions = 1
        policy = spec.podFailurePolicy
        backoff = _BACKOFF_LIMIT if spec.backoffLimitPerIndex is None else _NO_LIMIT
        new = changed(
            spec,
            template=template(spec.template),
            completions=completions,
            parallelism=or_default(parallelism, 1),
            backoffLimit=or_default(spec.backoffLimit, backoff),
            completionMode=or_default(spec.completionMode, "NonIndexed"),
            suspend=or_default(spec.suspend, False),
            manualSelector=or_default(spec.manualSelector, False),
            podFailurePolicy=None if policy is None else changed(policy, rules=each(policy.rules, _rule)),
            podReplacementPolicy=or_default(
                spec.podReplacementPolicy, "TerminatingOrFailed" if policy is None else "Failed"
            ),
        )
        return changed(obj, spec=new, metadata=changed(meta, labels=meta.labels or new.template.metadata.labels))

    def prepare_for_create(self, obj: batch.Job, ctx: Context) -> batch.Job:
        """With a selector of its own, unless it brings one."""
        if not obj.spec.manualSelector:
            obj = _with_selector(obj)
        prepared: batch.Job = super().prepare_for_create(obj, ctx)
        return prepared

    def canonicalize(self, obj: batch.Job) -> batch.Job:
        """A job without labels is read back with those of its template."""
        meta = obj.metadata
        return changed(obj, metadata=changed(meta, labels=meta.labels or obj.spec.template.metadata.labels))

    def validate(self, obj: batch.Job, ctx: Context) -> list[FieldError]:
        """Problems of a new job."""
        errors: Errors = []
        self._whole(obj, errors)
        return errors

    def _whole(self, obj: batch.Job, errors: Errors) -> None:
        object_meta(obj.metadata, True, self.name_rule, errors)
        _generated_selector(obj, errors)
        self.check(obj, errors)
        completions = obj.spec.completions or 0
        if obj.spec.completionMode == INDEXED and completions > 0:
            longest = f"{obj.metadata.name}-{completions - 1}"
            if names.dns_label(longest):
                detail = f"will not able to create pod with invalid DNS label: {longest}"
                errors.append(invalid(METADATA / "name", obj.metadata.name, detail))

    def check_spec(self, spec: batch.JobSpec, errors: Errors) -> None:
        """Numbers, modes, policies, template, selector."""
        job_spec(spec, SPEC, errors)
        if spec.selector is None:
            errors.append(required(SPEC / "selector"))
        label_selector(spec.selector, SPEC / "selector", errors)
        if spec.selector is None or is_valid(spec.selector):
            workloads.matches(spec.selector, spec.template, SPEC / "template", errors)

    def validate_update(self, new: batch.Job, old: batch.Job, ctx: Context) -> list[FieldError]:
        """Everything of a new one, and most of the spec stays."""
        errors: Errors = []
        self._whole(new, errors)
        object_meta_update(new.metadata, old.metadata, errors)
        self.check(new, errors)
        spec, before = new.spec, old.spec
        if spec is before:
            return errors
        _completions(spec, before, errors)
        immutable(spec.selector, before.selector, SPEC / "selector", errors)
        _template_update(new, old, errors)
        for name in _IMMUTABLE:
            immutable(getattr(spec, name), getattr(before, name), SPEC / name, errors)
        return errors

    def check_status(self, new: batch.Job, old: batch.Job, errors: Errors) -> None:
        """Counters that grow, conditions that stay."""
        job_status(new, old, errors)

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Those of the template; about the name; about sizes that are hard to track."""
        if old is not None and obj.metadata.generation == old.metadata.generation:
            return ()
        texts = job_warnings(obj.spec, SPEC)
        return texts if old is not None else name_is_hostname(obj.metadata.name or "", NAMES) + texts


def job_warnings(spec: batch.JobSpec, path: Path) -> tuple[str, ...]:
    """Warnings about the spec of a job."""
    texts = template_warnings(spec.template) if path is SPEC else warnings_of_template(spec.template, path / "template")
    if (
        spec.completionMode == INDEXED
        and (spec.completions or 0) > _TRACKABLE_COMPLETIONS
        and (spec.parallelism or 0) > _TRACKABLE_PARALLELISM
    ):
        text = (
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4,"
            " Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
        return (text, *texts)
    return texts


def _rule(rule: batch.PodFailurePolicyRule) -> batch.PodFailurePolicyRule:
    patterns = each(rule.onPodConditions, lambda pattern: changed(pattern, status=pattern.status or "True"))
    return changed(rule, onPodConditions=patterns)


def _with_selector(obj: batch.Job) -> batch.Job:
    """The template labelled with the job's uid and name, the selector on the uid."""
    spec, meta = obj.spec, obj.metadata
    old = spec.template.metadata
    name, uid = meta.name or "", meta.uid or ""
    mine = {_OLD_NAME_LABEL: name, NAME_LABEL: name, _OLD_UID_LABEL: uid, UID_LABEL: uid}
    labels = FrozenDict({**mine, **old.labels})
    selector = spec.selector or LabelSelector()
    matched = FrozenDict({UID_LABEL: uid, **selector.matchLabels})
    if meta.labels is old.labels and old.labels:
        meta = replace(meta, labels=labels)
    labelled = replace(spec.template, metadata=replace(old, labels=labels))
    return replace(
        obj, metadata=meta, spec=replace(spec, template=labelled, selector=replace(selector, matchLabels=matched))
    )


def _generated_selector(obj: batch.Job, errors: Errors) -> None:
    spec, meta = obj.spec, obj.metadata
    if spec.manualSelector or spec.selector is None:
        return
    name, uid = meta.name or "", meta.uid or ""
    if not uid:
        errors.append(required(METADATA / "uid"))
    expected = {_OLD_UID_LABEL: uid, _OLD_NAME_LABEL: name, UID_LABEL: uid, NAME_LABEL: name}
    labels, where = spec.template.metadata.labels, SPEC / "template" / "metadata" / "labels"
    for key, value in expected.items():
        actual = labels.get(key)
        if actual is None:
            errors.append(required(where[key], f"must be '{value}'"))
        elif actual != value:
            errors.append(invalid(where[key], labels, f"must be '{value}'"))
    if is_valid(spec.selector) and not from_label_selector(spec.selector).matches(expected):
        errors.append(invalid(SPEC / "selector", spec.selector, "`selector` not auto-generated"))


def _completions(new: batch.JobSpec, old: batch.JobSpec, errors: Errors) -> None:
    """Only Indexed jobs change their size, and only together with their parallelism."""
    where = SPEC / "completions"
    if new.completionMode != INDEXED:
        immutable(new.completions, old.completions, where, errors)
    elif new.completions is not None and new.completions not in (old.completions, new.parallelism):
        errors.append(invalid(where, new.completions, "can only be modified in tandem with spec.parallelism"))


def _template_update(new: batch.Job, old: batch.Job, errors: Errors) -> None:
    """The template of a suspended job that runs no pods may still be directed elsewhere or get other resources."""
    after, before = new.spec.template, old.spec.template
    if after is before or after == before:
        return
    halted = old.status.startTime is None or (
        not old.status.active and any(one.type == "Suspended" and one.status == "True" for one in old.status.conditions)
    )
    if not (old.spec.suspend and halted):
        immutable(after, before, SPEC / "template", errors)
        return
    allowed = _redirected(after, before)
    spec = replace(
        allowed.spec,
        containers=_with_resources(after.spec.containers, allowed.spec.containers),
        initContainers=_with_resources(after.spec.initContainers, allowed.spec.initContainers),
    )
    immutable(after.spec, spec, SPEC / "template.spec", errors)


def _redirected(after: core.PodTemplateSpec, before: core.PodTemplateSpec) -> core.PodTemplateSpec:
    """The old template with what decides where its pods go taken from the new one."""
    new, old = after.spec.affinity, before.spec.affinity
    if new is None and old is not None:
        old = replace(old, nodeAffinity=None)
        old = None if old == core.Affinity() else old
    elif new is not None:
        old = replace(old or core.Affinity(), nodeAffinity=new.nodeAffinity)
    spec = replace(
        before.spec,
        affinity=old,
        nodeSelector=after.spec.nodeSelector,
        tolerations=after.spec.tolerations,
        schedulingGates=after.spec.schedulingGates,
    )
    return replace(before, spec=spec)


def _with_resources(new: tuple[core.Container, ...], old: tuple[core.Container, ...]) -> tuple[core.Container, ...]:
    if len(new) != len(old):
        return old
    pairs = zip(new, old, strict=True)
    return tuple([replace(was, resources=one.resources) if one.name == was.name else was for one, was in pairs])

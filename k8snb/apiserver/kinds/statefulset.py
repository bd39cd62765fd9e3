"""StatefulSets: numbered pods with claims of their own."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from k8snb.api.types import apps_v1 as apps
from k8snb.api.types import core_v1 as core
from k8snb.apiserver.defaults.pods import changed, each, template
from k8snb.apiserver.defaults.volumes import claim_spec
from k8snb.apiserver.defaults.workloads import HISTORY_LIMIT, or_default
from k8snb.apiserver.kinds.workload import Workload
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.strategy import Context
from k8snb.apiserver.validation import claims, names, workloads
from k8snb.apiserver.validation.field import (
    METADATA,
    SPEC,
    STATUS,
    FieldError,
    Path,
    forbidden,
    invalid,
    not_supported,
    reject,
)
from k8snb.apiserver.validation.metadata import Errors, nonnegative, object_meta, object_meta_update
from k8snb.apiserver.validation.pod_warnings import fractional

_RETAIN = ("Retain", "Delete")
_COUNTERS = (
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount",
)
_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_ONLY = (
    f"updates to statefulset spec for fields other than {', '.join(repr(name) for name in _MUTABLE[:-1])}"
    f" and {_MUTABLE[-1]!r} are forbidden"
)
_WITH_CLAIMS: IdentityMemo[core.PodTemplateSpec] = IdentityMemo()


class StatefulSetStrategy(Workload):
    """Decisions about stateful sets."""

    serves = (("apps/v1", "StatefulSet"),)
    name_rule = staticmethod(names.label_name)

    def default(self, obj: apps.StatefulSet) -> apps.StatefulSet:
        """One replica, in order, claims that stay."""
        spec = obj.spec
        kept = spec.persistentVolumeClaimRetentionPolicy or apps.StatefulSetPersistentVolumeClaimRetentionPolicy()
        new = changed(
            spec,
            replicas=or_default(spec.replicas, 1),
            podManagementPolicy=spec.podManagementPolicy or "OrderedReady",
            updateStrategy=_strategy(spec.updateStrategy),
            revisionHistoryLimit=or_default(spec.revisionHistoryLimit, HISTORY_LIMIT),
            persistentVolumeClaimRetentionPolicy=changed(
                kept, whenDeleted=kept.whenDeleted or "Retain", whenScaled=kept.whenScaled or "Retain"
            ),
            template=template(spec.template),
            volumeClaimTemplates=each(spec.volumeClaimTemplates, _claim),
        )
        return obj if new is spec else replace(obj, spec=new)

    def prepare_for_create(self, obj: apps.StatefulSet, ctx: Context) -> apps.StatefulSet:
        """Without the fields whose feature gates are off in v1.36."""
        prepared: apps.StatefulSet = super().prepare_for_create(_enabled(obj), ctx)
        return prepared

    def prepare_for_update(self, new: apps.StatefulSet, old: apps.StatefulSet, ctx: Context) -> apps.StatefulSet:
        """Without the fields whose feature gates are off in v1.36."""
        prepared: apps.StatefulSet = super().prepare_for_update(_enabled(new), old, ctx)
        return prepared

    def check_spec(self, spec: apps.StatefulSetSpec, errors: Errors) -> None:
        """Policies, numbers, selector, template, claims."""
        if spec.podManagementPolicy not in ("OrderedReady", "Parallel"):
            where = SPEC / "podManagementPolicy"
            errors.append(invalid(where, spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"))
        _check_strategy(spec.updateStrategy, SPEC / "updateStrategy", errors)
        kept = spec.persistentVolumeClaimRetentionPolicy
        for name in ("whenDeleted", "whenScaled") if kept is not None else ():
            policy = getattr(kept, name)
            if policy not in _RETAIN:
                where = SPEC / "persistentVolumeClaimRetentionPolicy" / name
                errors.append(not_supported(where, policy, _RETAIN))
        nonnegative(spec.replicas, SPEC / "replicas", errors)
        nonnegative(spec.minReadySeconds, SPEC / "minReadySeconds", errors)
        if spec.ordinals is not None:
            nonnegative(spec.ordinals.start, SPEC / "ordinals" / "start", errors)
        if spec.serviceName:
            reject(errors, SPEC / "serviceName", spec.serviceName, names.dns_label(spec.serviceName))
        _check_template(spec, errors)
        for index, claim in enumerate(spec.volumeClaimTemplates):
            claims.claim_spec(claim.spec, (SPEC / "volumeClaimTemplates")[index] / "spec", errors)

    def validate_update(self, new: apps.StatefulSet, old: apps.StatefulSet, ctx: Context) -> list[FieldError]:
        """Everything of a new one, and most of the spec stays."""
        errors: Errors = []
        object_meta(new.metadata, True, self.name_rule, errors, METADATA)
        self.check(new, errors)
        object_meta_update(new.metadata, old.metadata, errors)
        if new.spec is not old.spec:
            kept = {name: getattr(old.spec, name) for name in _MUTABLE}
            if replace(new.spec, **kept) != old.spec:
                errors.append(forbidden(SPEC, _ONLY))
        return errors

    def check_status(self, new: apps.StatefulSet, old: apps.StatefulSet, errors: Errors) -> None:
        """Counters that make sense."""
        status = new.status
        workloads.counters(status, _COUNTERS, errors)
        compared = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
        workloads.not_above(status, compared, errors)
        workloads.not_above(status, ("availableReplicas",), errors, "readyReplicas")
        workloads.never_decremented(status.collisionCount, old.status.collisionCount, STATUS / "collisionCount", errors)

    def warnings(self, obj: Any, old: Any = None) -> tuple[str, ...]:
        """Those of the template and of the claims."""
        texts = list(super().warnings(obj, old))
        for index, claim in enumerate(obj.spec.volumeClaimTemplates):
            where = (SPEC / "volumeClaimTemplates")[index]
            where = where if old is None else where / "Spec"
            texts += fractional(claim.spec.resources.requests, where / "resources" / "requests", ("storage",))
            texts += fractional(claim.spec.resources.limits, where / "resources" / "limits", ("storage",))
        return tuple(texts)


def _strategy(value: apps.StatefulSetUpdateStrategy) -> apps.StatefulSetUpdateStrategy:
    kind, rolling = value.type, value.rollingUpdate
    if not kind:
        kind = "RollingUpdate"
        rolling = rolling or apps.RollingUpdateStatefulSetStrategy()
    if kind == "RollingUpdate" and rolling is not None:
        rolling = changed(rolling, partition=or_default(rolling.partition, 0))
    return changed(value, type=kind, rollingUpdate=rolling)


def _claim(claim: core.PersistentVolumeClaim) -> core.PersistentVolumeClaim:
    status = changed(claim.status, phase=claim.status.phase or "Pending")
    return changed(claim, spec=claim_spec(claim.spec), status=status)


def _enabled(obj: apps.StatefulSet) -> apps.StatefulSet:
    rolling = obj.spec.updateStrategy.rollingUpdate
    if rolling is None or rolling.maxUnavailable is None:
        return obj
    strategy = replace(obj.spec.updateStrategy, rollingUpdate=replace(rolling, maxUnavailable=None))
    return replace(obj, spec=replace(obj.spec, updateStrategy=strategy))


def _check_strategy(value: apps.StatefulSetUpdateStrategy, path: Path, errors: Errors) -> None:
    rolling, where = value.rollingUpdate, path / "rollingUpdate"
    if value.type == "OnDelete":
        if rolling is not None:
            errors.append(invalid(where, rolling, "only allowed for updateStrategy 'RollingUpdate'"))
    elif value.type == "RollingUpdate":
        if rolling is not None:
            nonnegative(rolling.partition, where / "partition", errors)
    else:
        errors.append(invalid(path, value, "must be 'RollingUpdate' or 'OnDelete'"))


def _check_template(spec: apps.StatefulSetSpec, errors: Errors) -> None:
    where = SPEC / "template"
    if not workloads.selector_of(spec.selector, "statefulset", SPEC / "selector", errors):
        errors.append(invalid(SPEC / "selector", spec.selector, ""))
    else:
        if spec.selector is None or spec.selector.matchLabels or spec.selector.matchExpressions:
            workloads.matches(spec.selector, spec.template, where, errors)
        workloads.template(_with_claims(spec), where, errors)
    if spec.template.spec.restartPolicy != "Always":
        policy = spec.template.spec.restartPolicy
        errors.append(not_supported(where / "spec" / "restartPolicy", policy, ("Always",)))
    if spec.template.spec.activeDeadlineSeconds is not None:
        detail = "activeDeadlineSeconds in StatefulSet is not Supported"
        errors.append(forbidden(where / "spec" / "activeDeadlineSeconds", detail))


def _with_claims(spec: apps.StatefulSetSpec) -> core.PodTemplateSpec:
    """The template as its pods will be: with the volumes of the claims, which replace volumes of the same name."""
    if not spec.volumeClaimTemplates:
        return spec.template
    found = _WITH_CLAIMS.get(spec)
    if found is not None:
        return found
    own = {claim.metadata.name or "": claim for claim in spec.volumeClaimTemplates}
    pod = spec.template.spec
    volumes = (
        *(volume for volume in pod.volumes if volume.name not in own),
        *(
            core.Volume(name=name, persistentVolumeClaim=core.PersistentVolumeClaimVolumeSource(claimName=f"{name}-x"))
            for name in own
        ),
    )
    merged = replace(spec.template, spec=replace(pod, volumes=volumes))
    return _WITH_CLAIMS.put(spec, merged)

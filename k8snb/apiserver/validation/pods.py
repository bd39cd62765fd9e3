"""Validation of pods: new ones, changed ones, their status."""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from k8snb.api.types import core_v1 as core
from k8snb.apiserver.memo import IdentityMemo
from k8snb.apiserver.validation import containers, names
from k8snb.apiserver.validation.addresses import is_dual_stack, is_plain_ipv4, legacy_ip
from k8snb.apiserver.validation.field import (
    METADATA,
    SPEC,
    STATUS,
    Path,
    duplicate,
    forbidden,
    invalid,
    reject,
    required,
)
from k8snb.apiserver.validation.godiff import diff_of
from k8snb.apiserver.validation.metadata import Errors, immutable, object_meta, object_meta_update
from k8snb.apiserver.validation.pod_containers_status import allocated_resources, container_transitions, users
from k8snb.apiserver.validation.pod_spec import MIRROR, pod_annotations, pod_spec
from k8snb.apiserver.validation.scheduling import tolerations
from k8snb.apiserver.validation.security import APPARMOR_PREFIX, annotations_match

_UPDATABLE: Final = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)
_SYSTEM_CONDITIONS: Final = frozenset(("PodScheduled", "Ready", "Initialized"))
_GOOD: IdentityMemo[bool] = IdentityMemo()
_QOS_CLASS = STATUS / "qosClass"
_ANNOTATIONS: Final = METADATA / "annotations"


def metadata_and_spec(pod: core.Pod, errors: Errors) -> None:
    """What must hold for every pod, new or changed."""
    object_meta(pod.metadata, True, names.subdomain_name, errors)
    spec = pod.spec
    pod_annotations(pod.metadata.annotations, spec, _ANNOTATIONS, errors)
    if _GOOD.get(spec) is not None and MIRROR not in pod.metadata.annotations:
        return
    before = len(errors)
    pod_spec(spec, pod.metadata, SPEC, errors)
    if not spec.serviceAccountName:
        _no_tokens(spec, errors)
    for name in ("containers", "initContainers"):
        for index, container in enumerate(getattr(spec, name)):
            containers.trimmed(container, (SPEC / name)[index], errors)
    if len(errors) == before and all(volume.ephemeral is None for volume in spec.volumes):
        # A claim of an ephemeral volume has the pod's name in its own: such a spec is judged pod by pod.
        _GOOD.put(spec, True)


def _no_tokens(spec: core.PodSpec, errors: Errors) -> None:
    for index, volume in enumerate(spec.volumes):
        for number, source in enumerate(volume.projected.sources if volume.projected is not None else ()):
            if source.serviceAccountToken is not None:
                where = ((SPEC / "volumes")[index] / "projected" / "sources")[number] / "serviceAccountToken"
                errors.append(forbidden(where, "must not be specified when serviceAccountName is not set"))


def create(pod: core.Pod, errors: Errors) -> None:
    """A new pod."""
    metadata_and_spec(pod, errors)
    spec = pod.spec
    if spec.ephemeralContainers:
        errors.append(forbidden(SPEC / "ephemeralContainers", "cannot be set on create"))
    if spec.nodeName and spec.schedulingGates:
        detail = "cannot be set until all schedulingGates have been cleared"
        errors.append(forbidden(SPEC / "nodeName", detail))
    if pod.metadata.annotations:
        annotations_match(pod.metadata.annotations, spec, SPEC, errors)


def _annotation_changes(new: core.Pod, old: core.Pod, errors: Errors) -> None:
    after, before = new.metadata.annotations, old.metadata.annotations
    if after is before:
        return
    for key, value in before.items():
        if after.get(key) == value:
            continue
        if key.startswith(APPARMOR_PREFIX):
            errors.append(forbidden(_ANNOTATIONS[key], "may not remove or update AppArmor annotations"))
        if key == MIRROR:
            errors.append(forbidden(_ANNOTATIONS[key], "may not remove or update mirror pod annotation"))
    for key in after:
        if key in before:
            continue
        if key.startswith(APPARMOR_PREFIX):
            errors.append(forbidden(_ANNOTATIONS[key], "may not add AppArmor annotations"))
        if key == MIRROR:
            errors.append(forbidden(_ANNOTATIONS[key], "may not add mirror pod annotation"))
    pod_annotations(after, new.spec, _ANNOTATIONS, errors)


def update(new: core.Pod, old: core.Pod, errors: Errors) -> None:
    """A changed pod: almost nothing of its spec may change."""
    object_meta_update(new.metadata, old.metadata, errors)
    if new.metadata is not old.metadata or new.spec is not old.spec:
        metadata_and_spec(new, errors)
    _annotation_changes(new, old, errors)
    if new.spec is old.spec:
        return
    for name in ("containers", "initContainers"):
        if _container_images(getattr(new.spec, name), getattr(old.spec, name), SPEC / name, errors):
            return
    after, before = new.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds
    where = SPEC / "activeDeadlineSeconds"
    if after is not None:
        if not 0 <= after <= names.MAX_INT32:
            errors.append(invalid(where, after, names.in_range(0, names.MAX_INT32)))
            return
        if before is not None and before < after:
            errors.append(invalid(where, after, "must be less than or equal to previous value"))
            return
    elif before is not None:
        errors.append(invalid(where, None, "must not update from a positive integer to nil value"))
    _added_tolerations(new.spec, old.spec, errors)
    _deleted_gates(new.spec, old.spec, errors)
    if new.spec != old.spec:
        _other_changes(new.spec, old.spec, errors)


def _container_images(
    new: tuple[core.Container, ...], old: tuple[core.Container, ...], path: Path, errors: Errors
) -> bool:
    """Check the images; True when nothing more can be compared."""
    if len(new) != len(old):
        errors.append(forbidden(path, "pod updates may not add or remove containers"))
        return True
    for index, container in enumerate(new):
        if not container.image:
            errors.append(required(path[index] / "image"))
        containers.trimmed(container, path[index], errors)
    return False


def _added_tolerations(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> None:
    if new.tolerations is old.tolerations:
        return
    kept = {replace(item, tolerationSeconds=None) for item in new.tolerations}
    if any(replace(item, tolerationSeconds=None) not in kept for item in old.tolerations):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        errors.append(forbidden(SPEC / "tolerations", detail))
    else:
        tolerations(new.tolerations, SPEC / "tolerations", errors)


def _deleted_gates(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> None:
    known = {gate.name for gate in old.schedulingGates}
    for index, gate in enumerate(new.schedulingGates):
        if gate.name not in known:
            detail = f"only deletion is allowed, but found new scheduling gate '{gate.name}'"
            errors.append(forbidden((SPEC / "schedulingGates")[index] / "name", detail))


def _with_images(new: tuple[core.Container, ...], old: tuple[core.Container, ...]) -> tuple[core.Container, ...]:
    return tuple(replace(one, image=other.image) for one, other in zip(new, old, strict=True))


def _other_changes(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> None:
    """Compare what is left when the fields that may change are as they were."""
    changes: dict[str, Any] = {
        "containers": _with_images(new.containers, old.containers),
        "initContainers": _with_images(new.initContainers, old.initContainers),
        "activeDeadlineSeconds": old.activeDeadlineSeconds,
        "schedulingGates": old.schedulingGates,
        "tolerations": old.tolerations,
    }
    if (old.terminationGracePeriodSeconds or 0) < 0 and new.terminationGracePeriodSeconds == 1:
        changes["terminationGracePeriodSeconds"] = old.terminationGracePeriodSeconds
    if old.schedulingGates:
        changes |= _gated_changes(new, old, errors)
    munged = replace(new, **changes)
    if munged != old:
        detail = f"pod updates may not change fields other than {_UPDATABLE}\n{diff_of(old, munged)}"
        errors.append(forbidden(SPEC, detail))


def _gated_changes(new: core.PodSpec, old: core.PodSpec, errors: Errors) -> dict[str, Any]:
    """While a pod is gated, its node selector and its node affinity may become narrower."""
    changes: dict[str, Any] = {}
    if new.nodeSelector != old.nodeSelector:
        if any(new.nodeSelector.get(key) != value for key, value in old.nodeSelector.items()):
            detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(invalid(SPEC / "nodeSelector", new.nodeSelector, detail))
        changes["nodeSelector"] = old.nodeSelector
    after = new.affinity.nodeAffinity if new.affinity is not None else None
    before = old.affinity.nodeAffinity if old.affinity is not None else None
    if after != before:
        _narrower(after, before, errors)
        if new.affinity is None:
            changes["affinity"] = core.Affinity(nodeAffinity=before) if before is not None else None
        elif old.affinity is None and new.affinity.podAffinity is None and new.affinity.podAntiAffinity is None:
            changes["affinity"] = None
        else:
            changes["affinity"] = replace(new.affinity, nodeAffinity=before)
    return changes


def _narrower(new: core.NodeAffinity | None, old: core.NodeAffinity | None, errors: Errors) -> None:
    if old is None or old.requiredDuringSchedulingIgnoredDuringExecution is None:
        return
    before = old.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms
    selector = new.requiredDuringSchedulingIgnoredDuringExecution if new is not None else None
    after = selector.nodeSelectorTerms if selector is not None else ()
    where = SPEC / "affinity" / "nodeAffinity" / "requiredDuringSchedulingIgnoredDuringExecution" / "nodeSelectorTerms"
    if before and len(before) != len(after):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        errors.append(invalid(where, after, detail))
        return
    for index, (one, other) in enumerate(zip(after, before, strict=False)):
        fields = ("matchExpressions", "matchFields")
        added = all(getattr(one, name)[: len(getattr(other, name))] == getattr(other, name) for name in fields)
        if not any(getattr(other, name) for name in fields):
            added = not any(getattr(one, name) for name in fields)
        if not added:
            errors.append(invalid(where[index], one, "only additions are allowed (no mutations or deletions)"))


def status_update(new: core.Pod, old: core.Pod, errors: Errors) -> None:
    """A changed status."""
    object_meta_update(new.metadata, old.metadata, errors)
    _annotation_changes(new, old, errors)
    after, before = new.status, old.status
    if after is before:
        return
    if after.conditions is not before.conditions:
        _conditions(after.conditions, errors)
    if new.spec is not old.spec and new.spec.nodeName != old.spec.nodeName:
        errors.append(forbidden(STATUS / "nodeName", "may not be changed directly"))
    nominated = after.nominatedNodeName
    if nominated and nominated != before.nominatedNodeName:
        reject(errors, STATUS / "nominatedNodeName", nominated, names.dns_subdomain(nominated))
        if old.spec.nodeName:
            detail = "may not be set on pods that are already bound to a node"
            errors.append(forbidden(STATUS / "nominatedNodeName", detail))
    if (after.observedGeneration or 0) < 0:
        detail = "must be a non-negative integer"
        errors.append(invalid(STATUS / "observedGeneration", after.observedGeneration, detail))
    immutable(after.qosClass or "", before.qosClass or "", _QOS_CLASS, errors)
    container_transitions(after, before, old.spec, errors)
    if after.resourceClaimStatuses:
        _claim_statuses(after, new.spec, errors)
    if after.podIPs is not before.podIPs:
        _addresses("podIPs", after.podIPs, before.podIPs, errors)
    if after.hostIPs is not before.hostIPs and after.hostIPs:
        if (after.hostIP or "") != after.hostIPs[0].ip:
            where = (STATUS / "hostIPs")[0] / "ip"
            errors.append(invalid(where, after.hostIPs[0].ip, "must be equal to `hostIP`"))
        _addresses("hostIPs", after.hostIPs, before.hostIPs, errors)
    users(after, new.spec, errors)
    allocated_resources(after, new.spec, errors)


def _conditions(conditions: tuple[core.PodCondition, ...], errors: Errors) -> None:
    for index, condition in enumerate(conditions):
        if (condition.observedGeneration or 0) < 0:
            where = (STATUS / "conditions")[index] / "observedGeneration"
            errors.append(invalid(where, condition.observedGeneration, "must be a non-negative integer"))
        if condition.type not in _SYSTEM_CONDITIONS and (messages := names.qualified_name(condition.type)):
            reject(errors, (STATUS / "conditions")[index] / "Type", condition.type, messages)


def _addresses(name: str, new: tuple[Any, ...], old: tuple[Any, ...], errors: Errors) -> None:
    texts = [item.ip for item in new]
    existing = [item.ip for item in old]
    for index, text in enumerate(texts):
        if not is_plain_ipv4(text):
            legacy_ip(text, (STATUS / name)[index], errors, existing)
    if len(texts) > 1 and (not is_dual_stack(texts) or len(texts) > 2):
        errors.append(invalid(STATUS / name, new, "may specify no more than one IP for each IP family"))


def _claim_statuses(status: core.PodStatus, spec: core.PodSpec, errors: Errors) -> None:
    known = {claim.name for claim in spec.resourceClaims}
    seen: set[str] = set()
    for index, item in enumerate(status.resourceClaimStatuses):
        where = (STATUS / "resourceClaimStatuses")[index]
        if item.name not in known:
            detail = "must match the name of an entry in `spec.resourceClaims`"
            errors.append(invalid(where / "name", item.name, detail))
        if item.name in seen:
            errors.append(duplicate(where / "name", item.name))
        seen.add(item.name)
        if item.resourceClaimName is not None:
            reject(
                errors, where / "resourceClaimName", item.resourceClaimName, names.dns_subdomain(item.resourceClaimName)
            )

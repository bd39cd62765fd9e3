"""A StatefulSet's pods by number: names, labels, volumes and what they count as."""

from __future__ import annotations

import re

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict
from k8snb.api.types.apps_v1 import StatefulSet
from k8snb.api.types.core_v1 import (
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodSpec,
    PodTemplateSpec,
    Volume,
)
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.controllers.owners import reference_to
from k8snb.controllers.pods import is_available, is_ready

POD_NAME = "statefulset.kubernetes.io/pod-name"
"""Label of a pod: its own name, so that a Service can select one pod."""
POD_INDEX = "apps.kubernetes.io/pod-index"
"""Label of a pod: its number."""
REVISION = "controller-revision-hash"
"""Label of a pod: the name of its ControllerRevision."""

_NAME = re.compile(r"(.*)-([0-9]+)", re.DOTALL)


def parent_and_ordinal(pod: Pod) -> tuple[str, int]:
    """What a pod's name says: the StatefulSet's name and the number; ("", -1) when it is no such name."""
    match = _NAME.fullmatch(pod.metadata.name or "")
    return (match.group(1), int(match.group(2))) if match else ("", -1)


def ordinal(pod: Pod) -> int:
    """The pod's number, -1 when its name has none."""
    return parent_and_ordinal(pod)[1]


def first_ordinal(owner: StatefulSet) -> int:
    """The lowest number of the StatefulSet's pods."""
    return owner.spec.ordinals.start if owner.spec.ordinals is not None else 0


def in_range(pod: Pod, owner: StatefulSet) -> bool:
    """Whether the pod's number is one that the StatefulSet wants."""
    first = first_ordinal(owner)
    return first <= ordinal(pod) < first + (owner.spec.replicas or 0)


def revision_of(pod: Pod) -> str:
    """The name of the revision that the pod was made from."""
    return pod.metadata.labels.get(REVISION, "")


def pod_name(owner: StatefulSet, number: int) -> str:
    """The name of the pod with a number."""
    return f"{owner.metadata.name}-{number}"


def claims_of(owner: StatefulSet, number: int) -> dict[str, PersistentVolumeClaim]:
    """Volume name -> the claim that a pod with this number uses."""
    found = {}
    selector = owner.spec.selector.matchLabels if owner.spec.selector is not None else FrozenDict[str, str]()
    for template in owner.spec.volumeClaimTemplates:
        meta = template.metadata
        name = f"{meta.name}-{owner.metadata.name}-{number}"
        labels = FrozenDict({**meta.labels, **selector})
        found[meta.name or ""] = replace(
            template, metadata=replace(meta, name=name, namespace=owner.metadata.namespace, labels=labels)
        )
    return found


def with_storage(spec: PodSpec, owner: StatefulSet, number: int) -> PodSpec:
    """The pod spec with the volumes of the pod's claims; itself without claim templates."""
    claims = claims_of(owner, number)
    if not claims:
        return spec
    volumes = [
        Volume(name=name, persistentVolumeClaim=PersistentVolumeClaimVolumeSource(claimName=claim.metadata.name or ""))
        for name, claim in claims.items()
    ]
    return replace(spec, volumes=(*volumes, *(v for v in spec.volumes if v.name not in claims)))


def _identity_labels(owner: StatefulSet, number: int) -> dict[str, str]:
    return {POD_NAME: pod_name(owner, number), POD_INDEX: str(number)}


def new_pod(owner: StatefulSet, template: PodTemplateSpec, revision: str, number: int) -> Pod:
    """The pod with a number, made from the template of a revision."""
    made = template.metadata
    labels = FrozenDict({**made.labels, **_identity_labels(owner, number), REVISION: revision})
    meta = ObjectMeta(
        name=pod_name(owner, number),
        generateName=f"{owner.metadata.name}-",
        namespace=owner.metadata.namespace,
        labels=labels,
        annotations=made.annotations,
        finalizers=made.finalizers,
        ownerReferences=(reference_to(owner),),
    )
    spec = replace(template.spec, hostname=pod_name(owner, number), subdomain=owner.spec.serviceName or None)
    return Pod(metadata=meta, spec=with_storage(spec, owner, number))


def identity_matches(owner: StatefulSet, pod: Pod) -> bool:
    """Whether name and labels are those of the StatefulSet's pod with that number."""
    parent, number = parent_and_ordinal(pod)
    labels = pod.metadata.labels
    return (
        number >= 0
        and parent == owner.metadata.name
        and all(labels.get(key) == value for key, value in _identity_labels(owner, number).items())
    )


def storage_matches(owner: StatefulSet, pod: Pod) -> bool:
    """Whether the pod's volumes use the pod's own claims."""
    volumes = {v.name: v.persistentVolumeClaim for v in pod.spec.volumes}
    for name, claim in claims_of(owner, ordinal(pod)).items():
        source = volumes.get(name)
        if source is None or source.claimName != claim.metadata.name:
            return False
    return True


def with_identity(owner: StatefulSet, pod: Pod) -> Pod:
    """The pod with the labels and volumes that it should have."""
    number = ordinal(pod)
    labels = FrozenDict({**pod.metadata.labels, **_identity_labels(owner, number)})
    return replace(pod, metadata=replace(pod.metadata, labels=labels), spec=with_storage(pod.spec, owner, number))


def is_created(pod: Pod) -> bool:
    """Whether the API server has the pod (it then has a phase)."""
    return bool(pod.status.phase)


def is_terminating(pod: Pod) -> bool:
    """Whether the pod is being deleted."""
    return pod.metadata.deletionTimestamp is not None


def is_running_and_ready(pod: Pod) -> bool:
    """Whether the pod runs and its condition Ready is True."""
    return pod.status.phase == "Running" and is_ready(pod)


def is_running_and_available(pod: Pod, min_ready_seconds: int, now: float) -> bool:
    """Whether the pod has been ready for ``min_ready_seconds``."""
    return is_available(pod, min_ready_seconds, now)


def is_unavailable(pod: Pod, min_ready_seconds: int, now: float) -> bool:
    """Whether an update has to wait for the pod."""
    return not is_running_and_available(pod, min_ready_seconds, now) or is_terminating(pod)

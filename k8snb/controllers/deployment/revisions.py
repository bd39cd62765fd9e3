"""A Deployment's revisions: its ReplicaSets, their templates, hashes and annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from k8snb.api.frozen import FrozenDict, frozen_map
from k8snb.api.hashing import pod_template_hash
from k8snb.api.types.apps_v1 import Deployment, ReplicaSet, ReplicaSetSpec
from k8snb.api.types.core_v1 import PodTemplateSpec
from k8snb.api.types.meta_v1 import LabelSelector, ObjectMeta
from k8snb.controllers.deployment.arithmetic import DESIRED_REPLICAS, MAX_REPLICAS, by_creation, desired, max_surge
from k8snb.controllers.owners import reference_to

POD_TEMPLATE_HASH = "pod-template-hash"
"""Label that keeps the pods of a Deployment's ReplicaSets apart."""
REVISION = "deployment.kubernetes.io/revision"
"""Annotation of Deployment and ReplicaSet: the number of the revision."""
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
"""Annotation of a ReplicaSet: the revisions that it was before, separated by commas."""
ROLLBACK_TO = "deprecated.deployment.rollback.to"
"""Annotation of a Deployment: the revision to go back to (from the days of extensions/v1beta1)."""
HISTORY_LENGTH = 2000
"""Most characters of the revision-history annotation (upstream ``maxRevHistoryLengthInChars``)."""
LONGEST_NAME = 253
"""Most characters of a ReplicaSet's name."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_NOT_COPIED = frozenset((LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO))


def _without_hash(meta: ObjectMeta) -> ObjectMeta:
    if POD_TEMPLATE_HASH not in meta.labels:
        return meta
    return replace(meta, labels=frozen_map({k: v for k, v in meta.labels.items() if k != POD_TEMPLATE_HASH}))


def same_template(a: PodTemplateSpec, b: PodTemplateSpec) -> bool:
    """Whether two pod templates are equal but for the hash label."""
    return (a.spec is b.spec or a.spec == b.spec) and _without_hash(a.metadata) == _without_hash(b.metadata)


def without_hash(template: PodTemplateSpec) -> PodTemplateSpec:
    """The template of a ReplicaSet as the Deployment had it."""
    return replace(template, metadata=_without_hash(template.metadata))


def find_new(deployment: Deployment, sets: Iterable[ReplicaSet]) -> ReplicaSet | None:
    """The oldest ReplicaSet that has the Deployment's template."""
    for rs in by_creation(sets):
        if same_template(rs.spec.template, deployment.spec.template):
            return rs
    return None


def find_old(new: ReplicaSet | None, sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """All other ReplicaSets."""
    return [rs for rs in sets if new is None or rs.metadata.uid != new.metadata.uid]


def revision(annotations: Mapping[str, str]) -> int | None:
    """The revision number in an object's annotations, 0 when there is none; None when it is malformed."""
    text = annotations.get(REVISION)
    if text is None:
        return 0
    try:
        return int(text)
    except ValueError:
        return None


def highest_revision(sets: Iterable[ReplicaSet]) -> int:
    """The highest revision number of the ReplicaSets."""
    return max((revision(rs.metadata.annotations) or 0 for rs in sets), default=0)


def last_revision(sets: Iterable[ReplicaSet]) -> int:
    """The second highest revision number: what "the previous revision" means; 0 when there is none."""
    highest = second = 0
    for rs in sets:
        number = revision(rs.metadata.annotations) or 0
        if number >= highest:
            highest, second = number, highest
        elif number > second:
            second = number
    return second


def replica_annotations(deployment: Deployment) -> dict[str, str]:
    """The annotations with which a ReplicaSet remembers the Deployment's size."""
    replicas = desired(deployment)
    return {DESIRED_REPLICAS: str(replicas), MAX_REPLICAS: str(replicas + max_surge(deployment))}


def new_set_annotations(
    deployment: Deployment, present: Mapping[str, str], number: int, *, exists: bool
) -> FrozenDict[str, str] | None:
    """The annotations that the new ReplicaSet must have as revision ``number``; None when it has them already."""
    wanted = dict(present)
    wanted.update((k, v) for k, v in deployment.metadata.annotations.items() if k not in _NOT_COPIED)
    before = present.get(REVISION)
    try:
        before_number = int(before) if before else 0
    except ValueError:
        return None
    if before_number < number:
        wanted[REVISION] = str(number)
        if before is not None:
            _remember(wanted, before)
    if not exists:
        wanted.update(replica_annotations(deployment))
    return None if wanted == present else frozen_map(wanted)


def _remember(annotations: dict[str, str], number: str) -> None:
    """Add a revision to the history annotation, dropping the oldest ones when it grows too long."""
    history = annotations.get(REVISION_HISTORY, "")
    if not history:
        annotations[REVISION_HISTORY] = number
        return
    kept = history.split(",")
    length = len(history) + len(number) + 1
    while length > HISTORY_LENGTH and kept:
        length -= len(kept.pop(0)) + 1
    if length <= HISTORY_LENGTH:
        annotations[REVISION_HISTORY] = ",".join((*kept, number))


def new_set(deployment: Deployment, number: int) -> ReplicaSet:
    """The ReplicaSet of the Deployment's present template, with no replicas yet."""
    spec = deployment.spec
    meta = deployment.metadata
    token = pod_template_hash(spec.template, deployment.status.collisionCount)
    labels = FrozenDict({**spec.template.metadata.labels, POD_TEMPLATE_HASH: token})
    selector = spec.selector or LabelSelector()
    return ReplicaSet(
        metadata=ObjectMeta(
            name=set_name(meta.name or "", token),
            namespace=meta.namespace,
            labels=labels,
            annotations=new_set_annotations(deployment, {}, number, exists=False) or FrozenDict(),
            ownerReferences=(reference_to(deployment),),
        ),
        spec=ReplicaSetSpec(
            replicas=0,
            minReadySeconds=spec.minReadySeconds,
            selector=replace(selector, matchLabels=FrozenDict({**selector.matchLabels, POD_TEMPLATE_HASH: token})),
            template=replace(spec.template, metadata=replace(spec.template.metadata, labels=labels)),
        ),
    )


def set_name(deployment: str, token: str) -> str:
    """The ReplicaSet's name: Deployment, dash, hash; a very long Deployment name is cut so that the hash fits."""
    return f"{deployment[: LONGEST_NAME - len(token) - 1]}-{token}"


def rolled_back_annotations(deployment: Deployment, rs: ReplicaSet) -> FrozenDict[str, str]:
    """The Deployment's annotations after a rollback to a ReplicaSet: its own bookkeeping, the rest from there."""
    own = {k: v for k, v in deployment.metadata.annotations.items() if k in _NOT_COPIED}
    own.update((k, v) for k, v in rs.metadata.annotations.items() if k not in _NOT_COPIED)
    return frozen_map(own)


def by_revision(sets: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    """The ReplicaSets, the lowest revision first; of equal revisions the oldest."""
    return sorted(by_creation(sets), key=lambda rs: revision(rs.metadata.annotations) or 0)

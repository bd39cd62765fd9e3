"""ControllerRevisions: the numbered past of a StatefulSet's or DaemonSet's template (upstream ``controller/history``)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from k8snb.api.errors import APIError
from k8snb.api.frozen import FrozenDict
from k8snb.api.object import Object
from k8snb.api.types.apps_v1 import ControllerRevision
from k8snb.api.types.meta_v1 import ObjectMeta
from k8snb.client.calls import Call, Create, Delete, Outcome, Update
from k8snb.client.view import View
from k8snb.controllers.failures import failed
from k8snb.controllers.owners import controlled_by, reference_to

HASH = "controller.kubernetes.io/hash"
"""Label of a StatefulSet's ControllerRevision: the hash in its name."""
LONGEST_OWNER = 223
"""Most characters of the owner's name in a revision's name (so that dash and hash fit)."""


def ordered(revisions: Iterable[ControllerRevision]) -> list[ControllerRevision]:
    """The revisions, the oldest number first; of equal numbers by creation and name."""
    return sorted(revisions, key=lambda r: (r.revision, r.metadata.creationTimestamp or "", r.metadata.name or ""))


def owned_revisions(owner: Object, view: View) -> list[ControllerRevision]:
    """The owner's revisions in order."""
    return ordered(view.by(ControllerRevision, "controller", owner.metadata.uid or ""))


def next_number(revisions: Sequence[ControllerRevision]) -> int:
    """The number of a new revision."""
    return revisions[-1].revision + 1 if revisions else 1


def revision_name(owner: str, token: str) -> str:
    """The name of a revision: owner, dash, hash."""
    return f"{owner[:LONGEST_OWNER]}-{token}"


def draft(owner: Object, labels: FrozenDict[str, str], data: Any, number: int) -> ControllerRevision:
    """A revision of an owner that has no name yet."""
    meta = ObjectMeta(
        namespace=owner.metadata.namespace,
        labels=labels,
        annotations=owner.metadata.annotations,
        ownerReferences=(reference_to(owner),),
    )
    return ControllerRevision(metadata=meta, data=data, revision=number)


def create_revision(
    wanted: ControllerRevision, token_of: Callable[[int], str], label: str, count: int, owner: str, view: View
) -> Generator[Call, Outcome, tuple[ControllerRevision, int]]:
    """Create a revision under the first free name; returns it and the collision count that this took.

    ``token_of(collision count)`` is the hash in the name, ``label`` where it stands as a label (empty: nowhere).
    """
    while True:
        token = token_of(count)
        meta = replace(wanted.metadata, name=revision_name(owner, token))
        if label:
            meta = replace(meta, labels=FrozenDict({**meta.labels, label: token}))
        named = replace(wanted, metadata=meta)
        out = yield Create(obj=named, why="new-revision")
        if failed(out, "AlreadyExists"):
            present = view.get(ControllerRevision, meta.namespace, meta.name)
            if present is not None and present.data == wanted.data:
                return present, count
            count += 1
            continue
        if isinstance(out, APIError):
            raise out
        return (out if isinstance(out, ControllerRevision) else named), count


def renumber(revision: ControllerRevision, number: int) -> Generator[Call, Outcome, ControllerRevision]:
    """Give a revision a new number, as after a rollback."""
    if revision.revision == number:
        return revision
    changed = replace(revision, revision=number)
    out = yield Update(obj=changed, why="rollback")
    if isinstance(out, APIError):
        raise out
    return out if isinstance(out, ControllerRevision) else changed


def truncate(
    revisions: Sequence[ControllerRevision], live: Iterable[str | None], limit: int
) -> Generator[Call, Outcome, None]:
    """Delete the oldest revisions that nobody uses, beyond the limit."""
    used = set(live)
    unused = [r for r in revisions if r.metadata.name not in used]
    for revision in unused[: max(0, len(unused) - limit)]:
        meta = revision.metadata
        out = yield Delete(
            kind=ControllerRevision, namespace=meta.namespace or "", name=meta.name or "", why="history-limit"
        )
        if isinstance(out, APIError) and not failed(out, "NotFound"):
            raise out


def is_ours(revision: ControllerRevision, owner: Object) -> bool:
    """Whether the revision belongs to the owner."""
    return controlled_by(revision, owner)

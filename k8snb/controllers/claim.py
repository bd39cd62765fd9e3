"""Adoption and release: how a controller comes to own the objects that its selector matches.

Shared by all workload controllers (upstream ``controller_ref_manager.go``). An object that
somebody else controls is left alone; an own object that no longer matches is released; an orphan that matches is
adopted, after a live read has made sure that the owner is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from k8snb.api.errors import APIError
from k8snb.api.object import Object
from k8snb.client.calls import Call, Get, Outcome, Patch
from k8snb.controllers.failures import Aggregate, failed
from k8snb.controllers.owners import STRATEGIC, adoption, controller_of, without_owners

T = TypeVar("T", bound=Object)


def claim(
    owner: Object, candidates: Iterable[T], matches: Callable[[T], bool], finalizers: Sequence[str] = ()
) -> Generator[Call, Outcome, list[T]]:
    """Return those candidates that belong to the owner, after adopting and releasing what has to be.

    ``finalizers`` come with an adoption and go with a release. Raises the API errors of failed adoptions and releases,
    after having tried all.
    """
    uid = owner.metadata.uid
    owner_lives = owner.metadata.deletionTimestamp is None
    claimed: list[T] = []
    errors: list[APIError] = []
    refusal: APIError | None = None
    checked = False
    for obj in candidates:
        meta = obj.metadata
        ref = controller_of(meta)
        if ref is not None:
            if ref.uid != uid:
                continue
            if matches(obj):
                claimed.append(obj)
            elif owner_lives:
                out = yield Patch(
                    kind=type(obj), namespace=meta.namespace or "", name=meta.name or "", patch_type=STRATEGIC,
                    body=without_owners(meta.uid or "", [uid or ""], finalizers), why="release",
                )  # fmt: skip
                if isinstance(out, APIError) and out.reason not in ("NotFound", "Invalid"):
                    errors.append(out)
            continue
        if not owner_lives or meta.deletionTimestamp is not None or not matches(obj):
            continue
        if not checked:
            checked = True
            refusal = yield from _refusal(owner)
        if refusal is not None:
            text = f"can't adopt {obj.kind} {meta.namespace}/{meta.name} ({meta.uid}): {refusal.message}"
            errors.append(APIError(refusal.code, refusal.reason, text))
            continue
        out = yield Patch(
            kind=type(obj), namespace=meta.namespace or "", name=meta.name or "", patch_type=STRATEGIC,
            body=adoption(owner, meta.uid or "", finalizers), why="adopt",
        )  # fmt: skip
        if isinstance(out, APIError):
            if not failed(out, "NotFound"):
                errors.append(out)
            continue
        claimed.append(out if type(out) is type(obj) else obj)
    if errors:
        raise Aggregate(errors)
    return claimed


def _refusal(owner: Object) -> Generator[Call, Outcome, APIError | None]:
    """Why the owner must not adopt, from a live read: it is gone, replaced, or being deleted."""
    meta = owner.metadata
    fresh = yield Get(kind=type(owner), namespace=meta.namespace or "", name=meta.name or "")
    if isinstance(fresh, APIError):
        return fresh
    name = f"{meta.namespace}/{meta.name}"
    if not isinstance(fresh, Object) or fresh.metadata.uid != meta.uid:
        got = fresh.metadata.uid if isinstance(fresh, Object) else None
        return APIError(500, "", f"original {owner.kind} {name} is gone: got uid {got}, wanted {meta.uid}")
    if fresh.metadata.deletionTimestamp is not None:
        return APIError(500, "", f"{name} has just been deleted at {fresh.metadata.deletionTimestamp}")
    return None
